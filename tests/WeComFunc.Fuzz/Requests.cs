using System.Text;
using System.Text.Json;

namespace WeComFunc.Fuzz;

/// <summary>
/// What callers send: it is a code by JSON's and the contract's rules, and then the login of that code, or it is refused.
/// </summary>
internal static class Requests
{
    private const int LargestBody = 8 * 1024;
    private const int LongestCode = 512;

    public static readonly string[] Bodies =
    [
        """{"code":"a-code"}""",
        "\ufeff{ \"extra\" : [1.5e3, null, true, {\"code\":\"another\"}], \"code\" : \"abc\\/def\\\"ghi\\\\\\u0041\" }",
        """{"code":"","code":7,"Code":null}""",
        $$"""{"code":"{{new string('c', LongestCode)}}"}""",
        $$"""{"code":"c","padding":"{{new string('p', LargestBody - 30)}}"}""",
    ];

    /// <summary>X-Forwarded-For, traceparent and Content-Type, a line each.</summary>
    public static readonly string[] Headers =
    [
        "203.0.113.7:50123, 198.51.100.4\n00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\napplication/json; charset=utf-8",
        "[2001:db8::7]:443,::ffff:203.0.113.7,unknown\n00\napplication/vnd.x+json;;",
        ",,\n\n",
    ];

    private static readonly Process Login = new();

    public static void TryBody(byte[] body)
    {
        var expected = body.Length > LargestBody ? 413 : CodeIn(body) is { } code ? 200 : 400;

        var answer = Login.LogIn(body);

        BrokenPromiseException.Unless(answer.Status == expected, $"The answer is {answer.Status} instead of {expected}.");
        BrokenPromiseException.Unless(
            expected != 200 || Process.Json(answer).GetProperty("userid").GetString() == Process.UserOf(CodeIn(body)!),
            "It is the login of another code.");
    }

    public static void TryHeaders(byte[] input)
    {
        var lines = Encoding.Latin1.GetString(input).Split('\n');

        var answer = Login.LogIn(
            """{"code":"a-code"}"""u8.ToArray(), lines.ElementAtOrDefault(2) ?? "application/json", lines[0], lines.ElementAtOrDefault(1));

        BrokenPromiseException.Unless(answer.Status is 200 or 415, $"The answer is {answer.Status}.");
        for (var proxies = 0; proxies <= 3; proxies++)
        {
            BrokenPromiseException.Unless(
                Process.AddressOf(lines[0], proxies) is null or { Length: > 0 and <= 64 }, "An address is empty, or longer than one.");
        }
    }

    /// <summary>By another parser than the one that is tried.</summary>
    private static string? CodeIn(byte[] body)
    {
        try
        {
            var json = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(body);
            using var document = JsonDocument.Parse(json.StartsWith('\ufeff') ? json[1..] : json);
            JsonElement[] codes = [.. document.RootElement.EnumerateObject().Where(member => member.NameEquals("code")).Select(
                member => member.Value)];
            return codes is [{ ValueKind: JsonValueKind.String } only] && only.GetString() is { Length: > 0 and <= LongestCode } code
                && code.All(letter => letter is >= ' ' and <= '~') && !string.IsNullOrWhiteSpace(code)
                    ? code
                    : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }
}
