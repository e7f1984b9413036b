using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Sessions;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The session that a login gives, with its keys in a vault.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class SessionTests(Azurite azurite) : LoginTest(azurite)
{
    private const string Issuer = "https://login.example.com/api";

    private static readonly string[] OfTheToken =
        ["iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "corpid", "userid"];

    private KeyVault _vault = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _vault = Ends(await KeyVault.CreateAsync());
        _vault.Set("wecom-corpsecret", WeCom.CorpSecret);
    }

    [Fact]
    public async Task The_answer_has_a_token_and_when_it_ends_in_whole_seconds()
    {
        Store();
        var host = await StartAsync();
        Clock.Advance(TimeSpan.FromMilliseconds(1750));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        var session = answer.Json.GetProperty("session");
        Assert.Equal(["userid", "corpid", "profile", "session"], answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(["token", "expiresAt"], session.EnumerateObject().Select(member => member.Name));
        Assert.Equal("2026-01-01T01:00:01Z", session.GetProperty("expiresAt").GetString());
    }

    [Fact]
    public async Task The_token_says_what_the_contract_says_and_no_more()
    {
        var key = Store();
        var host = await StartAsync();

        var (header, claims) = await TokenAsync(host);

        Assert.Equal("""{"typ":"at+jwt","alg":"ES256","kid":"KID"}""", Sorted(header).Replace(key, "KID"));
        Assert.Equal(OfTheToken, claims.EnumerateObject().Select(claim => claim.Name));
        var now = Clock.GetUtcNow().ToUnixTimeSeconds();
        Assert.Equal((Issuer, "orders-api"), (Text(claims, "iss"), Text(claims, "aud")));
        Assert.Equal(
            ($"{SimulatorState.SeedCorpId}/zhangsan", SimulatorState.SeedCorpId, "zhangsan", "default"),
            (Text(claims, "sub"), Text(claims, "corpid"), Text(claims, "userid"), Text(claims, "client_id")));
        Assert.Equal((now, now - 60, now + 3600), (Number(claims, "iat"), Number(claims, "nbf"), Number(claims, "exp")));
        Assert.Matches("^[0-9a-f]{32}$", Text(claims, "jti"));
    }

    [Fact]
    public async Task Each_login_has_a_session_of_its_own()
    {
        Store();
        var host = await StartAsync();

        var ids = new HashSet<string?>();
        for (var i = 0; i < 5; i++)
        {
            ids.Add(Text((await TokenAsync(host)).Claims, "jti"));
        }

        Assert.Equal(5, ids.Count);
    }

    [Fact]
    public async Task Several_audiences_are_an_array_the_lifetime_counts_and_the_issuer_is_without_its_last_slash()
    {
        Store();
        var host = await StartAsync(
            ("Session__Audience", "orders-api, https://crm.example.com"),
            ("Session__LifetimeMinutes", "5"),
            ("Session__Issuer", $"{Issuer}/"));

        var (_, claims) = await TokenAsync(host);

        Assert.Equal("""["orders-api","https://crm.example.com"]""", claims.GetProperty("aud").GetRawText());
        Assert.Equal(300, Number(claims, "exp") - Number(claims, "iat"));
        Assert.Equal(Issuer, Text(claims, "iss"));
        Assert.Equal(Issuer, Text(await JsonAsync(host, "openid-configuration"), "issuer"));
    }

    [Fact]
    public async Task The_claims_of_the_profile_keep_their_type_and_what_it_lacks_is_left_out()
    {
        Store();
        var host = await StartAsync(("Session__Claims", "name,department,extattr,nobody_has_this"));

        var (_, claims) = await TokenAsync(host);

        var profile = WeComProfile();
        Assert.Equal([.. OfTheToken, "name", "department", "extattr"], claims.EnumerateObject().Select(claim => claim.Name));
        Assert.Equal(profile.GetProperty("name").GetString(), Text(claims, "name"));
        Assert.Equal(JsonValueKind.Array, claims.GetProperty("department").ValueKind);
        Assert.True(JsonElement.DeepEquals(profile.GetProperty("department"), claims.GetProperty("department")));
        Assert.True(JsonElement.DeepEquals(profile.GetProperty("extattr"), claims.GetProperty("extattr")));
    }

    [Fact]
    public async Task The_claims_are_those_of_the_profile_whatever_of_it_the_answer_shows()
    {
        Store();
        var host = await StartAsync(("Session__Claims", "department,name"), ("Login__ProfileFields", "name,mobile"));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal(
            ["mobile", "name"], answer.Json.GetProperty("profile").EnumerateObject().Select(member => member.Name).Order());
        Assert.Equal([.. OfTheToken, "department", "name"], Read(answer).Claims.EnumerateObject().Select(claim => claim.Name));
    }

    [Fact]
    public async Task A_member_without_a_profile_has_a_session_without_claims()
    {
        Store();
        var host = await StartAsync(("Session__Claims", "name"));

        var answer = await host.LoginAsync(WeCom.IssueCode("wangwu"));

        Assert.Equal((200, ""), (answer.Status, answer["profile"]));
        Assert.Equal(OfTheToken, Read(answer).Claims.EnumerateObject().Select(claim => claim.Name));
    }

    [Theory]
    [InlineData("""{"errcode":0,"userid":"zhangsan","name":"\ud83d half","department":null}""", """{"name":"\ufffd half"}""")]
    [InlineData("""{"errcode":0,"userid":"zhangsan","n\ud83d":1,"name":"b"}""", """{"name":"b"}""")]
    [InlineData("""{"errcode":0,"userid":"zhangsan","name":"a","name":"b"}""", """{"name":"b"}""")]
    [InlineData("""{"errcode":0,"userid":"zhangsan","name":12345678901234567890.10}""", """{"name":12345678901234567890.10}""")]
    [InlineData("""{"errcode":0,"userid":"zhangsan","name":{"a":[{}]},"department":false}""", """{"name":{"a":[{}]},"department":false}""")]
    public async Task A_strange_profile_gives_claims_that_any_reader_takes(string profile, string expected)
    {
        Store();
        var host = await StartAsync(("Session__Claims", "name,department"));
        WeCom[Api.UserGet].AddFault(new Fault { Body = profile });

        var (_, claims) = await TokenAsync(host);

        var ofTheProfile = claims.EnumerateObject().Skip(OfTheToken.Length).Select(claim => $"\"{claim.Name}\":{claim.Value.GetRawText()}");
        Assert.Equal(expected, $"{{{string.Join(',', ofTheProfile)}}}");
    }

    [Fact]
    public async Task Without_an_issuer_there_is_no_session_no_route_and_no_reading_of_its_secret()
    {
        Store();
        var host = await StartAsync(("Session__Issuer", null));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal(["userid", "corpid", "profile"], answer.Json.EnumerateObject().Select(member => member.Name));
        foreach (var route in (string[])["openid-configuration", "jwks.json"])
        {
            using var missing = await host.Client.GetAsync($"/api/.well-known/{route}");
            Assert.Equal((404, ""), ((int)missing.StatusCode, await missing.Content.ReadAsStringAsync()));
        }

        Assert.Equal(0, _vault.ReadsOf(SigningSecret.SecretName));
        Assert.Null(host.Services.GetService<SessionTokens>());
        Assert.False((await host.HealthAsync()).Json.TryGetProperty("signingKey", out _));
    }

    [Fact]
    public async Task In_Development_without_a_vault_the_process_has_a_key_of_its_own()
    {
        var host = Ends(await LoginHost.StartAsync(Simulator, Azurite, Clock, settings: SigningSecret.Settings));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.True((await host.Services.GetRequiredService<SessionTokens>().ReadAsync(TokenOf(answer))).TryGet(out var session));
        Assert.Equal("zhangsan", session.UserId);
    }

    [Theory]
    [InlineData("openid-configuration")]
    [InlineData("jwks.json")]
    public async Task Discovery_and_keys_are_for_anybody_and_any_cache_HEAD_too(string route)
    {
        Store();
        var host = await StartAsync();
        using var got = await host.Client.GetAsync($"/api/.well-known/{route}");
        using var request = new HttpRequestMessage(HttpMethod.Head, $"/api/.well-known/{route}");
        using var head = await host.Client.SendAsync(request);
        using var posted = await host.Client.PostAsync($"/api/.well-known/{route}", null);

        Assert.Equal(
            (200, "application/json", "public, max-age=3600"),
            ((int)got.StatusCode, got.Content.Headers.ContentType?.ToString(), got.Headers.CacheControl?.ToString()));
        Assert.Equal((200, ""), ((int)head.StatusCode, await head.Content.ReadAsStringAsync()));
        Assert.Equal(got.Content.Headers.ContentLength, head.Content.Headers.ContentLength);
        Assert.Equal((405, ""), ((int)posted.StatusCode, await posted.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Discovery_names_the_issuer_and_the_keys_and_has_the_members_that_are_required_and_true()
    {
        Store();
        var host = await StartAsync();

        var discovery = await JsonAsync(host, "openid-configuration");

        Assert.Equal(
            $$"""
            {"issuer":"{{Issuer}}","jwks_uri":"{{Issuer}}/.well-known/jwks.json","response_types_supported":[],
            "subject_types_supported":["public"],"id_token_signing_alg_values_supported":["ES256"]}
            """.ReplaceLineEndings(""),
            discovery.GetRawText());
    }

    [Fact]
    public async Task The_keys_are_all_enabled_versions_however_many_pages_they_fill()
    {
        var ids = Enumerable.Range(0, 30).Select(day => Store(ageInHours: 24 * (40 - day))).ToList();
        _vault.Set(SigningSecret.SecretName, SigningSecret.Create(), Clock.GetUtcNow());
        _vault.Disable(SigningSecret.SecretName);
        var host = await StartAsync();

        var keys = await JsonAsync(host, "jwks.json");

        Assert.Equal(ids, keys.GetProperty("keys").EnumerateArray().Select(key => Text(key, "kid")));
        Assert.Equal(ids[^1], Text((await TokenAsync(host)).Header, "kid"));
    }

    [Fact]
    public async Task Strangers_who_ask_for_the_keys_have_the_vault_read_no_more_often()
    {
        Store();
        var host = await StartAsync();

        for (var i = 0; i < 50; i++)
        {
            await JsonAsync(host, "jwks.json");
        }

        Assert.Equal(2, _vault.ReadsOf(SigningSecret.SecretName));
    }

    [Fact]
    public async Task Keys_out_of_reach_are_busy_and_not_for_a_cache()
    {
        Store();
        var host = await StartAsync();
        _vault.Mode = KeyVaultMode.Unavailable;

        var answer = await LoginAnswer.OfAsync(await host.Client.GetAsync("/api/.well-known/jwks.json"));

        Assert.Equal(
            (503, "application/problem+json", "no-store", "wecom_busy"),
            (answer.Status, answer.ContentType, answer.CacheControl, answer["code"]));
    }

    public static TheoryData<string, string> Faults => new()
    {
        { "", "there is no such secret, or it has no enabled version" },
        { "disabled", "there is no such secret, or it has no enabled version" },
        { "not yet", "its activation date is 2026-01-01T01:00:00Z" },
        { "expired", "it expired on 2025-12-31T23:00:00Z" },
        { "malformed", "it is no private key in PEM" },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Without_a_key_a_login_is_misconfigured_before_its_code_is_spent_and_health_says_why(string fault, string why)
    {
        StoreWith(fault);
        var host = await StartAsync();

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        var health = await host.HealthAsync();
        var keys = await LoginAnswer.OfAsync(await host.Client.GetAsync("/api/.well-known/jwks.json"));

        AssertProblem(host, answer, 500, "misconfigured");
        Assert.Equal(0, Calls.JsCode2Session);
        Assert.Contains(host.Log.All, line => line.StartsWith("Error Login: outcome misconfigured", StringComparison.Ordinal)
            && line.Contains($"The Key Vault secret {SigningSecret.SecretName} has no key to sign sessions with: ") && line.Contains(why));
        Assert.Equal((503, "unhealthy", "refused"), (health.Status, health["status"], health["signingKey"]));
        Assert.Contains(SigningSecret.SecretName, health["advice"]);
        Assert.Contains(why, health["advice"]);
        Assert.Equal(fault is "not yet" or "expired" ? 200 : 500, keys.Status);
    }

    [Fact]
    public async Task A_key_that_is_stored_then_serves_within_a_minute_and_health_without_a_login()
    {
        var host = await StartAsync();
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        Store();
        Clock.Advance(TimeSpan.FromMinutes(1));

        var health = await host.HealthAsync();

        Assert.Equal(("healthy", "ok"), (health["status"], health["signingKey"]));
        Assert.Equal(200, (await host.LoginAsync(WeCom.IssueCode("zhangsan"))).Status);
    }

    [Fact]
    public async Task A_vault_out_of_reach_without_a_key_is_busy_before_the_code_is_spent()
    {
        Store();
        var host = await StartAsync();
        await WarmUpAsync(host, WeCom.IssueCode("zhangsan"));
        Clock.Advance(TimeSpan.FromSeconds(1));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        var health = await host.HealthAsync();

        AssertProblem(host, answer, 503, "wecom_busy");
        Assert.Equal(0, Calls.JsCode2Session);
        Assert.Equal(("unhealthy", "unreachable"), (health["status"], health["signingKey"]));

        // The corpsecret and the token are there, the keys are not.
        async Task WarmUpAsync(LoginHost host, string code)
        {
            await host.RefreshAsync();
            _vault.Mode = KeyVaultMode.Unavailable;
            await host.LoginAsync(code);
        }
    }

    [Fact]
    public async Task A_vault_that_goes_away_costs_no_login_and_health_is_concerned()
    {
        Store();
        var host = await StartAsync();
        Assert.Equal(200, (await host.LoginAsync(WeCom.IssueCode("zhangsan"))).Status);
        _vault.Mode = KeyVaultMode.Forbidden;
        Clock.Advance(TimeSpan.FromHours(1));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        var health = await host.HealthAsync();

        Assert.Equal((200, "healthy", "refused"), (answer.Status, health["status"], health["signingKey"]));
        Assert.NotNull(health["advice"]);
    }

    [Fact]
    public async Task A_vault_that_does_not_answer_for_the_key_ends_the_login_within_its_time()
    {
        Store();
        var host = await StartAsync();
        await host.RefreshAsync();
        _vault.Mode = KeyVaultMode.Hang;
        var reads = _vault.Reads;

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _vault.WaitForReadsAsync(reads + 1);
        var answer = await Clock.RunUntilAsync(login, LoginLimit);

        AssertProblem(host, answer, 503, "wecom_busy");
    }

    [Fact]
    public async Task A_version_that_is_no_key_is_left_out_with_a_warning_where_another_is_good()
    {
        var good = Store(ageInHours: 48);
        var bad = _vault.Set(SigningSecret.SecretName, "no key at all", Clock.GetUtcNow());
        var host = await StartAsync();

        var (header, _) = await TokenAsync(host);

        Assert.Equal(good, Text(header, "kid"));
        Assert.Contains(host.Log.All, line => line.StartsWith(
            $"Warning Version {bad} of {SigningSecret.SecretName} is left out of the signing keys", StringComparison.Ordinal));
        Assert.Equal("healthy", (await host.HealthAsync())["status"]);
    }

    [Fact]
    public async Task A_second_app_has_sessions_of_its_own_name_and_corp()
    {
        Store();
        _vault.Set("wecom-corpsecret-sales", WeCom.CorpSecret);
        var host = await StartAsync(("WeCom__Apps__sales__CorpId", SimulatorState.SeedCorpId));

        var answer = await host.PostAsync(JsonSerializer.Serialize(new { code = WeCom.IssueCode("zhangsan"), app = "sales" }));

        Assert.Equal("sales", Text(Read(answer).Claims, "client_id"));
    }

    /// <summary>What becomes of a token, told by what is changed in it or around it.</summary>
    [Theory]
    [InlineData("nothing", true)]
    [InlineData("60 minutes later", true)]
    [InlineData("60 minutes and 59 seconds later", true)]
    [InlineData("61 minutes later", false)]
    [InlineData("another issuer", false)]
    [InlineData("the signature", false)]
    [InlineData("the claims", false)]
    [InlineData("the header", false)]
    [InlineData("no signature", false)]
    [InlineData("alg none", false)]
    [InlineData("empty", false)]
    [InlineData("a word", false)]
    [InlineData("two dots", false)]
    [InlineData("longer than any", false)]
    public async Task A_token_is_read_by_this_service_while_it_is_its_own_and_good(string change, bool isGood)
    {
        Store();
        var host = await StartAsync();
        var token = TokenOf(await host.LoginAsync(WeCom.IssueCode("zhangsan")));
        var parts = token.Split('.');
        Clock.Advance(change switch
        {
            "60 minutes later" => TimeSpan.FromMinutes(60),
            "60 minutes and 59 seconds later" => new TimeSpan(0, 60, 59),
            "61 minutes later" => TimeSpan.FromMinutes(61),
            _ => TimeSpan.Zero,
        });
        var reading = change is "another issuer" ? await StartAsync(("Session__Issuer", "https://login.example.org/api")) : host;

        var read = await reading.Services.GetRequiredService<SessionTokens>().ReadAsync(change switch
        {
            "the signature" => $"{parts[0]}.{parts[1]}.{Flip(parts[2])}",
            "the claims" => $"{parts[0]}.{Encode(Decode(parts[1]).Replace("zhangsan", "lisi"))}.{parts[2]}",
            "the header" => $"{Encode(Decode(parts[0]).Replace("at+jwt", "JWT"))}.{parts[1]}.{parts[2]}",
            "no signature" => $"{parts[0]}.{parts[1]}.",
            "alg none" => $"{Encode("""{"alg":"none","typ":"at+jwt"}""")}.{parts[1]}.",
            "empty" => "",
            "a word" => "word",
            "two dots" => "..",
            "longer than any" => new string('a', 300_000),
            _ => token,
        });

        Assert.Equal(isGood ? null : FailureKind.InvalidSession, read.Failure?.Kind);
        if (isGood)
        {
            Assert.Equal(
                (SimulatorState.SeedCorpId, "zhangsan", "default", new DateTimeOffset(2026, 1, 1, 1, 0, 0, TimeSpan.Zero)),
                (read.Value.CorpId, read.Value.UserId, read.Value.App, read.Value.ExpiresAt));
            Assert.Equal(Text(JsonSerializer.Deserialize<JsonElement>(Decode(parts[1])), "jti"), read.Value.Id);
        }
    }

    private static string TokenOf(LoginAnswer answer) => answer.Json.GetProperty("session").GetProperty("token").GetString()!;

    private static (JsonElement Header, JsonElement Claims) Read(LoginAnswer answer)
    {
        var parts = TokenOf(answer).Split('.');
        return (JsonSerializer.Deserialize<JsonElement>(Decode(parts[0])), JsonSerializer.Deserialize<JsonElement>(Decode(parts[1])));
    }

    private static string Decode(string part) => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(part));

    private static string Encode(string json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json));

    /// <summary>Another signature of the same length.</summary>
    private static string Flip(string part) => (part[0] == 'A' ? 'B' : 'A') + part[1..];

    private static string? Text(JsonElement json, string member) => json.GetProperty(member).GetString();

    private static long Number(JsonElement json, string member) => json.GetProperty(member).GetInt64();

    private static string Sorted(JsonElement header) =>
        $$"""{"typ":"{{Text(header, "typ")}}","alg":"{{Text(header, "alg")}}","kid":"{{Text(header, "kid")}}"}"""
        + (header.EnumerateObject().Count() == 3 ? "" : " and more");

    private static JsonElement WeComProfile() =>
        JsonSerializer.Deserialize<JsonElement>(File.ReadAllBytes(Path.Combine("data", "user-get.json")));

    private static async Task<JsonElement> JsonAsync(LoginHost host, string route) =>
        JsonSerializer.Deserialize<JsonElement>(await host.Client.GetStringAsync($"/api/.well-known/{route}"));

    private async Task<(JsonElement Header, JsonElement Claims)> TokenAsync(LoginHost host) =>
        Read(await host.LoginAsync(WeCom.IssueCode("zhangsan")));

    /// <summary>Stores a key.</summary>
    /// <returns>Its <c>kid</c>.</returns>
    private string Store(double ageInHours = 48)
    {
        var key = SigningSecret.Create();
        _vault.Set(SigningSecret.SecretName, key, Clock.GetUtcNow() - TimeSpan.FromHours(ageInHours));
        return SigningSecret.IdOf(key);
    }

    private void StoreWith(string fault)
    {
        var now = Clock.GetUtcNow();
        var hour = TimeSpan.FromHours(1);
        if (fault.Length > 0)
        {
            _vault.Set(
                SigningSecret.SecretName,
                fault is "malformed" ? "no key at all" : SigningSecret.Create(),
                now - (2 * hour),
                fault is "not yet" ? now + hour : null,
                fault is "expired" ? now - hour : null);
        }

        if (fault is "disabled")
        {
            _vault.Disable(SigningSecret.SecretName);
        }
    }

    private async Task<LoginHost> StartAsync(params (string Name, string? Value)[] settings)
    {
        var all = SigningSecret.Settings;
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        return await StartAsync(_vault, settings: all);
    }
}
