using System.Text;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>WeCom's answers are taken as they come: one bad byte, or a number in quotes, decides nothing.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class DirtyAnswerTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string Token = """{"errcode":0,"errmsg":"ok","access_token":"a-token-of-its-own","expires_in":7200}""";
    private const string Session = """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":"zhangsan"}""";
    private const string Profile = """{"errcode":0,"errmsg":"ok","userid":"zhangsan","name":"张三"}""";

    /// <summary>The text of a member, as it is sent and as it has to arrive.</summary>
    private static readonly Dictionary<string, (byte[] Sent, string Read)> Texts = new()
    {
        ["a tab"] = ("张\t三"u8.ToArray(), "张\t三"),
        ["line ends"] = ("张\r\n三"u8.ToArray(), "张\r\n三"),
        ["NUL and escape"] = ("张\0\u001b三"u8.ToArray(), "张\0\u001b三"),
        ["a cut emoji"] = ([.. "张三"u8, 0xf0, 0x9f, 0x98], "张三\ufffd"),
        ["a cut emoji in the middle"] = ([.. "张"u8, 0xf0, 0x9f, .. "三"u8], "张\ufffd三"),
        ["halves of a surrogate pair in UTF-8"] = ([0xed, 0xa0, 0xbd, (byte)'x'], "\ufffd\ufffd\ufffdx"),
        ["GBK"] = ([0xd5, 0xc5, 0xc8, 0xfd], "\ufffd\ufffd\ufffd\ufffd"),
        ["GBK whose last byte is a backslash"] = ([0xd5, 0x5c], "\ufffd"),
        ["GBK with a backslash inside"] = ([0xd5, 0x5c, (byte)'x', (byte)'y'], "\ufffd\\xy"),
        ["a byte that is nothing, and an escaped quote"] = ([0xff, .. "\\\"x"u8], "\ufffd\"x"),
        ["a tab and escapes"] = ("\t\\t\\\"\\\\\\/\\u5f20\\ud83d\\ude00"u8.ToArray(), "\t\t\"\\/张😀"),
        ["a tab and half an escaped pair"] = ("\t\\ud83d\\u0041\\ude00"u8.ToArray(), "\t\ufffdA\ufffd"),
        ["a tab and two first halves"] = ("\t\\ud83d\\ud83d\\ude00"u8.ToArray(), "\t\ufffd😀"),
        ["a backslash that escapes nothing"] = ("C:\\dir\\users\\u12"u8.ToArray(), "C:\\dir\\users\\u12"),
    };

    /// <summary>What an errmsg may be, quotes and all.</summary>
    private static readonly Dictionary<string, byte[]> Errmsgs = new()
    {
        ["a line end"] = "\"invalid\ncode\""u8.ToArray(),
        ["GBK"] = [(byte)'"', 0xce, 0xde, 0xd0, 0xa7, (byte)'"'],
        ["GBK whose last byte is a backslash"] = [(byte)'"', 0xd5, 0x5c, (byte)'"'],
        ["half a surrogate pair"] = "\"\\ud83d\""u8.ToArray(),
        ["quotes"] = "\"invalid \"code\"\""u8.ToArray(),
        ["a number"] = "7"u8.ToArray(),
        ["an object"] = """{"errcode":0}"""u8.ToArray(),
        ["null"] = "null"u8.ToArray(),
        ["a text without end"] = "\"invalid"u8.ToArray(),
    };

    private VerbatimWeCom _weCom = null!;
    private LoginHost _host = null!;

    public static TheoryData<string> TextNames => [.. Texts.Keys];

    public static TheoryData<string> ErrmsgNames => [.. Errmsgs.Keys];

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _weCom = Ends(await VerbatimWeCom.StartAsync());
        _weCom.Answer("gettoken", Encoding.UTF8.GetBytes(Token));
        _weCom.Answer("miniprogram/jscode2session", Encoding.UTF8.GetBytes(Session));
        _weCom.Answer("user/get", Encoding.UTF8.GetBytes(Profile));
        _host = Ends(await LoginHost.StartAsync(
            Simulator, Azurite, Clock, settings: new() { ["WeCom__BaseUrl"] = _weCom.BaseAddress.AbsoluteUri }));
    }

    [Theory]
    [MemberData(nameof(TextNames))]
    public async Task A_text_of_the_profile_arrives_as_far_as_JSON_can_hold_it(string text)
    {
        _weCom.Answer(
            "user/get", [
                .. """{"errcode":0,"errmsg":"ok","userid":"zhangsan","name":"""u8,
                (byte)'"',
                .. Texts[text].Sent,
                .. "\",\"department\":[1]}"u8
            ]);

        var answer = await LoginAsync();

        Assert.Equal(200, answer.Status);
        Assert.Equal(Texts[text].Read, answer.Json.GetProperty("profile").GetProperty("name").GetString());
        Assert.Equal("[1]", answer.Json.GetProperty("profile").GetProperty("department").GetRawText());
    }

    [Theory]
    [InlineData("gettoken", Token)]
    [InlineData("miniprogram/jscode2session", Session)]
    [InlineData("user/get", Profile)]
    public async Task A_byte_order_mark_in_front_of_an_answer_does_not_matter(string path, string body)
    {
        _weCom.Answer(path, [0xef, 0xbb, 0xbf, .. Encoding.UTF8.GetBytes(body)]);

        await AssertProfileAsync();
    }

    [Theory]
    [MemberData(nameof(ErrmsgNames))]
    public async Task A_code_that_WeCom_refuses_is_invalid_code_whatever_errmsg_is(string errmsg)
    {
        _weCom.Answer("miniprogram/jscode2session", [.. "{\"errcode\":40029,\"errmsg\":"u8, .. Errmsgs[errmsg], (byte)'}']);

        var answer = await LoginAsync();

        Assert.Equal((401, "invalid_code", "40029"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Theory]
    [MemberData(nameof(ErrmsgNames))]
    public async Task A_corpsecret_that_WeCom_refuses_is_misconfigured_whatever_errmsg_is(string errmsg)
    {
        _weCom.Answer("gettoken", [.. "{\"errcode\":40001,\"errmsg\":"u8, .. Errmsgs[errmsg], (byte)'}']);

        var answer = await LoginAsync();

        Assert.Equal((500, "misconfigured", "40001"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Theory]
    [MemberData(nameof(ErrmsgNames))]
    public async Task A_member_who_is_not_visible_is_that_whatever_errmsg_is(string errmsg)
    {
        _weCom.Answer("user/get", [.. "{\"errcode\":60111,\"errmsg\":"u8, .. Errmsgs[errmsg], (byte)'}']);

        var answer = await LoginAsync();

        Assert.Equal(
            """{"code":"member_not_visible","errcode":60111,"retryable":false}""", answer.Json.GetProperty("profileError").GetRawText());
    }

    [Theory]
    [InlineData("\"40029\"")]
    [InlineData("40029.0")]
    [InlineData("\"40029.00\"")]
    [InlineData("\" 40029 \"")]
    public async Task An_errcode_may_be_written_in_other_ways(string errcode)
    {
        _weCom.Answer("miniprogram/jscode2session", Encoding.UTF8.GetBytes($$"""{"errcode":{{errcode}},"errmsg":"invalid code"}"""));

        var answer = await LoginAsync();

        Assert.Equal((401, "invalid_code", "40029"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Theory]
    [InlineData("\"60111\"")]
    [InlineData("60111.0")]
    public async Task So_may_that_of_user_get(string errcode)
    {
        _weCom.Answer("user/get", Encoding.UTF8.GetBytes($$"""{"errcode":{{errcode}},"errmsg":"not found"}"""));

        var answer = await LoginAsync();

        Assert.Equal(60111, answer.Json.GetProperty("profileError").GetProperty("errcode").GetInt32());
    }

    [Theory]
    [InlineData("\"7200\"")]
    [InlineData("7200.0")]
    [InlineData("7.2e3")]
    public async Task The_life_of_a_token_may_be_written_in_other_ways(string expiresIn)
    {
        _weCom.Answer(
            "gettoken",
            Encoding.UTF8.GetBytes($$"""{"errcode":"0","errmsg":"ok","access_token":"a-token-of-its-own","expires_in":{{expiresIn}}}"""));

        await AssertProfileAsync();

        var token = (await _host.HealthAsync()).Json.GetProperty("token");
        Assert.Equal(Clock.GetUtcNow() + TimeSpan.FromHours(2), token.GetProperty("expiresAt").GetDateTimeOffset());
    }

    [Theory]
    [InlineData("gettoken", """{"access_token":"a-token-of-its-own","expires_in":7200}""")]
    [InlineData("miniprogram/jscode2session", """{"corpid":"ww1234567890abcdef","userid":"zhangsan","session_key":"not-a-session-key"}""")]
    [InlineData("user/get", """{"userid":"zhangsan","name":"张三"}""")]
    public async Task A_success_that_has_all_its_members_is_one_without_an_errcode(string path, string body)
    {
        _weCom.Answer(path, Encoding.UTF8.GetBytes(body));

        await AssertProfileAsync();
    }

    [Theory]
    [InlineData("""{"errmsg":"ok","userid":"lisi","name":"李四"}""")]
    [InlineData("""{"errcode":"0","userid":"lisi","name":"李四"}""")]
    public async Task The_profile_of_another_member_is_not_passed_on_however_its_errcode_is_written(string body)
    {
        _weCom.Answer("user/get", Encoding.UTF8.GetBytes(body));

        var answer = await LoginAsync();

        Assert.Equal(
            (200, "", "wecom_unexpected"),
            (answer.Status, answer["profile"], answer.Json.GetProperty("profileError").GetProperty("code").GetString()));
    }

    private async Task AssertProfileAsync()
    {
        var answer = await LoginAsync();

        Assert.Equal((200, """{"userid":"zhangsan","name":"张三"}"""), (answer.Status, answer["profile"]));
    }

    private Task<LoginAnswer> LoginAsync() => _host.LoginAsync("a-code-that-works");
}
