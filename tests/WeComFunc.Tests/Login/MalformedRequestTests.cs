using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What is not the documented request is refused before any call goes out (rule L1).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class MalformedRequestTests(Azurite azurite) : IAsyncLifetime
{
    private const int LargestBody = 8192;

    private static readonly Dictionary<string, byte[]> InvalidBodies = new()
    {
        ["nothing"] = [],
        ["white space"] = " \r\n\t"u8.ToArray(),
        ["a word"] = "code"u8.ToArray(),
        ["a form"] = "code=0123456789abcdef"u8.ToArray(),
        ["XML"] = "<code>0123456789abcdef</code>"u8.ToArray(),
        ["an array"] = "[]"u8.ToArray(),
        ["an array of an object"] = """[{"code":"0123456789abcdef"}]"""u8.ToArray(),
        ["a string"] = "\"0123456789abcdef\""u8.ToArray(),
        ["a number"] = "1"u8.ToArray(),
        ["true"] = "true"u8.ToArray(),
        ["null"] = "null"u8.ToArray(),
        ["NaN"] = "NaN"u8.ToArray(),
        ["an opening brace"] = "{"u8.ToArray(),
        ["cut behind the name"] = "{\"code\""u8.ToArray(),
        ["cut behind the colon"] = "{\"code\":"u8.ToArray(),
        ["cut within the code"] = "{\"code\":\"0123"u8.ToArray(),
        ["cut within an escape"] = "{\"code\":\"0123\\u00"u8.ToArray(),
        ["cut behind the code"] = "{\"code\":\"0123456789abcdef\""u8.ToArray(),
        ["cut behind a comma"] = "{\"code\":\"0123456789abcdef\","u8.ToArray(),
        ["cut within another member"] = "{\"code\":\"0123456789abcdef\",\"a\":[1"u8.ToArray(),
        ["a comma too many"] = """{"code":"0123456789abcdef",}"""u8.ToArray(),
        ["a word behind the object"] = """{"code":"0123456789abcdef"} x"""u8.ToArray(),
        ["a brace behind the object"] = """{"code":"0123456789abcdef"}}"""u8.ToArray(),
        ["two objects"] = """{"code":"0123456789abcdef"}{"code":"0123456789abcdef"}"""u8.ToArray(),
        ["two objects on two lines"] = "{\"code\":\"0123456789abcdef\"}\n{}"u8.ToArray(),
        ["NUL behind the object"] = "{\"code\":\"0123456789abcdef\"}\0"u8.ToArray(),
        ["a block comment"] = """{/* js_code */"code":"0123456789abcdef"}"""u8.ToArray(),
        ["a line comment"] = "{\"code\":\"0123456789abcdef\"} // js_code"u8.ToArray(),
        ["single quotes"] = "{'code':'0123456789abcdef'}"u8.ToArray(),
        ["a name without quotes"] = """{code:"0123456789abcdef"}"""u8.ToArray(),
        ["a code without quotes"] = """{"code":abcdef}"""u8.ToArray(),
        ["an unknown escape"] = """{"code":"01234567\x41"}"""u8.ToArray(),
        ["a line break in the code"] = "{\"code\":\"01234567\n89abcdef\"}"u8.ToArray(),
        ["an empty object"] = "{}"u8.ToArray(),
        ["no code"] = """{"js_code":"0123456789abcdef"}"""u8.ToArray(),
        ["Code in capitals"] = """{"Code":"0123456789abcdef"}"""u8.ToArray(),
        ["CODE in capitals"] = """{"CODE":"0123456789abcdef"}"""u8.ToArray(),
        ["a code with a space in its name"] = """{"code ":"0123456789abcdef"}"""u8.ToArray(),
        ["a code further down"] = """{"data":{"code":"0123456789abcdef"}}"""u8.ToArray(),
        ["the code twice"] = """{"code":"0123456789abcdef","code":"0123456789abcdef"}"""u8.ToArray(),
        ["the code and an empty one"] = """{"code":"0123456789abcdef","code":""}"""u8.ToArray(),
        ["the code and null"] = """{"code":"0123456789abcdef","code":null}"""u8.ToArray(),
        ["an empty code and the code"] = """{"code":"","code":"0123456789abcdef"}"""u8.ToArray(),
        ["the code twice, once escaped"] = """{"code":"0123456789abcdef","\u0063ode":"0123456789abcdef"}"""u8.ToArray(),
        ["code null"] = """{"code":null}"""u8.ToArray(),
        ["code a number"] = """{"code":1234567890123456}"""u8.ToArray(),
        ["code true"] = """{"code":true}"""u8.ToArray(),
        ["code false"] = """{"code":false}"""u8.ToArray(),
        ["code an object"] = """{"code":{"code":"0123456789abcdef"}}"""u8.ToArray(),
        ["code an array"] = """{"code":["0123456789abcdef"]}"""u8.ToArray(),
        ["code empty"] = """{"code":""}"""u8.ToArray(),
        ["code blank"] = """{"code":"   "}"""u8.ToArray(),
        ["code of 513 characters"] = OfCode(new string('a', 513)),
        ["code of 513 escaped characters"] = OfCode(string.Concat(Enumerable.Repeat("\\u0061", 513))),
        ["code with a tab"] = OfCode("01234567\\t89abcdef"),
        ["code with a line break"] = OfCode("01234567\\r\\n89abcdef"),
        ["code with NUL"] = OfCode("01234567\\u000089abcdef"),
        ["code with a control character"] = OfCode("01234567\\u001f89abcdef"),
        ["code with DEL"] = OfCode("01234567\u007f89abcdef"),
        ["code with DEL, escaped"] = OfCode("01234567\\u007f89abcdef"),
        ["code with a C1 control character"] = OfCode("01234567\\u008589abcdef"),
        ["code with a no-break space"] = OfCode("01234567\u00a089abcdef"),
        ["code with é"] = OfCode("01234567é89abcdef"),
        ["code in Chinese"] = OfCode("零一二三四五六七八九"),
        ["code with full-width digits"] = OfCode("０１２３４５６７８９"),
        ["code with an emoji"] = OfCode("01234567🐉89abcdef"),
        ["code with an emoji, escaped"] = OfCode("01234567\\ud83d\\udc0989abcdef"),
        ["code with half a surrogate pair"] = OfCode("01234567\\ud83d89abcdef"),
        ["code with the other half"] = OfCode("01234567\\udc0989abcdef"),
        ["code with a byte order mark"] = OfCode("\ufeff0123456789abcdef"),
        ["invalid UTF-8 in the code"] = [.. "{\"code\":\"01234567"u8, 0xff, 0xfe, .. "\"}"u8],
        ["invalid UTF-8 in another member"] = [.. "{\"code\":\"0123456789abcdef\",\"a\":\""u8, 0xc3, 0x28, .. "\"}"u8],
        ["invalid UTF-8 in another member's name"] = [.. "{\"code\":\"0123456789abcdef\",\""u8, 0xf0, 0x9f, .. "\":1}"u8],
        ["UTF-8 with overlong characters"] = [.. "{\"code\":\"01234567"u8, 0xc1, 0xa1, .. "89abcdef\"}"u8],
        ["UTF-8 of half a surrogate pair"] = [.. "{\"code\":\"01234567"u8, 0xed, 0xa0, 0x80, .. "89abcdef\"}"u8],
        ["two byte order marks"] = [0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, .. OfCode("0123456789abcdef")],
        ["a byte order mark behind white space"] = [(byte)' ', 0xef, 0xbb, 0xbf, .. OfCode("0123456789abcdef")],
        ["nothing but a byte order mark"] = [0xef, 0xbb, 0xbf],
        ["UTF-16"] = Encoding.Unicode.GetBytes("{\"code\":\"0123456789abcdef\"}"),
        ["UTF-16, big-endian"] = Encoding.BigEndianUnicode.GetBytes("{\"code\":\"0123456789abcdef\"}"),
        ["UTF-16 with a byte order mark"] = [0xff, 0xfe, .. Encoding.Unicode.GetBytes("{\"code\":\"0123456789abcdef\"}")],
        ["UTF-32"] = Encoding.UTF32.GetBytes("{\"code\":\"0123456789abcdef\"}"),
        ["gzip"] = [0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03],
        ["a thousand arrays in one another"] = Encoding.ASCII.GetBytes($$"""{"code":"0123456789abcdef","a":{{new string('[', 1000)}}{{new string(']', 1000)}}}"""),
        ["a thousand objects in one another"] = Encoding.ASCII.GetBytes($$"""{"code":"0123456789abcdef","a":{{string.Concat(Enumerable.Repeat("{\"a\":", 1000))}}1{{new string('}', 1001)}}"""),
        ["eight thousand opening brackets"] = Encoding.ASCII.GetBytes(new string('[', 8000)),
    };

    private readonly ManualTimeProvider _clock = new();
    private SimulatorServer _simulator = null!;
    private LoginHost _host = null!;

    public static TheoryData<string> InvalidBodyNames => [.. InvalidBodies.Keys];

    public async Task InitializeAsync()
    {
        _simulator = await SimulatorServer.StartAsync(_clock);
        _host = await LoginHost.StartAsync(_simulator, azurite, _clock);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        Output.Run.Secrets(_simulator.State.IssuedSecrets);
        await _simulator.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(InvalidBodyNames))]
    public async Task A_malformed_body_is_invalid_request(string body)
    {
        var answer = await PostAsync(InvalidBodies[body]);

        AssertRefused(answer, 400, "invalid_request");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("json")]
    [InlineData("application")]
    [InlineData("application/")]
    [InlineData("application/*")]
    [InlineData("*/*")]
    [InlineData("text/plain")]
    [InlineData("text/json")]
    [InlineData("text/plain, application/json")]
    [InlineData("application/xml")]
    [InlineData("application/jsonp")]
    [InlineData("application/json5")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData("image/vnd.x+json")]
    [InlineData("application/vnd.json+xml")]
    [InlineData("application/json; charset=utf-16")]
    [InlineData("application/json; charset=gb2312")]
    [InlineData("application/json; charset=iso-8859-1")]
    [InlineData("application/json; charset=")]
    [InlineData("application/json;;charset")]
    public async Task A_content_type_that_is_not_JSON_in_UTF8_is_unsupported_media_type(string? contentType)
    {
        var answer = await PostAsync(OfCode(_simulator.State.IssueCode("zhangsan")), contentType);

        AssertRefused(answer, 415, "unsupported_media_type");
    }

    [Theory]
    [InlineData(LargestBody + 1, false)]
    [InlineData(LargestBody + 1, true)]
    [InlineData(100_000, false)]
    [InlineData(100_000, true)]
    public async Task A_body_over_8_KiB_is_payload_too_large(int length, bool isChunked)
    {
        var body = OfLength(length, _simulator.State.IssueCode("zhangsan"));

        var answer = await PostAsync(body, isChunked: isChunked);

        AssertRefused(answer, 413, "payload_too_large");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_of_8_KiB_is_taken(bool isChunked)
    {
        var body = OfLength(LargestBody, _simulator.State.IssueCode("zhangsan"));

        var answer = await PostAsync(body, isChunked: isChunked);

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Theory]
    [InlineData("application/json; charset=utf-8")]
    [InlineData("application/json;charset=\"UTF-8\"")]
    [InlineData("APPLICATION/JSON")]
    [InlineData("application/json; profile=x")]
    [InlineData("application/vnd.x+json")]
    [InlineData("application/json; charset=utf8")]
    [InlineData("application/json; charset=\"Utf8\"")]
    [InlineData("application/json;")]
    [InlineData("application/json; charset=UTF-8 ; ")]
    [InlineData("application/json ;;")]
    public async Task A_content_type_of_JSON_in_UTF8_is_taken(string contentType)
    {
        var answer = await PostAsync(OfCode(_simulator.State.IssueCode("zhangsan")), contentType);

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Theory]
    [InlineData("""{"code":"CODE","extra":{"code":"another"},"code2":[1,null]}""")]
    [InlineData("""{"extra":"🐉 \ud83d","Code":null,"code":"CODE"}""")]
    [InlineData(""" { "code" : "CODE" } """)]
    [InlineData("\r\n\t{\r\n\t\"code\"\t:\n\"CODE\"}\r\n")]
    [InlineData("""{"\u0063od\u0065":"CODE"}""")]
    public async Task Other_members_white_space_and_escapes_do_not_matter(string body)
    {
        var answer = await _host.PostAsync(body.Replace("CODE", _simulator.State.IssueCode("zhangsan")));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Fact]
    public async Task A_byte_order_mark_in_front_does_not_matter()
    {
        var answer = await PostAsync([0xef, 0xbb, 0xbf, .. OfCode(_simulator.State.IssueCode("zhangsan"))]);

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Fact]
    public async Task A_code_may_be_escaped()
    {
        _simulator.State.IssueCode("zhangsan", code: "abc/def\"ghi\\0123456789");

        var answer = await PostAsync(OfCode("""\u0061bc\/def\"ghi\\0123456789"""));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Fact]
    public async Task A_code_may_have_512_characters()
    {
        var code = _simulator.State.IssueCode("zhangsan", code: string.Concat(Enumerable.Repeat("0123456789abcdef", 32)));

        var answer = await PostAsync(OfCode(code));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Fact]
    public async Task A_code_may_have_every_printable_ASCII_character()
    {
        var code = string.Concat(Enumerable.Range(' ', '~' - ' ' + 1).Select(character => (char)character));

        var answer = await _host.LoginAsync(_simulator.State.IssueCode("zhangsan", code: code));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Theory]
    [InlineData("GET", "/api/login", 405)]
    [InlineData("PUT", "/api/login", 405)]
    [InlineData("DELETE", "/api/login", 405)]
    [InlineData("POST", "/api/health", 405)]
    [InlineData("PUT", "/API/Health/", 405)]
    [InlineData("GET", "/", 404)]
    [InlineData("GET", "/api", 404)]
    [InlineData("POST", "/api/logins", 404)]
    [InlineData("POST", "/api/login/x", 404)]
    [InlineData("GET", "/api/%00", 400)]
    public async Task What_is_not_a_route_is_not_an_error_of_the_service(string method, string path, int status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var response = await _host.Client.SendAsync(request);

        Assert.Equal(status, (int)response.StatusCode);
        AssertNoCalls();
    }

    private static byte[] OfCode(string code) => Encoding.UTF8.GetBytes($$"""{"code":"{{code}}"}""");

    private static byte[] OfLength(int length, string code)
    {
        var body = $$"""{"code":"{{code}}","padding":"PADDING"}""";
        return Encoding.ASCII.GetBytes(body.Replace("PADDING", new string('p', length - body.Length + "PADDING".Length)));
    }

    private async Task<LoginAnswer> PostAsync(byte[] body, string? contentType = "application/json", bool isChunked = false)
    {
        using HttpContent content = isChunked ? new StreamContent(PipeReader.Create(new ReadOnlySequence<byte>(body)).AsStream()) : new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return await _host.PostAsync(content);
    }

    private void AssertRefused(LoginAnswer answer, int status, string code)
    {
        Assert.Equal((status, "application/problem+json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal((code, "False"), (answer["code"], answer["retryable"]));
        AssertNoCalls();
    }

    private void AssertNoCalls() => Assert.All(Enum.GetValues<Api>(), api => Assert.Equal(0, _simulator.State[api].Calls.Arrived));
}
