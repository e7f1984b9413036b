using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.LocalHost;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The console as it goes over the wire: to whom, and what.</summary>
[Collection(HostsCollection.Name)]
public sealed class LocalConsoleTests(Azurite azurite) : LoginTest(azurite)
{
    // Of this test: others log in meanwhile, and who watches sees all that this process does.
    private static readonly string Trace = Guid.NewGuid().ToString("N");

    private static readonly string[] Pages = ["/", "/console.css", "/console.js", "/openapi.yaml", "/console/calls"];

    [Theory]
    [InlineData("/", "text/html")]
    [InlineData("/console.css", "text/css")]
    [InlineData("/console.js", "text/javascript")]
    public async Task The_page_takes_nothing_from_elsewhere_and_is_kept_nowhere(string path, string type)
    {
        var host = await StartAsync();

        using var answer = await host.Client.GetAsync(path);

        Assert.Equal((HttpStatusCode.OK, $"{type}; charset=utf-8"), (answer.StatusCode, $"{answer.Content.Headers.ContentType}"));
        Assert.StartsWith(
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; ",
            answer.Headers.GetValues("Content-Security-Policy").Single());
        Assert.Equal(
            ("no-store", "nosniff", "same-origin"),
            ($"{answer.Headers.CacheControl}", Value("X-Content-Type-Options"), Value("Cross-Origin-Resource-Policy")));
        Assert.DoesNotMatch("(src|href|url|from|import)[=(' \"]+(https?:)?//", await answer.Content.ReadAsStringAsync());

        string Value(string header) => answer.Headers.GetValues(header).Single();
    }

    [Fact]
    public async Task The_description_of_the_API_can_be_read_there()
    {
        var host = await StartAsync();

        var answer = await host.Client.GetStringAsync("/openapi.yaml");

        Assert.Equal(Repository.Read("docs/openapi.yaml"), answer);
    }

