using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// The local host against <c>docs/openapi.yaml</c>: what the description allows is taken, and what it does not allow is refused. That
/// answers are as described is held in every test that calls a host, by <see cref="HostClient"/>.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class ApiDescriptionTests(Azurite azurite) : MemberDataTest(azurite)
{
    private const string Login = "/login";
    private const string MemberData = "/member-data";
    private const string Json = "application/json";
    private const string NoStore = "no-store";

    private static readonly string LongName = new('a', 32);

    /// <summary>A value of each kind that JSON has.</summary>
    private static readonly string[] Kinds = ["null", "true", "1", "1.5", "[]", "{}", "\"\"", "[\"a\"]"];

    private static readonly string[] Characters =
        [" ", "~", "!", "A", "/", "+", "=", "-", "\t", "\n", "\u007f", "\u0000", "é", "码", "😀"];

    [Fact]
    public async Task A_login_takes_what_is_allowed_and_refuses_what_is_not()
    {
        var host = await StartAsync(settings: new()
        {
            ["WeCom__Apps__sales__CorpId"] = SimulatorState.OtherCorpId,
            ["WeCom__Apps__sales__CorpSecret"] = "any",
            [$"WeCom__Apps__{LongName}__CorpId"] = SimulatorState.SeedCorpId,
            [$"WeCom__Apps__{LongName}__CorpSecret"] = "any",
            ["Limits__LoginsPerSecondPerAddress"] = "0",
        });
        var (allowed, refused) = (0, 0);

        foreach (var body in Bodies(Login, new() { ["code"] = "a-code", ["app"] = LongName }))
        {
            var isAllowed = ApiDescription.Allows(Login, body) && IsThere(body!["app"]);

            var answer = await host.PostAsync(body?.ToJsonString() ?? "null");

            Assert.True(isAllowed == answer["code"] is not "invalid_request", $"{body?.ToJsonString()}: {answer.Text}");
            (allowed, refused) = isAllowed ? (allowed + 1, refused) : (allowed, refused + 1);
        }

        Assert.True(allowed > 20 && refused > 40, $"{allowed} were allowed, {refused} were not.");

        static bool IsThere(JsonNode? app) => app?.GetValue<string>() is null or "sales" || app.GetValue<string>() == LongName;
    }

    [Fact]
    public async Task Member_data_takes_what_is_allowed_and_refuses_what_is_not()
    {
        var host = await StartWithDataAsync(new() { ["Limits__LoginsPerSecondPerAddress"] = "0" });
        var token = await TokenAsync(host);
        var data = WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan");
        var good = new JsonObject { ["encryptedData"] = data.EncryptedData, ["iv"] = data.Iv };
        var (opened, refused) = (0, 0);

        foreach (var body in Bodies(MemberData, good))
        {
            var answer = await AskAsync(host, $"Bearer {token}", Encoding.UTF8.GetBytes(body?.ToJsonString() ?? "null"));

            if (ApiDescription.Allows(MemberData, body) && IsGood(body!))
            {
                Assert.Equal(200, answer.Status);
                opened++;
            }
            else
            {
                Assert.Equal("invalid_data", answer["code"]);
                refused++;
            }
        }

        Assert.True(opened > 5 && refused > 60, $"{opened} were opened, {refused} were not.");

        bool IsGood(JsonNode body) => good.All(member => JsonNode.DeepEquals(body[member.Key], member.Value));
    }

    [Theory]
    [InlineData(Login)]
    [InlineData(MemberData)]
    public void What_the_description_shows_it_allows(string path)
    {
        Assert.NotEmpty(ApiDescription.RequestExamples(path));
        Assert.All(ApiDescription.RequestExamples(path), example => Assert.True(ApiDescription.Allows(path, example)));
    }

    /// <summary>Answers that no host gives, and what is said of each.</summary>
    [Theory]
    [InlineData("POST", "/api/login", 200, Json, NoStore, """{"userid":"u","corpid":"ww1","profile":{}}""", null)]
    [InlineData("POST", "/api/login", 200, Json, NoStore, """{"userid":"u","corpid":"ww1"}""", "breaks")]
    [InlineData("POST", "/api/login", 200, Json, NoStore, """{"userid":"u","corpid":"ww1","profile":{},"a":1}""", "breaks")]
    [InlineData("POST", "/api/login", 200, Json, NoStore, """{"userid":"u","corpid":"ww1","profile":null}""", "breaks")]
    [InlineData("POST", "/api/login", 200, Json, NoStore, """{"userid":"u","corpid":"ww1","profile":{"session_key":""}}""", "breaks")]
    [InlineData("POST", "/api/login", 200, "text/json", "no-store", """{"userid":"u","corpid":"ww1","profile":{}}""", "its content is")]
    [InlineData("POST", "/api/login", 200, Json, null, """{"userid":"u","corpid":"ww1","profile":{}}""", "is missing")]
    [InlineData("POST", "/api/login", 200, Json, "public", """{"userid":"u","corpid":"ww1","profile":{}}""", "Cache-Control: ")]
    [InlineData("POST", "/api/login", 402, Json, NoStore, "{}", "its status is not described")]
    [InlineData("POST", "/api/login", 503, "application/problem+json", "no-store", "{}", "Retry-After is missing")]
    [InlineData("POST", "/api/member-data", 404, null, null, "", null)]
    [InlineData("POST", "/api/member-data", 404, null, null, "{}", "a body is not described")]
    [InlineData("PUT", "/api/login", 405, null, null, "", null)]
    [InlineData("PUT", "/api/login", 200, null, null, "", "it is of no operation")]
    [InlineData("GET", "/api/else", 404, null, null, "{}", "it is of no operation")]
    [InlineData("GET", "/console", 200, null, null, "{}", null)]
    public async Task An_answer_that_is_not_as_described_is_named(
        string method, string path, int status, string? contentType, string? cacheControl, string body, string? complaint)
    {
        using var request = new HttpRequestMessage(new(method), $"http://localhost{path}");
        using var answer = new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(body) };
        answer.Content.Headers.ContentType = contentType is null ? null : MediaTypeHeaderValue.Parse(contentType);
        answer.Headers.CacheControl = cacheControl is null ? null : CacheControlHeaderValue.Parse(cacheControl);

        var complaints = await ApiDescription.ComplaintsAsync(request, answer);

        Assert.Equal(complaint is null, complaints is []);
        Assert.Contains(complaint ?? "", string.Join("; ", complaints), StringComparison.Ordinal);
    }

    /// <summary>
    /// Good bodies and bad ones, at the edges of the schema: each member left out, of each kind, with each character, and as short and as
    /// long as may be and by one more; a member more; and what is no object.
    /// </summary>
    private static IEnumerable<JsonNode?> Bodies(string path, JsonObject good)
    {
        yield return good;
        foreach (var kind in Kinds)
        {
            yield return JsonNode.Parse(kind);
            yield return With("another", JsonNode.Parse(kind));
        }

        foreach (var (name, schema) in ApiDescription.RequestSchema(path)["properties"]!.AsObject())
        {
            yield return With(name, null, isThere: false);
            foreach (var kind in Kinds)
            {
                yield return With(name, JsonNode.Parse(kind));
            }

            var value = good[name]!.GetValue<string>();
            foreach (var character in Characters)
            {
                yield return With(name, character);
                yield return With(name, character + value[1..]);
                yield return With(name, value[..^1] + character);
            }

            foreach (var length in (int?[])[schema!["minLength"]?.GetValue<int>(), schema["maxLength"]?.GetValue<int>(), value.Length])
            {
                foreach (var edge in length is { } edged ? (int[])[edged - 1, edged, edged + 1] : [])
                {
                    yield return With(name, new string('a', edge));
                }
            }
        }

        JsonObject With(string name, JsonNode? value, bool isThere = true)
        {
            var body = good.DeepClone().AsObject();
            body.Remove(name);
            if (isThere)
            {
                body[name] = value;
            }

            return body;
        }
    }
}
