using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Apps;

namespace WeComFunc.Fuzz;

/// <summary>
/// What WeCom answers, or somebody in its place: never a failure of ours, and never an identity that the answer does not name.
/// </summary>
internal static partial class Answers
{
    public static readonly string[] Tokens =
    [
        """{"errcode":0,"errmsg":"ok","access_token":"accesstoken000001","expires_in":7200}""",
        """{"errcode":"0","errmsg":"ok","access_token":"access-token","expires_in":"7200.0"}""",
        """{"errcode":40001,"errmsg":"invalid credential, hint: [1591239111_9_8f9a], from ip: 203.0.113.7, more info at """
        + """https://open.work.weixin.qq.com/devtool/query?e=40001"}""",
    ];

    public static readonly string[] Sessions =
    [
        $$"""{"errcode":0,"errmsg":"ok","corpid":"{{Process.CorpId}}","userid":"zhangsan","session_key":"kJtdi6RF+Dv67QkbLlPGjw=="}""",
        $$"""{"errcode":0,"corpid":"{{Process.CorpId}}","userid":"\u5f20\ud83d\ude00三","open_userid":null,"extra":[{"userid":"lisi"},"""
        + """1e400]}""",
        """{"errcode":40029,"errmsg":"invalid code"}""",
        """{"errcode":40014,"errmsg":"invalid access_token"}""",
        """{"errcode":-1,"errmsg":"system error"}""",
    ];

    public static readonly string[] Profiles =
    [
        $$"""{"errcode":0,"errmsg":"ok","userid":"{{Process.UserOf(Process.Code)}}","name":"张三","department":[1,2],"extattr":{"attrs":"""
        + """[{"type":0,"name":"文本名称","text":{"value":"文本"} }]},"big":12345678901234567890}""",
        $$"""{"userid":"{{Process.UserOf(Process.Code).ToUpperInvariant()}}","session_key":"a","inner":{"Access_Token":"b"} """
        + ""","\u0073ession_key":1,"name":"\ud83d"}""",
        """{"errcode":60111,"errmsg":"userid not found"}""",
    ];

    public static readonly string[] Departments =
    [
        """{"errcode":0,"errmsg":"ok","department":{"id":2,"name":"研发部","name_en":"R&D","parentid":1,"order":10}}""",
        """{"errcode":"0","department":{"name":"\ud83d\ude00 \n","name_en":null,"department_leader":["zhangsan"]}}""",
        """{"errcode":60011,"errmsg":"no privilege"}""",
        """{"errcode":42001,"errmsg":"access_token expired"}""",
    ];

    private static readonly Process Cold = new() { Fuzzed = "gettoken" };
    private static readonly Process AtExchange = new() { Fuzzed = "miniprogram/jscode2session" };
    private static readonly Process AtProfile = new() { Fuzzed = "user/get" };
    private static readonly Process AtDepartment = new() { Fuzzed = "department/get" };

    public static void TryToken(byte[] answer)
    {
        Cold.Answer = answer;
        using var deadline = new Deadline(TimeSpan.FromSeconds(10), Cold.Services.GetRequiredService<TimeProvider>());

        var issued = Process.Finish(
            Cold.Services.GetRequiredService<CorpApps>().Default.Client.GetTokenAsync(Process.CorpSecret, deadline));

        BrokenPromiseException.Unless(
            !issued.TryGet(out var token) || (token.ExpiresIn > TimeSpan.Zero
                && IsNamed(answer, "access_token", token.Value)), "It is a token that the answer does not name.");
    }

    public static void TrySession(byte[] answer)
    {
        AtExchange.Answer = answer;

        var login = AtExchange.LogIn();

        BrokenPromiseException.Unless(
            login.Status != 200 || IsNamed(answer, "userid", Process.Json(login).GetProperty("userid").GetString()!),
            "It is a member whom the answer does not name.");
        BrokenPromiseException.Unless(
            login.Status != 200 || Unescaped(answer).Contains(Process.CorpId, StringComparison.OrdinalIgnoreCase),
            "It is a member of a corp that the answer does not name.");
    }

    public static void TryProfile(byte[] answer)
    {
        AtProfile.Answer = answer;

        var login = AtProfile.LogIn();

        BrokenPromiseException.Unless(login.Status == 200, "The profile keeps the login away.");
        var json = Process.Json(login);
        var profile = json.GetProperty("profile");
        BrokenPromiseException.Unless(
            json.GetProperty("userid").GetString() == Process.UserOf(Process.Code), "It is the login of another.");
        BrokenPromiseException.Unless(!Names(profile).Any(
            name =>
                name.Equals("session_key", StringComparison.OrdinalIgnoreCase)
                    || name.Equals("access_token", StringComparison.OrdinalIgnoreCase)),
            "The profile holds what no response may.");
        BrokenPromiseException.Unless(
            profile.ValueKind is JsonValueKind.Object ^ json.TryGetProperty("profileError", out _),
            "It has a profile and an error, or neither.");
        BrokenPromiseException.Unless(
            profile.ValueKind is not JsonValueKind.Object
                || profile.EnumerateObject().Where(member => member.NameEquals("userid") && member.Value.ValueKind is JsonValueKind.String)
                .All(member => string.Equals(member.Value.GetString(), Process.UserOf(Process.Code), StringComparison.OrdinalIgnoreCase)),
            "It is the profile of another.");
    }

    public static void TryDepartment(byte[] answer)
    {
        AtDepartment.Answer = answer;

        var login = AtDepartment.LogIn();

        BrokenPromiseException.Unless(login.Status == 200, "The name of a department keeps the login away.");
        var department = Process.Json(login).GetProperty("departments")[0];
        BrokenPromiseException.Unless(
            department.GetProperty("id").GetInt32() == AtDepartment.LastDepartment, "It is a department of somebody else.");
        BrokenPromiseException.Unless(
            Names(department).All(name => name is "id" or "name" or "name_en"), "It has more than an id and names.");
    }

    /// <summary>Whether an answer has a member with this text; one that is no JSON has to have both at least.</summary>
    private static bool IsNamed(byte[] answer, string name, string text)
    {
        try
        {
            using var json = JsonDocument.Parse(answer);
            return json.RootElement.EnumerateObject()
                .Where(member => member.NameEquals(name))
                .Select(member => member.Value.GetString())
                .Distinct()
                .SequenceEqual([text]);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return Unescaped(answer).Contains(name, StringComparison.Ordinal) && Unescaped(answer).Contains(text, StringComparison.Ordinal);
        }
    }

    private static IEnumerable<string> Names(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => json.EnumerateObject().SelectMany(member => Names(member.Value).Prepend(NameOf(member))),
        JsonValueKind.Array => json.EnumerateArray().SelectMany(Names),
        _ => [],
    };

    private static string NameOf(JsonProperty member)
    {
        try
        {
            return member.Name;
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair: no name of ours.
            return "";
        }
    }

    /// <summary>An answer as a text, with what its escapes stand for, wherever they are.</summary>
    private static string Unescaped(byte[] answer) => EscapePattern().Replace(Encoding.UTF8.GetString(answer), Meaning);

    private static string Meaning(Match escape) => escape.Value[1] switch
    {
        'u' => $"{(char)Convert.ToInt32(escape.Value[2..], 16)}",
        'b' => "\b",
        'f' => "\f",
        'n' => "\n",
        'r' => "\r",
        't' => "\t",
        var other => $"{other}",
    };

    [GeneratedRegex(@"\\(u[0-9a-fA-F]{4}|[""\\/bfnrt])")]
    private static partial Regex EscapePattern();
}
