using System.Text;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Apps;
using WeComFunc.Http;
using WeComFunc.Login;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// What a request of a login is, as tables (rule L1); <see cref="RequestTests"/> and <see cref="MalformedBodyTests"/> show the same
/// through HTTP.
/// </summary>
public sealed class LoginRequestTests : IDisposable
{
    private const int LargestBody = 8192;

    private static readonly string LongName = new('a', 32);

    private readonly MemoryLogin _process = new(
        ("WeCom:Apps:hr:CorpId", MemoryLogin.CorpId),
        ("WeCom:Apps:hr:CorpSecret", "any"),
        ($"WeCom:Apps:{LongName}:CorpId", MemoryLogin.CorpId),
        ($"WeCom:Apps:{LongName}:CorpSecret", "any"));

    public void Dispose() => _process.Dispose();

    [Theory]
    [InlineData("application/json", true)]
    [InlineData("APPLICATION/JSON", true)]
    [InlineData("application/json; charset=utf-8", true)]
    [InlineData("application/json;charset=\"UTF-8\"", true)]
    [InlineData("application/json; charset=utf8", true)]
    [InlineData("application/json; charset=Utf8; x=y", true)]
    [InlineData("application/json;", true)]
    [InlineData("application/json ;;", true)]
    [InlineData("application/json;\t", true)]
    [InlineData("application/json; profile=x", true)]
    [InlineData("application/vnd.x+json", true)]
    [InlineData("Application/VND.X+Json", true)]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("json", false)]
    [InlineData("text/json", false)]
    [InlineData("text/vnd.x+json", false)]
    [InlineData("application/jsonp", false)]
    [InlineData("application/vnd.json+xml", false)]
    [InlineData("application/x-json", false)]
    [InlineData("application/json, text/plain", false)]
    [InlineData("application/json; charset=utf-16", false)]
    [InlineData("application/vnd.x+json; charset=gb2312", false)]
    [InlineData("application/json; charset=", false)]
    [InlineData("application/json; charset=utf-8; charset=gbk", false)]
    [InlineData("application/json; charset=utf-8; CharSet=UTF8", true)]
    public void A_content_type_is_JSON_in_UTF8_or_not(string? contentType, bool isJson) =>
        Assert.Equal(isJson, JsonBody.IsJson(contentType));

    /// <summary>A body, its code, and which app it is for.</summary>
    [Theory]
    [InlineData("""{"code":"c"}""", "c", "default")]
    [InlineData(" \r\n\t{ \"code\" : \"c\" } \r\n\t", "c", "default")]
    [InlineData("\ufeff{\"code\":\"c\"}", "c", "default")]
    [InlineData("""{"\u0063ode":"\u0063\/\"\\"}""", "c/\"\\", "default")]
    [InlineData("""{"code":" c "}""", " c ", "default")]
    [InlineData("""{"code":" ~"}""", " ~", "default")]
    [InlineData("""{"a":{"code":"x","app":"x"},"code":"c","b":[{"code":1}],"Code":null,"codes":2}""", "c", "default")]
    [InlineData("""{"code":"c","app":null}""", "c", "default")]
    [InlineData("""{"code":"c","app":"default"}""", "c", "default")]
    [InlineData("""{"app":"hr","code":"c"}""", "c", "hr")]
    [InlineData("""{"code":"c","\u0061pp":"\u0068r","z":1}""", "c", "hr")]
    [InlineData("""{"code":"c","App":"x","apps":7}""", "c", "default")]
    public async Task A_request_has_a_code_and_perhaps_the_name_of_an_app(string body, string code, string app) =>
        Assert.Equal((code, app, null), await ReadAsync(body));

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("c")]
    [InlineData("null")]
    [InlineData("\"c\"")]
    [InlineData("[]")]
    [InlineData("""[{"code":"c"}]""")]
    [InlineData("{}")]
    [InlineData("{")]
    [InlineData("""{"code":"c" """)]
    [InlineData("""{"code":"c"}x""")]
    [InlineData("""{"code":"c"}{}""")]
    [InlineData("""{"code":"c",}""")]
    [InlineData("""{/**/"code":"c"}""")]
    [InlineData("\ufeff\ufeff{\"code\":\"c\"}")]
    [InlineData("""{"Code":"c"}""")]
    [InlineData("""{"a":{"code":"c"}}""")]
    [InlineData("""{"code":"c","code":"c"}""")]
    [InlineData("""{"code":"c","code":null}""")]
    [InlineData("""{"code":null}""")]
    [InlineData("""{"code":7}""")]
    [InlineData("""{"code":["c"]}""")]
    [InlineData("""{"code":{"code":"c"}}""")]
    [InlineData("""{"code":""}""")]
    [InlineData("""{"code":"  "}""")]
    [InlineData("""{"code":"a\u001fb"}""")]
    [InlineData("""{"code":"a\u007fb"}""")]
    [InlineData("""{"code":"张"}""")]
    [InlineData("""{"code":"\ud83d"}""")]
    [InlineData("""{"code":"c","app":"nobody"}""")]
    [InlineData("""{"code":"c","app":"HR"}""")]
    [InlineData("""{"code":"c","app":"hr "}""")]
    [InlineData("""{"code":"c","app":""}""")]
    [InlineData("""{"code":"c","app":"\ud83d"}""")]
    [InlineData("""{"code":"c","app":7}""")]
    [InlineData("""{"code":"c","app":true}""")]
    [InlineData("""{"code":"c","app":[null]}""")]
    [InlineData("""{"code":"c","app":"hr","app":"hr"}""")]
    [InlineData("""{"code":"c","app":null,"app":null}""")]
    [InlineData("""{"code":"c","app":null,"app":"hr"}""")]
    [InlineData("""{"app":"hr"}""")]
    public async Task Anything_else_is_invalid(string body) => Assert.Equal(("", "default", Problem.InvalidRequest), await ReadAsync(body));

    [Fact]
    public async Task Bytes_that_are_not_UTF8_are_invalid_wherever_they_are() => Assert.Equal(
        Problem.InvalidRequest, (await ReadAsync(new MemoryStream([.. "{\"code\":\"c\",\"a\":\""u8, 0xff, .. "\"}"u8]))).Problem);

    [Theory]
    [InlineData(511, true)]
    [InlineData(512, true)]
    [InlineData(513, false)]
    public async Task A_code_has_512_characters_at_most(int length, bool isValid)
    {
        var code = new string('c', length);

        Assert.Equal((isValid ? code : "", isValid ? null : Problem.InvalidRequest), await ReadCodeAsync($$"""{"code":"{{code}}"}"""));
    }

    [Theory]
    [InlineData(LargestBody - 1, true)]
    [InlineData(LargestBody, true)]
    [InlineData(LargestBody + 1, false)]
    [InlineData(100_000, false)]
    public async Task A_body_has_8_KiB_at_most_however_it_comes(int length, bool isTaken)
    {
        var body = Encoding.UTF8.GetBytes("""{"code":"c"}""".PadRight(length));

        var (code, _, problem) = await ReadAsync(new MemoryStream(body));
        var (dripped, _, problemOfDripped) = await ReadAsync(new Dripping(body));

        Assert.Equal((isTaken ? "c" : "", isTaken ? null : Problem.PayloadTooLarge), (code, problem));
        Assert.Equal((code, problem), (dripped, problemOfDripped));
    }

    /// <summary>A name of 32 letters, each of them an escape of six bytes; and whatever is longer.</summary>
    [Theory]
    [InlineData("\\u0061", 32, true)]
    [InlineData("\\u0061", 31, false)]
    [InlineData("\\u0061", 33, false)]
    [InlineData("a", 192, false)]
    [InlineData("a", 193, false)]
    [InlineData("a", 5000, false)]
    public async Task A_name_of_an_app_may_be_escaped_letter_by_letter(string letter, int count, bool isFound)
    {
        var read = await ReadAsync($$"""{"code":"c","app":"{{string.Concat(Enumerable.Repeat(letter, count))}}"}""");

        Assert.Equal(isFound ? ("c", LongName, null) : ("", "default", Problem.InvalidRequest), read);
    }

    [Theory]
    [InlineData("", "chunked", "length_required")]
    [InlineData("", null, "invalid_request")]
    [InlineData("x", "chunked", "invalid_request")]
    [InlineData("""{"code":"c"}""", "chunked", null)]
    public async Task A_body_that_its_host_did_not_hand_on_is_missing(string body, string? lostEncoding, string? problem)
    {
        var read = await LoginRequest.ReadAsync(
            new BareCall(new MemoryStream(Encoding.UTF8.GetBytes(body)), lostEncoding: lostEncoding), Apps, CancellationToken.None);

        Assert.Equal(problem, read.Problem?.Code);
    }

    [Fact]
    public async Task A_body_that_breaks_off_is_invalid_unless_its_caller_has_gone()
    {
        using var gone = new CancellationTokenSource();

        var broken = await LoginRequest.ReadAsync(new BareCall(new Broken()), Apps, gone.Token);
        await gone.CancelAsync();

        Assert.Equal(Problem.InvalidRequest, broken.Problem);
        await Assert.ThrowsAsync<IOException>(() => LoginRequest.ReadAsync(new BareCall(new Broken()), Apps, gone.Token).AsTask());
    }

    private CorpApps Apps => _process.Services.GetRequiredService<CorpApps>();

    private Task<(string Code, string App, Problem? Problem)> ReadAsync(string body) =>
        ReadAsync(new MemoryStream(Encoding.UTF8.GetBytes(body)));

    private async Task<(string Code, string App, Problem? Problem)> ReadAsync(Stream body)
    {
        var ((code, app), problem) = await LoginRequest.ReadAsync(new BareCall(body), Apps, CancellationToken.None);
        return problem is null ? (code, app.App.Name, null) : ("", "default", problem);
    }

    private async Task<(string Code, Problem? Problem)> ReadCodeAsync(string body)
    {
        var (code, _, problem) = await ReadAsync(body);
        return (code, problem);
    }

    /// <summary>A body that comes byte by byte.</summary>
    private sealed class Dripping(byte[] body) : MemoryStream(body)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..1], cancellationToken);
    }

    private sealed class Broken : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            throw new IOException();
    }
}
