using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What the deployed app sends by OTLP, beside what it tells the Functions host.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppTelemetryTests(PublishedApp app) : ExportTest
{
    [Fact]
    public async Task A_login_is_a_trace_a_line_and_a_point_of_a_metric_and_the_host_is_told_as_ever()
    {
        await using var host = await StartAsync(new() { [OtlpReceiver.MetricInterval] = "50" });
        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        Assert.Equal(200, answer.Status);
        await host.RefreshAsync();
        await Receiver.WaitForSpanAsync("login");
        await Receiver.WaitForLineAsync("Login: outcome ok, ");
        await Receiver.WaitForLineAsync("Token renewal: reason timer, ");
        await Receiver.WaitForPointAsync("wecomfunc.login.duration", 1);
        await host.App.TerminateAsync();

        var login = Assert.Single(Receiver.Spans, span => span.Name == "login");
        var line = Assert.Single(Receiver.Lines, line => line.Text.StartsWith("Login: outcome ok, "));
        Assert.Equal(("ok", login.TraceId, login.Id), (login.Attributes["outcome"], line.TraceId, line.SpanId));
        Assert.Equal(login.TraceId, line.Attributes["TraceId"]);
        Assert.Equal(1, Assert.Single(Receiver.Points, point => point.Name == "wecomfunc.login.duration").Count);
        Assert.Contains(Receiver.Lines, line => line.Text.StartsWith("Token renewal: reason missing, outcome renewed, "));
        Assert.Contains(Receiver.Lines, line => line.Text.StartsWith("Token renewal: reason timer, "));
        Assert.Equal("wecomfunc", Receiver.Resource["service.name"]);
        Assert.NotNull(Assert.Single(host.Lines("Login: outcome ok, ")).InvocationId);
    }

    [Fact]
    public async Task A_line_outside_an_invocation_is_sent_once_though_the_host_is_told_it_again()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020, Times = null });
        await using var host = await StartAsync();
        await Wait.UntilAsync(async () =>
        {
            await host.HealthAsync();
            return host.Lines("WeCom gettoken: errcode 60020, ").Any(line => line.Message.EndsWith(", outside an invocation]"));
        });

        // What comes later is sent later.
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await Receiver.WaitForLineAsync("Login: outcome misconfigured, ");
        await host.App.TerminateAsync();

        Assert.Single(Receiver.Lines, line => line.Text.StartsWith("WeCom gettoken: errcode 60020, "));
        Assert.DoesNotContain(Receiver.Lines, line => line.Text.Contains("outside an invocation"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task OpenTelemetry_is_loaded_where_something_is_sent_and_nowhere_else(bool isSent)
    {
        await using var host = isSent ? await StartAsync() : await PublishedHost.StartAsync(Simulator, app.Azurite);
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        var loaded = await File.ReadAllTextAsync($"/proc/{host.App.ProcessId}/maps");

        Assert.Contains("/WeComFunc.dll", loaded);
        Assert.Equal(isSent, loaded.Contains("OpenTelemetry", StringComparison.Ordinal));
    }

    private Task<PublishedHost> StartAsync(Dictionary<string, string?>? settings = null) => PublishedHost.StartAsync(
        Simulator, app.Azurite, settings: Receiver.Settings.Where(setting => settings?.ContainsKey(setting.Key) is not true)
            .Concat(settings ?? []).ToDictionary());
}
