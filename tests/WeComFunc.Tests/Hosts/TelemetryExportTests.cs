using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Azure.Data.Tables;
using WeComFunc.Azure;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What the local host sends by OTLP, and that it sends nothing where nobody asks for it.</summary>
[Trait("Speed", "Slow")]
[Collection(HostsCollection.Name)]
public sealed class TelemetryExportTests(Azurite azurite) : ExportTest
{
    private const string TraceId = "0af7651916cd43dd8448eb211c80319c";
    private const string CallersSpan = "b7ad6b7169203331";

    private readonly string _table = LoginHost.NewTable();

    [Fact]
    public async Task A_login_is_a_trace_even_where_the_caller_samples_none()
    {
        await RunAsync(Receiver.Settings, LoginAndWaitAsync);

        var login = Assert.Single(Receiver.Spans, span => span.Name == "login");
        Assert.Equal((TraceId, CallersSpan, "ok"), (login.TraceId, login.ParentId, login.Attributes["outcome"]));
        Assert.All(
            (string[])["jscode2session", "user/get"],
            call => Assert.Equal(
                (login.TraceId, login.Id, "0"),
                Receiver.Spans.Last(span => span.Name == call) is var span
                    ? (span.TraceId, span.ParentId, span.Attributes["wecom.errcode"])
                    : default));
    }

    [Fact]
    public async Task A_login_is_a_line_within_its_trace_and_the_lines_of_the_start_are_sent_too()
    {
        await RunAsync(Receiver.Settings, LoginAndWaitAsync);

        var line = Assert.Single(Receiver.Lines, line => line.Text.StartsWith("Login: outcome ok, errcode none, "));
        var login = Assert.Single(Receiver.Spans, span => span.Name == "login");
        Assert.Equal(("WeComFunc.Login.LoginEndpoint", "Information"), (line.Category, line.Level));
        Assert.Equal((login.TraceId, login.Id), (line.TraceId, line.SpanId));
        Assert.Equal(("ok", "default", TraceId), (line.Attributes["Outcome"], line.Attributes["App"], line.Attributes["TraceId"]));
        Assert.Single(Receiver.Lines, line => line.Text.StartsWith("The corpsecret was read from WeCom__CorpSecret"));
    }

    [Fact]
    public async Task A_login_is_counted_in_seconds_that_tell_quick_ones_apart()
    {
        await RunAsync(new(Receiver.Settings) { [OtlpReceiver.MetricInterval] = "50" }, async client =>
        {
            await LoginAsync(client);
            await LoginAsync(client);
            await Receiver.WaitForPointAsync("wecomfunc.login.duration", 2);
        });

        var logins = Assert.Single(Receiver.Points, point => point.Name == "wecomfunc.login.duration");
        Assert.Equal(("s", 2), (logins.Unit, logins.Count));
        Assert.Equal(new() { ["outcome"] = "ok", ["app"] = "default" }, logins.Attributes);
        Assert.Equal((0.001, 10), (logins.Bounds[0], logins.Bounds[^1]));
        var renewal = Assert.Single(Receiver.Points, point => point.Name == "wecomfunc.token.renewals");
        Assert.Equal((1, "renewed"), (renewal.Count, renewal.Attributes["outcome"]));
        Assert.Contains(Receiver.Points, point => point.Name == "wecomfunc.token.left");
        Assert.All(Receiver.Points, point => Assert.StartsWith("wecomfunc.", point.Name));
    }

    [Fact]
    public async Task It_is_called_by_its_name_and_sends_at_its_end_what_it_has_measured()
    {
        await RunAsync(Receiver.Settings, LoginAndWaitAsync);

        Assert.Equal(1, Assert.Single(Receiver.Points, point => point.Name == "wecomfunc.login.duration").Count);
        Assert.Equal("wecomfunc", Receiver.Resource["service.name"]);
        Assert.NotEmpty(Receiver.Resource["service.instance.id"]);
    }

    [Fact]
    public async Task The_standard_settings_count()
    {
        var settings = new Dictionary<string, string?>(Receiver.Settings)
        {
            ["OTEL_SERVICE_NAME"] = "logins-of-sales",
            ["OTEL_RESOURCE_ATTRIBUTES"] = "deployment.environment=dev",
            ["OTEL_TRACES_SAMPLER"] = "always_off",
        };

        await RunAsync(settings, async client =>
        {
            await LoginAsync(client);
            await Receiver.WaitForLineAsync("Login: outcome ok, ");
        });

        Assert.Equal(
            ("logins-of-sales", "dev"), (Receiver.Resource["service.name"], Receiver.Resource["deployment.environment"]));
        Assert.Empty(Receiver.Spans);
        Assert.Contains(Receiver.Lines, line => line.Text.StartsWith("Login: outcome ok, "));
    }

