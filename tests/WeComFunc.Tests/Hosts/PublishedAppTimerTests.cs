using WeComFunc.FunctionsHost;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The timer function of the deployed app.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppTimerTests(PublishedApp app) : WeComTest
{
    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        WeCom.Semantics = TokenSemantics.NewEachTimeOldLives;
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_run_renews_a_token_with_half_an_hour_left_past_due_or_not(bool isPastDue)
    {
        var table = await TableWithTokenOfAsync(TimeSpan.FromMinutes(90));
        await using var host = await PublishedHost.StartAsync(Simulator, app.Azurite, table);

        var run = await host.RefreshAsync(isPastDue);

        Assert.Equal((InvocationStatus.Success, null), (run.Status, run.Error));
        Assert.Single(host.Lines("Token renewal: reason timer, outcome renewed, 120 minutes left, app default"));
        Assert.Equal(2, WeCom[Api.GetToken].Calls.Arrived);
    }

    [Fact]
    public async Task A_run_with_nothing_to_do_succeeds_and_asks_WeCom_for_nothing()
    {
        var table = await TableWithTokenOfAsync(TimeSpan.FromMinutes(10));
        await using var host = await PublishedHost.StartAsync(Simulator, app.Azurite, table);

        var run = await host.RefreshAsync();

        Assert.Equal(InvocationStatus.Success, run.Status);
        Assert.Single(host.Lines("Token renewal: reason timer, outcome not_due, "));
        Assert.Equal(1, WeCom[Api.GetToken].Calls.Arrived);
    }

    [Fact]
    public async Task A_run_that_cannot_renew_and_has_no_token_fails_so_that_the_platform_shows_it()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020, Times = null });
        await using var host = await PublishedHost.StartAsync(Simulator, app.Azurite);

        var run = await host.RefreshAsync();

        Assert.Equal(InvocationStatus.Failure, run.Status);
        Assert.StartsWith("WeComFunc.AccessTokens.TokenRenewalException: ", run.Error, StringComparison.Ordinal);
        Assert.Contains(" was not renewed (Misconfigured, errcode 60020, app default)", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_run_ends_while_the_renewal_is_under_way()
    {
        var table = await TableWithTokenOfAsync(TimeSpan.FromMinutes(90));
        await using var host = await PublishedHost.StartAsync(Simulator, app.Azurite, table);
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        using var cancellation = new CancellationTokenSource();
        var run = host.RefreshAsync(cancellationToken: cancellation.Token);
        await WeCom[Api.GetToken].WaitForCallsAsync(2);

        await cancellation.CancelAsync();

        Assert.StartsWith("System.Threading.Tasks.TaskCanceledException: ", (await run).Error, StringComparison.Ordinal);
        Assert.Equal(1, WeCom[Api.GetToken].Calls.InFlight);
        WeCom[Api.GetToken].Release();
    }

    [Fact]
    public async Task It_runs_when_the_schedule_of_its_setting_says_so()
    {
        var clock = new ManualTimeProvider();
        await using var host = await PublishedHost.StartAsync(
            Simulator, app.Azurite, settings: new() { ["TokenRefreshSchedule"] = "0 */5 * * * *" }, timers: clock);
        await clock.WaitForTimersAsync(1);

        clock.Advance(TimeSpan.FromSeconds(299));
        Assert.Equal(new { ActiveTimers = 1, Count = 0 }, new { clock.ActiveTimers, host.Results.Count });
        clock.Advance(TimeSpan.FromSeconds(1));
        await host.WaitForResultsAsync(1);
        await clock.WaitForTimersAsync(1);
        clock.Advance(TimeSpan.FromMinutes(5));
        await host.WaitForResultsAsync(2);

        Assert.All(host.Results, run => Assert.Equal(("RefreshAccessToken", InvocationStatus.Success), (run.Function, run.Status)));
    }

    /// <summary>A table in which another instance left its token so long ago.</summary>
    private async Task<string> TableWithTokenOfAsync(TimeSpan age)
    {
        var table = LoginHost.NewTable();
        var then = new ManualTimeProvider(DateTimeOffset.UtcNow - age);
        await using var other = await LoginHost.StartAsync(Simulator, app.Azurite, then, table);
        await other.RefreshAsync();
        return table;
    }
}