    [Theory]
    [InlineData("localhost:7071", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("[::1]:80", true)]
    [InlineData("localhost.example.com", false)]
    [InlineData("127.0.0.1.example.com", false)]
    [InlineData("example.com:7071", false)]
    [InlineData("192.0.2.1", false)]
    public async Task It_is_there_by_the_names_of_this_machine_only(string name, bool isThere)
    {
        var host = await StartAsync();

        Assert.All(await AskAllAsync(host, request => request.Headers.Host = name), status => Assert.Equal(isThere ? 200 : 404, status));
    }

    [Theory]
    [InlineData("Forwarded", "for=203.0.113.7")]
    [InlineData("X-Forwarded-For", "127.0.0.1")]
    [InlineData("X-Forwarded-Host", "localhost")]
    [InlineData("X-Real-IP", "127.0.0.1")]
    [InlineData("Via", "1.1 proxy")]
    public async Task What_a_proxy_hands_on_finds_nothing(string header, string value)
    {
        var host = await StartAsync();

        Assert.All(
            await AskAllAsync(host, request => request.Headers.TryAddWithoutValidation(header, value)),
            status => Assert.Equal(404, status));
    }

    [Theory]
    [InlineData("203.0.113.7", false)]
    [InlineData("::ffff:203.0.113.7", false)]
    [InlineData("::ffff:127.0.0.1", true)]
    [InlineData("::1", true)]
    public async Task It_is_there_for_this_machine_only(string peer, bool isThere)
    {
        var host = await StartAsync(configure: services => services.AddSingleton<IStartupFilter>(new From(peer)));

        Assert.All(await AskAllAsync(host, _ => { }), status => Assert.Equal(isThere ? 200 : 404, status));
    }

    [Theory]
    [InlineData("Sec-Fetch-Site", "cross-site", false)]
    [InlineData("Sec-Fetch-Site", "same-site", false)]
    [InlineData("Sec-Fetch-Site", "none", false)]
    [InlineData("Sec-Fetch-Site", "same-origin", true)]
    [InlineData("Origin", "http://example.com", false)]
    [InlineData("Origin", "http://127.0.0.1:1", false)]
    [InlineData("Origin", "null", false)]
    [InlineData("Origin", "http://localhost:7071", true)]
    public async Task No_page_of_another_site_gets_to_the_calls(string header, string value, bool isThere)
    {
        var host = await StartAsync();

        Assert.Equal(isThere ? 200 : 404, await AskAsync(host, "/console/calls", request =>
        {
            request.Headers.Host = "localhost:7071";
            request.Headers.TryAddWithoutValidation(header, value);
        }));
    }

    [Theory]
    [InlineData("POST", "/")]
    [InlineData("GET", "/console")]
    [InlineData("GET", "/console/lab")]
    [InlineData("GET", "/index.html")]
    [InlineData("GET", "/console.css/..%2fappsettings.json")]
    public async Task For_whatever_else_there_is_nothing(string method, string path)
    {
        var host = await StartAsync();
        using var request = new HttpRequestMessage(new(method), path);

        using var answer = await host.Client.SendAsync(request);

        Assert.Equal((HttpStatusCode.NotFound, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Who_watches_sees_every_call_of_a_login_with_its_outcome_and_no_secret()
    {
        var host = await StartAsync();
        await WarmAsync(host);
        WeCom.RevokeTokens();
        WeCom[Api.UserGet].AddFault(new Fault { Errcode = 60111 });
        using var watched = await WatchAsync(host);

        host.Client.DefaultRequestHeaders.Add("traceparent", $"00-{Trace}-b7ad6b7169203331-01");
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        var calls = await watched.UntilAsync("login");

        Assert.Equal(
            ["jscode2session 40014", "table read ok", "table write ok", "gettoken 0", "jscode2session 0", "user/get 60111", "login ok"],
            calls.Select(call => $"{call.Name} {call.Outcome}").Distinct());
        Assert.All(WeCom.IssuedSecrets, secret => Assert.DoesNotContain(secret, watched.Text));
        Assert.DoesNotContain("http", watched.Text);
        Assert.DoesNotContain(SimulatorState.SeedCorpId, watched.Text);
    }

    [Fact]
    public async Task Nobody_listens_to_logins_but_while_somebody_watches()
    {
        var host = await StartAsync();
        Assert.Equal(0, Listeners());

        using (await WatchAsync(host))
        {
            Assert.Equal(1, Listeners());
        }

        await Wait.UntilAsync(() => Listeners() == 0);
    }

    [Fact]
    public async Task Who_watches_keeps_no_host_from_ending()
    {
        var host = await StartAsync();
        using var watched = await WatchAsync(host);

        await host.StopAsync();

        Assert.Empty(await watched.UntilAsync("the end"));
    }

    /// <summary>
    /// How many of the console listen to the traces of logins. The tests' own output listens all the time, so .NET has to be asked for its
    /// list, which it keeps to itself.
    /// </summary>
    private static int Listeners()
    {
        var listeners = (ActivityListener[])FieldOf(FieldOf(Telemetry.Source, "_listeners"), "_volatileArray");
        return listeners.Count(listener => listener.ShouldListenTo?.Method.DeclaringType?.DeclaringType == typeof(CallFeed));

        static object FieldOf(object owner, string name) =>
            owner.GetType().GetField(name, BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(owner)!;
    }

    private static async Task<IReadOnlyList<int>> AskAllAsync(LoginHost host, Action<HttpRequestMessage> change)
    {
        var statuses = new List<int>();
        foreach (var path in Pages)
        {
            statuses.Add(await AskAsync(host, path, change));
        }

        return statuses;
    }

    private static async Task<int> AskAsync(LoginHost host, string path, Action<HttpRequestMessage> change)
    {
        using var client = new HttpClient { BaseAddress = host.Client.BaseAddress };
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        change(request);
        using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return (int)answer.StatusCode;
    }

    private static async Task<Watched> WatchAsync(LoginHost host)
    {
        var client = new HttpClient { BaseAddress = host.Client.BaseAddress, Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
        var answer = await client.GetAsync("/console/calls", HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(("text/event-stream", "no-store"), ($"{answer.Content.Headers.ContentType}", $"{answer.Headers.CacheControl}"));
        var watched = new Watched(client, answer, new(await answer.Content.ReadAsStreamAsync()));
        Assert.Equal("event: ready", await watched.LineAsync());
        Assert.Equal("data: 1", await watched.LineAsync());
        return watched;
    }

    private sealed record Call(string Trace, string Name, double Began, double Took, string? Outcome);

    /// <summary>What somebody who watches has been told.</summary>
    private sealed class Watched(HttpClient client, HttpResponseMessage answer, StreamReader lines) : IDisposable
    {
        public string Text { get; private set; } = "";

        public async Task<string?> LineAsync()
        {
            var line = await lines.ReadLineAsync();
            Output.Run.Write("event of the console", line);
            Text += line;
            return line;
        }

        /// <summary>The calls of the trace up to the first of a name, or up to the end.</summary>
        public async Task<List<Call>> UntilAsync(string name)
        {
            var calls = new List<Call>();
            while (calls.LastOrDefault()?.Name != name && await LineAsync() is { } line)
            {
                if (line.StartsWith("data: ", StringComparison.Ordinal)
                    && JsonSerializer.Deserialize<Call>(line["data: ".Length..], JsonSerializerOptions.Web)! is var call
                    && call.Trace == Trace)
                {
                    calls.Add(call);
                }
            }

            return calls;
        }

        public void Dispose()
        {
            lines.Dispose();
            answer.Dispose();
            client.Dispose();
        }
    }

    /// <summary>As if every request came from this address.</summary>
    private sealed class From(string address) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((context, rest) =>
            {
                context.Connection.RemoteIpAddress = IPAddress.Parse(address);
                return rest(context);
            });
            next(app);
        };
    }
}
