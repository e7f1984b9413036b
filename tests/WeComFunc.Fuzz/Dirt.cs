using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using WeComFunc.WeCom;

namespace WeComFunc.Fuzz;

/// <summary>Answers that are not clean JSON: made clean once, they stay as they are, and what was JSON means what it meant.</summary>
internal static class Dirt
{
    public static readonly byte[][] Answers =
    [
        [0xef, 0xbb, 0xbf, .. "{\"name\":\"a\u0001\tb\",\"x\":\"\\ud83d\\q\\u12\"}"u8],
        [.. "{\"name\":\""u8, 0xd5, 0xc5, 0xc8, 0x5c, .. "\",\"errcode\":40029}"u8],
    ];

    public static void TryClean(byte[] answer)
    {
        var clean = CleanJson.Of(answer);

        BrokenPromiseException.Unless(Utf8.IsValid(clean), "It is not UTF-8.");
        BrokenPromiseException.Unless(
            clean.AsSpan().StartsWith("\ufeff"u8) || CleanJson.Of(clean).AsSpan().SequenceEqual(clean),
            "It is not the same when it is cleaned again.");
        BrokenPromiseException.Unless(
            Parse(answer) is not { } before || (Parse(clean) is { } after
                && JsonNode.DeepEquals(before, after)), "It means something else.");
    }

    private static JsonNode? Parse(byte[] json)
    {
        try
        {
            // Made whole here: half a surrogate pair is found only as it is read.
            return JsonNode.Parse(JsonSerializer.Serialize(JsonNode.Parse(json, null, new() { AllowDuplicateProperties = false })));
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }
}
