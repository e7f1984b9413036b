using Microsoft.IdentityModel.JsonWebTokens;
using WeComFunc.Secrets;
using WeComFunc.Tests.Doubles;
using static WeComFunc.Tests.Doubles.ScriptedWeCom;

namespace WeComFunc.Tests;

/// <summary>
/// One login after the other in memory: which calls it makes, with which token, and whose fault it is (rules L2 to L5, T6, T8, T14).
/// </summary>
public sealed class LoginHandlerTests : IAsyncLifetime
{
    private const string Sales = "sales";
    private const string SalesCorpId = "ww0000000000000002";

    private static readonly TimeSpan Tick = new(1);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private MemoryLogin _process = null!;

    private ManualTimeProvider Clock => _process.Clock;

    private ScriptedWeCom WeCom => _process.WeCom;

    /// <summary>The tokens that the calls to WeCom were made with, each with its call.</summary>
    private IEnumerable<string> Tried => WeCom.Arrived.Select(
        call => call.Api == GetToken ? GetToken : $"{call.Api.Split('/')[1]} {call.Url.Split("access_token=")[1].Split('&')[0]}");

    public async Task InitializeAsync() => _process = await MemoryLogin.WarmAsync(
        ("WeCom:Apps:sales:CorpId", SalesCorpId), ("WeCom:Apps:sales:CorpSecret", "any"));

