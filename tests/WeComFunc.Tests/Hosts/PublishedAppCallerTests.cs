using System.Net;
using System.Text;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Whom the deployed app takes a login to be from. Each test has addresses of its own.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppCallerTests(PublishedApp app)
{
    [Theory]
    [InlineData("203.0.113.1:50123", "203.0.113.1:50999", "198.51.100.1:1")]
    [InlineData("203.0.113.2:50123", "::ffff:203.0.113.2", "198.51.100.2:1")]
    [InlineData("[::ffff:203.0.113.3]:50123", "203.0.113.3", "198.51.100.3")]
    [InlineData("192.0.2.2, 203.0.113.4:50123", "192.0.2.1,203.0.113.4", "198.51.100.4:1")]
    [InlineData("[2001:db8::7]:443", "2001:db8::7", "[2001:db8:1::7]:443")]
    [InlineData("unknown, 203.0.113.5", "203.0.113.5:1", "unknown")]
    public async Task Logins_are_counted_by_the_address_that_the_front_end_appended(
        string forwardedFor, string sameCaller, string otherCaller)
    {
        var host = await app.StrictAsync();

        var first = await host.LoginAsync("unknown-code", forwardedFor);
        var second = await host.LoginAsync("unknown-code", sameCaller);
        var other = await host.LoginAsync("unknown-code", $"{forwardedFor}, {otherCaller}");

        Assert.Equal(("invalid_code", "too_many_requests", "invalid_code"), (first["code"], second["code"], other["code"]));
        Assert.NotNull(second.RetryAfter);
    }

    [Fact]
    public async Task A_caller_that_sends_the_header_itself_twice_is_counted_by_the_line_of_the_front_end()
    {
        var host = await app.StrictAsync();
        await PostAsync("X-Forwarded-For: 192.0.2.80", "X-Forwarded-For: 192.0.2.81:50123");

        var second = await PostAsync("X-Forwarded-For: 192.0.2.82", "X-Forwarded-For: 192.0.2.81:50124");
        var other = await PostAsync("X-Forwarded-For: 192.0.2.81", "X-Forwarded-For: 192.0.2.83:50124");

        Assert.StartsWith("HTTP/1.1 429 ", second, StringComparison.Ordinal);
        Assert.StartsWith("HTTP/1.1 401 ", other, StringComparison.Ordinal);

        Task<string> PostAsync(params string[] forwardedFor) => host.SendAsync(
        [
            "POST /api/login HTTP/1.1",
            .. forwardedFor,
            "Content-Type: application/json",
            "Content-Length: 23",
            "",
            """{"code":"unknown-code"}""",
        ]);
    }

    [Fact]
    public async Task Callers_without_an_address_are_counted_together()
    {
        var host = await app.StrictAsync();
        await host.LoginAsync("unknown-code");

        var answer = await host.LoginAsync("unknown-code");

        Assert.Equal("too_many_requests", answer["code"]);
    }

    [Fact]
    public async Task Behind_the_front_end_a_caller_is_counted_by_its_connection_whatever_it_sends()
    {
        await using var simulator = await SimulatorServer.StartAsync();
        await using var host = await PublishedHost.StartAsync(simulator, app.Azurite, settings: PublishedApp.OneLogin, hasFrontEnd: true);

        var first = await StatusAsync(host, "127.0.0.2", "192.0.2.90");
        var second = await StatusAsync(host, "127.0.0.2", "192.0.2.91");
        var other = await StatusAsync(host, "127.0.0.3", "192.0.2.90");

        Assert.Equal((401, 429, 401), (first, second, other));
    }

    private static async Task<int> StatusAsync(PublishedHost host, string from, string forwardedFor)
    {
        using var client = HostClient.Create(host.Client.BaseAddress!, from: IPAddress.Parse(from));
        using var content = new StringContent("""{"code":"unknown-code"}""", Encoding.UTF8, "application/json");
        content.Headers.Add("X-Forwarded-For", forwardedFor);
        using var answer = await client.PostAsync("/api/login", content);
        return (int)answer.StatusCode;
    }
}
