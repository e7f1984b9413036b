using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Web;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>What WeCom says of a code when an earlier attempt of the same exchange may have used it up.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class RepeatedCallTests(Azurite azurite) : FleetTest(azurite, new()), IDisposable
{
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(3);

    private readonly Unconnected _network = new();
    private LoginHost _host = null!;

    private ApiTraffic Sessions => WeCom[Api.JsCode2Session];

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _host = Ends(await LoginHost.StartAsync(
            Simulator, Azurite, Clock, network: _network));
    }

    public void Dispose() => _network.Dispose();

    private static readonly Dictionary<string, Fault> Lost = new()
    {
        ["a lost connection"] = new() { TakesEffect = true, Abort = true },
        ["HTTP 502"] = new() { TakesEffect = true, Status = 502 },
        ["HTTP 504 with a body"] = new() { TakesEffect = true, Status = 504, Body = "<html>" },
    };

    public static TheoryData<string> LostAnswers => [.. Lost.Keys];

    [Theory]
    [MemberData(nameof(LostAnswers))]
    public async Task A_code_that_WeCom_took_although_its_answer_was_lost_is_wecom_busy(string lost)
    {
        Sessions.AddFault(Lost[lost]);

        var answer = await LoginAsync();

        AssertBusy(answer, 40029);
        Assert.Equal(2, Sessions.Calls.Arrived);
    }

    [Theory]
    [MemberData(nameof(LostAnswers))]
    public async Task On_a_connection_that_served_before_it_is_wecom_busy_too(string lost)
    {
        await _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        Sessions.ResetCalls();
        Sessions.AddFault(Lost[lost]);

        var answer = await LoginAsync();

        AssertBusy(answer, 40029);
        Assert.Equal(2, Sessions.Calls.Arrived);
    }

    [Fact]
    public async Task A_code_that_WeCom_took_although_its_answer_came_too_late_is_wecom_busy()
    {
        Sessions.AddFault(new Fault { TakesEffect = true, Hold = true });

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await Sessions.WaitForCallsAsync(1);
        Clock.Advance(AttemptLimit);

        AssertBusy(await Clock.RunUntilAsync(login, AttemptLimit), 40029);
    }

    [Theory]
    [InlineData(40029)]
    [InlineData(40163)]
    [InlineData(42003)]
    public async Task Whatever_it_says_of_the_code_then_is_wecom_busy(int errcode)
    {
        Sessions.AddFault(new Fault { Status = 503 });
        Sessions.AddFault(new Fault { Errcode = errcode });

        AssertBusy(await LoginAsync(), errcode);
    }

    [Fact]
    public async Task An_answer_of_busy_in_between_does_not_make_it_the_codes_fault()
    {
        Sessions.AddFault(new Fault { TakesEffect = true, Status = 503 });
        Sessions.AddFault(new Fault { Errcode = -1 });

        AssertBusy(await LoginAsync(), 40029);
        Assert.Equal(3, Sessions.Calls.Arrived);
    }

    [Fact]
    public async Task An_attempt_that_found_no_connection_excuses_no_code()
    {
        await _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        _network.Failures = 2;

        var answer = await LoginAsync("a-code-that-nobody-issued");

        Assert.Equal((401, "invalid_code", "40029"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Fact]
    public async Task An_answer_of_busy_alone_excuses_no_code()
    {
        Sessions.AddFault(new Fault { Errcode = -1, Times = 2 });

        var answer = await LoginAsync("a-code-that-nobody-issued");

        Assert.Equal((401, "invalid_code", "40029"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Fact]
    public async Task An_exchange_of_its_own_is_not_excused_by_the_lost_answer_of_another()
    {
        Sessions.AddFault(new Fault { Status = 503, Times = 3 });
        await LoginAsync();

        var answer = await LoginAsync("a-code-that-nobody-issued");

        Assert.Equal((401, "invalid_code"), (answer.Status, answer["code"]));
    }

    [Fact]
    public async Task A_lost_answer_leaves_every_other_errcode_as_it_is()
    {
        Sessions.AddFault(new Fault { Status = 503 });
        Sessions.AddFault(new Fault { Errcode = 48002 });

        var answer = await LoginAsync();

        Assert.Equal((500, "misconfigured", "48002"), (answer.Status, answer["code"], answer["errcode"]));
    }

    /// <summary>The HTTP handler would send it again by itself then, unseen.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_connection_that_WeCom_closes_in_good_order_without_an_answer_is_a_lost_answer(bool isWarm)
    {
        await using var weCom = new ClosingWeCom();
        await using var host = await LoginHost.StartAsync(
            Simulator, Azurite, Clock, settings: new() { ["WeCom__BaseUrl"] = weCom.BaseAddress.AbsoluteUri });
        if (isWarm)
        {
            Assert.Equal(200, (await host.LoginAsync("a-code-that-works")).Status);
        }

        weCom.ClosesNextExchange = true;
        var answer = await Clock.RunUntilAsync(host.LoginAsync("another-code-that-works"), TimeSpan.FromSeconds(10));

        AssertBusy(answer, 40029);
        Assert.Equal(isWarm ? 3 : 2, weCom.Exchanges);
    }

    private static void AssertBusy(LoginAnswer answer, int errcode) =>
        Assert.Equal((503, "wecom_busy", $"{errcode}", true), (answer.Status, answer["code"], answer["errcode"], answer.RetryAfter > 0));

    private Task<LoginAnswer> LoginAsync(string? code = null) =>
        Clock.RunUntilAsync(_host.LoginAsync(code ?? WeCom.IssueCode("zhangsan")), TimeSpan.FromSeconds(10));

    /// <summary>A network that makes no connection for so many attempts.</summary>
    private sealed class Unconnected() : DelegatingHandler(WeComClient.CreateHandler())
    {
        public int Failures { get; set; }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Failures-- > 0 ? throw new HttpRequestException(HttpRequestError.ConnectionError) : base.SendAsync(request, cancellationToken);
    }

    /// <summary>A WeCom that closes a connection instead of an answer, and takes the code all the same.</summary>
    private sealed class ClosingWeCom : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly HashSet<string> _taken = [];
        private readonly Task _serving;

        public ClosingWeCom()
        {
            _listener.Start();
            _serving = ServeAsync();
        }

        public Uri BaseAddress => new($"http://{_listener.LocalEndpoint}/");

        public bool ClosesNextExchange { get; set; }

        public int Exchanges { get; private set; }

        public async ValueTask DisposeAsync()
        {
            _listener.Stop();
            await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        private async Task ServeAsync()
        {
            while (true)
            {
                _ = AnswerAsync(await _listener.AcceptTcpClientAsync());
            }
        }

        private async Task AnswerAsync(TcpClient connection)
        {
            using (connection)
            {
                using var reader = new StreamReader(connection.GetStream(), Encoding.ASCII);
                while (await reader.ReadLineAsync() is { } request)
                {
                    while (await reader.ReadLineAsync() is { Length: > 0 })
                    {
                    }

                    if (Answer(request.Split(' ')[1]) is not { } json)
                    {
                        return;
                    }

                    await connection.GetStream().WriteAsync(
                        Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {json.Length}\r\n\r\n{json}"));
                }
            }
        }

        private string? Answer(string url)
        {
            if (url.Contains("gettoken", StringComparison.Ordinal))
            {
                return """{"errcode":0,"errmsg":"ok","access_token":"a-token-of-its-own","expires_in":7200}""";
            }

            if (url.Contains("user/get", StringComparison.Ordinal))
            {
                return """{"errcode":0,"errmsg":"ok","userid":"zhangsan"}""";
            }

            Exchanges++;
            var isNew = _taken.Add(HttpUtility.ParseQueryString(url)["js_code"]!);
            if (ClosesNextExchange)
            {
                ClosesNextExchange = false;
                return null;
            }

            return isNew
                ? """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":"zhangsan"}"""
                : """{"errcode":40029,"errmsg":"invalid code"}""";
        }
    }
}
