using System.Runtime.Versioning;
using Microsoft.Extensions.Logging;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The mistakes that people make, and what WeCom and Azure really say to them, as the deployed app meets them.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppMistakeTests(PublishedApp app)
{
    private const string Secret = "wecom-corpsecret";
    private const string NoToken = $"The identity gave no token for the secret {Secret}";

    // The strict host takes one login from an address.
    private static int _callers = 100;

    [Theory]
    [InlineData(48002)]
    [InlineData(301002)]
    [InlineData(90208)]
    [InlineData(40014)]
    public async Task A_code_of_another_mini_program_is_its_callers_mistake(int errcode)
    {
        var host = await app.SharedAsync();
        await LogInAsync(host);
        var earlier = host.Log.Count;

        var answer = await LoginAsync(host, Api.JsCode2Session, new() { Errcode = errcode, Times = null });

        Assert.Equal((401, "invalid_code", $"{errcode}"), (answer.Status, answer["code"], answer["errcode"]));
        Assert.Contains(host.Lines($"Login: outcome invalid_code, errcode {errcode}, "), line => line.Level is LogLevel.Warning);
        Assert.DoesNotContain(host.Log.Skip(earlier), line => line.Level >= LogLevel.Error);
        Assert.Equal("healthy", (await host.HealthAsync())["status"]);
    }

    [Fact]
    public async Task Codes_of_three_callers_in_a_row_that_WeCom_does_not_take_are_the_operators_until_one_is_taken()
    {
        var host = await app.SharedAsync();
        await LogInAsync(host);
        var codes = new List<string?>();
        for (var caller = 1; caller <= 3; caller++)
        {
            var answer = await LoginAsync(host, Api.JsCode2Session, new() { Errcode = 48002 }, $"198.51.100.{caller}");
            codes.Add(answer["code"]);
        }

        var health = await host.HealthAsync();
        await LogInAsync(host);

        Assert.Equal(["invalid_code", "invalid_code", "misconfigured"], codes);
        Assert.Equal((503, "unhealthy"), (health.Status, health["status"]));
        Assert.Equal("healthy", (await host.HealthAsync())["status"]);
    }

    public static TheoryData<Fault, int, string, int?> ProfileFaults => new()
    {
        { new() { Errcode = 99999 }, 502, "wecom_unexpected", 99999 },
        { new() { Errcode = -1, Times = 3 }, 503, "wecom_busy", -1 },
        { new() { Body = "<html>Sign in to the network</html>" }, 502, "wecom_unexpected", null },
    };

    [Theory]
    [MemberData(nameof(ProfileFaults))]
    public async Task A_profile_that_WeCom_does_not_give_fails_the_login_only_where_it_is_required(
        Fault fault, int status, string code, int? errcode)
    {
        var answer = await LoginAsync(await app.SharedAsync(), Api.UserGet, fault);
        var required = await LoginAsync(await app.StrictAsync(), Api.UserGet, fault, $"198.51.100.{Interlocked.Increment(ref _callers)}");

        Assert.Equal((200, "zhangsan", ""), (answer.Status, answer["userid"], answer["profile"]));
        var errcodeMember = errcode is null ? "" : $"\"errcode\":{errcode},";
        Assert.Equal($$"""{"code":"{{code}}",{{errcodeMember}}"retryable":false}""", answer["profileError"]);
        Assert.Equal((status, code, errcode?.ToString()), (required.Status, required["code"], required["errcode"]));
    }

    // Nearly all of their time is waiting, so they wait side by side.
    [Fact]
    public Task Each_way_in_which_the_vault_gives_no_corpsecret_has_a_line_with_its_own_remedy() => Task.WhenAll(
        OfAnIdentityAsync(null, LogLevel.Warning, "wecom_busy", $"{NoToken} yet: no answer in time."),
        OfAnIdentityAsync(500, LogLevel.Warning, "wecom_busy", $"{NoToken} yet: ", "HTTP status 500"),
        OfAVaultAsync());

    private async Task OfAnIdentityAsync(int? status, LogLevel level, string code, string beginning, params string[] rest)
    {
        await using var broken = await WithVaultAsync(status);

        await broken.AssertTellsAsync(level, code, beginning, rest);

        Assert.Equal(0, broken.Vault.Reads);
    }

    private async Task OfAVaultAsync()
    {
        await using var broken = await WithVaultAsync(400);
        var (vault, wecom) = (broken.Vault, broken.Simulator.State);
        await broken.AssertTellsAsync(LogLevel.Error, "misconfigured", $"{NoToken}: ", "AZURE_CLIENT_ID");
        Assert.Equal(0, vault.Reads);

        (broken.Gate.IdentityStatus, vault.Mode) = (200, KeyVaultMode.Firewall);
        await AssertRefusesAsync("Forbidden, ForbiddenByFirewall", "let the app's outbound address or subnet in");
        vault.Mode = KeyVaultMode.Forbidden;
        await AssertRefusesAsync("Forbidden, ForbiddenByRbac", "Give the app's identity the role Key Vault Secrets User");
        vault.Mode = KeyVaultMode.Normal;
        await AssertRefusesAsync("SecretNotFound", "Store the corpsecret under this name");
        vault.Set(Secret, wecom.CorpSecret);
        vault.Disable(Secret);
        await AssertRefusesAsync("Forbidden, SecretDisabled", "Enable the newest version of the secret");

        vault.Set(Secret, $"\ufeff{wecom.CorpSecret.Insert(17, "\u200b")}");
        await broken.AssertTellsAsync(
            LogLevel.Error, "misconfigured", $"What {Secret} holds is no corpsecret: it has U+200B at position 18.");
        Assert.Equal(0, wecom[Api.GetToken].Calls.Arrived);

        vault.Set(Secret, $"\ufeff{wecom.CorpSecret}\u200b");
        await Wait.UntilAsync(async () => (await broken.LoginAsync()).Status == 200);

        Task AssertRefusesAsync(string reason, string remedy) => broken.AssertTellsAsync(
            LogLevel.Error, "misconfigured", $"Key Vault gives no secret {Secret}: HTTP status ", $", {reason}. ", remedy);
    }

    private async Task<WithVault> WithVaultAsync(int? identityStatus)
    {
        var simulator = await SimulatorServer.StartAsync();
        var vault = await KeyVault.CreateAsync();
        var gate = await KeyVaultGate.OpenAsync(vault);
        gate.IdentityStatus = identityStatus;
        return new(simulator, vault, gate, await PublishedHost.StartAsync(simulator, app.Azurite, settings: gate.Settings));
    }

    /// <summary>An app that reads its corpsecret from a vault.</summary>
    private sealed record WithVault(SimulatorServer Simulator, KeyVault Vault, KeyVaultGate Gate, PublishedHost Host) : IAsyncDisposable
    {
        public Task<LoginAnswer> LoginAsync() => Host.LoginAsync(Simulator.State.IssueCode("zhangsan"));

        // While there is no corpsecret, the vault is asked once a second.
        public Task AssertTellsAsync(LogLevel level, string code, string beginning, params string[] rest) => Wait.UntilAsync(async () =>
        {
            var answer = await LoginAsync();
            return answer["code"] == code && Host.Lines(beginning).Any(line => line.Level == level && rest.All(line.Message.Contains));
        });

        public async ValueTask DisposeAsync()
        {
            Output.Run.Secrets([.. Simulator.State.IssuedSecrets, Gate.Token.Token]);
            await Host.DisposeAsync();
            await Gate.DisposeAsync();
            await Vault.DisposeAsync();
            await Simulator.DisposeAsync();
        }
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task In_Development_a_tool_that_takes_its_time_is_waited_for()
    {
        await using var simulator = await SimulatorServer.StartAsync();
        await using var vault = await KeyVault.CreateAsync();
        vault.Set(Secret, simulator.State.CorpSecret);
        await using var gate = await KeyVaultGate.OpenAsync(vault);
        var tools = Directory.CreateTempSubdirectory("wecomfunc-");
        var (answer, runs) = (Path.Combine(tools.FullName, "answer"), Path.Combine(tools.FullName, "runs"));
        var settings = new Dictionary<string, string?>(gate.Settings)
        {
            ["DOTNET_ENVIRONMENT"] = "Development",
            ["AZURE_TOKEN_CREDENTIALS"] = "AzureCliCredential",
            ["PATH"] = $"{tools.FullName}:{Environment.GetEnvironmentVariable("PATH")}",
        };
        var az = Path.Combine(tools.FullName, "az");
        await File.WriteAllTextAsync(
            az,
            $$"""
            #!/bin/sh
            echo run >>{{runs}}
            n=0
            until [ -e {{answer}} ] || [ $((n += 1)) -gt 600 ]; do sleep 0.1; done
            cat {{answer}}

            """);
        File.SetUnixFileMode(az, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await using var host = await PublishedHost.StartAsync(simulator, app.Azurite, settings: settings);

        var early = await host.LoginAsync(simulator.State.IssueCode("zhangsan"));
        var expiresOn = gate.Token.ExpiresOn.ToUnixTimeSeconds();
        await File.WriteAllTextAsync($"{answer}.new", $$"""{"accessToken":"{{gate.Token.Token}}","expires_on":{{expiresOn}}}""");
        File.Move($"{answer}.new", answer);
        await Wait.UntilAsync(async () => (await host.LoginAsync(simulator.State.IssueCode("zhangsan"))).Status == 200);

        Assert.Equal((503, "wecom_busy"), (early.Status, early["code"]));
        Assert.NotEmpty(host.Lines($"{NoToken} yet: no answer in time."));
        Assert.Equal("run\n", await File.ReadAllTextAsync(runs));
        Output.Run.Secrets([.. simulator.State.IssuedSecrets, gate.Token.Token]);
        tools.Delete(recursive: true);
    }

    private async Task LogInAsync(PublishedHost host) => Assert.Equal(200, (await host.LoginAsync(app.WeCom.IssueCode("zhangsan"))).Status);

    /// <summary>A login that meets a fault.</summary>
    private async Task<LoginAnswer> LoginAsync(PublishedHost host, Api api, Fault fault, string? caller = null)
    {
        app.WeCom[api].AddFault(fault);
        try
        {
            return await host.LoginAsync(app.WeCom.IssueCode("zhangsan"), caller);
        }
        finally
        {
            app.WeCom[api].ClearFaults();
        }
    }
}
