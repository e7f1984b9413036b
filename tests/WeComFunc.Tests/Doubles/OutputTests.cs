using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace WeComFunc.Tests.Doubles;

public sealed class OutputTests : IDisposable
{
    // Escaped differently by URLs and by both JSON encoders.
    private const string Secret = "t0ken/with+special&\"chars\" é";

    private readonly Output _output = new(Path.Combine(AppContext.BaseDirectory, "output", $"{Guid.NewGuid():n}.log"));
    private readonly ServiceProvider _services;
    private readonly ILogger _logger;

    public OutputTests()
    {
        _output.Secret(Secret, "access_token");
        _services = new ServiceCollection()
            .AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(new OutputLoggerProvider(_output)))
            .BuildServiceProvider();
        _logger = _services.GetRequiredService<ILoggerFactory>().CreateLogger("Tests");
    }

    public void Dispose()
    {
        _services.Dispose();
        _output.Dispose();
        File.Delete(_output.Path);
    }

    [Fact]
    public async Task Finds_nothing_where_nothing_leaks()
    {
        _output.Start();
        Log("nothing to see");

        Assert.Empty(await _output.FindLeaksAsync());
    }

    [Fact]
    public async Task Masks_the_secret_that_it_reports()
    {
        Log("first line");
        Log($"<{Secret}> and <{Secret}>");

        var leaks = await _output.FindLeaksAsync();

        Assert.All(leaks, leak => Assert.DoesNotContain(Secret, leak.ToString(), StringComparison.Ordinal));
        Assert.Equal(("access_token", "plain", 3), (leaks[0].Name, leaks[0].Form, leaks[0].Line));
        Assert.EndsWith("<***> and <***>", leaks[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Finds_a_leak_in_a_log_message() => await AssertLeaksAsync(() => Log(Secret));

    [Fact]
    public async Task Finds_a_leak_in_a_value_that_the_message_does_not_show() =>
        await AssertLeaksAsync(() => LogValue(new[] { Secret }));

    [Fact]
    public async Task Finds_a_leak_in_the_bytes_of_a_value() =>
        await AssertLeaksAsync(() => LogValue(Encoding.UTF8.GetBytes($"a{Secret}")), form: "base64");

    [Fact]
    public async Task Finds_a_leak_in_a_scope() => await AssertLeaksAsync(() =>
    {
        using var outer = _logger.BeginScope(new Dictionary<string, object?> { ["token"] = Secret });
        using var inner = _logger.BeginScope("inner");
        Log("message");
    });

    [Fact]
    public async Task Finds_a_leak_in_an_inner_exception() => await AssertLeaksAsync(
        () => Log("message", new InvalidOperationException("outer", new ArgumentException(Secret))));

    [Fact]
    public async Task Finds_a_leak_in_the_data_of_an_exception() => await AssertLeaksAsync(
        () => Log("message", new InvalidOperationException("outer", new ArgumentException { Data = { ["token"] = Secret } })));

    [Theory]
    [InlineData("tag")]
    [InlineData("event")]
    [InlineData("status")]
    [InlineData("name")]
    [InlineData("baggage")]
    public async Task Finds_a_leak_in_an_activity(string where)
    {
        _output.Start();
        using var source = new ActivitySource("Tests");

        await AssertLeaksAsync(() =>
        {
            using var activity = source.StartActivity("activity")!;
            switch (where)
            {
                case "tag":
                    activity.SetTag("token", Secret);
                    break;
                case "event":
                    activity.AddException(new InvalidOperationException(Secret));
                    break;
                case "status":
                    activity.SetStatus(ActivityStatusCode.Error, Secret);
                    break;
                case "name":
                    activity.DisplayName = Secret;
                    break;
                default:
                    activity.SetBaggage("token", Secret);
                    break;
            }
        });
    }

    [Fact]
    public async Task Finds_a_leak_in_a_tag_of_a_metric()
    {
        _output.Start();
        using var meter = new Meter("Tests");

        await AssertLeaksAsync(() => meter.CreateHistogram<double>("s").Record(1, new KeyValuePair<string, object?>("token", Secret)));
    }

    [Fact]
    public async Task Finds_a_leak_in_a_tag_of_an_observed_metric()
    {
        _output.Start();
        using var meter = new Meter("Tests");

        await AssertLeaksAsync(() => meter.CreateObservableGauge("age", () => new Measurement<int>(1, new("token", Secret), new("a", 1))));
    }

    [Fact]
    public async Task Writes_a_metric_with_the_same_tags_once()
    {
        _output.Start();
        using var meter = new Meter("Tests");
        var counter = meter.CreateCounter<int>("uses");

        for (var i = 0; i < 10; i++)
        {
            counter.Add(i, new KeyValuePair<string, object?>("token", Secret));
        }

        Assert.Single(await _output.FindLeaksAsync());
    }

    [Theory]
    [InlineData("X-Token", "body")]
    [InlineData("X-Other", Secret)]
    public async Task Finds_a_leak_in_a_response_and_leaves_its_body_readable(string header, string body)
    {
        var answer = new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(body) };
        answer.Headers.TryAddWithoutValidation(header, header == "X-Token" ? Secret : "value");
        using var client = new HttpClient(new OutputHandler(_output, new Answers(answer)));

        var read = await client.GetStringAsync(new Uri("http://localhost/"));

        Assert.Equal(body, read);
        Assert.Single(await _output.FindLeaksAsync());
    }

    [Theory]
    [InlineData("secret-of-stdout", "stdout")]
    [InlineData("secret-of-stderr", "stderr")]
    public async Task Finds_a_leak_in_what_a_child_process_prints(string secret, string stream)
    {
        _output.Secret(secret);
        var redirect = stream == "stderr" ? ">&2" : "";
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo("sh", ["-c", $"echo '{secret}' {redirect}"])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        _output.Follow(process, "child");
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await process.WaitForExitAsync();

        var leaks = await _output.FindLeaksAsync();

        Assert.Equal([$"command line of child: -c echo '***' {redirect}", $"{stream} of child: ***"], leaks.Select(leak => leak.Text));
    }

    [Theory]
    [InlineData("t0ken%2Fwith%2Bspecial%26%22chars%22%20%C3%A9", "URL")]
    [InlineData("t0ken%2Fwith%2Bspecial%26%22chars%22+%C3%A9", "URL")]
    [InlineData("t0ken%2fwith%2bspecial%26%22chars%22+%c3%a9", "URL")]
    [InlineData("t0ken/with\\u002Bspecial\\u0026\\u0022chars\\u0022 \\u00E9", "JSON")]
    [InlineData("t0ken/with+special&\\\"chars\\\" é", "JSON")]
    public async Task Finds_an_escaped_leak(string escaped, string form) =>
        await AssertLeaksAsync(() => _output.Write("test", escaped), form);

    [Theory]
    [InlineData("", "")]
    [InlineData("a", "")]
    [InlineData("ab", "b")]
    [InlineData("user:", "!?")]
    public async Task Finds_a_leak_in_base64(string before, string after)
    {
        var base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{before}{Secret}{after}"));

        await AssertLeaksAsync(() => _output.Write("test", base64), "base64");
        await AssertLeaksAsync(() => _output.Write("test", base64.Replace('+', '-').Replace('/', '_').TrimEnd('=')), "base64");
    }

    [Fact]
    public async Task Finds_what_was_written_before_the_secret_was_known()
    {
        Log("a later secret");

        _output.Secrets(["a later secret"], "later");

        Assert.Equal("later", Assert.Single(await _output.FindLeaksAsync(), l => l.Text.StartsWith("log", StringComparison.Ordinal)).Name);
    }

    [Fact]
    public async Task Reports_at_most_five_places_of_a_secret()
    {
        for (var i = 0; i < 9; i++)
        {
            _output.Write("test", Secret);
        }

        Assert.Equal([1, 2, 3, 4, 5], (await _output.FindLeaksAsync()).Select(l => l.Line));
    }

    [Fact]
    public async Task Finds_each_of_many_secrets_that_begin_alike()
    {
        var secrets = Enumerable.Range(0, 20_000).Select(i => $"access_token-{i:d8}").ToList();
        _output.Secrets(secrets);
        secrets.ForEach(s => _output.Write("test", $"access_token-0000 {s[..^1]} {s}"));

        var leaks = await _output.FindLeaksAsync();

        Assert.Equal(Enumerable.Range(1, 20_000), leaks.Select(l => l.Line));
    }

    [Theory]
    [InlineData("1234567")]
    [InlineData("on two\nlines")]
    public void Refuses_a_secret_that_cannot_be_searched(string secret)
    {
        var e = Assert.Throws<ArgumentException>(() => _output.Secret(secret));

        Assert.DoesNotContain(secret, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Takes_lines_from_many_threads()
    {
        Parallel.For(0, 1000, i => Log($"line {i}"));
        _output.Flush();

        Assert.Equal(1000, (await File.ReadAllLinesAsync(_output.Path)).Count(l => l.StartsWith("log: ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Ignores_what_comes_after_the_end()
    {
        _output.Start();
        _output.Start();
        _output.Dispose();

        Log("too late");
        _output.Flush();
    }

    [Fact]
    public void Writes_the_run_beside_the_tests() =>
        Assert.Equal(Path.Combine(AppContext.BaseDirectory, "output", "run.log"), Output.Run.Path);

    private void Log(string message, Exception? exception = null) =>
        _logger.Log(LogLevel.Trace, new EventId(7, "Event"), message, exception, (state, _) => state);

    private void LogValue(object value)
    {
        KeyValuePair<string, object?>[] state = [new("value", value)];
        _logger.Log(LogLevel.Debug, default, state, null, (_, _) => "message");
    }

    private async Task AssertLeaksAsync(Action leak, string form = "plain")
    {
        var before = await _output.FindLeaksAsync();
        leak();
        var after = await _output.FindLeaksAsync();

        Assert.True(after.Count > before.Count, "No leak was found.");
        Assert.All(after, l => Assert.Equal(form, l.Form));
    }

    private sealed class Answers(HttpResponseMessage answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(answer);
    }
}
