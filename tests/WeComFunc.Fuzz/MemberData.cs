using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace WeComFunc.Fuzz;

/// <summary>
/// What callers send for member data, and what WeCom has encrypted: it is opened whole, for the session's member and this mini program, or
/// it is one of two problems.
/// </summary>
internal static class MemberData
{
    private const string Good = "{\"encryptedData\":\"{0}\",\"iv\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}";

    private static readonly Process Login = new(withMemberData: true);
    private static readonly string Token = LogIn();
    private static readonly byte[] Iv = new byte[16];

    /// <summary>What WeCom encrypts.</summary>
    public static string[] PlainTexts =>
    [
        $$$"""{"mobile":"13800000000","watermark":{"timestamp":{{{Now}}},"appid":"{{{Process.AppId}}}"}}""",
        $$$"""
        {"watermark":{"appid":"{{{Process.AppId}}}","timestamp":"{{{Now}}}"},"userid":"{{{Process.UserOf(Process.Code)}}}",
        "corpid":"{{{Process.CorpId}}}","name":"张三\ud83d\ude00","more":[1.5e3,{"watermark":null}]}
        """,
        $$$"""{"userid":"mallory","watermark":{"appid":"wxfedcba9876543210","timestamp":{{{Now}}}}}""",
        "{}",
    ];

    /// <summary>Bodies.</summary>
    public static string[] Bodies =>
    [
        Good.Replace("{0}", Convert.ToBase64String(Encrypt(Encoding.UTF8.GetBytes(PlainTexts[0]))), StringComparison.Ordinal),
        "\ufeff" + Good.Replace("{0}", "AAAAAAAAAAAAAAAAAAAAAA==", StringComparison.Ordinal),
        "{\"encryptedData\":7,\"iv\":null,\"encryptedData\":\"\\u0041\\/+=\"}",
    ];

    /// <summary>Values of Authorization.</summary>
    public static string[] Headers => [$"Bearer {Token}", "bearer a.b.c", "Basic YTpi"];

    private static long Now => Login.Services.GetRequiredService<TimeProvider>().GetUtcNow().ToUnixTimeSeconds();

    public static void TryPlainText(byte[] plain)
    {
        var cipher = Convert.ToBase64String(Encrypt(plain));

        var answer = Login.Ask(
            Encoding.UTF8.GetBytes(Good.Replace("{0}", cipher, StringComparison.Ordinal)), $"Bearer {Token}");

        BrokenPromiseException.Unless(
            IsGood(plain, cipher.Length) is not { } isGood || isGood == (answer.Status == 200), $"The answer is {answer.Status}.");
        if (answer.Status == 200)
        {
            var data = Process.Json(answer).GetProperty("data").EnumerateObject()
                .Select(member => $"{member.Name} {member.Value.GetRawText()}");
            BrokenPromiseException.Unless(data.SequenceEqual(Members(plain)), "It is not every member as it came.");
        }
    }

    public static void TryBody(byte[] body) => Login.Ask(body, $"Bearer {Token}");

    public static void TryHeader(byte[] header)
    {
        var authorization = Encoding.Latin1.GetString(header);

        var answer = Login.Ask(Encoding.UTF8.GetBytes(Bodies[0]), authorization);

        BrokenPromiseException.Unless(
            answer.Status != 200 || authorization.Contains(Token, StringComparison.Ordinal), "It is the session of nobody.");
    }

    /// <summary>By another parser than the one that is tried; null where the timestamp is a text that is no plain number.</summary>
    private static bool? IsGood(byte[] plain, int length)
    {
        try
        {
            var text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(plain);
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
            var data = document.RootElement.EnumerateObject().ToDictionary(member => member.Name, member => member.Value);
            var watermark = data["watermark"].EnumerateObject().ToDictionary(member => member.Name, member => member.Value);
            var timestamp = watermark["timestamp"];
            if (timestamp.ValueKind is JsonValueKind.String && !timestamp.GetString()!.All(char.IsAsciiDigit))
            {
                return null;
            }

            return length <= 32 * 1024
                && watermark["appid"].GetString() == Process.AppId
                && decimal.TryParse(
                    timestamp.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
                && Math.Abs((double)seconds - Now) <= 600
                && (!data.TryGetValue("userid", out var user)
                    || string.Equals(user.GetString(), Process.UserOf(Process.Code), StringComparison.OrdinalIgnoreCase))
                && (!data.TryGetValue("corpid", out var corp)
                    || string.Equals(corp.GetString(), Process.CorpId, StringComparison.OrdinalIgnoreCase));
        }
        catch (Exception exception) when (
            exception is JsonException or InvalidOperationException or ArgumentException or KeyNotFoundException)
        {
            return false;
        }
    }

    private static IEnumerable<string> Members(byte[] plain)
    {
        using var document = JsonDocument.Parse(plain);
        return [.. document.RootElement.EnumerateObject().Where(member => member.Name != "watermark").Select(
            member => $"{member.Name} {member.Value.GetRawText()}")];
    }

    private static byte[] Encrypt(byte[] plain)
    {
        using var aes = Aes.Create();
        aes.Key = Convert.FromBase64String(Process.SessionKey);
        return aes.EncryptCbc(plain, Iv);
    }

    private static string LogIn()
    {
        var session = Process.Json(Login.LogIn()).GetProperty("session");
        BrokenPromiseException.Unless(session.GetProperty("memberData").GetBoolean(), "The session_key is not kept.");
        return session.GetProperty("token").GetString()!;
    }
}
