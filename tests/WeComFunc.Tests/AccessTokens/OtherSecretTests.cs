using WeComFunc.Secrets;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The corpsecret of another app, and what follows when the right one is stored (rule T8); two deployments in one table.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class OtherSecretTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string SecretName = "wecom-corpsecret";

    [Theory]
    [InlineData(48002)]
    [InlineData(301002)]
    [InlineData(40014)]
    public async Task The_right_corpsecret_is_in_use_within_a_minute_and_one_login_in_every_process(int errcode)
    {
        var vault = Ends(await KeyVault.CreateAsync());
        vault.Set(SecretName, WeCom.CorpSecret);
        LoginHost[] hosts = [await StartAsync(vault), await StartAsync(vault)];
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = errcode, Times = null });
        for (var minutes = 0; minutes < 10; minutes++)
        {
            foreach (var host in hosts)
            {
                Assert.Equal("misconfigured", (await host.LoginAsync(WeCom.IssueCode("zhangsan")))["code"]);
                await host.WhenIdle();
            }

            Clock.Advance(TimeSpan.FromMinutes(1));
        }

        // What WeCom minds is the app behind the corpsecret: with another one it takes the codes.
        vault.Set(SecretName, WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp, revokeTokens: false));
        WeCom[Api.JsCode2Session].ClearFaults();
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = errcode });
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = errcode });
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = errcode });
        var calls = GetTokenCalls;
        await hosts[0].LoginAsync(WeCom.IssueCode("zhangsan"));
        WeCom[Api.JsCode2Session].ClearFaults();

        foreach (var host in hosts)
        {
            await host.LoginAsync(WeCom.IssueCode("zhangsan"));
            Assert.Equal(200, (await host.LoginAsync(WeCom.IssueCode("zhangsan"))).Status);
            await host.WhenIdle();
        }

        Assert.Equal(
            new CorpSecret(WeCom.CorpSecret).Fingerprint, (await hosts[0].Store.ReadAsync(App, CancellationToken.None))?.SealedWith);
        Assert.InRange(GetTokenCalls - calls, 1, 3);
    }

    [Fact]
    public async Task A_token_of_another_app_is_not_taken_for_a_strangers_code_because_the_right_corpsecret_is_proven()
    {
        var vault = Ends(await KeyVault.CreateAsync());
        vault.Set(SecretName, WeCom.CorpSecret);
        var first = await StartAsync(vault);
        Assert.Equal(200, (await first.LoginAsync(WeCom.IssueCode("zhangsan"))).Status);
        await first.WhenIdle();
        vault.Set(SecretName, WeCom.GetSecret(SimulatorState.SeedCorpId, SimulatorState.NotAssociatedApp));
        var second = await StartAsync(vault);
        await second.RefreshAsync();
        vault.Set(SecretName, WeCom.CorpSecret);
        Clock.Advance(TimeSpan.FromMinutes(81));
        await first.RefreshAsync();

        // Health has the second process read the right corpsecret, while the other app's token is in its memory still.
        await second.HealthAsync();
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = 48002 });
        var before = await second.LoginAsync(WeCom.IssueCode("zhangsan"));
        var after = await second.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal(("misconfigured", 200), (before["code"], after.Status));
        Assert.Equal(3, GetTokenCalls);
    }

    [Fact]
    public async Task A_refusal_that_only_an_operator_can_mend_has_the_vault_asked_once_a_minute()
    {
        var vault = Ends(await KeyVault.CreateAsync());
        vault.Set(SecretName, WeCom.CorpSecret);
        var host = await StartAsync(vault);
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = 48002, Times = null });
        for (var seconds = 0; seconds < 600; seconds += 10)
        {
            await host.LoginAsync(WeCom.IssueCode("zhangsan"));
            Clock.Advance(TimeSpan.FromSeconds(10));
        }

        Assert.InRange(vault.Reads, 9, 12);
        Assert.Equal(1, GetTokenCalls);
    }

    [Fact]
    public async Task Two_names_in_one_table_are_two_rows()
    {
        var one = await StartAsync();
        var other = Ends(await LoginHost.StartAsync(Simulator, Azurite, Clock, Table, settings: new() { ["WeCom__AppName"] = "second" }));
        await one.LoginAsync(WeCom.IssueCode("zhangsan"));
        await other.LoginAsync(WeCom.IssueCode("zhangsan"));
        await one.WhenIdle();
        await other.WhenIdle();

        Assert.NotNull(await one.Store.ReadAsync(App, CancellationToken.None));
        Assert.NotNull(await one.Store.ReadAsync(App with { Name = "second" }, CancellationToken.None));
        Assert.Equal(2, GetTokenCalls);
    }

    [Fact]
    public async Task A_row_that_another_corpsecret_keeps_overwriting_is_told_once_with_the_setting_that_helps()
    {
        var table = new MemoryTokenStore();
        var process = new TokenProcess(Clock, table);
        var another = new CorpSecret("the-corpsecret-of-another-deployment-0001");
        await process.GetAsync();
        for (var hours = 0; hours < 8; hours++)
        {
            var row = table.Row!;
            table.Put(row with
            {
                SealedToken = another.Seal(SealPurpose.AccessToken, $"token-of-another-{hours}", $"{row.PartitionKey}\n{row.RowKey}"),
                SealedWith = another.Fingerprint,
            });
            Clock.Advance(TimeSpan.FromHours(2));
            await process.GetAsync();
            await process.WhenIdle();
        }

        var line = Assert.Single(process.Log.All, line => line.Contains("keeps overwriting"));
        Assert.StartsWith(
            "Warning Another corpsecret keeps overwriting the token row of wwtokenprocess, default: ", line, StringComparison.Ordinal);
        Assert.Contains("WeCom__AppName", line);
    }
}
