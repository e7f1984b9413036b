using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Json.Schema;
using YamlDotNet.Serialization;

namespace WeComFunc.Tests.Doubles;

/// <summary><c>docs/openapi.yaml</c>, to hold against it what hosts take and answer.</summary>
internal static class ApiDescription
{
    private const string Root = "/api";
    private const string Json = "application/json";

    private static readonly JsonObject Document = Read();
    private static readonly ConcurrentDictionary<string, JsonSchema> Schemas = new();
    private static readonly EvaluationOptions Strictly = new() { RequireFormatValidation = true, OutputFormat = OutputFormat.List };

    /// <summary>What a request's body may be, as the description has it.</summary>
    public static JsonObject RequestSchema(string path) =>
        Resolve(Document["paths"]![path]!["post"]!["requestBody"]!["content"]![Json]!["schema"]!);

    /// <summary>The requests that the description shows.</summary>
    public static IReadOnlyList<JsonNode> RequestExamples(string path) =>
        [.. Document["paths"]![path]!["post"]!["requestBody"]!["content"]![Json]!["examples"]!.AsObject()
            .Select(example => example.Value!["value"]!)];

    /// <summary>Whether the description allows a request's body.</summary>
    public static bool Allows(string path, JsonNode? body) => Problems(RequestSchema(path), JsonSerializer.SerializeToElement(body)) is [];

    /// <summary>What in an answer the description does not know; empty where all of it is as it says.</summary>
    public static async Task<IReadOnlyList<string>> ComplaintsAsync(HttpRequestMessage request, HttpResponseMessage response)
    {
        var path = request.RequestUri!.AbsolutePath.TrimEnd('/').ToLowerInvariant();
        if (!path.StartsWith($"{Root}/", StringComparison.Ordinal))
        {
            return [];
        }

        var body = await response.Content.ReadAsByteArrayAsync();
        var status = (int)response.StatusCode;
        if (Document["paths"]![path[Root.Length..]]?[request.Method.Method.ToLowerInvariant()] is not { } operation)
        {
            return status is 400 or 404 or 405 && body is [] ? [] : ["it is of no operation, and not 400, 404 or 405 without a body"];
        }

        if (status is 413 && body is [])
        {
            // What the Functions host itself refuses never reaches the service.
            return [];
        }

        if (operation["responses"]![status.ToString(CultureInfo.InvariantCulture)] is not { } described)
        {
            return ["its status is not described"];
        }

        var expected = Resolve(described);
        return [.. HeaderComplaints(expected, response), .. BodyComplaints(expected, response, body)];
    }

    private static IEnumerable<string> HeaderComplaints(JsonObject expected, HttpResponseMessage response)
    {
        foreach (var (name, reference) in expected["headers"]?.AsObject() ?? [])
        {
            var header = Resolve(reference!);
            var values = response.Headers.TryGetValues(name, out var all) ? string.Join(", ", all) : null;
            if (values is null)
            {
                if (header["required"]!.GetValue<bool>())
                {
                    yield return $"{name} is missing";
                }

                continue;
            }

            var value = int.TryParse(values, CultureInfo.InvariantCulture, out var number)
                ? JsonSerializer.SerializeToElement(number)
                : JsonSerializer.SerializeToElement(values);
            foreach (var problem in Problems(header["schema"]!.AsObject(), value))
            {
                yield return $"{name}: {problem}";
            }
        }

        foreach (var name in (string[])["Cache-Control", "Retry-After", "WWW-Authenticate"])
        {
            if (response.Headers.Contains(name) && expected["headers"]?[name] is null)
            {
                yield return $"{name} is not described";
            }
        }
    }

    private static IEnumerable<string> BodyComplaints(JsonObject expected, HttpResponseMessage response, byte[] body)
    {
        if (expected["content"]?.AsObject().Single() is not var (contentType, content))
        {
            return body is [] ? [] : ["a body is not described"];
        }

        return response.Content.Headers.ContentType?.ToString() == contentType
            ? Problems(content!["schema"]!.AsObject(), JsonSerializer.Deserialize<JsonElement>(body))
            : [$"its content is {response.Content.Headers.ContentType}"];
    }

    /// <summary>In which ways a value breaks a schema of the description.</summary>
    private static IReadOnlyList<string> Problems(JsonObject schema, JsonElement value)
    {
        var result = Schemas.GetOrAdd(schema.ToJsonString(), Compile).Evaluate(value, Strictly);
        return result.IsValid
            ? []
            : [.. (result.Details ?? []).Where(detail => detail.Errors is not null)
                .Select(detail => $"{detail.InstanceLocation}: {string.Join(", ", detail.Errors!.Values)}").Append("it breaks its schema")];
    }

    private static JsonSchema Compile(string schema) => JsonSchema.FromText(
        $$"""{"$defs":{{Document["components"]!["schemas"]!.ToJsonString()}},"allOf":[{{schema}}]}"""
            .Replace("#/components/schemas/", "#/$defs/", StringComparison.Ordinal)
            // The end of a pattern: in JSON Schema the end of the value, in .NET also the place before a last line feed.
            .Replace("$\"", "\\\\z\"", StringComparison.Ordinal));

    /// <summary>What a <c>$ref</c> stands for, or the node itself.</summary>
    private static JsonObject Resolve(JsonNode node) =>
        node["$ref"]?.GetValue<string>() is { } reference
            ? reference.Split('/').Skip(1).Aggregate<string, JsonNode>(Document, (at, name) => at[name]!).AsObject()
            : node.AsObject();

    private static JsonObject Read()
    {
        using var text = File.OpenText(Path.Combine(Repository.Root, "docs", "openapi.yaml"));
        var document = new DeserializerBuilder().WithAttemptingUnquotedStringTypeDeserialization().Build().Deserialize(text);
        return JsonNode.Parse(new SerializerBuilder().JsonCompatible().Build().Serialize(document))!.AsObject();
    }
}
