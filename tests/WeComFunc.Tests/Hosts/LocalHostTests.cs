using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using WeComFunc.LocalHost;
using WeComFunc.Secrets;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

[Trait("Speed", "Slow")]
[Collection(HostsCollection.Name)]
public sealed class LocalHostTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string Project = "WeComFunc.LocalHost";
    private const string Broken = "must be a JSON object with an object Values, as in local.settings.sample.json.";

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Output.Run.Secret(WeCom.CorpSecret, "corpsecret");
    }

    [Fact]
    public async Task It_serves_health_where_urls_says()
    {
        await using var host = HostProcess.Start(Project, Settings(), arguments: ["--urls", "http://127.0.0.1:0"]);

        var answer = await HealthAsync(host);

        Assert.Equal((200, "healthy"), (answer.Status, answer["status"]));
    }

    [Theory]
    [InlineData(
        "taken",
        "The local host cannot listen: Failed to bind to address ADDRESS: address already in use. Choose another address with --urls.")]
    [InlineData(
        "http://192.0.2.1:7071", "The local host cannot listen: Cannot assign requested address. Choose another address with --urls.")]
    public async Task An_address_that_it_cannot_listen_on_ends_it_with_one_line(string urls, string expected)
    {
        var taken = Simulator.BaseAddress.AbsoluteUri.TrimEnd('/');

        await using var host = HostProcess.Start(Project, Settings(), arguments: ["--urls", urls == "taken" ? taken : urls]);

        Assert.Equal(1, await host.ExitAsync());
        Assert.Equal([expected.Replace("ADDRESS", taken)], host.Errors);
        Assert.DoesNotContain(host.Lines, line => line.Contains("   at ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("--urls", "https://127.0.0.1:7071", "--urls has an address of https: the local host speaks http alone")]
    [InlineData("--urls", "http://127.0.0.1:70a", "--urls has http://127.0.0.1:70a: it must be http://ADDRESS:PORT")]
    [InlineData("--setting", "none", "--setting is no option: --help shows those there are.")]
    [InlineData("--settings", "nowhere.json", "nowhere.json, which --settings names, is not there")]
    // There, and no process can read its beginning.
    [InlineData("--settings", "/proc/self/mem", "/proc/self/mem cannot be read: ")]
    public async Task An_option_that_is_of_no_use_ends_it_with_one_line(string option, string value, string expected)
    {
        await using var host = HostProcess.Start(Project, Settings(), arguments: [option, value]);

        Assert.Equal(78, await host.ExitAsync());
        Assert.StartsWith($"error: {expected}", Assert.Single(host.Errors));
    }

    [Theory]
    [InlineData("0af7651916cd43dd8448eb211c80319c", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    [InlineData(null, "00-0af7651916cd43dd8448eb211c80319c")]
    public async Task A_problem_is_told_by_the_trace_of_the_caller_where_it_sends_one(string? expected, string traceParent)
    {
        await using var host = await LoginHost.StartAsync(Simulator, Azurite, Clock);
        host.Client.DefaultRequestHeaders.Add("traceparent", traceParent);

        var answer = await host.PostAsync("");

        Assert.Matches(expected ?? "^(?!0af7651916cd43dd8448eb211c80319c)[0-9a-f]{32}$", answer["traceId"]);
    }

    [Fact]
    public async Task A_body_in_chunks_that_is_empty_is_malformed_since_it_was_read()
    {
        await using var host = await LoginHost.StartAsync(Simulator, Azurite, Clock);
        using var content = new StreamContent(PipeReader.Create(ReadOnlySequence<byte>.Empty).AsStream());
        content.Headers.ContentType = new("application/json");

        var answer = await host.PostAsync(content);

        Assert.Equal((400, "invalid_request"), (answer.Status, answer["code"]));
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task It_ends_cleanly_when_it_is_told_to(string signal)
    {
        await using var host = HostProcess.Start(Project, Settings(), arguments: ["--urls", "http://127.0.0.1:0"]);
        await host.AddressAsync();

        await host.SignalAsync(signal);

        Assert.Equal(0, await host.ExitAsync());
        Assert.Empty(host.Errors);
    }

    [Fact]
    public async Task Told_to_end_it_answers_the_login_under_way_and_refuses_new_ones()
    {
        await using var host = HostProcess.Start(Project, Settings(), arguments: ["--urls", "http://127.0.0.1:0"]);
        using var client = HostClient.Create(await host.AddressAsync());
        WeCom[Api.JsCode2Session].AddFault(new Fault { Hold = true });
        using var content = JsonContent.Create(new { code = WeCom.IssueCode("zhangsan") });
        var login = client.PostAsync("/api/login", content);
        await WeCom[Api.JsCode2Session].WaitForCallsAsync(1);

        await host.SignalAsync("TERM");
        await UntilRefusedAsync(client.BaseAddress!);
        WeCom[Api.JsCode2Session].Release();

        using var answer = await login;
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains("zhangsan", await answer.Content.ReadAsStringAsync());
        Assert.Equal(0, await host.ExitAsync());
    }

    [Fact]
    public async Task Told_to_end_it_ends_though_a_request_is_never_finished()
    {
        TimeSpan? limit = null;
        await using var app = LocalHostApp.Create(["--settings", "none", "--urls", "http://127.0.0.1:0"], builder =>
        {
            builder.Configuration.AddInMemoryCollection(
                Settings().Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":"), setting.Value)));
            builder.Services.PostConfigure<HostOptions>(
                options => (limit, options.ShutdownTimeout) = (options.ShutdownTimeout, TimeSpan.FromMilliseconds(1)));
        });
        await app.StartAsync();
        var address = new Uri(app.Urls.Single());
        using var client = new TcpClient();
        await client.ConnectAsync(address.Host, address.Port);
        await client.GetStream().WriteAsync(
            "POST /api/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"code"u8.ToArray());
        using var other = HostClient.Create(address);
        using var health = await other.GetAsync("/api/health");

        await app.StopAsync();

        Assert.Equal(WeComFuncServices.ShutdownLimit, limit);
        Assert.Equal(-1, await ReadByteAsync(client.GetStream()));
    }

    [Fact]
    public async Task It_reads_the_local_settings_of_the_current_directory()
    {
        await using var host = HostProcess.Start(
            Project, [], new() { ["local.settings.json"] = AsFile(Settings()) }, "--urls", "http://127.0.0.1:0");

        var answer = await HealthAsync(host);

        Assert.Equal(200, answer.Status);
    }

    [Fact]
    public async Task It_reads_the_local_settings_that_it_is_pointed_to()
    {
        var files = new Dictionary<string, string> { ["local.settings.json"] = "broken", ["other.json"] = AsFile(Settings()) };
        await using var host = HostProcess.Start(Project, [], files, "--urls", "http://127.0.0.1:0", "--settings", "other.json");

        var answer = await HealthAsync(host);

        Assert.Equal(200, answer.Status);
    }

    [Fact]
    public async Task Local_settings_may_have_comments_and_trailing_commas()
    {
        var file = $"// for me only\n{AsFile(Settings())[..^1]},}}";
        await using var host = HostProcess.Start(Project, [], new() { ["local.settings.json"] = file }, "--urls", "http://127.0.0.1:0");

        var answer = await HealthAsync(host);

        Assert.Equal(200, answer.Status);
    }

    [Fact]
    public async Task An_environment_variable_wins_over_the_local_settings()
    {
        var files = new Dictionary<string, string> { ["local.settings.json"] = AsFile(Settings()) };
        await using var host = HostProcess.Start(
            Project, new() { ["Login__RequireProfile"] = "yes" }, files, "--urls", "http://127.0.0.1:0");

        Assert.NotEqual(0, await host.ExitAsync());
        Assert.Equal(["error: Login__RequireProfile is malformed: it must be true or false."], host.Errors);
    }

    [Fact]
    public async Task Asked_for_help_it_shows_its_options_and_ends()
    {
        await using var host = HostProcess.Start(Project, [], arguments: ["--help"]);

        Assert.Equal(0, await host.ExitAsync());
        Assert.StartsWith("Usage: WeComFunc.LocalHost [check] [--urls ADDRESS]", host.Lines[0]);
        Assert.Empty(host.Errors);
    }

    /// <summary>The README's <c>dotnet run</c> is to find the settings of the folder in which it is typed.</summary>
    [Fact]
    public async Task Run_by_the_SDK_it_stays_in_the_folder_of_whoever_runs_it()
    {
        string[] command = ["msbuild", $"src/{Project}", "-getProperty:RunWorkingDirectory"];
        using var process = Process.Start(
            new ProcessStartInfo("dotnet", command) { RedirectStandardOutput = true, WorkingDirectory = Repository.Root })!;

        Assert.Equal("", (await process.StandardOutput.ReadToEndAsync()).Trim());
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public async Task A_broken_file_of_settings_stops_it_with_one_line()
    {
        await using var host = HostProcess.Start(Project, Settings(), new() { ["local.settings.json"] = "{}" });

        Assert.NotEqual(0, await host.ExitAsync());
        Assert.Equal([$"error: local.settings.json {Broken}"], host.Errors);
    }

    [Fact]
    public async Task It_listens_at_the_address_of_the_Functions_tools_unless_told_otherwise()
    {
        await using var app = LocalHostApp.Create(["--settings", "none"], builder => builder.Configuration.AddInMemoryCollection(
            Settings().Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":"), setting.Value))));

        Assert.Equal("http://127.0.0.1:7071", app.Configuration["urls"]);
    }

    [Fact]
    public async Task The_timer_renews_when_its_schedule_says_so()
    {
        var log = new LogWatch("Token renewal");
        await using var host = await StartWithTimerAsync(log);
        await Clock.WaitForTimersAsync(1);

        Clock.Advance(TimeSpan.FromSeconds(299));
        Assert.Equal(new { ActiveTimers = 1, Arrived = 0 }, new { Clock.ActiveTimers, WeCom[Api.GetToken].Calls.Arrived });
        Clock.Advance(TimeSpan.FromSeconds(1));

        await WeCom[Api.GetToken].WaitForCallsAsync(1);
    }

    [Fact]
    public async Task The_timer_goes_on_by_its_schedule()
    {
        var start = Clock.GetUtcNow();
        var runs = new LogWatch("Token renewal: reason timer");
        await using var host = await StartWithTimerAsync(runs);

        await RunUntilAsync(runs.SeenAsync(3));

        Assert.True(Clock.GetUtcNow() >= start.AddMinutes(15));
    }

    [Fact]
    public async Task A_run_of_the_timer_that_fails_is_logged_and_does_not_stop_the_next()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020, Times = null });
        var failures = new LogWatch("RefreshAccessToken failed");
        await using var host = await StartWithTimerAsync(failures);

        await RunUntilAsync(failures.SeenAsync(2));
    }

    [Theory]
    [InlineData(typeof(InvalidOperationException))]
    [InlineData(typeof(OperationCanceledException))]
    public async Task A_run_of_the_timer_that_throws_is_logged_and_does_not_stop_the_next(Type exception)
    {
        var failures = new LogWatch("RefreshAccessToken failed");
        await using var host = await StartWithTimerAsync(failures, new BrokenSecretStore(exception));

        await RunUntilAsync(failures.SeenAsync(2));
    }

    private static Task UntilRefusedAsync(Uri address) => Wait.UntilAsync(async () =>
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(address.Host, address.Port);
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    });

    /// <returns>A byte; -1 where the host has closed the connection, in whichever way.</returns>
    private static async Task<int> ReadByteAsync(NetworkStream stream)
    {
        try
        {
            var buffer = new byte[1];
            return await stream.ReadAsync(buffer) == 0 ? -1 : buffer[0];
        }
        catch (IOException)
        {
            return -1;
        }
    }

    private static string AsFile(Dictionary<string, string?> settings) =>
        JsonSerializer.Serialize(new { IsEncrypted = false, Values = settings });

    private static async Task<LoginAnswer> HealthAsync(HostProcess host)
    {
        using var client = HostClient.Create(await host.AddressAsync());
        return await LoginAnswer.OfAsync(await client.GetAsync("/api/health"));
    }

    private Dictionary<string, string?> Settings() => new()
    {
        ["WeCom__CorpId"] = SimulatorState.SeedCorpId,
        ["WeCom__BaseUrl"] = Simulator.BaseAddress.AbsoluteUri,
        ["WeCom__CorpSecret"] = WeCom.CorpSecret,
        ["AZURE_FUNCTIONS_ENVIRONMENT"] = "Development",
        ["TokenStore__ConnectionString"] = Azurite.ConnectionString,
        ["TokenStore__TableName"] = LoginHost.NewTable(),
        ["TokenRefreshSchedule"] = "0 0 0 1 1 *",
    };

    private Task<LoginHost> StartWithTimerAsync(LogWatch log, ICorpSecretStore? secrets = null) => LoginHost.StartAsync(
        Simulator,
        Azurite,
        Clock,
        settings: new() { ["TokenRefreshSchedule"] = "0 */5 * * * *" },
        configure: services =>
        {
            services.AddSingleton(log.Provider);
            if (secrets is not null)
            {
                services.AddSingleton(secrets);
            }
        });

    /// <summary>Moves the clock from one run of the timer to the next, for as long as it takes.</summary>
    private Task RunUntilAsync(Task seen) => Clock.RunUntilAsync(seen, TimeSpan.FromDays(7));

    private sealed class BrokenSecretStore(Type exception) : ICorpSecretStore
    {
        public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) =>
            throw (Exception)Activator.CreateInstance(exception)!;
    }

    /// <summary>Waits for messages that begin so.</summary>
    private sealed class LogWatch(string beginning)
    {
        private readonly AwaitableCount _seen = new($"messages that begin with '{beginning}'");

        public ILoggerProvider Provider => new FakeLoggerProvider(FakeLogCollector.Create(new()
        {
            OutputFormatter = line => line.Message,
            OutputSink = Look,
        }));

        public Task SeenAsync(int atLeast) => _seen.WaitAsync(atLeast);

        private void Look(string message)
        {
            if (message.StartsWith(beginning, StringComparison.Ordinal))
            {
                _seen.Increment();
            }
        }
    }
}
