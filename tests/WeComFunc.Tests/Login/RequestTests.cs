using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// What is taken for a login, and what is refused before any call goes out (rule L1): content types, sizes, codes, routes.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class RequestTests(Azurite azurite) : LoginTest(azurite)
{
    private const int LargestBody = 8192;

    private LoginHost _host = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _host = await StartAsync();
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
        var answer = await PostAsync(OfCode(WeCom.IssueCode("zhangsan")), contentType);

        AssertProblem(_host, answer, 415, "unsupported_media_type");
        Assert.Equal(new(0, 0, 0), Calls);
    }

    [Theory]
    [InlineData(LargestBody + 1, false)]
    [InlineData(LargestBody + 1, true)]
    [InlineData(100_000, false)]
    [InlineData(100_000, true)]
    public async Task A_body_over_8_KiB_is_payload_too_large(int length, bool isChunked)
    {
        var body = OfLength(length, WeCom.IssueCode("zhangsan"));

        var answer = await PostAsync(body, isChunked: isChunked);

        AssertProblem(_host, answer, 413, "payload_too_large");
        Assert.Equal(new(0, 0, 0), Calls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_of_8_KiB_is_taken(bool isChunked)
    {
        var body = OfLength(LargestBody, WeCom.IssueCode("zhangsan"));

        var answer = await PostAsync(body, isChunked: isChunked);

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Theory]
    [InlineData("application/json; charset=utf-8")]
    [InlineData("application/json;charset=\"UTF-8\"")]
    [InlineData("application/json; charset=utf8")]
    [InlineData("application/json; charset=\"Utf8\"")]
    [InlineData("application/json;")]
    [InlineData("application/json; charset=UTF-8 ; ")]
    [InlineData("application/json ;;")]
    [InlineData("APPLICATION/JSON")]
    [InlineData("application/json; profile=x")]
    [InlineData("application/vnd.x+json")]
    public async Task A_content_type_of_JSON_in_UTF8_is_taken(string contentType)
    {
        var answer = await PostAsync(OfCode(WeCom.IssueCode("zhangsan")), contentType);

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
        var answer = await _host.PostAsync(body.Replace("CODE", WeCom.IssueCode("zhangsan")));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Fact]
    public async Task A_byte_order_mark_in_front_does_not_matter()
    {
        var answer = await PostAsync([0xef, 0xbb, 0xbf, .. OfCode(WeCom.IssueCode("zhangsan"))]);

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Fact]
    public async Task A_code_may_be_escaped()
    {
        WeCom.IssueCode("zhangsan", code: "abc/def\"ghi\\0123456789");

        var answer = await PostAsync(OfCode("""\u0061bc\/def\"ghi\\0123456789"""));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Fact]
    public async Task A_code_may_have_512_characters()
    {
        var code = WeCom.IssueCode("zhangsan", code: string.Concat(Enumerable.Repeat("0123456789abcdef", 32)));

        var answer = await PostAsync(OfCode(code));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Fact]
    public async Task A_code_may_have_every_printable_ASCII_character()
    {
        var code = string.Concat(Enumerable.Range(' ', '~' - ' ' + 1).Select(character => (char)character));

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan", code: code));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Theory]
    [InlineData("GET", "/api/login", 405)]
    [InlineData("PUT", "/api/login", 405)]
    [InlineData("DELETE", "/api/login", 405)]
    [InlineData("POST", "/api/health", 405)]
    [InlineData("PUT", "/API/Health/", 405)]
    [InlineData("POST", "/", 404)]
    [InlineData("GET", "/api", 404)]
    [InlineData("POST", "/api/logins", 404)]
    [InlineData("POST", "/api/login/x", 404)]
    [InlineData("GET", "/api/%00", 400)]
    public async Task What_is_not_a_route_is_not_an_error_of_the_service(string method, string path, int status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var response = await _host.Client.SendAsync(request);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Equal(new(0, 0, 0), Calls);
    }

    private static byte[] OfCode(string code) => Encoding.UTF8.GetBytes($$"""{"code":"{{code}}"}""");

    private static byte[] OfLength(int length, string code)
    {
        var body = $$"""{"code":"{{code}}","padding":"PADDING"}""";
        return Encoding.ASCII.GetBytes(body.Replace("PADDING", new string('p', length - body.Length + "PADDING".Length)));
    }

    private async Task<LoginAnswer> PostAsync(byte[] body, string? contentType = "application/json", bool isChunked = false)
    {
        using HttpContent content = isChunked
            ? new StreamContent(PipeReader.Create(new ReadOnlySequence<byte>(body)).AsStream())
            : new ByteArrayContent(body);
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return await _host.PostAsync(content);
    }
}
