using Azure;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Security.KeyVault.Secrets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Azure;
using WeComFunc.LocalHost;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary><c>check</c>: what it says when all is well, and after each mistake that people make.</summary>
[Collection(HostsCollection.Name)]
public sealed class CheckTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string SecretName = "wecom-corpsecret";
    private const string NoKey = "what somebody stored in place of a key";

    private readonly Dictionary<string, string?> _settings = [];
    private readonly string _sessionTable = LoginHost.NewTable();
    private KeyVault _vault = null!;
    private Action<TokenRow>? _beforeWrite;
    private DateTimeOffset _tablesCome;
    private WatchedKeyStore? _sessionKeys;

    /// <summary>A mistake, the step that fails of it, and what it says to do.</summary>
    public static TheoryData<string, string, string> Mistakes => new()
    {
        { "no role on the vault", "corpsecret of app default", "Give the app's identity the role Key Vault Secrets User on the secret" },
        { "the vault's firewall", "corpsecret of app default", "let the app's outbound address or subnet in, under Networking of" },
        { "no such secret", "corpsecret of app default", "Store the corpsecret under this name in this vault" },
        { "a disabled secret", "corpsecret of app default", "Enable the newest version of the secret" },
        { "something else than a corpsecret", "corpsecret of app default", "Copy it from WeCom's admin console and store it again." },
        { "no vault", "corpsecret of app default", "check the vault's network." },
        { "no table", "row of app default", "check the table's network and the role Storage Table Data Contributor." },
        { "no table", "row of app default", "the emulator of UseDevelopmentStorage=true runs while ./run.sh does." },
        { "no right to write", "row of app default", "check the table's network and the role Storage Table Data Contributor." },
        {
            "an old corpsecret", "gettoken of app default",
            "copy the current one of the app from WeCom's admin console into the Key Vault secret; no restart is needed. WeCom is asked"
        },
        { "an unknown corpid", "gettoken of app default", "set WeCom__CorpId to the 企业ID shown in WeCom's admin console under 我的企业." },
        { "an untrusted address", "gettoken of app default", "errcode 60020, app default, errmsg not allow to access from your ip" },
        { "an untrusted address", "gettoken of app default", "does not trust this address: enter the outbound address named in errmsg" },
        { "no way to WeCom", "gettoken of app default", "otherwise check the outbound network." },
        { "no signing key", "signing key", "Store a P-256 private key in PKCS#8 PEM as a new version of it." },
        { "a signing key of another kind", "signing key", "Store a P-256 private key in PKCS#8 PEM as a new version of it." },
        { "no right to the table of session_keys", "session_keys", "check the network of the table MemberData__TableName and the role" },
    };

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _vault = Ends(await KeyVault.CreateAsync());
        _vault.Clock = Clock;
        _vault.Set(SecretName, WeCom.CorpSecret);
    }

    public override async Task DisposeAsync()
    {
        Output.Run.Secrets(_vault.IssuedSecrets);
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Where_all_is_well_it_says_what_it_found_and_ends_with_0()
    {
        UseMemberData();

        var (status, lines) = await CheckAsync();

        Assert.Equal(0, status);
        Assert.Collection(
            lines,
            line => Assert.Equal($"ok   settings: 1 app, WeCom at {Simulator.BaseAddress}, table {Table}", line),
            line => Assert.Matches(
                "^ok   corpsecret of app default: it is in the Key Vault secret wecom-corpsecret, its fingerprint is [0-9a-f]{16}$", line),
            line => Assert.Equal("ok   row of app default: it was read and written", line),
            line => Assert.Matches("^ok   gettoken of app default: WeCom gave a token, which is good for 1(19|20) minutes$", line),
            line => Assert.Equal("ok   signing key: there is one to sign with", line),
            line => Assert.Equal($"ok   session_keys: a row in table {_sessionTable} was written, read and deleted", line));
        Assert.Empty(new TableClient(Azurite.ConnectionString, _sessionTable).Query<TableEntity>());
    }

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_ends_with_a_sentence_that_says_what_to_do(string mistake, string step, string advice)
    {
        Make(mistake);

        var (status, lines) = await CheckAsync();

        Assert.Equal(1, status);
        var failed = Assert.Single(lines, line => line.StartsWith("FAIL "));
        Assert.StartsWith($"FAIL {step}: ", failed);
        Assert.Contains(advice, failed);
        Assert.EndsWith(".", failed);
    }

    [Theory]
    [InlineData("no such secret", "skip gettoken of app default: not asked without a corpsecret")]
    [InlineData(
        "no table",
        "skip gettoken of app default: not asked while the row cannot be used, as it is what keeps WeCom from being asked too often")]
    [InlineData(
        "no right to write",
        "skip gettoken of app default: not asked while the row cannot be used, as it is what keeps WeCom from being asked too often")]
    public async Task Without_corpsecret_or_row_WeCom_is_not_asked(string mistake, string expected)
    {
        Make(mistake);

        var (_, lines) = await CheckAsync();

        Assert.Contains(expected, lines);
        Assert.Equal(0, GetTokenCalls);
    }

    [Fact]
    public async Task However_often_it_is_repeated_WeCom_is_asked_as_seldom_as_by_a_fleet()
    {
        Make("an old corpsecret");
        await CheckAsync();
        Assert.Equal(1, GetTokenCalls);

        var (status, lines) = await CheckAsync();

        Assert.Equal((1, 1), (status, GetTokenCalls));
        Assert.Matches(
            @"^FAIL gettoken of app default: it was not asked now, as it failed a while ago, errcode 40001\. WeCom refuses the corpsecret: "
            + @".+ WeCom is asked again in \d+ s at the earliest\.$",
            lines.Single(line => line.StartsWith("FAIL")));
        Clock.Advance(TimeSpan.FromMinutes(1));
        await CheckAsync();
        Assert.Equal(2, GetTokenCalls);
    }

    [Fact]
    public async Task A_corpsecret_that_was_put_right_is_tried_at_once()
    {
        Make("an old corpsecret");
        await CheckAsync();
        _vault.Set(SecretName, WeCom.CorpSecret);

        var (status, lines) = await CheckAsync();

        Assert.Equal(0, status);
        Assert.Contains(lines, line => line.StartsWith("ok   gettoken of app default: WeCom gave a token"));
    }

    [Fact]
    public async Task The_token_of_the_fleet_is_left_alone()
    {
        await CheckAsync();
        var (status, lines) = await CheckAsync();

        Assert.Equal((0, 1), (status, GetTokenCalls));
        Assert.Contains(
            lines, line => line.StartsWith("ok   gettoken of app default: not asked, as the token in the row is good for 1"));
    }

    [Fact]
    public async Task A_row_that_somebody_is_renewing_is_not_written()
    {
        var lease = TokenRow.For(new(SimulatorState.SeedCorpId, SecretName)).Leased("somebody", Clock.GetUtcNow());
        var table = new TableTokenStore(new TableClient(Azurite.ConnectionString, Table));
        await table.WriteAsync(lease, CancellationToken.None);

        var (status, lines) = await CheckAsync();

        Assert.Equal(0, status);
        Assert.Contains("ok   row of app default: it was read, and not written, as a token is being fetched for it now", lines);
        // The token that is asked for then waits for the lease, and takes it over, as its holder has died.
        var row = await table.ReadAsync(new(SimulatorState.SeedCorpId, SecretName), CancellationToken.None);
        Assert.Equal((null, true), (row?.Lease, row?.SealedToken is not null));
    }

    [Fact]
    public async Task A_token_that_WeCom_rejects_is_none()
    {
        await CheckAsync();
        var table = new TableTokenStore(new TableClient(Azurite.ConnectionString, Table));
        var row = await table.ReadAsync(new(SimulatorState.SeedCorpId, SecretName), CancellationToken.None);
        await table.WriteAsync(row! with { Rejections = 2, RejectionErrcode = 40014 }, CancellationToken.None);

        var (status, lines) = await CheckAsync();

        Assert.Equal(1, status);
        Assert.Matches(
            @"^FAIL gettoken of app default: there is a token, but WeCom rejects it, errcode 40014\. WeCom rejects every token: .+\.$",
            lines.Single(line => line.StartsWith("FAIL")));
    }

    [Fact]
    public async Task Of_several_apps_each_is_told_by_its_name()
    {
        _settings["WeCom__Apps__sales__CorpId"] = SimulatorState.OtherCorpId;
        _settings["WeCom__Apps__hr__CorpId"] = SimulatorState.SeedCorpId;
        WeCom.PutApp(SimulatorState.SeedCorpId, "hr");
        _vault.Set("wecom-corpsecret-hr", WeCom.GetSecret(SimulatorState.SeedCorpId, "hr"));

        var (status, lines) = await CheckAsync();

        Assert.Equal(1, status);
        Assert.Equal(
            [
                "ok   settings", "ok   corpsecret of app default", "ok   row of app default", "ok   gettoken of app default",
                "ok   corpsecret of app hr", "ok   row of app hr", "ok   gettoken of app hr",
                "FAIL corpsecret of app sales", "ok   row of app sales", "skip gettoken of app sales", "ok   signing key",
                "ok   session_keys",
            ],
            lines.Select(line => line.Split(':')[0]));
        Assert.StartsWith("ok   settings: 3 apps, WeCom at ", lines[0]);
        Assert.Contains("Key Vault gives no secret wecom-corpsecret-sales: ", lines.Single(line => line.StartsWith("FAIL")));
    }

    [Fact]
    public async Task A_tool_that_takes_a_while_to_give_its_first_token_is_waited_for()
    {
        var (status, _) = await CheckAsync(new SlowCredential(_vault.Credential, TimeSpan.FromSeconds(12), Clock));

        Assert.Equal(0, status);
    }

    [Theory]
    [InlineData(12, 0)]
    [InlineData(3600, 1)]
    public async Task A_table_that_an_identity_reaches_is_waited_for(int seconds, int expected)
    {
        UseMemberData();
        _settings["TokenStore__ConnectionString"] = null;
        _settings["TokenStore__ServiceUri"] = "https://account.table.core.windows.net/";
        _tablesCome = Clock.GetUtcNow().AddSeconds(seconds);
        _sessionKeys = new() { Write = _ => AreTablesThere() ? Task.CompletedTask : throw new IOException("not yet") };
        var began = Clock.GetUtcNow();

        var (status, lines) = await CheckAsync();

        Assert.Equal(expected, status);
        Assert.Equal(2 * expected, lines.Count(line => line.StartsWith("FAIL ")));
        Assert.DoesNotContain(lines, line => line.Contains("UseDevelopmentStorage"));
        Assert.InRange(Clock.GetUtcNow() - began, TimeSpan.FromSeconds(expected == 0 ? 12 : 20), TimeSpan.FromSeconds(24));
    }

    [Fact]
    public async Task A_vault_that_comes_back_while_it_looks_for_the_signing_key_is_waited_for()
    {
        UseSessions(SigningSecret.Create());
        var began = Clock.GetUtcNow();
        Task? back = null;
        _beforeWrite = row =>
        {
            if (row.SealedToken is not null)
            {
                _vault.Mode = KeyVaultMode.Unavailable;
                back ??= Task.Delay(TimeSpan.FromSeconds(9), Clock).ContinueWith(
                    _ => _vault.Mode = KeyVaultMode.Normal, TaskScheduler.Default);
            }
        };

        var (status, lines) = await CheckAsync();

        Assert.NotNull(back);
        Assert.Contains("ok   signing key: there is one to sign with", lines);
        Assert.Equal(0, status);
        Assert.InRange(Clock.GetUtcNow() - began, TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(24));
    }

    [Fact]
    public async Task In_Development_a_corpsecret_may_stand_in_the_settings()
    {
        _settings["DOTNET_ENVIRONMENT"] = "Development";
        _settings["WeCom__CorpSecret"] = WeCom.CorpSecret;

        var (status, lines) = await CheckAsync();

        Assert.Equal(0, status);
        Assert.StartsWith("ok   corpsecret of app default: it is in the setting WeCom__CorpSecret, its fingerprint is ", lines[1]);
    }

    [Fact]
    public async Task A_signing_key_that_is_left_out_beside_a_good_one_is_told()
    {
        UseSessions(NoKey, SigningSecret.Create());

        var (status, lines) = await CheckAsync();

        Assert.Equal(0, status);
        Assert.Matches(
            "^ok   signing key: there is one to sign with. Version [0-9a-f]+ of wecomfunc-session-key is left out of the signing keys, ",
            lines[^2]);
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task As_a_command_it_tells_a_wrong_setting_and_ends_with_1()
    {
        await using var check = HostProcess.Start(
            "WeComFunc.LocalHost", new() { ["DOTNET_ENVIRONMENT"] = "Development", ["WeCom__CorpId"] = "企业" }, arguments: ["check"]);

        Assert.Equal(1, await check.ExitAsync());
        Assert.Empty(check.Lines);
        Assert.Equal(3, check.Errors.Count);
        Assert.All(check.Errors, line => Assert.StartsWith("error: ", line));
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task As_a_command_it_reads_what_the_local_host_reads()
    {
        var settings = LoginHost.Settings(Simulator, Azurite, Table);
        settings["Logging__LogLevel__Default"] = null;

        await using var check = HostProcess.Start("WeComFunc.LocalHost", settings, arguments: ["check", "--settings", "none"]);

        Assert.Equal(0, await check.ExitAsync());
        Assert.Empty(check.Errors);
        Assert.Equal(6, check.Lines.Count);
        Assert.Contains("it is in the setting WeCom__CorpSecret, ", check.Lines[1]);
        Assert.Equal("ok   signing key: none is needed, as sessions are off", check.Lines[4]);
        Assert.Equal("ok   session_keys: none are kept, as member data is off", check.Lines[5]);
    }

    private bool AreTablesThere() => Clock.GetUtcNow() >= _tablesCome;

    private void Make(string mistake)
    {
        switch (mistake)
        {
            case "no role on the vault":
                _vault.Mode = KeyVaultMode.Forbidden;
                break;
            case "the vault's firewall":
                _vault.Mode = KeyVaultMode.Firewall;
                break;
            case "no such secret":
                _settings["WeCom__CorpSecretName"] = "another-name";
                break;
            case "a disabled secret":
                _vault.Disable(SecretName);
                break;
            case "something else than a corpsecret":
                _vault.Set(SecretName, "the secret of the app");
                break;
            case "no vault":
                _vault.Mode = KeyVaultMode.Unavailable;
                break;
            case "no table":
                _settings["TokenStore__ConnectionString"] = "AccountName=a;AccountKey=YQ==;TableEndpoint=http://127.0.0.1:1/a";
                break;
            case "no right to write":
                _beforeWrite = _ => throw new InvalidOperationException();
                break;
            case "an old corpsecret":
                WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp);
                break;
            case "an unknown corpid":
                _settings["WeCom__CorpId"] = "ww0000000000000000";
                break;
            case "an untrusted address":
                WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020, Times = null });
                break;
            case "no way to WeCom":
                _settings["WeCom__BaseUrl"] = "http://127.0.0.1:1/";
                break;
            case "no signing key":
                UseSessions();
                break;
            case "no right to the table of session_keys":
                UseMemberData();
                _sessionKeys = new() { Write = _ => throw new RequestFailedException(403, "AuthorizationPermissionMismatch") };
                break;
            default:
                UseSessions(NoKey);
                break;
        }
    }

    private void UseMemberData()
    {
        UseSessions(SigningSecret.Create());
        _settings["MemberData__Enabled"] = "true";
        _settings["MemberData__TableName"] = _sessionTable;
        _settings["WeCom__MiniProgramAppId"] = SimulatorState.SeedAppId;
    }

    private void UseSessions(params string[] keys)
    {
        foreach (var (name, value) in SigningSecret.Settings)
        {
            _settings[name] = value;
        }

        foreach (var key in keys)
        {
            _vault.Set(SigningSecret.SecretName, key, Clock.GetUtcNow().AddDays(-2));
        }
    }

    private async Task<(int Status, string[] Lines)> CheckAsync(TokenCredential? credential = null)
    {
        var settings = LoginHost.Settings(Simulator, Azurite, Table, _vault);
        foreach (var (name, value) in _settings)
        {
            settings[name] = value;
        }

        using var output = new StringWriter { NewLine = "\n" };
        var check = Check.RunAsync(["--settings", "none"], output, builder =>
        {
            builder.Configuration.AddInMemoryCollection(
                settings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":"), setting.Value)));
            builder.Logging.AddProvider(new OutputLoggerProvider(Output.Run));
            _sessionKeys?.Use(builder.Services);
            builder.Services
                .AddSingleton<TimeProvider>(Clock)
                .AddSingleton(new HttpMessageInvoker(
                    new CountingHandler(() => Clock.Calls, WeCom.IsWaiting, WeComClient.CreateHandler())))
                .AddSingleton(credential ?? _vault.Credential)
                .AddSingleton<ITokenStore>(services => new WatchedTokenStore(
                    // As an identity, the client would look for Azure.
                    new TableTokenStore(
                        _tablesCome == default ? services.GetRequiredService<TableClient>() : new(Azurite.ConnectionString, Table)),
                    Clock)
                {
                    BeforeRead = _ => AreTablesThere() ? Task.CompletedTask : throw new IOException("not yet"),
                    BeforeWrite = (row, _) =>
                    {
                        _beforeWrite?.Invoke(row);
                        return Task.CompletedTask;
                    },
                })
                .AddSingleton(services => KeyVaultSecretStore.CreateClient(
                    _vault.Uri,
                    services.GetRequiredService<AppIdentity>(),
                    new SecretClientOptions { Transport = _vault.Transport }.CountedBeside(Clock)));
        });

        // What waits, waits by the clock: the pauses between attempts, and those before another look.
        var status = await Clock.RunUntilAsync(check, TimeSpan.FromMinutes(1));
        Output.Run.Write("check", output.ToString());
        return (status, output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>A developer's tool.</summary>
    private sealed class SlowCredential(TokenCredential inner, TimeSpan delay, ManualTimeProvider clock) : TokenCredential
    {
        public override async ValueTask<global::Azure.Core.AccessToken> GetTokenAsync(
            TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            await clock.Calls.WaitAsync(Task.Delay(delay, clock, cancellationToken));
            return await inner.GetTokenAsync(requestContext, cancellationToken);
        }

        public override global::Azure.Core.AccessToken GetToken(
            TokenRequestContext requestContext, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}