    public Task DisposeAsync()
    {
        _process.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public async Task A_login_exchanges_the_code_and_reads_the_profile()
    {
        var answer = await _process.LoginAsync();

        Assert.Equal(
            (200, $$$"""{"userid":"zhangsan","corpid":"{{{MemoryLogin.CorpId}}}","profile":{"userid":"zhangsan","name":"张三"}}"""),
            (answer.Status, answer.Text));
        Assert.Equal(["jscode2session token-1", "get token-1"], Tried);
    }

    [Fact]
    public async Task Two_posts_of_one_code_share_one_exchange_and_the_next_makes_its_own()
    {
        var happened = Held(Exchange);
        var (first, second) = (_process.LoginAsync("a-code-twice"), _process.LoginAsync("a-code-twice"));
        happened.SetResult();

        Assert.Equal(await first, await second);
        Assert.Equal((200, 1), ((await first).Status, WeCom.Calls.Count(call => call == Exchange)));

        await _process.LoginAsync("a-code-twice");
        Assert.Equal(2, WeCom.Calls.Count(call => call == Exchange));
    }

    [Fact]
    public async Task Two_codes_and_two_apps_do_not_share_one()
    {
        var happened = Held(Exchange);
        Task<LoginAnswer>[] logins =
        [
            _process.LoginAsync("a-code"), _process.LoginAsync("a-code-2"), _process.LoginAsync("a-code", Sales),
        ];
        happened.SetResult();

        await Task.WhenAll(logins);
        Assert.Equal(3, WeCom.Calls.Count(call => call == Exchange));
    }

    [Fact]
    public async Task Who_shares_an_exchange_may_go_and_who_makes_it_is_served()
    {
        var happened = Held(Exchange);
        using var gone = new CancellationTokenSource();
        var first = _process.LoginAsync("a-code-twice");
        var second = _process.PostAsync(new BareCall(MemoryLogin.Body("a-code-twice")), gone.Token);

        await gone.CancelAsync();
        await second;
        var early = first.IsCompleted;
        happened.SetResult();

        Assert.Equal((false, 200), (early, (await first).Status));
        Assert.Contains(_process.Log.All, line => line.StartsWith("Information Login: outcome caller_gone, errcode none, "));
    }

    [Fact]
    public async Task A_defect_is_that_of_all_who_share_it_and_not_of_the_next()
    {
        var happened = new TaskCompletionSource();
        WeCom.Answer(
            Exchange,
            async (_, _) =>
            {
                await happened.Task;
                throw new NotSupportedException();
            });
        var (first, second) = (_process.LoginAsync(), _process.LoginAsync());
        happened.SetResult();

        Assert.Equal(
            ("internal_error", "internal_error", 1), ((await first)["code"], (await second)["code"], WeCom.Calls.Count()));
        await _process.LoginAsync();
        Assert.Equal(2, WeCom.Calls.Count());
    }

    /// <summary>How often the exchange and the profile are refused with 40014, each time with another token.</summary>
    [Theory]
    [InlineData(1, 0, 200, "jscode2session token-1, gettoken, jscode2session token-2, get token-2")]
    [InlineData(0, 1, 200, "jscode2session token-1, get token-1, gettoken, get token-2")]
    [InlineData(2, 0, 200, "jscode2session token-1, gettoken, jscode2session token-2, gettoken, jscode2session token-3, get token-3")]
    [InlineData(1, 1, 200, "jscode2session token-1, gettoken, jscode2session token-2, get token-2, gettoken, get token-3")]
    [InlineData(0, 2, 200, "jscode2session token-1, get token-1, gettoken, get token-2, gettoken, get token-3")]
    [InlineData(1, 2, 500, "jscode2session token-1, gettoken, jscode2session token-2, get token-2, gettoken, get token-3")]
    [InlineData(2, 1, 500, "jscode2session token-1, gettoken, jscode2session token-2, gettoken, jscode2session token-3, get token-3")]
    [InlineData(0, 3, 500, "jscode2session token-1, get token-1, gettoken, get token-2, gettoken, get token-3")]
    public async Task A_rejected_token_is_replaced_twice_in_one_login_whichever_call_rejects_it(
        int ofExchange, int ofProfile, int status, string tried)
    {
        await UseAsync(("Login:RequireProfile", "true"));
        WeCom.Answer(Exchange, Rejections(ofExchange, OfJson(Member)));
        WeCom.Answer(UserGet, Rejections(ofProfile, OfJson("""{"errcode":0,"userid":"zhangsan"}""")));
        WithoutPauses();

        var answer = await _process.LoginAsync();

        Assert.Equal((status, tried), (answer.Status, string.Join(", ", Tried)));
        Assert.Equal(status == 500 ? ("misconfigured", "40014") : default, (answer["code"], answer["errcode"]));
    }

    [Fact]
    public async Task A_token_that_is_rejected_until_the_end_is_the_codes_fault_where_the_corpsecret_is_proven()
    {
        WithoutPauses();
        WeCom.Answer(Exchange, Errcode(40014));

        var answer = await _process.LoginAsync();

        Assert.Equal((401, "invalid_code", "40014"), (answer.Status, answer["code"], answer["errcode"]));
        Assert.Equal(
            ["jscode2session token-1", GetToken, "jscode2session token-2", GetToken, "jscode2session token-3"], Tried);
    }

    [Theory]
    [InlineData(40014, 401, "invalid_code")]
    [InlineData(42001, 500, "misconfigured")]
    public async Task So_it_is_where_the_fleet_holds_the_next_token_off(int errcode, int status, string code)
    {
        WeCom.Answer(Exchange, Errcode(errcode));

        var answer = await _process.LoginAsync();

        Assert.Equal((status, code, $"{errcode}"), (answer.Status, answer["code"], answer["errcode"]));
        Assert.Equal(["jscode2session token-1", GetToken, "jscode2session token-2"], Tried);
    }

    [Theory]
    [InlineData(60020, 500, "misconfigured")]
    [InlineData(48002, 500, "misconfigured")]
    [InlineData(45009, 503, "wecom_busy")]
    public async Task What_keeps_the_next_token_away_is_told(int errcode, int status, string code)
    {
        WeCom.Answer(Exchange, Errcode(40014));
        WeCom.Answer(GetToken, Errcode(errcode));

        var answer = await _process.LoginAsync();

        Assert.Equal((status, code, $"{errcode}"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Fact]
    public async Task Without_a_token_for_the_profile_the_login_succeeds_and_says_why_it_has_none()
    {
        WeCom.Answer(UserGet, Errcode(42001));
        WeCom.Answer(GetToken, Errcode(60020));

        var answer = await _process.LoginAsync();

        Assert.Equal(
            """{"code":"misconfigured","errcode":60020,"retryable":false}""", answer.Json.GetProperty("profileError").GetRawText());
        Assert.Contains(_process.Log.All, line => line.Contains("Login: outcome ok, ") && line.Contains("token from none, renewal none"));
    }

    [Fact]
    public async Task Without_a_token_no_code_is_exchanged()
    {
        using var process = new MemoryLogin();
        process.WeCom.Answer(GetToken, Errcode(60020));

        var answer = await process.LoginAsync();

        Assert.Equal((500, "misconfigured", "60020"), (answer.Status, answer["code"], answer["errcode"]));
        Assert.Equal([GetToken], process.WeCom.Calls);
        Assert.Contains(process.Log.All, line => line.Contains("token from none, renewal none"));
    }

    [Fact]
    public async Task A_vault_that_is_asked_again_after_a_failure_holds_nobody_up_for_longer_than_a_login_takes()
    {
        var never = new TaskCompletionSource();
        _process.Vault = never.Task;
        Clock.Advance(Minute);
        WeCom.Answer(Exchange, Errcode(60020));
        var login = _process.LoginAsync();

        Clock.Advance((10 * Second) - Tick);
        var early = login.IsCompleted;
        Clock.Advance(Tick);

        Assert.Equal((false, "misconfigured"), (early, (await login)["code"]));
        never.SetResult();
    }

    [Theory]
    [InlineData("ww0000000000000001", 403, "corp_mismatch", null)]
    [InlineData(SalesCorpId, 409, "other_app", Sales)]
    public async Task The_member_of_another_corp_is_sent_away_without_a_profile(string corpId, int status, string code, string? app)
    {
        WeCom.Answer(Exchange, OfJson($$"""{"errcode":0,"corpid":"{{corpId}}","userid":"u"}"""));

        var answer = await _process.LoginAsync();

        Assert.Equal((status, code, app), (answer.Status, answer["code"], answer["app"]));
        Assert.Equal([Exchange], WeCom.Calls);
    }

    /// <summary>
    /// What a process meets at its first login, and whether the fleet takes that for a proof of the corpsecret (rules T6, T14).
    /// </summary>
    [Theory]
    [InlineData(Exchange, 0, true)]
    [InlineData(UserGet, 60111, true)]
    [InlineData(UserGet, 48002, true)]
    [InlineData(UserGet, 12345, true)]
    [InlineData(UserGet, 45009, false)]
    [InlineData(UserGet, 40014, false)]
    [InlineData(UserGet, 502, false)]
    [InlineData(UserGet, 404, false)]
    [InlineData(Exchange, 40029, false)]
    [InlineData(Exchange, 60020, false)]
    public async Task A_token_works_when_every_call_has_answered_it(string api, int answer, bool isProof)
    {
        using var process = new MemoryLogin();
        process.WeCom.Answer(api, answer switch
        {
            0 => OfJson(Member),
            < 1000 => Status(answer),
            _ => Errcode(answer),
        });

        var login = process.LoginAsync();
        await process.Clock.RunUntilAsync(login, 10 * Second);
        await process.WhenQuiet();

        Assert.Equal(isProof, process.Rows.Row!.ProvenSecret is not null);
    }

    [Fact]
    public async Task A_member_of_another_corp_proves_the_corpsecret_too()
    {
        using var process = new MemoryLogin();
        process.WeCom.Answer(Exchange, OfJson("""{"errcode":0,"corpid":"ww0000000000000001","userid":"u"}"""));

        await process.LoginAsync();
        await process.WhenQuiet();

        Assert.NotNull(process.Rows.Row!.ProvenSecret);
    }

    [Theory]
    [InlineData(48002, true)]
    [InlineData(301002, true)]
    [InlineData(60020, false)]
    [InlineData(40013, false)]
    public async Task What_WeCom_says_to_a_strangers_code_is_the_codes_fault_once_the_corpsecret_is_proven(int errcode, bool isForeign)
    {
        using var cold = new MemoryLogin();
        cold.WeCom.Answer(Exchange, Errcode(errcode));
        WeCom.Answer(Exchange, Errcode(errcode));

        var (unproven, proven) = (await cold.LoginAsync(), await _process.LoginAsync());

        Assert.Equal(("misconfigured", $"{errcode}"), (unproven["code"], unproven["errcode"]));
        Assert.Equal((isForeign ? "invalid_code" : "misconfigured", $"{errcode}"), (proven["code"], proven["errcode"]));
    }

    [Fact]
    public async Task Three_callers_in_a_row_undo_that_until_a_code_is_taken()
    {
        WeCom.Answer(Exchange, Errcode(48002));
        var codes = new List<string?>();
        foreach (var caller in (string[])["203.0.113.1", "203.0.113.2", "203.0.113.1", "203.0.113.3", "203.0.113.1"])
        {
            codes.Add((await _process.LoginAsync(forwardedFor: caller))["code"]);
        }

        Assert.Equal(["invalid_code", "invalid_code", "invalid_code", "misconfigured", "misconfigured"], codes);

        WeCom.Answer(Exchange, OfJson(Member), Errcode(48002));
        await _process.LoginAsync();
        Assert.Equal("invalid_code", (await _process.LoginAsync(forwardedFor: "203.0.113.4"))["code"]);
    }

    [Fact]
    public async Task What_another_process_has_served_proves_the_corpsecret_here()
    {
        using var cold = new MemoryLogin();
        cold.WeCom.Answer(Exchange, Errcode(40029), Errcode(48002));
        await cold.LoginAsync();
        cold.Rows.Put(cold.Rows.Row! with { ProvenSecret = cold.Secret.Fingerprint });

        Assert.Equal("invalid_code", (await cold.LoginAsync())["code"]);
    }

    [Fact]
    public async Task Where_the_row_does_not_say_before_the_login_is_over_the_corpsecret_is_not_proven()
    {
        using var cold = new MemoryLogin();
        cold.WeCom.Answer(Exchange, Errcode(40029), Status(503, "9"), Errcode(48002));
        await cold.LoginAsync();
        var never = new TaskCompletionSource();
        cold.Table.BeforeRead = _ => never.Task;

        var login = cold.LoginAsync();
        cold.Clock.Advance((10 * Second) - Tick);
        var early = login.IsCompleted;
        cold.Clock.Advance(2 * Second);

        Assert.Equal((false, "misconfigured", "48002"), (early, (await login)["code"], (await login)["errcode"]));
    }

    /// <summary>An errcode about codes or members is nobody's fault where there is neither.</summary>
    [Fact]
    public async Task What_gettoken_says_of_a_member_is_unexpected_where_a_rejected_token_is_to_be_replaced()
    {
        WeCom.Answer(Exchange, Errcode(40014));
        WeCom.Answer(GetToken, Errcode(60111));

        var answer = await _process.LoginAsync();

        Assert.Equal((502, "wecom_unexpected", "60111"), (answer.Status, answer["code"], answer["errcode"]));
    }

    /// <summary>What WeCom answers, and whether the vault is asked whether the corpsecret has changed (rule T8).</summary>
    [Theory]
    [InlineData(Exchange, 60020, true)]
    [InlineData(Exchange, 301007, true)]
    [InlineData(Exchange, 40029, false)]
    [InlineData(Exchange, 48002, false)]
    [InlineData(UserGet, 48002, true)]
    [InlineData(UserGet, 60111, false)]
    [InlineData(UserGet, 12345, false)]
    public async Task What_only_another_corpsecret_can_mend_has_the_vault_asked_once_a_minute(string api, int errcode, bool isAsked)
    {
        WeCom.Answer(api, Errcode(errcode));
        var reads = _process.VaultReads;

        await _process.LoginAsync();
        await _process.LoginAsync();
        var first = _process.VaultReads - reads;
        Clock.Advance(Minute);
        await _process.LoginAsync();

        Assert.Equal(isAsked ? (1, 2) : (0, 0), (first, _process.VaultReads - reads));
    }

    [Fact]
    public async Task A_changed_corpsecret_counts_from_then_on()
    {
        WeCom.Answer(Exchange, Errcode(60020), OfJson(Member));
        _process.Secret = new CorpSecret("the-corpsecret-after-the-rotation-00000001");

        await _process.LoginAsync();
        var answer = await _process.LoginAsync();

        Assert.Equal(200, answer.Status);
        Assert.Equal(["jscode2session token-1", GetToken, "jscode2session token-2", "get token-2"], Tried);
    }

    [Theory]
    [InlineData(60111, 403, "member_not_visible")]
    [InlineData(12345, 502, "wecom_unexpected")]
    [InlineData(48002, 500, "misconfigured")]
    [InlineData(45009, 503, "wecom_busy")]
    public async Task What_keeps_the_profile_away_keeps_the_login_away_only_where_one_is_required(int errcode, int status, string code)
    {
        WeCom.Answer(UserGet, Errcode(errcode));
        var served = await _process.LoginAsync();
        await UseAsync(("Login:RequireProfile", "true"));
        WeCom.Answer(UserGet, Errcode(errcode));

        var refused = await _process.LoginAsync();

        Assert.Equal((status, code, $"{errcode}"), (refused.Status, refused["code"], refused["errcode"]));
        Assert.Equal((200, "zhangsan", ""), (served.Status, served["userid"], served["profile"]));
        Assert.Equal(
            $$"""{"code":"{{code}}","errcode":{{errcode}},"retryable":false}""", served.Json.GetProperty("profileError").GetRawText());
    }

    [Fact]
    public async Task A_login_ends_after_ten_seconds_to_the_tick()
    {
        WeCom.Answer(Exchange, Status(503, "7"), Hang);
        var login = _process.LoginAsync();
        Clock.Advance(7 * Second);
        Clock.Advance((3 * Second) - Tick);
        var early = login.IsCompleted;
        Clock.Advance(Tick);

        Assert.Equal((false, 503, "wecom_busy"), (early, (await login).Status, (await login)["code"]));
        Assert.Equal(2, WeCom.Calls.Count());
    }

    [Fact]
    public async Task Each_use_of_a_token_is_counted_with_its_source_and_reason()
    {
        var uses = _process.Measure<long>("wecomfunc.token.uses");
        WeCom.Answer(Exchange, Errcode(42001), OfJson(Member));

        await _process.LoginAsync();

        Assert.Equal(
            ["1 app=default reason=none source=memory", "1 app=default reason=rejected source=wecom"], uses.Lines());
    }

    [Theory]
    [InlineData("true", """{"userid":"zhangsan","department":[1,2]}""", """[{"id":1,"name":"n"},{"id":2,"name":"n"}]""")]
    [InlineData("true", """{"userid":"zhangsan"}""", null)]
    [InlineData("false", """{"userid":"zhangsan","department":[1]}""", null)]
    [InlineData("true", """{"errcode":60111,"department":[1]}""", null)]
    public async Task Departments_are_named_where_the_settings_say_so(string setting, string profile, string? departments)
    {
        await UseAsync(("Login:DepartmentNames", setting));
        WeCom.Answer(UserGet, OfJson(profile));
        WeCom.Answer(DepartmentGet, OfJson("""{"errcode":0,"department":{"name":"n"}}"""));

        var answer = await _process.LoginAsync();

        Assert.Equal((200, departments), (answer.Status, answer["departments"]));
        Assert.Equal(departments is null ? 0 : 2, WeCom.Calls.Count(call => call == DepartmentGet));
    }

    /// <summary>What is shown of the profile, what the session is to say of it, and what both do.</summary>
    [Theory]
    [InlineData("", "name", """{"userid":"zhangsan","name":"n","x":1}""", "n")]
    [InlineData("x", "name", """{"x":1}""", "n")]
    [InlineData("x,name", "name", """{"name":"n","x":1}""", "n")]
    [InlineData("x", "", """{"x":1}""", null)]
    public async Task A_session_says_of_the_profile_what_it_is_to_say_and_no_more_is_shown(
        string fields, string claims, string shown, string? claimed)
    {
        await UseAsync(
            ("Session:Issuer", "http://localhost/api"), ("Session:Audience", "any"), ("Session:Claims", claims),
            ("Login:ProfileFields", fields));
        WeCom.Answer(UserGet, OfJson("""{"errcode":0,"userid":"zhangsan","name":"n","x":1}"""));

        var answer = await _process.LoginAsync();

        var session = answer.Json.GetProperty("session");
        var token = new JsonWebToken(session.GetProperty("token").GetString());
        Assert.Equal(
            (shown, Clock.GetUtcNow() + (60 * Minute), $"{MemoryLogin.CorpId}/zhangsan"),
            (answer["profile"], session.GetProperty("expiresAt").GetDateTimeOffset(), token.Subject));
        Assert.Equal(claimed, token.TryGetPayloadValue<string>("name", out var name) ? name : null);
    }

    private static string Member => $$"""{"errcode":0,"corpid":"{{MemoryLogin.CorpId}}","userid":"zhangsan"}""";

    private static ScriptedWeCom.Reply[] Rejections(int count, ScriptedWeCom.Reply last) =>
        [.. Enumerable.Repeat(Errcode(40014), count), last];

    /// <summary>Goes on with a process of other settings.</summary>
    private async Task UseAsync(params (string Name, string? Value)[] settings)
    {
        _process.Dispose();
        _process = await MemoryLogin.WarmAsync(settings);
    }

    /// <summary>A call that is answered once the test says so.</summary>
    private TaskCompletionSource Held(string api)
    {
        var happened = new TaskCompletionSource();
        WeCom.Answer(api, After(happened.Task, Member));
        return happened;
    }

    /// <summary>Has the fleet forget the pause after a rejection, as it does once a login has been served.</summary>
    private void WithoutPauses() => _process.Table.BeforeRead = _ =>
    {
        _process.Rows.Put(_process.Rows.Row! with { RejectionRetryAt = null });
        return Task.CompletedTask;
    };
}
