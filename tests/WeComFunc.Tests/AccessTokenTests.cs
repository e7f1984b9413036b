using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.AccessTokens;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The access token rules T1 to T12 of one process and of a few, through real logins.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AccessTokenTests(Azurite azurite) : IAsyncLifetime
{
    private static readonly WeComApp App = new(SimulatorState.SeedCorpId, "wecom-corpsecret");

    private readonly string _table = LoginHost.NewTable();
    private readonly ManualTimeProvider _clock = new();
    private readonly List<LoginHost> _hosts = [];
    private SimulatorServer _simulator = null!;

    private SimulatorState WeCom => _simulator.State;

    private int GetTokenCalls => WeCom[Api.GetToken].Calls.Arrived;

    public async Task InitializeAsync() => _simulator = await SimulatorServer.StartAsync(_clock);

    public async Task DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
        }

        Output.Run.Secrets(WeCom.IssuedSecrets);
        await _simulator.DisposeAsync();
    }

    [Fact]
    public async Task T1_a_second_process_takes_the_token_from_the_row()
    {
        await LoginAsync(await StartAsync());
        var second = await StartAsync();

        await LoginAsync(second);

        Assert.Equal(1, GetTokenCalls);
        Assert.Contains(second.Log.All, line => line.Contains("outcome from_table"));
    }

    [Fact]
    public async Task T2_expiry_counts_from_the_instant_before_gettoken_was_sent()
    {
        var host = await StartAsync();
        var before = _clock.GetUtcNow();
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[Api.GetToken].WaitForCallsAsync(1);
        _clock.Advance(TimeSpan.FromSeconds(2));
        WeCom[Api.GetToken].Release();
        await login;

        Assert.Equal(before.AddSeconds(7200), await ExpiresAtAsync(host));
    }

    [Fact]
    public async Task T3_the_same_token_never_extends_its_expiry_while_that_lies_in_the_future()
    {
        var host = await StartAsync();
        await LoginAsync(host);
        var expiresAt = await ExpiresAtAsync(host);
        _clock.Advance(TimeSpan.FromMinutes(90));

        await host.RefreshAsync();

        Assert.Equal(2, GetTokenCalls);
        Assert.Equal(expiresAt, await ExpiresAtAsync(host));
    }

    [Fact]
    public async Task T3_the_same_token_counts_anew_once_its_expiry_has_passed()
    {
        var host = await StartAsync();
        await LoginAsync(host);
        WeCom.Settings = WeCom.Settings with { TokenLifetimeSeconds = 3600 };
        _clock.Advance(TimeSpan.FromMinutes(121));

        await LoginAsync(host);

        Assert.Equal(_clock.GetUtcNow().AddHours(1), await ExpiresAtAsync(host));
    }

    [Fact]
    public async Task T4_the_timer_renews_under_forty_minutes_and_not_before()
    {
        WeCom.Settings = WeCom.Settings with { Semantics = TokenSemantics.NewEachTimeOldDies };
        var host = await StartAsync();
        await host.RefreshAsync();
        _clock.Advance(TimeSpan.FromMinutes(80));
        await host.RefreshAsync();
        var notYet = GetTokenCalls;
        _clock.Advance(TimeSpan.FromSeconds(1));

        await host.RefreshAsync();

        Assert.Equal((1, 2), (notYet, GetTokenCalls));
        Assert.Equal(_clock.GetUtcNow().AddSeconds(7200), await ExpiresAtAsync(host));
    }

    [Fact]
    public async Task T4_with_ten_minutes_or_more_left_a_login_just_uses_the_token()
    {
        var host = await StartAsync();
        await LoginAsync(host);
        var (reads, writes) = (host.Store.Reads, host.Store.Writes);
        _clock.Advance(TimeSpan.FromMinutes(110));

        await LoginAsync(host);

        Assert.Equal((1, reads, writes), (GetTokenCalls, host.Store.Reads, host.Store.Writes));
    }

    [Fact]
    public async Task T4_under_ten_minutes_a_login_uses_the_token_and_renews_behind_its_back()
    {
        WeCom.Settings = WeCom.Settings with { Semantics = TokenSemantics.NewEachTimeOldLives };
        var host = await StartAsync();
        await LoginAsync(host);
        _clock.Advance(TimeSpan.FromMinutes(111));
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });

        await LoginAsync(host);
        await WeCom[Api.GetToken].WaitForCallsAsync(2);
        WeCom[Api.GetToken].Release();

        await host.WhenIdle();
        Assert.Equal(_clock.GetUtcNow().AddSeconds(7200), await ExpiresAtAsync(host));
    }

    [Fact]
    public async Task T4_without_a_timer_no_login_fails_for_a_day_and_each_lifetime_costs_few_gettoken()
    {
        var host = await StartAsync();
        for (var minutes = 0; minutes < 24 * 60; minutes += 4)
        {
            await LoginAndSettleAsync(host);
            _clock.Advance(TimeSpan.FromMinutes(4));
        }

        Assert.InRange(GetTokenCalls, 12, 12 * 5);
    }

    [Fact]
    public async Task T4_a_repeated_token_does_not_cost_a_storm()
    {
        var host = await StartAsync();
        await LoginAndSettleAsync(host);
        _clock.Advance(TimeSpan.FromMinutes(111));
        await LoginAndSettleAsync(host);

        for (var logins = 0; logins < 50; logins++)
        {
            await LoginAndSettleAsync(host);
            _clock.Advance(TimeSpan.FromSeconds(4));
        }

        Assert.Equal(2, GetTokenCalls);
    }

    [Fact]
    public async Task T4_a_short_lived_token_is_renewed_ahead_of_time_once_a_minute_at_most()
    {
        WeCom.Settings = WeCom.Settings with { Semantics = TokenSemantics.NewEachTimeOldLives, TokenLifetimeSeconds = 300 };
        var host = await StartAsync();
        for (var seconds = 0; seconds < 600; seconds += 5)
        {
            await LoginAndSettleAsync(host);
            _clock.Advance(TimeSpan.FromSeconds(5));
        }

        Assert.InRange(GetTokenCalls, 2, 11);
    }

    [Fact]
    public async Task T5_a_login_without_a_token_takes_over_a_lease_that_did_not_change_for_six_seconds()
    {
        var host = await StartAsync();
        await LeaseAsync(host, _clock.GetUtcNow());
        var started = _clock.GetUtcNow();

        var answer = await _clock.RunUntilAsync(host.LoginAsync(WeCom.IssueCode("zhangsan")), TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(10));

        Assert.Equal((200, 1), (answer.Status, GetTokenCalls));
        Assert.InRange(_clock.GetUtcNow() - started, TimeSpan.FromSeconds(6), TimeSpan.FromSeconds(10));
        Assert.Contains(host.Log.All, line => line.Contains("its lease is taken over"));
    }

    [Fact]
    public async Task T5_a_lease_over_five_minutes_old_is_dead_at_sight()
    {
        var host = await StartAsync();
        await LeaseAsync(host, _clock.GetUtcNow().AddMinutes(-5));

        await LoginAsync(host);

        Assert.Equal(1, GetTokenCalls);
    }

    [Fact]
    public async Task T5_a_process_with_a_valid_token_uses_it_while_another_renews()
    {
        var host = await StartAsync();
        await LoginAndSettleAsync(host);
        _clock.Advance(TimeSpan.FromMinutes(111));
        await LeaseAsync(host, _clock.GetUtcNow());

        await LoginAndSettleAsync(host);

        Assert.Contains(host.Log.All, line => line.Contains("outcome elsewhere"));
        Assert.Equal(1, GetTokenCalls);
    }

    [Fact]
    public async Task T5_many_first_logins_on_three_processes_cost_one_gettoken()
    {
        LoginHost[] hosts = [await StartAsync(), await StartAsync(), await StartAsync()];
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        var logins = hosts.SelectMany(host => Enumerable.Range(0, 20).Select(_ => host.LoginAsync(WeCom.IssueCode("zhangsan")))).ToArray();
        await WeCom[Api.GetToken].WaitForCallsAsync(1);
        WeCom[Api.GetToken].Release();

        var answers = await _clock.RunUntilAsync(Task.WhenAll(logins), TimeSpan.FromMilliseconds(20), TimeSpan.FromSeconds(3));

        Assert.All(answers, answer => Assert.Equal(200, answer.Status));
        Assert.Equal(1, GetTokenCalls);
    }

    [Fact]
    public async Task T6_a_revoked_token_is_replaced_in_the_same_login()
    {
        var host = await StartAsync();
        await LoginAsync(host);
        WeCom.RevokeTokens();

        await LoginAsync(host);

        Assert.Equal(2, GetTokenCalls);
        await UntilAsync(async () => (await RowAsync(host)).Rejections == 0);
    }

    [Fact]
    public async Task T6_another_process_takes_the_replacement_from_the_row()
    {
        LoginHost[] hosts = [await StartAsync(), await StartAsync()];
        await LoginAsync(hosts[0]);
        await LoginAsync(hosts[1]);
        WeCom.RevokeTokens();
        await LoginAsync(hosts[0]);
        await hosts[0].WhenIdle();

        await LoginAsync(hosts[1]);

        Assert.Equal(2, GetTokenCalls);
    }

    [Fact]
    public async Task T6_a_login_recovers_though_both_its_own_token_and_that_of_the_row_are_dead()
    {
        WeCom.Settings = WeCom.Settings with { Semantics = TokenSemantics.NewEachTimeOldDies };
        LoginHost[] hosts = [await StartAsync(), await StartAsync()];
        await LoginAsync(hosts[1]);
        _clock.Advance(TimeSpan.FromMinutes(81));
        await hosts[0].RefreshAsync();
        await hosts[0].WhenIdle();
        WeCom.RevokeTokens();

        await LoginAsync(hosts[1]);

        Assert.Equal(3, GetTokenCalls);
    }

    [Fact]
    public async Task T6_with_the_wrong_app_behind_the_secret_gettoken_is_called_ever_more_rarely()
    {
        WeCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, associated: false);
        var host = await StartAsync();
        for (var seconds = 0; seconds < 3600; seconds += 20)
        {
            var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
            Assert.Equal((500, "misconfigured", "40014"), (answer.Status, answer["code"], answer["errcode"]));
            await host.WhenIdle();
            _clock.Advance(TimeSpan.FromSeconds(20));
        }

        Assert.InRange(GetTokenCalls, 8, 15);
    }

    [Fact]
    public async Task T6_a_token_that_works_ends_the_rejections()
    {
        WeCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, associated: false);
        var host = await StartAsync();
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        WeCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, associated: true);

        await LoginAsync(host);

        await UntilAsync(async () => await RowAsync(host) is { Rejections: 0, RejectionRetryAt: null });
    }

    [Fact]
    public async Task T7_a_failed_renewal_keeps_the_token_until_it_expires()
    {
        var host = await StartAsync();
        await LoginAndSettleAsync(host);
        _clock.Advance(TimeSpan.FromMinutes(111));
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 45009, Times = null });

        await LoginAndSettleAsync(host);
        await LoginAndSettleAsync(host);

        Assert.Equal(2, GetTokenCalls);
    }

    [Fact]
    public async Task T7_the_whole_fleet_honours_the_pause_after_a_failure()
    {
        LoginHost[] hosts = [await StartAsync(), await StartAsync()];
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020, Times = null });

        var first = await hosts[0].LoginAsync(WeCom.IssueCode("zhangsan"));
        await hosts[0].WhenIdle();
        var second = await hosts[1].LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal(("misconfigured", "60020"), (first["code"], first["errcode"]));
        Assert.Equal(("misconfigured", "60020"), (second["code"], second["errcode"]));
        Assert.Equal(1, GetTokenCalls);
    }

    [Fact]
    public async Task T7_a_wrong_corpsecret_costs_the_fleet_at_most_thirty_gettoken_an_hour()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 40001, Times = null });
        LoginHost[] hosts = [await StartAsync(), await StartAsync()];
        for (var seconds = 0; seconds < 3600; seconds += 10)
        {
            var host = hosts[seconds / 10 % 2];
            await host.LoginAsync(WeCom.IssueCode("zhangsan"));
            await host.WhenIdle();
            _clock.Advance(TimeSpan.FromSeconds(10));
        }

        Assert.InRange(GetTokenCalls, 8, 30);
    }

    [Fact]
    public async Task T8_a_rotated_corpsecret_is_read_again_in_the_same_login()
    {
        await using var vault = await KeyVault.CreateAsync();
        vault.Set("wecom-corpsecret", WeCom.CorpSecret);
        var host = await StartAsync(vault);
        await LoginAsync(host);
        vault.Set("wecom-corpsecret", WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp, revokeTokens: true));

        await LoginAsync(host);

        Assert.Equal(2, vault.Reads);
    }

    [Fact]
    public async Task T8_with_WeCom_changed_first_the_login_after_the_vault_is_changed_works_within_a_minute()
    {
        await using var vault = await KeyVault.CreateAsync();
        vault.Set("wecom-corpsecret", WeCom.CorpSecret);
        var host = await StartAsync(vault);
        await LoginAsync(host);
        var rotated = WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp, revokeTokens: true);
        for (var minutes = 0; minutes < 30; minutes++)
        {
            Assert.Equal("misconfigured", (await host.LoginAsync(WeCom.IssueCode("zhangsan")))["code"]);
            await host.WhenIdle();
            _clock.Advance(TimeSpan.FromMinutes(1));
        }

        vault.Set("wecom-corpsecret", rotated);

        await LoginAsync(host);
    }

    [Fact]
    public async Task T8_the_kept_corpsecret_goes_on_while_the_vault_is_out_of_reach()
    {
        await using var vault = await KeyVault.CreateAsync();
        vault.Set("wecom-corpsecret", WeCom.CorpSecret);
        var host = await StartAsync(vault);
        await LoginAsync(host);
        await vault.StopAsync();
        _clock.Advance(TimeSpan.FromHours(3));

        await LoginAsync(host);

        Assert.Equal(2, GetTokenCalls);
    }

    [Fact]
    public async Task T9_the_row_tells_the_token_to_nobody_without_the_corpsecret()
    {
        var host = await StartAsync();
        await LoginAsync(host);
        await host.WhenIdle();

        var row = await RowAsync(host);

        Assert.DoesNotContain(WeCom.IssuedSecrets, secret => row.ToString().Contains(secret, StringComparison.Ordinal));
        Assert.Contains(row.Open(new CorpSecret(WeCom.CorpSecret))?.Value, WeCom.IssuedSecrets);
    }

    [Fact]
    public async Task T10_without_a_table_logins_go_on_by_one_gettoken_per_process()
    {
        var host = await StartAsync();
        host.Store.BeforeRead = _ => throw new HttpRequestException("no table");
        host.Store.BeforeWrite = (_, _) => throw new HttpRequestException("no table");

        await LoginAsync(host);
        await LoginAsync(host);

        Assert.Equal(1, GetTokenCalls);
    }

    [Fact]
    public async Task T10_a_table_that_does_not_answer_is_given_up_after_two_seconds()
    {
        var host = await StartAsync();
        host.Store.BeforeRead = limit => Task.Delay(Timeout.Infinite, limit);
        host.Store.BeforeWrite = (_, limit) => Task.Delay(Timeout.Infinite, limit);

        var answer = await _clock.RunUntilAsync(host.LoginAsync(WeCom.IssueCode("zhangsan")), TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(6));

        Assert.Equal(200, answer.Status);
    }

    [Fact]
    public async Task T10_a_table_that_takes_no_writes_keeps_no_login_from_a_token()
    {
        var host = await StartAsync();
        host.Store.BeforeWrite = (_, _) => throw new HttpRequestException("read only");

        await LoginAsync(host);

        Assert.Equal(1, GetTokenCalls);
    }

    [Fact]
    public async Task T10_the_renewal_after_the_table_is_back_writes_again()
    {
        var host = await StartAsync();
        host.Store.BeforeRead = _ => throw new HttpRequestException("no table");
        await LoginAsync(host);
        host.Store.BeforeRead = null;
        _clock.Advance(TimeSpan.FromMinutes(121));

        await LoginAsync(host);

        await host.WhenIdle();
        Assert.Equal(_clock.GetUtcNow().AddSeconds(7200), (await RowAsync(host)).ExpiresAt);
    }

    [Fact]
    public async Task T11_a_caller_that_gives_up_does_not_cancel_the_fetch_of_others()
    {
        var host = await StartAsync();
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        using var givesUp = new CancellationTokenSource();
        using var content = new StringContent($$"""{"code":"{{WeCom.IssueCode("zhangsan")}}"}""", null, "application/json");
        var impatient = host.Client.PostAsync("/api/login", content, givesUp.Token);
        await WeCom[Api.GetToken].WaitForCallsAsync(1);
        var patient = host.LoginAsync(WeCom.IssueCode("lisi"));
        await givesUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        WeCom[Api.GetToken].Release();

        Assert.Equal(200, (await patient).Status);
        Assert.Equal(1, GetTokenCalls);
    }

    [Fact]
    public async Task T12_source_and_reason_of_the_token_stand_in_the_log()
    {
        var host = await StartAsync();
        await LoginAsync(host);
        await LoginAsync(host);

        Assert.Contains(host.Log.All, line => line.Contains("Token renewal: reason missing, outcome renewed, 120 minutes left"));
        Assert.Contains(host.Log.All, line => line.Contains("token from wecom, renewal missing"));
        Assert.Contains(host.Log.All, line => line.Contains("token from memory, renewal none"));
    }

    [Fact]
    public async Task Metrics_tell_the_age_of_the_token_its_renewals_by_reason_and_outcome_and_the_waits()
    {
        var host = await StartAsync();
        var measured = new Dictionary<string, double>();
        using var listener = new MeterListener();
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => measured[instrument.Name] = value);
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => measured[$"{instrument.Name} {string.Join(' ', tags.ToArray().Select(tag => tag.Value))}"] = value);
        listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == host.Services.GetRequiredService<IMeterFactory>())
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        listener.Start();

        await LoginAsync(host);
        _clock.Advance(TimeSpan.FromMinutes(10));
        listener.RecordObservableInstruments();

        Assert.Equal((600, 6600), (measured["wecomfunc.token.age"], measured["wecomfunc.token.left"]));
        Assert.Equal(1, measured["wecomfunc.token.renewals missing renewed"]);
        Assert.Equal(1, measured["wecomfunc.token.uses wecom missing"]);
        Assert.Contains("wecomfunc.token.wait.duration", measured.Keys);
    }

    [Fact]
    public async Task Every_run_of_the_timer_leaves_one_line_with_reason_and_outcome()
    {
        var host = await StartAsync();

        await host.RefreshAsync();
        await host.RefreshAsync();

        Assert.Equal(
            ["Information Token renewal: reason timer, outcome renewed, 120 minutes left", "Information Token renewal: reason timer, outcome from_table, 120 minutes left"],
            host.Log.All.Where(line => line.Contains("reason timer")));
    }

    [Fact]
    public async Task The_timer_fails_when_nothing_could_be_renewed_and_the_token_is_about_to_lapse()
    {
        var host = await StartAsync();
        await LoginAsync(host);
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020, Times = null });
        _clock.Advance(TimeSpan.FromMinutes(100));
        await host.RefreshAsync();
        _clock.Advance(TimeSpan.FromMinutes(11));

        var failure = await Assert.ThrowsAsync<TokenRenewalException>(host.RefreshAsync);

        Assert.Contains("60020", failure.Message);
        Assert.Contains("企业可信IP", failure.Message);
    }

    private async Task<LoginHost> StartAsync(KeyVault? vault = null)
    {
        var host = await LoginHost.StartAsync(_simulator, azurite, _clock, _table, vault);
        _hosts.Add(host);
        return host;
    }

    private async Task LoginAsync(LoginHost host)
    {
        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        Assert.True(answer.Status == 200, answer.Text);
    }

    /// <summary>Logs in and lets a renewal behind its back finish.</summary>
    private async Task LoginAndSettleAsync(LoginHost host)
    {
        await LoginAsync(host);
        await host.WhenIdle();
    }

    private static async Task<TokenRow> RowAsync(LoginHost host) => await host.Store.ReadAsync(App, CancellationToken.None) ?? TokenRow.For(App);

    private static async Task<DateTimeOffset?> ExpiresAtAsync(LoginHost host) =>
        (await host.HealthAsync()).Json.GetProperty("token").TryGetProperty("expiresAt", out var at) ? at.GetDateTimeOffset() : null;

    private static async Task LeaseAsync(LoginHost host, DateTimeOffset leasedAt) =>
        Assert.NotNull(await host.Store.WriteAsync(await RowAsync(host) with { Lease = "another process", LeasedAt = leasedAt, RenewableAt = null }, CancellationToken.None));

    /// <summary>Waits for something that happens behind a login's back; it is an error of the test run when it never does.</summary>
    private static async Task UntilAsync(Func<Task<bool>> happened)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!await happened())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
