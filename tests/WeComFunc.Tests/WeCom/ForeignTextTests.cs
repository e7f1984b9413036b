using System.Net;
using System.Net.Sockets;
using System.Runtime.ExceptionServices;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Azure;
using Azure.Identity;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Identity.Client;
using WeComFunc.Azure;
using WeComFunc.Http;
using WeComFunc.Secrets;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>What others send reaches a log as kind, code and position (rule T13), and prints on one line.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ForeignTextTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string Quoted = "quoted-from-an-answer-0000001";
    private const string ProxyPassword = "the-password-of-the-proxy-01";

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Output.Run.Secret(Quoted, "what an answer held");
        Output.Run.Secret(ProxyPassword, "a proxy's password");
    }

    [Theory]
    [InlineData("gettoken", """{"errcode":0,"errmsg":"ok","expires_in":nul,"access_token":"QUOTED"}""", "JsonException at line 1, byte 43")]
    [InlineData(
        "miniprogram/jscode2session", """{"errcode":0,"deviceid":nul,"session_key":"QUOTED"}""", "JsonException at line 1, byte 27")]
    [InlineData("miniprogram/jscode2session", "{\n\"errcode\":QUOTED}", "JsonException at line 2, byte 10")]
    [InlineData(
        "user/get", "{\"errcode\":0,\n\"userid\":\"zhangsan\",\n\"status\":tru,\"mobile\":\"QUOTED\"}", "JsonException at line 3, byte 12")]
    [InlineData("user/get", """{"errcode":"QUOTED"}""", "its errcode is no whole number of 32 bits")]
    [InlineData("user/get", """["QUOTED"]""", "it is not an object")]
    public async Task An_answer_that_cannot_be_read_is_told_by_kind_and_position(string path, string answerOfWeCom, string expected)
    {
        await using var weCom = await StartVerbatimAsync();
        weCom.Answer(path, Encoding.UTF8.GetBytes(answerOfWeCom.Replace("QUOTED", Quoted)));
        await using var host = await StartAsync(weCom.BaseAddress);

        await host.LoginAsync("a-code-that-works");

        Assert.Contains(
            $"Warning WeCom {path.Split("miniprogram/").Last()}: the answer is not the documented JSON: {expected}, app default",
            host.Log.All);
        AssertIsNowhere(Quoted, host);
    }

    [Fact]
    public async Task A_proxy_that_refuses_is_told_without_its_password()
    {
        await using var proxy = await VerbatimWeCom.StartAsync();
        var address = new UriBuilder(proxy.BaseAddress) { UserName = "user", Password = ProxyPassword }.Uri;
        var handler = WeComClient.CreateHandler();
        handler.Proxy = new WebProxy(address);
        await using var host = await StartAsync(new Uri("https://wecom.example/"), handler);

        await LoginUntilBusyAsync(host);

        Assert.Contains(
            "Warning WeCom gettoken: out of reach: HttpRequestException ProxyTunnelError HTTP status 404, app default", host.Log.All);
        AssertIsNowhere(ProxyPassword, host);
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task A_proxy_of_the_environment_that_refuses_is_told_without_its_password()
    {
        await using var proxy = await VerbatimWeCom.StartAsync();
        var settings = LoginHost.Settings(Simulator, Azurite, LoginHost.NewTable());
        settings["WeCom__BaseUrl"] = "https://wecom.example/";
        settings["https_proxy"] = new UriBuilder(proxy.BaseAddress) { UserName = "user", Password = ProxyPassword }.Uri.AbsoluteUri;
        await using var host = HostProcess.Start("WeComFunc.LocalHost", settings, arguments: ["--urls", "http://127.0.0.1:0"]);

        await host.WaitForLineAsync("WeCom gettoken: out of reach: HttpRequestException ProxyTunnelError HTTP status 404");

        Assert.DoesNotContain(host.Lines, line => line.Contains(ProxyPassword, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("127.0.0.1", 1, "RemoteCertificateChainErrors|UntrustedRoot")]
    [InlineData("wecom.example", 1, "RemoteCertificateNameMismatch")]
    [InlineData("127.0.0.1", -1, "NotTimeValid")]
    public async Task A_certificate_that_is_not_trusted_is_told_with_its_fault(string name, int daysLeft, string expected)
    {
        await using var weCom = await StartTlsAsync(name, daysLeft);
        await using var host = await StartAsync(new Uri(weCom.Urls.Single()));

        await LoginUntilBusyAsync(host);

        Assert.Contains(host.Log.All, line => Regex.IsMatch(
            line,
            "^Warning WeCom gettoken: out of reach: HttpRequestException SecureConnectionError, AuthenticationException [A-Za-z "
            + $"]*({expected})"));
        Assert.DoesNotContain(host.Log.All, line => line.Contains("a subject of its own", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_without_TLS_is_told_with_the_error_code_of_the_handshake()
    {
        await using var weCom = await StartVerbatimAsync();
        await using var host = await StartAsync(new UriBuilder(weCom.BaseAddress) { Scheme = "https" }.Uri);

        await LoginUntilBusyAsync(host);

        Assert.Contains(host.Log.All, line => Regex.IsMatch(
            line,
            "^Warning WeCom gettoken: out of reach: HttpRequestException SecureConnectionError, .*(0x[0-9A-F]{8}|Exception), app "
            + "default$"));
    }

    [Fact]
    public async Task A_closed_port_is_told_as_a_refused_connection()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using var host = await StartAsync(new Uri($"http://{closed.LocalEndPoint}/"));

        await LoginUntilBusyAsync(host);

        Assert.Contains(
            "Warning WeCom gettoken: out of reach: HttpRequestException ConnectionError, SocketException ConnectionRefused, app default",
            host.Log.All);
    }

    [Fact]
    public async Task What_a_terminal_would_obey_in_an_errmsg_is_not_logged()
    {
        await using var weCom = await StartVerbatimAsync();
        weCom.Answer(
            "gettoken",
            Encoding.UTF8.GetBytes(
                "{\"errcode\":60020,\"errmsg\":\"\\u001b[31mred\\u0007\\u0000\\r\\n, \\u202e张三\\u2066 "
                + "\\u200b🐉\\u2028\\u0085\\ue0061ok\"}"));
        await using var host = await StartAsync(weCom.BaseAddress);

        await host.LoginAsync("a-code-that-works");

        Assert.Contains("Warning WeCom gettoken: errcode 60020, app default, errmsg [31mred , 张三  🐉 \ue006" + "1ok", host.Log.All);
    }

    [Theory]
    [InlineData("plain, 中文 and 👩", "plain, 中文 and 👩")]
    [InlineData("\u001b\u0007\u0000", "")]
    [InlineData("a\r\nb\nc\u2028d\u2029e\u0085f\tg", "a b c d e f g")]
    [InlineData("a\u202eb\u2066c\u200ed\u061ce\ufefff\u00adg", "a b c d e f g")]
    [InlineData("a\U000e0041b", "a b")]
    [InlineData("0123456789012345678", "0123456789012345678")]
    [InlineData("0123456789012345678\ud83d\udc09", "0123456789012345678")]
    [InlineData("01234567890123456789+", "01234567890123456789")]
    public void A_printable_text_is_one_line_of_whole_characters(string text, string expected) =>
        Assert.Equal(expected, ForeignText.Printable(text, 20));

    [Fact]
    public void Half_of_a_surrogate_pair_is_replaced() => Assert.Equal("\ufffd and \ufffd", ForeignText.Printable("\ud83d and \udc09", 20));

    /// <summary>Made in the test: the name of a test has its arguments, and is no place for what is quoted.</summary>
    public static TheoryData<Func<Exception>, string> Explained => new()
    {
        { () => new RequestFailedException(503, Quoted, "ServerBusy", null), "HTTP status 503, ServerBusy" },
        { () => new RequestFailedException(403, Quoted, "\u001b[31m" + Quoted, null), "HTTP status 403, an error code that is none" },
        { () => new RequestFailedException(403, Quoted, new string('x', 65), null), "HTTP status 403, an error code that is none" },
        { () => new RequestFailedException(500, Quoted), "HTTP status 500" },
        { () => new RequestFailedException(
            0,
            Quoted,
            new HttpRequestException(HttpRequestError.NameResolutionError, Quoted, new SocketException((int)SocketError.HostNotFound))),
            "no connection, HttpRequestException NameResolutionError, SocketException HostNotFound" },
        {
            () => new AggregateException(Quoted, new RequestFailedException(0, Quoted), new RequestFailedException(0, Quoted)),
            "no connection"
        },
        {
            () => new HttpRequestException(Quoted, null, HttpStatusCode.ProxyAuthenticationRequired),
            "HttpRequestException HTTP status 407"
        },
        {
            () => new AuthenticationFailedException($"AADSTS7000215: Invalid client secret {Quoted}"),
            "AuthenticationFailedException AADSTS7000215"
        },
        {
            () => new AuthenticationFailedException(Quoted, new JsonException(Quoted, Quoted, 6, 7)),
            "AuthenticationFailedException, JsonException at line 7, byte 7"
        },
        {
            () => new CredentialUnavailableException(Quoted, new TaskCanceledException(Quoted, new IOException(Quoted))),
            "CredentialUnavailableException, no answer in time"
        },
        {
            () => new AuthenticationFailedException(Quoted, new MsalServiceException("any", Quoted, 500)),
            "AuthenticationFailedException, MsalServiceException any HTTP status 500"
        },
        {
            () => new NoTokenException(new CredentialUnavailableException(Quoted)),
            "the identity gave no token, CredentialUnavailableException"
        },
        {
            () => new AuthenticationException($"{Quoted}: RemoteCertificateChainErrors, UntrustedRoot, None"),
            "AuthenticationException RemoteCertificateChainErrors UntrustedRoot"
        },
        { () => new OperationCanceledException(Quoted), "no answer in time" },
        { () => new JsonException(Quoted), "JsonException" },
        { () => new InvalidOperationException(Quoted, new FormatException(Quoted)), "InvalidOperationException, FormatException" },
    };

    [Theory]
    [MemberData(nameof(Explained))]
    public void An_exception_is_told_by_kind_and_code_cause_after_cause(Func<Exception> make, string expected) =>
        Assert.Equal(expected, ForeignText.Explain(make()));

    [Fact]
    public async Task A_defect_is_logged_with_type_and_place_and_without_the_words_of_its_exception()
    {
        var log = new LogLines();
        var thrown = Thrown(() =>
            throw new InvalidOperationException(Quoted, Thrown(() => throw new JsonException(Quoted)!)) { Data = { [Quoted] = Quoted } });

        var answer = await new Throwing(thrown, log.CreateLogger("any")).AnswerAsync(new BareCall(), CancellationToken.None);

        Assert.Equal(500, answer.Status);

        var logged = log.Exceptions.Single().ToString();
        Assert.DoesNotContain(Quoted, logged);
        Assert.Contains("InvalidOperationException, JsonException", logged);
        Assert.Equal(4, logged.Split(nameof(A_defect_is_logged_with_type_and_place_and_without_the_words_of_its_exception)).Length + 1);
    }

    [Fact]
    public async Task What_a_run_of_the_timer_throws_has_no_foreign_text()
    {
        await using var host = await LoginHost.StartAsync(
            Simulator, Azurite, Clock, configure: services => services.AddSingleton<ICorpSecretStore>(new Broken()));

        var thrown = await Assert.ThrowsAnyAsync<Exception>(host.RefreshAsync);

        Assert.DoesNotContain(Broken.Text, thrown.ToString());
        Assert.Contains("NotSupportedException", thrown.Message);
        Assert.Contains(nameof(Broken), thrown.ToString());
    }

    private sealed class Throwing(Exception exception, ILogger logger) : Endpoint(TimeProvider.System, logger)
    {
        public override string Route => "broken";

        public override IReadOnlyList<string> Methods => ["GET"];

        private protected override Task<HttpAnswer> RespondAsync(Exchange exchange)
        {
            ExceptionDispatchInfo.Throw(exception);
            return Task.FromException<HttpAnswer>(exception);
        }
    }

    private static Exception Thrown(Action action) => Assert.ThrowsAny<Exception>(action);

    private static void AssertIsNowhere(string text, LoginHost host)
    {
        Assert.DoesNotContain(host.Log.All, line => line.Contains(text, StringComparison.Ordinal));
        Assert.DoesNotContain(host.Log.Exceptions, exception => exception.ToString().Contains(text, StringComparison.Ordinal));
    }

    private async Task LoginUntilBusyAsync(LoginHost host)
    {
        var login = host.LoginAsync("a-code-that-works");
        var answer = await Clock.RunUntilAsync(login, TimeSpan.FromSeconds(10));
        Assert.Equal((503, "wecom_busy"), (answer.Status, answer["code"]));
    }

    private Task<LoginHost> StartAsync(Uri weCom, HttpMessageHandler? network = null) => LoginHost.StartAsync(
        Simulator,
        Azurite,
        Clock,
        settings: new() { ["WeCom__BaseUrl"] = weCom.AbsoluteUri },
        network: network);

    private static async Task<VerbatimWeCom> StartVerbatimAsync()
    {
        var weCom = await VerbatimWeCom.StartAsync();
        weCom.Answer("gettoken", """{"errcode":0,"errmsg":"ok","access_token":"a-token-of-its-own","expires_in":7200}"""u8);
        weCom.Answer("miniprogram/jscode2session", """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":"zhangsan"}"""u8);
        return weCom;
    }

    /// <summary>A server with a certificate that nobody trusts.</summary>
    private static async Task<WebApplication> StartTlsAsync(string name, int daysLeft)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=a subject of its own", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        if (IPAddress.TryParse(name, out var address))
        {
            names.AddIpAddress(address);
        }
        else
        {
            names.AddDnsName(name);
        }

        request.CertificateExtensions.Add(names.Build());
        var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-2), DateTimeOffset.UtcNow.AddDays(daysLeft));
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(certificate)));
        var server = builder.Build();
        await server.StartAsync();
        return server;
    }

    private sealed class Broken : ICorpSecretStore
    {
        public const string Text = "the words of a broken store";

        public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) =>
            throw new NotSupportedException(Text);
    }
}
