using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Secrets;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// The access token rules through real logins, real HTTP and a real table; <see cref="RenewalTests"/> has their very edges.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class AccessTokenTests(Azurite azurite) : FleetTest(azurite, new())
{
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
    public async Task T6_a_revoked_token_is_replaced_in_the_same_login()
    {
        var host = await StartAsync();
        await LoginAsync(host);
        WeCom.RevokeTokens();

        await LoginAsync(host);

        Assert.Equal(2, GetTokenCalls);
        Assert.Contains("Information Token renewal: reason rejected, outcome renewed, 120 minutes left, app default", host.Log.All);
        await Wait.UntilAsync(async () => await RowAsync(host) is { Rejections: 1, RejectionRetryAt: null });
        Clock.Advance(TimeSpan.FromMinutes(1));
        await LoginAsync(host);
        await Wait.UntilAsync(async () => (await RowAsync(host)).Rejections == 0);
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
        WeCom.Semantics = TokenSemantics.NewEachTimeOldDies;
        LoginHost[] hosts = [await StartAsync(), await StartAsync()];
        await LoginAsync(hosts[1]);
        Clock.Advance(TimeSpan.FromMinutes(81));
        await hosts[0].RefreshAsync();
        await hosts[0].WhenIdle();
        WeCom.RevokeTokens();

        await LoginAsync(hosts[1]);

        Assert.Equal(3, GetTokenCalls);
    }

    [Fact]
    public async Task T6_a_token_that_works_ends_the_rejections()
    {
        WeCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, associated: false);
        var host = await StartAsync();
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        WeCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, associated: true);

        await LoginAsync(host);

        await Wait.UntilAsync(async () => await RowAsync(host) is { ServedLogin: true, RejectionRetryAt: null });
        Clock.Advance(TimeSpan.FromMinutes(1));
        await LoginAsync(host);
        await Wait.UntilAsync(async () => await RowAsync(host) is { Rejections: 0, RejectionErrcode: null });
    }

    [Fact]
    public async Task T6_a_token_that_only_user_get_rejects_has_served_no_login()
    {
        var host = await StartAsync();
        await LoginAsync(host);
        await Wait.UntilAsync(async () => await RowAsync(host) is { ProvenSecret.Length: > 0 });
        WeCom[Api.UserGet].AddFault(new Fault { Errcode = 40014, Times = null });
        for (var logins = 0; logins < 40; logins++)
        {
            await host.LoginAsync(WeCom.IssueCode("zhangsan"));
            await host.WhenIdle();
        }

        Assert.InRange(GetTokenCalls, 2, 4);
        Assert.False((await RowAsync(host)).ServedLogin);
    }

    [Fact]
    public async Task A_host_that_stops_during_a_renewal_waits_for_it_and_leaves_no_lease()
    {
        var host = await StartAsync();
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        var run = host.RefreshAsync();
        await WeCom[Api.GetToken].WaitForCallsAsync(1);

        var stopping = host.StopAsync();
        Assert.False(stopping.IsCompleted);
        WeCom[Api.GetToken].Release();
        await stopping;
        await run;

        Assert.Null((await RowAsync(host)).Lease);
        Assert.DoesNotContain(host.Log.All, line => line.Contains("defect"));
    }

    [Fact]
    public async Task A_host_that_stops_waits_five_seconds_at_most()
    {
        var host = await StartAsync();
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        host.Store.BeforeWrite = (row, _) => row.Lease is null ? Task.Delay(Timeout.Infinite, CancellationToken.None) : Task.CompletedTask;
        var run = host.RefreshAsync();
        await WeCom[Api.GetToken].WaitForCallsAsync(1);

        var stopping = host.Services.GetRequiredService<TokenRefresh>().StopAsync(CancellationToken.None);
        Clock.Advance(TimeSpan.FromSeconds(5) - TimeSpan.FromTicks(1));
        Assert.False(stopping.IsCompleted);
        Clock.Advance(TimeSpan.FromTicks(1));
        await stopping;

        WeCom[Api.GetToken].Release();
        await Clock.RunUntilAsync(run.ContinueWith(_ => { }, TaskScheduler.Default), TimeSpan.FromSeconds(5));
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
            Clock.Advance(TimeSpan.FromMinutes(1));
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
        Clock.Advance(TimeSpan.FromHours(3));

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

        Assert.Contains(
            host.Log.All, line => line.Contains("Token renewal: reason missing, outcome renewed, 120 minutes left, app default"));
        Assert.Contains(host.Log.All, line => line.Contains("token from wecom, renewal missing"));
        Assert.Contains(host.Log.All, line => line.Contains("token from memory, renewal none"));
    }

    [Fact]
    public async Task Metrics_tell_the_age_of_the_token_its_renewals_by_reason_and_outcome_and_the_waits()
    {
        // The host looks for a token while it starts: it gets none before somebody listens.
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        var host = await StartAsync();
        var measured = new Dictionary<string, double>();
        using var listener = new MeterListener();
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => measured[instrument.Name] = value);
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            measured[$"{instrument.Name} {string.Join(' ', tags.ToArray().Select(tag => tag.Value))}"] = value);
        listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Scope == host.Services.GetRequiredService<IMeterFactory>())
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        listener.Start();

        var login = LoginAsync(host);
        await WeCom[Api.GetToken].WaitForCallsAsync(1);
        WeCom[Api.GetToken].Release();
        await login;
        Clock.Advance(TimeSpan.FromMinutes(10));
        listener.RecordObservableInstruments();

        Assert.Equal((600, 6600), (measured["wecomfunc.token.age"], measured["wecomfunc.token.left"]));
        Assert.Equal(1, measured["wecomfunc.token.renewals missing renewed default"]);
        Assert.Equal(1, measured["wecomfunc.token.uses wecom missing default"]);
        Assert.Contains("wecomfunc.token.wait.duration", measured.Keys);
    }

    private async Task LoginAsync(LoginHost host)
    {
        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        Assert.True(answer.Status == 200, answer.Text);
    }

    private static async Task<TokenRow> RowAsync(LoginHost host) =>
        await host.Store.ReadAsync(App, CancellationToken.None) ?? TokenRow.For(App);
}
