using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Http;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// Floods, and what they cost: the corp's quota what the limits say, others nothing, and memory no more than there is an end to.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class LimitTests(Azurite azurite) : LoginTest(azurite)
{
    private const int Burst = 100;
    private const int Million = 1_000_000;

    private static readonly Dictionary<string, string?> Limits = new()
    {
        ["Limits__LoginsPerSecondPerAddress"] = "0.001",
        ["Limits__BurstPerAddress"] = $"{Burst}",
    };

    [Theory]
    [InlineData("203.0.113.7:{0}", "203.0.113.8:1")]
    [InlineData("[2001:db8:0:1:{0:x}::7]:443", "[2001:db8:0:2::7]:443")]
    public async Task A_flood_from_one_caller_costs_WeCom_the_burst_and_others_nothing(string flood, string other)
    {
        var host = await StartAsync(settings: Limits);
        await WarmAsync(host);
        var statuses = new List<int>();
        for (var i = 0; i < 10 * Burst; i++)
        {
            statuses.Add(
                (await LoginAsync(host, $"an-invented-code-{i}", string.Format(CultureInfo.InvariantCulture, flood, i + 1))).Status);
        }

        Assert.Equal((Burst, 9 * Burst), (statuses.Count(status => status == 401), statuses.Count(status => status == 429)));
        var reached = WeCom[Api.JsCode2Session].Calls.Arrived;
        Assert.Equal(Burst, reached);
        Assert.Equal(200, (await LoginAsync(host, WeCom.IssueCode("zhangsan"), other)).Status);
        Figures.Write(
            $"3-flood-{(flood[0] == '[' ? "of-a-64" : "of-one-address")}", [$"Flood from {(flood[0] == '[' ? "a /64" : "one address")}: "
                + $"{statuses.Count} requests, {reached} of them reached WeCom at a burst of {Burst}"]);
    }

    [Fact]
    public void A_flood_from_a_million_addresses_takes_memory_to_which_there_is_an_end()
    {
        using var limiter = new CallerLimiter(DeployedSettings.Read([.. Limits.Select(limit => (limit.Key, limit.Value))]).Limits);
        string[] addresses = [.. Enumerable.Range(0, Million).Select(i => $"2001:db8:{i >> 16:x}:{i & 0xffff:x}::/64")];
        var allocated = GC.GetAllocatedBytesForCurrentThread();

        var refused = addresses.Count(address => limiter.Refuse(address) is not null);

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        Assert.Equal(0, refused);
        Assert.InRange(
            addresses.Select(CallerLimiter.PartitionOf).Distinct().Count(), CallerLimiter.Partitions / 2, CallerLimiter.Partitions);
        Assert.InRange(allocated, 0, 100L * 1024 * 1024);
        Figures.Write(
            "3-flood-of-a-million",
            [$"Flood from a million addresses: {allocated / 1024 / 1024} MiB for all of them, however many there are"]);
    }

    [Fact]
    public async Task More_logins_than_may_be_under_way_are_wecom_busy_at_once_and_the_others_are_served()
    {
        var host = await StartAsync(settings: new() { ["Limits__ConcurrentLogins"] = "2" });
        await WarmAsync(host);
        WeCom[Api.JsCode2Session].AddFault(new Fault { Hold = true, Times = 2 });
        Task<LoginAnswer>[] underWay = [host.LoginAsync(WeCom.IssueCode("zhangsan")), host.LoginAsync(WeCom.IssueCode("lisi"))];
        await WeCom[Api.JsCode2Session].WaitForCallsAsync(2);

        var crowded = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        WeCom[Api.JsCode2Session].Release();
        var served = await Task.WhenAll(underWay);
        var next = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((503, "wecom_busy", "True"), (crowded.Status, crowded["code"], crowded["retryable"]));
        Assert.InRange(crowded.RetryAfter!.Value, 2, 3);
        Assert.Contains(
            host.Log.All, line => line.EndsWith("1 over Limits__ConcurrentLogins; the last one wecom_busy", StringComparison.Ordinal));
        Assert.Equal([(200, "zhangsan"), (200, "lisi")], served.Select(answer => (answer.Status, answer["userid"])));
        Assert.Equal(200, next.Status);
    }

    [Fact]
    public async Task Requests_that_send_no_more_than_their_beginning_take_no_place_of_a_login()
    {
        var host = await StartAsync(settings: new() { ["Limits__ConcurrentLogins"] = "1" });
        string[] beginnings =
        [
            "POST /api/login HT",
            "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n",
            "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 8192\r\n\r\n",
            "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"code\":\"",
            "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        ];
        var open = new List<Socket>();
        for (var i = 0; i < 200; i++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            open.Add(socket);
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, host.Client.BaseAddress!.Port));
            await socket.SendAsync(Encoding.ASCII.GetBytes(beginnings[i % beginnings.Length]));
        }

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
        open.ForEach(socket => socket.Dispose());
    }

    [Fact]
    public void Whatever_a_caller_puts_before_it_the_address_that_the_outermost_trusted_proxy_saw_counts()
    {
        var tried = 0;
        string[] lies = ["192.0.2.1", "203.0.113.7", "unknown", "", "[::1]:1", "a,b", new string('9', 500), "198.51.100.1"];
        for (var proxies = 0; proxies <= 10; proxies++)
        {
            string[] path = ["203.0.113.7:50123", .. Enumerable.Range(1, proxies).Select(i => $"198.51.100.{i}")];
            for (var forged = 0; forged <= 20; forged++)
            {
                foreach (var lie in lies)
                {
                    var header = string.Join(", ", [.. Enumerable.Repeat(lie, forged), .. path]);

                    Assert.Equal("203.0.113.7", CallerAddress.Of(header, null, proxies));
                    Assert.Equal("203.0.113.7", proxies == 0
                        ? CallerAddress.Of(header, IPAddress.Parse("203.0.113.7"), 0)
                        : CallerAddress.Of(
                            string.Join(", ", [.. Enumerable.Repeat(lie, forged), .. path[..^1]]), IPAddress.Parse(path[^1]), proxies));
                    tried++;
                }
            }
        }

        Figures.Write(
            "3-forged-addresses",
            [$"Forged X-Forwarded-For: {tried} headers with up to 20 lies before 0 to 10 trusted proxies"]);
    }

    /// <summary>As it comes from the platform's front end.</summary>
    private static async Task<HttpAnswer> LoginAsync(LoginHost host, string code, string forwardedFor) =>
        await host.Services.GetRequiredService<Endpoints>().Login.AnswerAsync(
            new BareCall(new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(new { code })), forwardedFor), CancellationToken.None);
}
