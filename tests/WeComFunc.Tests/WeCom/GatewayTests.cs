using System.IO.Compression;
using Microsoft.AspNetCore.Http;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What stands between the service and WeCom: gateways that limit or compress, and proxies.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class GatewayTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string SessionPath = "miniprogram/jscode2session";

    private static readonly byte[] Profile = """{"errcode":0,"errmsg":"ok","userid":"zhangsan","name":"张三"}"""u8.ToArray();
    private static readonly byte[] Session =
        """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":"zhangsan"}"""u8.ToArray();

    private VerbatimWeCom _weCom = null!;
    private LoginHost _host = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _weCom = Ends(await VerbatimWeCom.StartAsync());
        _weCom.Answer("gettoken", """{"errcode":0,"errmsg":"ok","access_token":"a-token-of-its-own","expires_in":7200}"""u8);
        _weCom.Answer(SessionPath, Session);
        _weCom.Answer("user/get", Profile);
        _host = Ends(await StartAsync());
    }

    [Fact]
    public async Task An_answer_that_a_gateway_compresses_unasked_is_read()
    {
        string? asked = null;
        _weCom.Answer("user/get", context =>
        {
            asked = context.Request.Headers.AcceptEncoding;
            context.Response.Headers.ContentEncoding = "gzip";
            return Compress(Profile);
        });

        var answer = await LoginAsync();

        Assert.Equal((200, """{"userid":"zhangsan","name":"张三"}""", null), (answer.Status, answer["profile"], asked));
    }

    [Fact]
    public async Task An_answer_that_is_over_1_MiB_only_once_it_is_decompressed_is_not_read()
    {
        _weCom.Answer(SessionPath, context =>
        {
            context.Response.Headers.ContentEncoding = "gzip";
            return Compress([.. Session, .. new byte[1024 * 1024]]);
        });

        var answer = await LoginAsync();

        Assert.Equal((502, "wecom_unexpected"), (answer.Status, answer["code"]));
        Assert.Contains(_host.Log.All, line => line.Contains("it is larger than 1 MiB"));
    }

    [Fact]
    public async Task An_answer_that_only_pretends_to_be_compressed_is_wecom_unexpected()
    {
        _weCom.Answer(SessionPath, context =>
        {
            context.Response.Headers.ContentEncoding = "br";
            return Session;
        });

        var answer = await LoginAsync();

        Assert.Equal((502, "wecom_unexpected"), (answer.Status, answer["code"]));
    }

    [Fact]
    public async Task A_pause_that_a_gateway_asks_for_is_kept_where_it_fits_into_the_login()
    {
        var start = Clock.GetUtcNow();
        var calls = new AwaitableCount("calls of jscode2session");
        _weCom.Answer(SessionPath, context =>
        {
            calls.Increment();
            return calls.Value == 1 ? Limit(context, "2") : Session;
        });

        var login = LoginAsync();
        await calls.WaitAsync(1);
        var answer = await Clock.RunUntilAsync(login, TimeSpan.FromSeconds(5));

        Assert.Equal((200, 2), (answer.Status, calls.Value));
        Assert.True(Clock.GetUtcNow() - start >= TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task A_pause_that_does_not_fit_is_the_callers()
    {
        var calls = 0;
        _weCom.Answer(SessionPath, context =>
        {
            calls++;
            return Limit(context, "30");
        });

        var answer = await LoginAsync();

        Assert.Equal((503, "wecom_busy", 1), (answer.Status, answer["code"], calls));
        Assert.True(answer.RetryAfter >= 30, $"{answer.RetryAfter}");
    }

    [Fact]
    public async Task A_pause_before_the_next_gettoken_holds_for_the_whole_fleet()
    {
        await using var other = await StartAsync();
        var calls = 0;
        _weCom.Answer("gettoken", context =>
        {
            calls++;
            return Limit(context, "45");
        });
        await LoginAsync();
        await _host.WhenIdle();

        var answer = await other.LoginAsync("another-code-that-works");

        Assert.Equal((503, "wecom_busy", 1), (answer.Status, answer["code"], calls));
        Assert.True(answer.RetryAfter >= 45, $"{answer.RetryAfter}");
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task The_proxy_of_the_environment_is_taken_but_for_what_no_proxy_names()
    {
        var settings = LoginHost.Settings(Simulator, Azurite, LoginHost.NewTable());
        settings["WeCom__BaseUrl"] = "http://wecom.invalid/";
        settings["http_proxy"] = _weCom.BaseAddress.AbsoluteUri;
        settings["no_proxy"] = "127.0.0.1";
        await using var host = HostProcess.Start("WeComFunc.LocalHost", settings, null, "--urls", "http://127.0.0.1:0");
        using var client = HostClient.Create(await host.AddressAsync());

        var answer = await LoginAnswer.OfAsync(
            await client.PostAsync("/api/login", new StringContent("""{"code":"a-code-that-works"}""", null, "application/json")));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    private Task<LoginHost> StartAsync() =>
        LoginHost.StartAsync(Simulator, Azurite, Clock, Table, settings: new() { ["WeCom__BaseUrl"] = _weCom.BaseAddress.AbsoluteUri });

    private Task<LoginAnswer> LoginAsync() => _host.LoginAsync("a-code-that-works");

    private static byte[] Limit(HttpContext context, string retryAfter)
    {
        context.Response.StatusCode = StatusCodes.Status429TooManyRequests;
        context.Response.Headers.RetryAfter = retryAfter;
        return [];
    }

    private static byte[] Compress(byte[] body)
    {
        var compressed = new MemoryStream();
        using (var stream = new GZipStream(compressed, CompressionLevel.Fastest))
        {
            stream.Write(body);
        }

        return compressed.ToArray();
    }
}