    [Fact]
    public async Task Nothing_that_is_sent_holds_a_secret()
    {
        using var output = new Output(Path.Combine(AppContext.BaseDirectory, "output", "otlp.log"));
        await using var receiver = await OtlpReceiver.StartAsync(output);

        await RunAsync(receiver.Settings, async client =>
        {
            await LoginAsync(client);
            WeCom[Api.JsCode2Session].AddFault(new Fault { Body = "not JSON" });
            await LoginAsync(client, 502);
            WeCom.RevokeTokens();
            await LoginAsync(client);

            // Until the fleet knows that the new token works, another that is rejected has a pause.
            var table = new TableTokenStore(new TableClient(azurite.ConnectionString, _table));
            var app = new WeComApp(SimulatorState.SeedCorpId, "any");
            await Wait.UntilAsync(async () =>
                await table.ReadAsync(app, CancellationToken.None) is { Rejections: 1, RejectionRetryAt: null, ServedLogin: true });
            WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp, revokeTokens: true);
            await LoginAsync(client, 500);
            await receiver.WaitForLineAsync("Login: outcome misconfigured, ");
        });

        Assert.Contains(receiver.Lines, line => line.Text.StartsWith("WeCom gettoken: errcode 40001, "));
        output.Secrets(WeCom.IssuedSecrets);
        Assert.Empty(await output.FindLeaksAsync());
        output.Secret("jscode2session", "a canary, which is the name of a span");
        Assert.NotEmpty(await output.FindLeaksAsync());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OpenTelemetry_is_loaded_where_something_is_sent_and_nowhere_else(bool isSent)
    {
        await using var host = Start(isSent ? Receiver.Settings : []);
        using var client = HostClient.Create(await host.AddressAsync());
        await LoginAsync(client);

        var loaded = await File.ReadAllTextAsync($"/proc/{host.ProcessId}/maps");

        Assert.Contains("/WeComFunc.dll", loaded);
        Assert.Equal(isSent, loaded.Contains("OpenTelemetry", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_nobody_takes_what_is_sent_logins_go_on_and_the_process_ends()
    {
        // Both at once: at its end, each process waits for its time.
        await Task.WhenAll(SendAsync("grpc"), SendAsync("http/protobuf"));

        async Task SendAsync(string protocol)
        {
            // Connections are taken, by the system, and nobody ever reads from one.
            using var silent = new TcpListener(IPAddress.Loopback, 0);
            silent.Start();
            await RunAsync(
                new()
                {
                    ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://{silent.LocalEndpoint}",
                    ["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol,
                    ["OTEL_BSP_SCHEDULE_DELAY"] = "1",
                    ["OTEL_METRIC_EXPORT_INTERVAL"] = "1",
                },
                async client =>
                {
                    using var connection = await silent.AcceptSocketAsync();
                    await LoginAsync(client);
                });
        }
    }

    /// <summary>Runs the local host, and has it end.</summary>
    private async Task RunAsync(Dictionary<string, string?> settings, Func<HttpClient, Task> use)
    {
        await using var host = Start(settings);
        using var client = HostClient.Create(await host.AddressAsync());
        await use(client);

        await host.SignalAsync("TERM");

        Assert.Equal(0, await host.ExitAsync());
        Assert.Empty(host.Errors);
    }

    private HostProcess Start(Dictionary<string, string?> settings)
    {
        var all = LoginHost.Settings(Simulator, azurite, _table);
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        return HostProcess.Start("WeComFunc.LocalHost", all, arguments: ["--urls", "http://127.0.0.1:0"]);
    }

    private async Task LoginAndWaitAsync(HttpClient client)
    {
        await LoginAsync(client);
        await Receiver.WaitForSpanAsync("login");
        await Receiver.WaitForLineAsync("Login: outcome ok, ");
    }

    private async Task LoginAsync(HttpClient client, int status = 200)
    {
        var code = WeCom.IssueCode("zhangsan");
        Output.Run.Secret(code, "code");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/login") { Content = JsonContent.Create(new { code }) };
        request.Headers.Add("traceparent", $"00-{TraceId}-{CallersSpan}-00");
        using var answer = await client.SendAsync(request);
        Assert.Equal(status, (int)answer.StatusCode);
    }
}
