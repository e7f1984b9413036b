using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.RateLimiting;
using WeComFunc.Http;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What strangers can do at will, and what it costs: no line each, no alert, no failure of ours.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class RefusalTests(Azurite azurite) : LoginTest(azurite)
{
    [Fact]
    public async Task Requests_refused_before_any_call_have_one_line_a_minute_with_their_number()
    {
        await using var host = await StartAsync(("Limits__LoginsPerSecondPerAddress", "0.001"), ("Limits__BurstPerAddress", "1"));
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await host.PostAsync("{}");
        for (var i = 0; i < 20; i++)
        {
            await host.PostAsync("no JSON");
            await host.PostAsync("code=1", "text/plain");
            await host.LoginAsync("a-code-of-nobody");
        }

        Clock.Advance(TimeSpan.FromSeconds(59.9));
        await host.PostAsync(new string(' ', 9000));
        Assert.Equal(["Information Refused requests since the last such line: 1 malformed, 0 too_many_requests, 0 over "
            + "Limits__ConcurrentLogins; the last one invalid_request"], Lines(host));
        Clock.Advance(TimeSpan.FromSeconds(0.1));
        await host.LoginAsync("a-code-of-nobody");

        Assert.Equal(
            "Information Refused requests since the last such line: 41 malformed, 21 too_many_requests, 0 over Limits__ConcurrentLogins; "
            + "the last one too_many_requests",
            Lines(host).Last());
        Assert.Equal(2, Lines(host).Count());
        Assert.Single(host.Log.All, line => line.Contains("Login: outcome"));
    }

    [Fact]
    public async Task A_caller_that_hangs_up_in_the_middle_of_its_body_is_no_failure_of_ours()
    {
        await using var host = await StartAsync();
        using (var socket = new Socket(SocketType.Stream, ProtocolType.Tcp))
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, host.Client.BaseAddress!.Port));
            await socket.SendAsync(
                Encoding.ASCII.GetBytes(
                    "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"code\":\""));
            await host.HealthAsync();
            socket.LingerState = new LingerOption(true, 0);
        }

        // Whether the host first hears of the end of the connection or of that of the body is chance.
        await Wait.UntilAsync(() =>
            host.Log.All.Any(line => line.Contains("Login: outcome caller_gone, errcode none, ") || line.Contains(": 1 malformed, ")));

        Assert.DoesNotContain(
            host.Log.All,
            line => line.Contains("wecom_busy") || line.StartsWith("Error Login", StringComparison.Ordinal) || line.Contains("defect"));
    }

    [Fact]
    public void A_limiter_that_disposed_of_an_idle_address_is_asked_once_more()
    {
        using var limiter = new DisposedOnce();

        using var lease = CallerLimiter.Acquire(limiter, "203.0.113.7");

        Assert.True(lease.IsAcquired);
    }

    private static IEnumerable<string> Lines(LoginHost host) => host.Log.All.Where(line => line.Contains("Refused requests"));

    private Task<LoginHost> StartAsync(params (string Name, string? Value)[] settings) =>
        LoginHost.StartAsync(
            Simulator, Azurite, Clock, settings: settings.ToDictionary(setting => setting.Name, setting => setting.Value));

    private sealed class DisposedOnce : PartitionedRateLimiter<string>
    {
        private readonly ConcurrencyLimiter _inner = new(new() { PermitLimit = 1 });
        private bool _isDisposed = true;

        public override RateLimiterStatistics? GetStatistics(string resource) => null;

        protected override RateLimitLease AttemptAcquireCore(string resource, int permitCount)
        {
            ObjectDisposedException.ThrowIf(_isDisposed && !(_isDisposed = false), this);
            return _inner.AttemptAcquire(permitCount);
        }

        protected override ValueTask<RateLimitLease> AcquireAsyncCore(
            string resource, int permitCount, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            _inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
