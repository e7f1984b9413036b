using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

[Collection(AzuriteCollection.Name)]
public sealed class HealthTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string SecretName = "wecom-corpsecret";

    private static readonly TimeSpan TokenLife = TimeSpan.FromHours(2);

    private KeyVault _vault = null!;
    private LoginHost _host = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _vault = Ends(await KeyVault.CreateAsync());
        _vault.Set(SecretName, WeCom.CorpSecret);
        _host = Ends(await LoginHost.StartAsync(Simulator, Azurite, Clock, vault: _vault));
    }

    public override async Task DisposeAsync()
    {
        Output.Run.Secrets(_vault.IssuedSecrets);
        await base.DisposeAsync();
    }

    [Fact]
    public async Task A_service_that_never_needed_a_token_is_healthy()
    {
        var health = await HealthAsync();

        AssertHealthy(health, "missing");
        Assert.Equal((null, null), Times(health));
        Assert.Null(health["advice"]);
    }

    [Fact]
    public async Task However_often_it_is_asked_the_table_is_read_once_a_second()
    {
        await LoginAsync();
        var reads = _host.Store.Reads;

        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => HealthAsync()));
        Assert.Equal(reads + 1, _host.Store.Reads);
        Clock.Advance(TimeSpan.FromSeconds(1));
        await HealthAsync();

        Assert.Equal(reads + 2, _host.Store.Reads);
    }

    [Fact]
    public async Task A_table_that_can_be_read_and_not_written_shows_until_it_can()
    {
        _host.Store.BeforeWrite = (_, _) =>
            throw new global::Azure.RequestFailedException(403, "no", "AuthorizationPermissionMismatch", null);
        await LoginAsync();
        await _host.WhenIdle();

        var health = await HealthAsync();
        Assert.Equal(("healthy", "unwritable"), (health["status"], health["tokenStore"]));
        AssertAdvice("can be read but not written, so every process fetches a token for itself: give the app's identity the role", health);
        _host.Store.BeforeWrite = null;
        Clock.Advance(TimeSpan.FromMinutes(2));
        await LoginAsync();
        await Wait.UntilAsync(async () =>
        {
            Clock.Advance(TimeSpan.FromSeconds(1));
            return (await HealthAsync())["tokenStore"] == "ok";
        });
    }

    [Fact]
    public async Task HEAD_is_answered_as_GET_without_the_body()
    {
        using var request = new HttpRequestMessage(HttpMethod.Head, "/api/health");
        using var answer = await _host.Client.SendAsync(request);

        Assert.Equal(
            (200, "application/json", "no-store"),
            ((int)answer.StatusCode, answer.Content.Headers.ContentType?.ToString(), answer.Headers.CacheControl?.ToString()));
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
        Assert.True(answer.Content.Headers.ContentLength > 0);
    }

    [Fact]
    public void No_advice_has_the_word_access_token() => Assert.All(
        from kind in Enum.GetValues<FailureKind>()
        from errcode in Enumerable.Range(-1, 100_000).Append(301002).Append(301007).Append(301042).Append(660003)
        select Errcodes.Advice(kind, errcode),
        advice => Assert.DoesNotContain("access_token", advice));

    [Fact]
    public async Task A_token_with_forty_minutes_left_is_fresh()
    {
        var obtainedAt = Clock.GetUtcNow();
        await LoginAsync();
        Clock.Advance(TokenLife - TimeSpan.FromMinutes(40));

        var health = await HealthAsync();

        AssertHealthy(health, "fresh");
        Assert.Equal((obtainedAt + TokenLife, obtainedAt), Times(health));
        Assert.Null(health["advice"]);
    }

    [Fact]
    public async Task A_token_with_less_than_forty_minutes_left_is_renewing()
    {
        await LoginAsync();
        Clock.Advance(TokenLife - TimeSpan.FromMinutes(40) + TimeSpan.FromSeconds(1));

        var health = await HealthAsync();

        AssertHealthy(health, "renewing");
    }

    [Fact]
    public async Task A_token_that_has_expired_does_not_make_the_service_unhealthy()
    {
        await LoginAsync();
        Clock.Advance(TokenLife);

        var health = await HealthAsync();

        AssertHealthy(health, "expired");
        Assert.Equal(Clock.GetUtcNow(), Times(health).ExpiresAt);
    }

    [Fact]
    public async Task A_token_that_another_process_fetched_is_seen()
    {
        var table = LoginHost.NewTable();
        await using var one = await LoginHost.StartAsync(Simulator, Azurite, Clock, table, _vault);
        await using var other = await LoginHost.StartAsync(Simulator, Azurite, Clock, table, _vault);
        await one.LoginAsync(WeCom.IssueCode("zhangsan"));
        await one.WhenIdle();

        var health = await HealthAsync(one);

        AssertHealthy(health, "fresh");
        Assert.Equal(health.Text, (await HealthAsync(other)).Text);
    }

    [Fact]
    public async Task A_table_that_cannot_be_read_leaves_a_token_in_memory_healthy()
    {
        await LoginAsync();
        _host.Store.BeforeRead = _ => throw new IOException("no table");

        var health = await HealthAsync();

        Assert.Equal((200, "healthy", "fresh"), (health.Status, health["status"], State(health)));
        Assert.Equal(("unreachable", "ok"), (health["tokenStore"], health["secret"]));
        AssertAdvice("table", health);
    }

    [Fact]
    public async Task A_table_that_cannot_be_read_leaves_a_service_without_a_token_healthy()
    {
        _host.Store.BeforeRead = _ => throw new IOException("no table");

        var health = await HealthAsync();

        Assert.Equal((200, "healthy", "missing"), (health.Status, health["status"], State(health)));
        Assert.Equal("unreachable", health["tokenStore"]);
        AssertAdvice("table", health);
    }

    [Fact]
    public async Task A_table_that_does_not_answer_is_given_up_after_two_seconds()
    {
        var asked = new TaskCompletionSource();
        _host.Store.BeforeRead = cancellation =>
        {
            asked.TrySetResult();
            return Task.Delay(Timeout.Infinite, cancellation);
        };

        var checking = _host.HealthAsync();
        await asked.Task;
        Clock.Advance(TimeSpan.FromSeconds(2));
        var health = await checking;

        Assert.Equal((200, "unreachable"), (health.Status, health["tokenStore"]));
    }

    [Fact]
    public async Task A_vault_that_refuses_makes_a_service_without_a_token_unhealthy()
    {
        _vault.Mode = KeyVaultMode.Forbidden;

        var health = await HealthAsync();

        AssertUnhealthy(health, "missing", "Key Vault");
        Assert.Equal("refused", health["secret"]);
    }

    [Fact]
    public async Task A_vault_that_cannot_be_reached_makes_a_service_without_a_token_unhealthy()
    {
        await _vault.StopAsync();

        var health = await HealthAsync();

        AssertUnhealthy(health, "missing", "Key Vault");
        Assert.Equal("unreachable", health["secret"]);
    }

    [Theory]
    [InlineData(KeyVaultMode.Forbidden, "refused")]
    [InlineData(KeyVaultMode.Unavailable, "unreachable")]
    public async Task A_vault_that_fails_is_told_while_the_kept_secret_and_token_go_on(KeyVaultMode mode, string secret)
    {
        await LoginAsync();
        _vault.Mode = mode;
        Clock.Advance(TimeSpan.FromMinutes(61));

        var health = await HealthAsync();

        Assert.Equal((200, "healthy", "fresh"), (health.Status, health["status"], State(health)));
        Assert.Equal(("ok", secret), (health["tokenStore"], health["secret"]));
        AssertAdvice("Key Vault", health);
    }

    [Theory]
    [InlineData(40001, "corpsecret")]
    [InlineData(40013, "corpid")]
    [InlineData(60020, "企业可信IP")]
    [InlineData(50003, "disabled")]
    [InlineData(99999, "90313")]
    public async Task A_renewal_that_failed_makes_a_service_without_a_token_unhealthy(int errcode, string advice)
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = errcode });
        await LoginAsync();

        var health = await HealthAsync();

        AssertUnhealthy(health, "missing", advice);
        Assert.Equal(("ok", "ok"), (health["tokenStore"], health["secret"]));
    }

    [Fact]
    public async Task Of_two_troubles_the_one_that_no_login_survives_is_told()
    {
        _host.Store.BeforeWrite = (_, _) => throw new IOException("no writing");
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020, Times = null });
        await LoginAsync();

        var health = await HealthAsync();

        Assert.Equal((503, "unwritable"), (health.Status, health["tokenStore"]));
        AssertAdvice("企业可信IP", health);
    }

    [Fact]
    public async Task A_code_that_WeCom_cannot_exchange_for_this_app_makes_it_unhealthy_until_one_is_taken()
    {
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = 60020 });
        await LoginAsync();

        AssertUnhealthy(await HealthAsync(), "fresh", "企业可信IP");
        await LoginAsync();
        AssertHealthy(await HealthAsync(), "fresh");
    }

    [Fact]
    public async Task A_renewal_that_failed_leaves_a_service_with_a_token_healthy()
    {
        await LoginAsync();
        Clock.Advance(TokenLife - TimeSpan.FromMinutes(30));
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020 });
        await _host.RefreshAsync();
        await _host.WhenIdle();

        var health = await HealthAsync();

        AssertHealthy(health, "renewing");
    }

    [Fact]
    public async Task A_service_is_healthy_again_once_a_login_has_succeeded()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020 });
        await LoginAsync();
        Clock.Advance(TimeSpan.FromSeconds(10));
        await LoginAsync();

        var health = await HealthAsync();

        AssertHealthy(health, "fresh");
        Assert.Null(health["advice"]);
    }

    [Fact]
    public async Task An_app_that_is_not_associated_is_unhealthy_once_its_token_was_renewed_twice_for_it()
    {
        WeCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, associated: false);
        await LoginAsync();
        Clock.Advance(TimeSpan.FromSeconds(10));
        await _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _host.WhenIdle();

        var health = await HealthAsync();

        AssertUnhealthy(health, "fresh", "associate the mini program");
    }

    [Fact]
    public async Task Whoever_asks_for_health_a_hundred_times_at_once_calls_nobody_at_WeCom()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => HealthAsync()));

        Assert.All(answers, health => AssertHealthy(health, "missing"));
        Assert.Equal(1, _vault.Reads);
    }

    private static string? State(LoginAnswer health) => health.Json.GetProperty("token").GetProperty("state").GetString();

    private static (DateTimeOffset? ExpiresAt, DateTimeOffset? RenewedAt) Times(LoginAnswer health)
    {
        var token = health.Json.GetProperty("token");
        return (Time("expiresAt"), Time("renewedAt"));

        DateTimeOffset? Time(string name) => token.TryGetProperty(name, out var time) ? time.GetDateTimeOffset() : null;
    }

    private static void AssertHealthy(LoginAnswer health, string state)
    {
        Assert.Equal((200, "application/json", "no-store"), (health.Status, health.ContentType, health.CacheControl));
        Assert.Equal(("healthy", state), (health["status"], State(health)));
        Assert.Equal(("ok", "ok"), (health["tokenStore"], health["secret"]));
    }

    private static void AssertUnhealthy(LoginAnswer health, string state, string advice)
    {
        Assert.Equal((503, "application/json", "no-store"), (health.Status, health.ContentType, health.CacheControl));
        Assert.Equal(("unhealthy", state), (health["status"], State(health)));
        AssertAdvice(advice, health);
    }

    private static void AssertAdvice(string what, LoginAnswer health)
    {
        Assert.Contains(what, health["advice"]);
        Assert.Matches(@"^[A-Z][^.\n]+(\.[^ \n][^.\n]*)*\.$", health["advice"]);
    }

    /// <summary>A first login, and its row written.</summary>
    private async Task LoginAsync()
    {
        await _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _host.WhenIdle();
    }

    private Task<LoginAnswer> HealthAsync() => HealthAsync(_host);

    /// <summary>What holds for health whatever its answer: no call to WeCom, and nothing in it that is nobody's business.</summary>
    private async Task<LoginAnswer> HealthAsync(LoginHost host)
    {
        var before = Enum.GetValues<Api>().Select(api => WeCom[api].Calls.Arrived).ToList();

        var health = await host.HealthAsync();

        Assert.Equal(before, Enum.GetValues<Api>().Select(api => WeCom[api].Calls.Arrived));
        Assert.All([.. WeCom.IssuedSecrets, .. _vault.IssuedSecrets], secret => Assert.DoesNotContain(secret, health.Text));
        Assert.DoesNotMatch(@"errmsg:|hint|\d+\.\d+\.\d+\.\d+|https?:|vault\.azure\.net|AccountName", health.Text);
        return health;
    }
}
