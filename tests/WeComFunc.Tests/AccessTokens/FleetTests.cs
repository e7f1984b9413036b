using System.Text.Json;
using Azure;
using WeComFunc.Secrets;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// One access_token for three processes. As processes of their own where that matters; with clocks that are moved, in this process, where
/// time does.
/// </summary>
[Trait("Speed", "Slow")]
[Collection(HostsCollection.Name)]
public sealed class FleetTests(Azurite azurite) : FleetTest(azurite, new(DateTimeOffset.UtcNow))
{
    [Fact]
    public async Task A_hundred_first_logins_on_each_of_three_processes_that_start_at_once_cost_one_gettoken()
    {
        var processes = await Task.WhenAll(StartProcessAsync(), StartProcessAsync(), StartProcessAsync());

        var answers = await Task.WhenAll(processes.SelectMany(
            process => Enumerable.Range(0, 100).Select(_ => RealLimits.ServedAsync(() => LoginAsync(process.Client)))));

        foreach (var (process, _) in processes)
        {
            await process.SignalAsync("TERM");
            await process.ExitAsync();
        }

        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.Text));
        Assert.InRange(GetTokenCalls, 1, 1 + RealLimits.Exceeded(processes.SelectMany(process => process.Process.Lines)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_hundred_first_logins_of_each_of_three_apps_cost_one_gettoken_for_each_app(int count)
    {
        WeCom.PutApp(SimulatorState.SeedCorpId, "hr", hiddenMembers: []);
        var settings = new Dictionary<string, string?>
        {
            ["WeCom__Apps__hr__CorpId"] = SimulatorState.SeedCorpId,
            ["WeCom__Apps__hr__CorpSecret"] = WeCom.GetSecret(SimulatorState.SeedCorpId, "hr"),
            ["WeCom__Apps__sales__CorpId"] = SimulatorState.OtherCorpId,
            ["WeCom__Apps__sales__CorpSecret"] = WeCom.GetSecret(SimulatorState.OtherCorpId, SimulatorState.SeedApp),
        };
        (string Name, string UserId, string CorpId)[] apps =
        [
            ("default", "zhangsan", SimulatorState.SeedCorpId),
            ("hr", "wangwu", SimulatorState.SeedCorpId),
            ("sales", "zhaoliu", SimulatorState.OtherCorpId),
        ];
        var processes = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => StartProcessAsync(settings)));

        var answers = await Task.WhenAll(
            from number in Enumerable.Range(0, 300)
            let app = apps[number % apps.Length]
            let client = processes[number / apps.Length % count].Client
            select RealLimits.ServedAsync(() => LoginAsync(client, app.UserId, app.CorpId, app.Name)));

        foreach (var (process, _) in processes)
        {
            await process.SignalAsync("TERM");
            await process.ExitAsync();
        }

        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.Text));
        Assert.All(
            apps, app => Assert.Equal(100, answers.Count(answer => (answer["userid"], answer["corpid"]) == (app.UserId, app.CorpId))));
        Assert.InRange(GetTokenCalls, 3, 3 + RealLimits.Exceeded(processes.SelectMany(process => process.Process.Lines)));
    }

    [Fact]
    public async Task A_hundred_first_logins_on_each_of_three_hosts_that_have_no_token_cost_one_gettoken()
    {
        LoginHost[] hosts = [await StartAsync(), await StartAsync(), await StartAsync()];
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        var logins = hosts.SelectMany(host => Enumerable.Range(0, 100).Select(_ => host.LoginAsync(WeCom.IssueCode("zhangsan")))).ToArray();
        await WeCom[Api.GetToken].WaitForCallsAsync(1);
        WeCom[Api.GetToken].Release();

        var answers = await RunAsync(Task.WhenAll(logins));

        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.Text));
        Assert.Equal(1, GetTokenCalls);
    }

    [Fact]
    public async Task A_process_killed_while_its_gettoken_is_under_way_costs_one_more_gettoken_and_no_login()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        var (doomed, client) = await StartProcessAsync();
        var lost = LoginAsync(client);
        await WeCom[Api.GetToken].WaitForCallsAsync(1);

        // From here on its three seconds for gettoken do not go by.
        await doomed.SignalAsync("STOP");
        LoginHost[] others = [await StartAsync(), await StartAsync()];
        var logins = others.SelectMany(host => Enumerable.Range(0, 10).Select(_ => host.LoginAsync(WeCom.IssueCode("zhangsan")))).ToArray();
        await Wait.UntilAsync(() => others.All(host => host.Store.Reads > 0));
        await doomed.SignalAsync("KILL");
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => lost);

        var answers = await RunAsync(Task.WhenAll(logins));

        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.Text));
        Assert.Equal(2, GetTokenCalls);
        AssertLine(
            others, "Warning The process that was renewing the access_token of ww1234567890abcdef did not finish: its lease is taken over");
    }

    [Fact]
    public async Task A_holder_whose_last_write_is_lost_costs_one_more_gettoken_and_no_login()
    {
        LoginHost[] hosts = [await StartAsync(), await StartAsync(), await StartAsync()];
        hosts[0].Store.BeforeWrite = (row, _) => row.Lease is null ? throw new HttpRequestException("lost") : Task.CompletedTask;
        await LoginAsync(hosts[0]);
        await hosts[0].WhenIdle();
        AssertLine(
            hosts[..1], "Warning The token row could not be written: HttpRequestException. Logins go on by what this process holds;");
        var logins = hosts.SelectMany(host => Enumerable.Range(0, 10).Select(_ => host.LoginAsync(WeCom.IssueCode("zhangsan")))).ToArray();

        var answers = await RunAsync(Task.WhenAll(logins));

        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.Text));
        Assert.Equal(2, GetTokenCalls);
        AssertLine(
            hosts[1..],
            "Warning The process that was renewing the access_token of ww1234567890abcdef did not finish: its lease is taken over");
    }

    [Fact]
    public async Task With_the_wrong_app_behind_the_secret_the_fleet_stays_misconfigured_at_the_pace_of_one_process()
    {
        WeCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, associated: false);
        LoginHost[] hosts = [await StartAsync(), await StartAsync(), await StartAsync()];
        for (var seconds = 0; seconds < 3600; seconds += 30)
        {
            var answers = await RunAsync(Task.WhenAll(hosts.Select(host => host.LoginAsync(WeCom.IssueCode("zhangsan")))));
            await WhenIdle(hosts);
            Assert.All(answers, answer => Assert.Equal("misconfigured", answer["code"]));
            Clock.Advance(TimeSpan.FromSeconds(30));
        }

        Assert.InRange(GetTokenCalls, 8, 15);
        AssertLine(
            hosts,
            "Error Login: outcome misconfigured, errcode 40014, ",
            "WeCom rejects every token: associate the mini program, in WeCom's admin console, with the very app");
    }

    [Fact]
    public async Task A_token_revoked_under_steady_load_on_three_hosts_costs_one_gettoken_and_no_login()
    {
        // Processes of their own have limits of real time, which a busy machine exceeds; here the clock stands still while the load goes
        // on, and who waits for the lease meanwhile polls it afterwards.
        var hosts = new LoginHost[3];
        for (var i = 0; i < hosts.Length; i++)
        {
            hosts[i] = await StartAsync(settings: new() { ["Limits__LoginsPerSecondPerAddress"] = "0" });
            Assert.Equal(200, (await hosts[i].LoginAsync(WeCom.IssueCode("zhangsan"))).Status);
            await hosts[i].WhenIdle();
        }

        using var enough = new CancellationTokenSource();
        var loads = hosts.SelectMany(
            host => Enumerable.Range(0, 4).Select(_ => LoadAsync(() => host.LoginAsync(WeCom.IssueCode("zhangsan")), enough.Token)))
            .ToArray();
        await WeCom[Api.UserGet].WaitForCallsAsync(100);

        WeCom.RevokeTokens();
        await WeCom[Api.GetToken].WaitForCallsAsync(2);
        await Wait.UntilAsync(async () => await hosts[0].Store.ReadAsync(App, CancellationToken.None) is { Lease: null, Rejections: 1 });
        await enough.CancelAsync();
        var during = await RunAsync(Task.WhenAll(loads));
        var after = await RunAsync(Task.WhenAll(hosts.Select(host => host.LoginAsync(WeCom.IssueCode("zhangsan")))));
        var answers = during.SelectMany(answers => answers).Concat(after);

        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.Text));
        Assert.Equal(2, GetTokenCalls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_corpsecret_rotated_under_steady_load_costs_no_login_and_no_restart(bool tokensDie)
    {
        await using var vault = await KeyVault.CreateAsync();
        vault.Set("wecom-corpsecret", WeCom.CorpSecret);
        LoginHost[] hosts = [await StartAsync(vault), await StartAsync(vault), await StartAsync(vault)];
        await LoginAsync(hosts);
        using var enough = new CancellationTokenSource();
        var loads = hosts.SelectMany(
            host => Enumerable.Range(0, 4).Select(_ => LoadAsync(() => host.LoginAsync(WeCom.IssueCode("zhangsan")), enough.Token)))
            .ToArray();
        await CallsAsync(100);

        vault.Set("wecom-corpsecret", WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp, revokeTokens: tokensDie));
        await CallsAsync(200);
        await enough.CancelAsync();
        var before = await RunAsync(Task.WhenAll(loads));
        Clock.Advance(TimeSpan.FromMinutes(121));
        await LoginAsync(hosts);

        var answers = before.SelectMany(answers => answers);
        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.Text));
        AssertLine(
            hosts,
            "Information The corpsecret was read from wecom-corpsecret; its fingerprint is "
            + $"{new CorpSecret(WeCom.CorpSecret).Fingerprint}");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_wrong_corpsecret_costs_the_fleet_few_gettoken_and_ends_within_a_minute_and_one_login(bool isVaultFirst)
    {
        await using var vault = await KeyVault.CreateAsync();
        vault.Set("wecom-corpsecret", "a-corpsecret-that-was-never-right-000000000");
        Output.Run.Secrets(vault.IssuedSecrets);
        LoginHost[] hosts = [await StartAsync(vault), await StartAsync(vault), await StartAsync(vault)];
        for (var seconds = 0; seconds < 3600; seconds += 20)
        {
            var answer = await hosts[seconds / 20 % 3].LoginAsync(WeCom.IssueCode("zhangsan"));
            await WhenIdle(hosts);
            Assert.Equal(("misconfigured", "40001"), (answer["code"], answer["errcode"]));
            Clock.Advance(TimeSpan.FromSeconds(20));
        }

        var wrongCalls = GetTokenCalls;
        var right = "the-corpsecret-that-is-right-from-now-on-01";
        Output.Run.Secret(right, "corpsecret");
        if (isVaultFirst)
        {
            vault.Set("wecom-corpsecret", right);
            await hosts[0].LoginAsync(WeCom.IssueCode("zhangsan"));
            await WhenIdle(hosts);
            WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp, secret: right);
        }
        else
        {
            WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp, secret: right);
            vault.Set("wecom-corpsecret", right);
        }

        Clock.Advance(TimeSpan.FromMinutes(1));

        Assert.InRange(wrongCalls, 8, 30);
        AssertLine(
            hosts,
            "Warning Token renewal: reason missing, outcome failed, 0 minutes left, failure Misconfigured, errcode 40001, app default, "
            + "next try in ",
            "WeCom refuses the corpsecret: copy the current one");
        await LoginAsync(hosts[1]);
        await WhenIdle(hosts);
        await LoginAsync(hosts[2]);
    }

    public static TheoryData<string, string> TableFaults => new()
    {
        { "500", "read: HTTP status 500" },
        { "503", "read: HTTP status 503" },
        { "412", "written: HTTP status 412" },
        { "403", "read: HTTP status 403" },
        { "no connection", "read: HttpRequestException." },
    };

    [Theory]
    [MemberData(nameof(TableFaults))]
    public async Task A_table_that_fails_from_the_start_costs_no_login(string fault, string line)
    {
        LoginHost[] hosts = [await StartAsync(), await StartAsync(), await StartAsync()];
        Break(hosts, fault);

        await LoginAsync(hosts);
        await LoginAsync(hosts);

        Assert.InRange(GetTokenCalls, 1, 3);
        AssertLine(
            hosts,
            $"Warning The token row could not be {line}",
            "Logins go on by what this process holds; check the table's network and the role Storage Table Data Contributor");
    }

    [Theory]
    [MemberData(nameof(TableFaults))]
    public async Task A_table_that_fails_in_the_middle_and_comes_back_costs_no_login(string fault, string line)
    {
        LoginHost[] hosts = [await StartAsync(), await StartAsync(), await StartAsync()];
        await LoginAsync(hosts);
        Break(hosts, fault);
        for (var minutes = 0; minutes < 300; minutes += 10)
        {
            await LoginAsync(hosts);
            await WhenIdle(hosts);
            Clock.Advance(TimeSpan.FromMinutes(10));
        }

        AssertLine(hosts, $"Warning The token row could not be {line}");
        Mend(hosts);
        for (var minutes = 0; minutes < 180; minutes += 5)
        {
            await LoginAsync(hosts);
            await WhenIdle(hosts);
            Clock.Advance(TimeSpan.FromMinutes(5));
        }

        await LoginAsync(hosts);
        await WhenIdle(hosts);
        Assert.True(
            await hosts[0].Store.ReadAsync(App, CancellationToken.None) is { Lease: null, ExpiresAt: { } expiresAt }
                && expiresAt > Clock.GetUtcNow());
    }

    [Fact]
    public async Task An_emulator_that_hangs_and_dies_and_comes_back_empty_costs_no_login()
    {
        var own = new Azurite();
        await own.InitializeAsync();
        LoginHost[] hosts = [await StartAsync(azurite: own), await StartAsync(azurite: own), await StartAsync(azurite: own)];
        await LoginAsync(hosts);
        await own.FreezeAsync();
        Clock.Advance(TimeSpan.FromMinutes(121));
        var hanging = Task.WhenAll(hosts.Select(host => host.LoginAsync(WeCom.IssueCode("zhangsan"))));
        var answers = await RunAsync(hanging);
        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.Text));
        await WhenIdle(hosts);
        AssertLine(hosts, "Warning The token row could not be read: no answer in time");
        await own.ResumeAsync();
        await own.StopAsync();
        Clock.Advance(TimeSpan.FromMinutes(121));
        await LoginAsync(hosts);
        await WhenIdle(hosts);
        await own.StartAsync();
        Clock.Advance(TimeSpan.FromMinutes(121));

        await LoginAsync(hosts);

        await WhenIdle(hosts);
        Assert.NotNull(await hosts[0].Store.ReadAsync(App, CancellationToken.None));
        await own.DisposeAsync();
    }

    [Theory]
    [InlineData(KeyVaultMode.Throttled, "wecom_busy", "Warning Key Vault is out of reach for the secret wecom-corpsecret: HTTP status 429")]
    [InlineData(
        KeyVaultMode.Unavailable, "wecom_busy", "Warning Key Vault is out of reach for the secret wecom-corpsecret: HTTP status 503")]
    [InlineData(
        KeyVaultMode.InternalError, "wecom_busy", "Warning Key Vault is out of reach for the secret wecom-corpsecret: HTTP status 500")]
    [InlineData(
        KeyVaultMode.Forbidden,
        "misconfigured",
        "Error Key Vault gives no secret wecom-corpsecret: HTTP status 403, Forbidden, ForbiddenByRbac. Give the app's identity the role "
        + "Key Vault Secrets User")]
    [InlineData(
        KeyVaultMode.Firewall,
        "misconfigured",
        "Error Key Vault gives no secret wecom-corpsecret: HTTP status 403, Forbidden, ForbiddenByFirewall. The vault's firewall keeps the "
        + "app out")]
    public async Task A_vault_that_fails_stops_cold_processes_only(KeyVaultMode mode, string expected, string line)
    {
        await using var vault = await KeyVault.CreateAsync();
        vault.Set("wecom-corpsecret", WeCom.CorpSecret);
        var warm = await StartAsync(vault);
        await LoginAsync(warm);
        vault.Mode = mode;
        Clock.Advance(TimeSpan.FromHours(3));
        var cold = await StartAsync(vault);

        await LoginAsync(warm);
        var answer = await RunAsync(cold.LoginAsync(WeCom.IssueCode("zhangsan")));

        Assert.Equal(expected, answer["code"]);
        AssertLine([cold], line);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_secret_that_is_missing_or_disabled_is_misconfigured_until_it_is_there(bool isMissing)
    {
        await using var vault = await KeyVault.CreateAsync();
        vault.Set("wecom-corpsecret", WeCom.CorpSecret);
        if (isMissing)
        {
            vault.Remove("wecom-corpsecret");
        }
        else
        {
            vault.Disable("wecom-corpsecret");
        }

        var host = await StartAsync(vault);
        var before = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        vault.Set("wecom-corpsecret", WeCom.CorpSecret);
        Clock.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal("misconfigured", before["code"]);
        AssertLine([host], isMissing
            ? "Error Key Vault gives no secret wecom-corpsecret: HTTP status 404, SecretNotFound. Store the corpsecret under this name"
            : "Error Key Vault gives no secret wecom-corpsecret: HTTP status 403, Forbidden, SecretDisabled. Enable the newest version of "
                + "the secret");
        await LoginAsync(host);
    }

    [Theory]
    [InlineData(TokenSemantics.SameWhileValid)]
    [InlineData(TokenSemantics.NewEachTimeOldLives)]
    [InlineData(TokenSemantics.NewEachTimeOldDies)]
    public async Task Clocks_four_minutes_apart_cost_no_login_and_no_more_than_one_gettoken_per_renewal(TokenSemantics semantics)
    {
        WeCom.Semantics = semantics;
        var early = new ManualTimeProvider(Clock.GetUtcNow().AddMinutes(2));
        var late = new ManualTimeProvider(Clock.GetUtcNow().AddMinutes(-2));
        LoginHost[] hosts = [await StartAsync(clock: early), await StartAsync(), await StartAsync(clock: late)];
        for (var minutes = 0; minutes < 12 * 60; minutes += 2)
        {
            foreach (var host in hosts)
            {
                await LoginAsync(host);
                await WhenIdle(hosts);
            }

            if (minutes % 10 == 0)
            {
                await hosts[minutes / 10 % 3].RefreshAsync();
            }

            foreach (var clock in (ManualTimeProvider[])[early, Clock, late])
            {
                clock.Advance(TimeSpan.FromMinutes(2));
            }
        }

        // Twelve hours: six lives of the same token with its repeated tries, or nine renewals of new ones, each with one more at most.
        Assert.InRange(GetTokenCalls, 6, semantics is TokenSemantics.SameWhileValid ? 6 * 12 : 9 * 2);
    }

    /// <summary>The one line that the operator reads.</summary>
    private static void AssertLine(IEnumerable<LoginHost> hosts, string start, string rest = "") =>
        Assert.Contains(
            hosts.SelectMany(host => host.Log.All),
            line => line.StartsWith(start, StringComparison.Ordinal) && line.Contains(rest, StringComparison.Ordinal));

    private static void Break(LoginHost[] hosts, string fault)
    {
        foreach (var host in hosts)
        {
            host.Store.BeforeRead = fault == "412" ? null : _ => throw Failure(fault);
            host.Store.BeforeWrite = (_, _) => throw Failure(fault);
        }
    }

    private static Exception Failure(string fault) =>
        int.TryParse(fault, out var status) ? new RequestFailedException(status, "a fault") : new HttpRequestException(fault);

    private static void Mend(LoginHost[] hosts)
    {
        foreach (var host in hosts)
        {
            (host.Store.BeforeRead, host.Store.BeforeWrite) = (null, null);
        }
    }

    private Task WhenIdle(LoginHost[] hosts) => RunAsync(Task.WhenAll(hosts.Select(host => host.WhenIdle())));

    /// <summary>Lets the clock go on while all wait for it, until the task ends; that is within the ten seconds of a login.</summary>
    private Task<T> RunAsync<T>(Task<T> task) => Clock.RunUntilAsync(task, TimeSpan.FromSeconds(10));

    private Task RunAsync(Task task) => Clock.RunUntilAsync(task, TimeSpan.FromSeconds(10));

    private static async Task<List<LoginAnswer>> LoadAsync(Func<Task<LoginAnswer>> login, CancellationToken enough)
    {
        var answers = new List<LoginAnswer>();
        while (!enough.IsCancellationRequested)
        {
            answers.Add(await login());
        }

        return answers;
    }

    private Task CallsAsync(int more) => RunAsync(WeCom[Api.UserGet].WaitForCallsAsync(WeCom[Api.UserGet].Calls.Arrived + more));

    private async Task<(HostProcess Process, HttpClient Client)> StartProcessAsync(Dictionary<string, string?>? settings = null)
    {
        var all = LoginHost.Settings(Simulator, Azurite, Table).Concat(settings ?? []).ToDictionary();
        var process = Ends(HostProcess.Start("WeComFunc.LocalHost", all, arguments: ["--urls", "http://127.0.0.1:0"]));
        return (process, HostClient.Create(await process.AddressAsync()));
    }

    private async Task LoginAsync(params LoginHost[] hosts)
    {
        foreach (var answer in await RunAsync(Task.WhenAll(hosts.Select(host => host.LoginAsync(WeCom.IssueCode("zhangsan"))))))
        {
            Assert.True(answer.Status == 200, answer.Text);
        }
    }

    private async Task<LoginAnswer> LoginAsync(
        HttpClient process, string userId = "zhangsan", string corpId = SimulatorState.SeedCorpId, string? app = null)
    {
        using var content = new StringContent(
            JsonSerializer.Serialize(new { code = WeCom.IssueCode(userId, corpId), app }), null, "application/json");
        return await LoginAnswer.OfAsync(await process.PostAsync("/api/login", content));
    }
}
