using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using WeComFunc.Simulator;

namespace WeComFunc.Tests;

/// <summary>The simulator does what its README says. Everything else here leans on that.</summary>
public sealed class SimulatorTests : IAsyncLifetime, IDisposable
{
    private const string CorpId = SimulatorState.SeedCorpId;
    private const string App = SimulatorState.SeedApp;

    private readonly StoppedTime _time = new();
    private readonly StringWriter _log = new();
    private SimulatorServer _simulator = null!;
    private HttpClient _http = null!;

    private SimulatorState State => _simulator.State;

    public async Task InitializeAsync()
    {
        _simulator = await SimulatorServer.StartAsync(_time, log: TextWriter.Synchronized(_log));
        _http = new HttpClient { BaseAddress = _simulator.BaseAddress };
    }

    public async Task DisposeAsync() => await _simulator.DisposeAsync();

    public void Dispose()
    {
        _http.Dispose();
        _log.Dispose();
    }

    [Fact]
    public async Task A_member_logs_in_with_the_three_calls()
    {
        var token = await GetTokenAsync();
        var session = await ExchangeAsync(token, State.IssueCode("zhangsan"));
        var member = await UserAsync(token, "zhangsan");

        Assert.Equal((0, CorpId), (Errcode(session), Text(session, "corpid")));
        Assert.Equal(("zhangsan", ""), (Text(session, "userid"), Text(session, "deviceid")));
        Assert.Equal(16, Convert.FromBase64String(Text(session, "session_key")).Length);
        Assert.Equal((0, "ok", "张三"), (Errcode(member), Text(member, "errmsg"), Text(member, "name")));
    }

    [Theory]
    [InlineData("gettoken?corpsecret=x", 41002)]
    [InlineData("gettoken?corpid=x", 41004)]
    [InlineData("gettoken?corpid=wwunknown&corpsecret=x", 40013)]
    [InlineData("gettoken?corpid={corp}&corpsecret=x", 40001)]
    [InlineData("miniprogram/jscode2session?js_code=x&grant_type=authorization_code", 41001)]
    [InlineData("miniprogram/jscode2session?access_token=x&js_code=x&grant_type=authorization_code", 40014)]
    [InlineData("miniprogram/jscode2session?access_token={token}&grant_type=authorization_code", 41008)]
    [InlineData("miniprogram/jscode2session?access_token={token}&js_code=x&grant_type=code", 40035)]
    [InlineData("miniprogram/jscode2session?access_token={token}&js_code=x&grant_type=authorization_code", 40029)]
    [InlineData("user/get?userid=zhangsan", 41001)]
    [InlineData("user/get?access_token=x&userid=zhangsan", 40014)]
    [InlineData("user/get?access_token={token}", 41009)]
    [InlineData("user/get?access_token={token}&userid=nobody", 60111)]
    [InlineData("user/get?access_token={token}&userid=wangwu", 60111)]
    public async Task A_wrong_call_gets_its_errcode_with_http_200(string call, int errcode)
    {
        var url = "cgi-bin/" + call.Replace("{token}", await GetTokenAsync()).Replace("{corp}", CorpId);

        using var response = await _http.GetAsync(url);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(errcode, Errcode(answer));
        Assert.Matches(
            @"^.+, hint: \[\d{25}\], from ip: 127\.0\.0\.1, more info at https://\S+\?e=" + errcode + "$", Text(answer, "errmsg"));
    }

    [Theory]
    [InlineData("POST", "/cgi-bin/gettoken")]
    [InlineData("GET", "/cgi-bin/gettoken/")]
    [InlineData("GET", "/cgi-bin/department/get")]
    public async Task Another_method_or_path_is_404(string method, string path)
    {
        using var response = await _http.SendAsync(new HttpRequestMessage(new(method), path));

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }

    [Fact]
    public async Task A_code_works_once()
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan"));

        Assert.Equal(0, Errcode(await ExchangeAsync(token, code)));
        Assert.Equal(40029, Errcode(await ExchangeAsync(token, code)));
    }

    [Fact]
    public async Task A_code_that_many_send_at_once_works_for_one_of_them()
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan"));

        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => ExchangeAsync(token, code)));

        Assert.Equal(new Dictionary<int, int> { [0] = 1, [40029] = 49 }, State[Api.JsCode2Session].Calls.Errcodes);
    }

    [Fact]
    public async Task A_code_of_odd_characters_is_found_when_it_comes_escaped()
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan", code: "+a code & its = and %2B"));

        Assert.Equal(40029, Errcode(await ExchangeAsync(token, code)));
        Assert.Equal(0, Errcode(await ExchangeAsync(token, Uri.EscapeDataString(code))));
    }

    [Theory]
    [InlineData(42003)]
    [InlineData(40029)]
    public async Task A_code_lasts_five_minutes(int errcode)
    {
        State.Settings = State.Settings with { ExpiredCodeErrcode = errcode };
        var (token, inTime, late) = (await GetTokenAsync(), State.IssueCode("zhangsan"), State.IssueCode("zhangsan"));

        State.Advance(TimeSpan.FromSeconds(299));
        Assert.Equal(0, Errcode(await ExchangeAsync(token, inTime)));
        State.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(errcode, Errcode(await ExchangeAsync(token, late)));
    }

    [Fact]
    public async Task A_code_of_another_corp_is_answered_with_that_corp()
    {
        var session = await ExchangeAsync(await GetTokenAsync(), State.IssueCode("zhaoliu", SimulatorState.OtherCorpId));

        Assert.Equal((0, SimulatorState.OtherCorpId, "zhaoliu"), (Errcode(session), Text(session, "corpid"), Text(session, "userid")));
    }

    [Fact]
    public async Task The_userid_is_encrypted_when_the_members_corp_has_not_associated_the_mini_program()
    {
        State.PutApp(SimulatorState.OtherCorpId, App, associated: false);

        var session = await ExchangeAsync(await GetTokenAsync(), State.IssueCode("zhaoliu", SimulatorState.OtherCorpId));

        Assert.Matches("^wo[A-Za-z0-9_-]{30}$", Text(session, "userid"));
    }

    [Fact]
    public async Task A_token_of_an_app_that_is_not_associated_exchanges_nothing_and_keeps_the_code_alive()
    {
        var foreign = await GetTokenAsync(app: SimulatorState.NotAssociatedApp);
        var code = State.IssueCode("zhangsan");

        Assert.Equal(40014, Errcode(await ExchangeAsync(foreign, code)));
        Assert.Equal(0, Errcode(await UserAsync(foreign, "zhangsan")));
        Assert.Equal(0, Errcode(await ExchangeAsync(await GetTokenAsync(), code)));
    }

    [Fact]
    public async Task An_ip_that_is_not_trusted_gets_a_token_and_nothing_else()
    {
        State.PutApp(CorpId, App, ipTrusted: false);

        var token = await GetTokenAsync();

        Assert.Equal(60020, Errcode(await ExchangeAsync(token, State.IssueCode("zhangsan"))));
        Assert.Equal(60020, Errcode(await UserAsync(token, "zhangsan")));
    }

    [Fact]
    public async Task A_wrong_secret_is_40091_on_demand()
    {
        State.Settings = State.Settings with { WrongSecretErrcode = 40091 };

        Assert.Equal(40091, Errcode(await TokenAnswerAsync(secret: "wrong")));
    }

    [Theory]
    [InlineData(42001)]
    [InlineData(40014)]
    public async Task A_token_expires_after_its_lifetime(int errcode)
    {
        State.Settings = State.Settings with { TokenLifetimeSeconds = 600, ExpiredTokenErrcode = errcode };
        var answer = await TokenAnswerAsync();
        var token = Text(answer, "access_token");

        Assert.Equal(600, answer.GetProperty("expires_in").GetInt32());
        State.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal(0, Errcode(await UserAsync(token, "zhangsan")));
        State.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(errcode, Errcode(await UserAsync(token, "zhangsan")));
        Assert.NotEqual(token, await GetTokenAsync());
    }

    [Theory]
    [InlineData(false, 7200)]
    [InlineData(true, 6200)]
    public async Task The_same_token_comes_again_while_valid_and_its_life_grows_no_longer(bool left, int expiresIn)
    {
        State.Settings = State.Settings with { ExpiresInIsWhatIsLeft = left };
        var first = await GetTokenAsync();
        State.Advance(TimeSpan.FromSeconds(1000));

        var again = await TokenAnswerAsync();

        Assert.Equal(first, Text(again, "access_token"));
        Assert.Equal(expiresIn, again.GetProperty("expires_in").GetInt32());
        State.Advance(TimeSpan.FromSeconds(6200));
        Assert.Equal(42001, Errcode(await UserAsync(first, "zhangsan")));
    }

    [Theory]
    [InlineData(TokenSemantics.NewEachTimeOldLives, 0)]
    [InlineData(TokenSemantics.NewEachTimeOldDies, 40014)]
    public async Task A_new_token_each_time_leaves_the_old_one_alive_or_dead(TokenSemantics semantics, int errcodeOfOld)
    {
        State.Settings = State.Settings with { Semantics = semantics };

        var (old, young) = (await GetTokenAsync(), await GetTokenAsync());

        Assert.NotEqual(old, young);
        Assert.Equal(errcodeOfOld, Errcode(await UserAsync(old, "zhangsan")));
        Assert.Equal(0, Errcode(await UserAsync(young, "zhangsan")));
    }

    [Fact]
    public async Task Tokens_are_revoked_one_by_one_or_all_together()
    {
        var (one, other) = (await GetTokenAsync(), await GetTokenAsync(app: SimulatorState.NotAssociatedApp));

        Assert.Equal(1, State.RevokeTokens(one));
        Assert.Equal((40014, 0), (Errcode(await UserAsync(one, "zhangsan")), Errcode(await UserAsync(other, "zhangsan"))));
        Assert.Equal(1, State.RevokeTokens());
        Assert.Equal(40014, Errcode(await UserAsync(other, "zhangsan")));
        Assert.NotEqual(one, await GetTokenAsync());
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 40014)]
    public async Task A_rotated_secret_is_dead_and_its_tokens_if_asked_for(bool revokeTokens, int errcodeOfToken)
    {
        var (oldSecret, token) = (State.CorpSecret, await GetTokenAsync());

        var newSecret = State.RotateSecret(CorpId, App, revokeTokens);

        Assert.Equal(newSecret, State.CorpSecret);
        Assert.Equal(40001, Errcode(await TokenAnswerAsync(oldSecret)));
        Assert.Equal(0, Errcode(await TokenAnswerAsync(newSecret)));
        Assert.Equal(errcodeOfToken, Errcode(await UserAsync(token, "zhangsan")));
    }

    [Fact]
    public async Task A_member_comes_back_verbatim()
    {
        const string Members = """
            "name":"\u674e🐉","id":12345678901234567890,"x":{"y": [1.50,1e400,null]},"a\/b":"c"
            """;
        State.PutMember(CorpId, "odd", $$"""{"errcode":7, {{Members}}, "errmsg":"no"}""");

        var body = await _http.GetStringAsync($"cgi-bin/user/get?access_token={await GetTokenAsync()}&userid=ODD");

        Assert.Equal($$"""{"errcode":0,"errmsg":"ok",{{Members}}}""", body);
    }

    [Fact]
    public async Task The_documented_member_is_seeded_whole()
    {
        var documented = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "data", "user-get.json")));

        var member = await UserAsync(await GetTokenAsync(), "zhangsan");

        Assert.True(JsonNode.DeepEquals(documented, JsonNode.Parse(member.GetRawText())));
    }

    [Fact]
    public async Task A_member_who_left_is_60111()
    {
        var token = await GetTokenAsync();

        Assert.True(State.RemoveMember(CorpId, "zhangsan"));

        Assert.Equal(60111, Errcode(await UserAsync(token, "zhangsan")));
    }

    [Fact]
    public async Task Faults_are_used_up_in_order_and_spare_the_other_endpoints()
    {
        State[Api.UserGet].AddFault(new Fault { Errcode = -1, Times = 2 });
        State[Api.UserGet].AddFault(new Fault());
        State[Api.UserGet].AddFault(new Fault { Errcode = 48002, Times = null });
        var token = await GetTokenAsync();

        var errcodes = new List<int>();
        for (var i = 0; i < 6; i++)
        {
            errcodes.Add(Errcode(await UserAsync(token, "zhangsan")));
        }

        State[Api.UserGet].ClearFaults();
        errcodes.Add(Errcode(await UserAsync(token, "zhangsan")));
        Assert.Equal([-1, -1, 0, 48002, 48002, 48002, 0], errcodes);
    }

    [Theory]
    [InlineData(503, null, 503, "")]
    [InlineData(502, "<html>", 502, "<html>")]
    [InlineData(null, "{\"errcode\":0,\"acc", 200, "{\"errcode\":0,\"acc")]
    public async Task A_fault_sets_status_and_body(int? status, string? body, int expectedStatus, string expectedBody)
    {
        State[Api.GetToken].AddFault(new Fault { Status = status, Body = body });

        using var response = await _http.GetAsync("cgi-bin/gettoken");

        Assert.Equal((expectedStatus, expectedBody), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task A_body_may_be_oversized()
    {
        State[Api.GetToken].AddFault(new Fault { Body = new string('x', 5_000_000) });

        Assert.Equal(5_000_000, (await _http.GetStringAsync("cgi-bin/gettoken")).Length);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 40029)]
    public async Task A_connection_is_lost_before_or_after_the_call_took_effect(bool takesEffect, int errcodeOfRetry)
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan"));
        State[Api.JsCode2Session].AddFault(new Fault { Abort = true, TakesEffect = takesEffect });

        await Assert.ThrowsAsync<HttpRequestException>(() => ExchangeAsync(token, code));

        Assert.Equal(1, State[Api.JsCode2Session].Calls.WithoutErrcode);
        Assert.Equal(errcodeOfRetry, Errcode(await ExchangeAsync(token, code)));
    }

    [Fact]
    public async Task A_held_call_waits_until_it_is_released()
    {
        State[Api.GetToken].AddFault(new Fault { Hold = true, Times = null });
        var calls = Enumerable.Range(0, 3).Select(_ => GetTokenAsync()).ToList();

        await State[Api.GetToken].WaitForCallsAsync(3);
        Assert.Equal(3, State[Api.GetToken].Calls.InFlight);
        Assert.DoesNotContain(calls, call => call.IsCompleted);

        Assert.Equal(1, State[Api.GetToken].Release(1));
        calls.Remove(await Task.WhenAny(calls));
        Assert.Equal(2, State[Api.GetToken].Calls.InFlight);

        Assert.Equal(2, State[Api.GetToken].Release());
        await Task.WhenAll(calls);
        await GetTokenAsync();
        var counted = State[Api.GetToken].Calls;
        Assert.Equal((4, 0, 3), (counted.Arrived, counted.InFlight, counted.MaxInFlight));
    }

    [Fact]
    public async Task A_held_call_takes_effect_before_the_hold_if_asked_for()
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan"));
        State[Api.JsCode2Session].AddFault(new Fault { Hold = true, TakesEffect = true });
        var held = ExchangeAsync(token, code);
        await State[Api.JsCode2Session].WaitForCallsAsync(1);

        Assert.Equal(0, State[Api.JsCode2Session].Release(0));
        State[Api.JsCode2Session].Release();

        Assert.Equal(0, Errcode(await held));
        Assert.Equal(40029, Errcode(await ExchangeAsync(token, code)));
    }

    [Fact]
    public async Task A_caller_that_gives_up_is_no_longer_in_flight()
    {
        State[Api.GetToken].AddFault(new Fault { Hold = true });
        using var patience = new CancellationTokenSource();
        var call = _http.GetAsync("cgi-bin/gettoken", patience.Token);
        await State[Api.GetToken].WaitForCallsAsync(1);

        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await State[Api.GetToken].WaitForIdleAsync();
        Assert.Equal(0, State[Api.GetToken].Release());
    }

    [Fact]
    public async Task A_simulator_that_stops_drops_its_held_calls()
    {
        var stopping = await SimulatorServer.StartAsync();
        using var http = new HttpClient { BaseAddress = stopping.BaseAddress };
        stopping.State[Api.GetToken].AddFault(new Fault { Hold = true });
        var held = http.GetAsync("cgi-bin/gettoken");
        await stopping.State[Api.GetToken].WaitForCallsAsync(1);

        await stopping.DisposeAsync();

        await Assert.ThrowsAsync<HttpRequestException>(() => held);
    }

    [Fact]
    public async Task A_delay_runs_by_the_given_clock()
    {
        State[Api.GetToken].AddFault(new Fault { DelaySeconds = 4 });

        var call = TokenAnswerAsync();
        Assert.Equal(TimeSpan.FromSeconds(4), await _time.TimerStarted);
        Assert.False(call.IsCompleted);
        _time.Fire();

        Assert.Equal(0, Errcode(await call));
    }

    [Fact]
    public async Task Too_many_calls_in_a_minute_are_refused_for_a_minute()
    {
        State[Api.GetToken].SetLimits(maxPerMinute: 2);
        async Task<string> CallAsync(int times)
        {
            var errcodes = new List<int>();
            while (errcodes.Count < times)
            {
                errcodes.Add(Errcode(await TokenAnswerAsync()));
            }

            return string.Join(' ', errcodes);
        }

        Assert.Equal("0 0 45009", await CallAsync(3));
        State.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("45009", await CallAsync(1));
        State.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("0 0 45009", await CallAsync(3));
        State[Api.GetToken].SetLimits();
        Assert.Equal("0", await CallAsync(1));
    }

    [Fact]
    public async Task Too_many_calls_at_once_are_refused()
    {
        State[Api.GetToken].SetLimits(maxConcurrent: 1);
        State[Api.GetToken].AddFault(new Fault { Hold = true });
        var held = TokenAnswerAsync();
        await State[Api.GetToken].WaitForCallsAsync(1);

        Assert.Equal(45033, Errcode(await TokenAnswerAsync()));

        State[Api.GetToken].Release();
        Assert.Equal((0, 0), (Errcode(await held), Errcode(await TokenAnswerAsync())));
    }

    [Fact]
    public async Task Calls_are_counted_by_errcode_until_reset()
    {
        await GetTokenAsync();
        await GetTokenAsync();
        await TokenAnswerAsync(secret: "wrong");

        var calls = State[Api.GetToken].Calls;
        State[Api.GetToken].ResetCalls();

        Assert.Equal(new ApiCalls(3, 0, 1, calls.Errcodes, 0), calls);
        Assert.Equal(new Dictionary<int, int> { [0] = 2, [40001] = 1 }, calls.Errcodes);
        Assert.Equal(0, State[Api.GetToken].Calls.Arrived);
    }

    [Fact]
    public async Task Every_secret_is_long_and_registered_and_none_is_logged()
    {
        State.Settings = State.Settings with { AccessTokenLength = 512 };
        var code = State.IssueCode("zhangsan");
        var token = await GetTokenAsync();
        var session = await ExchangeAsync(token, code);
        await UserAsync(token, "zhangsan");
        var first = State.CorpSecret;
        var second = State.RotateSecret(CorpId, App);
        State.Reset();

        Assert.Equal(512, token.Length);
        Assert.Superset(new HashSet<string> { code, token, first, second, Text(session, "session_key") }, State.IssuedSecrets.ToHashSet());
        Assert.All(State.IssuedSecrets, secret => Assert.InRange(secret.Length, 24, 512));
        Assert.Equal(
            ["GET /cgi-bin/gettoken -> 0", "GET /cgi-bin/miniprogram/jscode2session -> 0", "GET /cgi-bin/user/get -> 0"],
            _log.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Two_simulators_share_nothing()
    {
        await using var other = await SimulatorServer.StartAsync();

        Assert.NotEqual(_simulator.BaseAddress, other.BaseAddress);
        Assert.NotEqual(State.CorpSecret, other.State.CorpSecret);
        await GetTokenAsync();
        Assert.Equal((1, 0), (State[Api.GetToken].Calls.Arrived, other.State[Api.GetToken].Calls.Arrived));
    }

    [Fact]
    public async Task Over_http_a_person_can_do_the_same()
    {
        await ControlAsync("PUT", "corps/wwnew/apps/crm", """{"secret":"a-corpsecret-of-my-own","hiddenMembers":["b"]}""");
        await ControlAsync("PUT", "corps/wwnew/members/a", """{"userid":"a"}""");
        await ControlAsync("PUT", "corps/wwnew/members/b", """{"userid":"b"}""");
        var token = Text(await TokenAnswerAsync("a-corpsecret-of-my-own", "wwnew"), "access_token");
        Assert.Equal((0, 60111), (Errcode(await UserAsync(token, "a")), Errcode(await UserAsync(token, "b"))));

        var code = await ControlAsync("POST", "codes", """{"userid":"a","corpid":"wwnew"}""");
        Assert.Equal("wwnew", Text(await ExchangeAsync(token, Text(code, "code")), "corpid"));
        var codes = await ControlAsync("POST", "codes", """{"userid":"a","count":3}""");
        Assert.Equal(3, codes.GetProperty("codes").GetArrayLength());

        var revoked = await ControlAsync("POST", "tokens/revoke", $$"""{"access_token":"{{token}}"}""");
        Assert.Equal(1, revoked.GetProperty("revoked").GetInt32());
        var rotated = await ControlAsync("POST", "corps/wwnew/apps/crm/rotate", "{}");
        Assert.Equal(State.GetSecret("wwnew", "crm"), Text(rotated, "secret"));

        await ControlAsync("PATCH", "settings", """{"semantics":"NewEachTimeOldDies","tokenLifetimeSeconds":60}""");
        Assert.Equal(new SimulatorSettings { Semantics = TokenSemantics.NewEachTimeOldDies, TokenLifetimeSeconds = 60 }, State.Settings);

        await ControlAsync("DELETE", "corps/wwnew/members/a");
        Assert.Equal(60111, Errcode(await UserAsync(await GetTokenAsync(), "a")));
        Assert.Contains("wwnew", (await ControlAsync("GET", "state")).GetRawText());

        await ControlAsync("POST", "reset");
        Assert.DoesNotContain("wwnew", (await ControlAsync("GET", "state")).GetRawText());
        Assert.Equal(new SimulatorSettings(), State.Settings);
    }

    [Fact]
    public async Task Over_http_a_person_can_disturb_the_calls()
    {
        await ControlAsync("POST", "faults", """{"api":"user/get","errcode":-1,"times":null}""");
        await ControlAsync("POST", "faults", """{"hold":true}""");
        await ControlAsync("POST", "limits", """{"api":"gettoken","maxPerMinute":1}""");
        var held = TokenAnswerAsync();
        await State[Api.GetToken].WaitForCallsAsync(1);

        var released = await ControlAsync("POST", "release", """{"api":"gettoken"}""");
        Assert.Equal(1, released.GetProperty("released").GetInt32());
        var token = Text(await held, "access_token");
        Assert.Equal(45009, Errcode(await TokenAnswerAsync()));
        await ControlAsync("POST", "clock", """{"advanceSeconds":60}""");
        Assert.Equal(0, Errcode(await TokenAnswerAsync()));

        Assert.Equal(-1, Errcode(await UserAsync(token, "zhangsan")));
        await ControlAsync("POST", "faults/clear", """{"api":"user/get"}""");
        Assert.Equal(0, Errcode(await UserAsync(token, "zhangsan")));

        var calls = (await ControlAsync("GET", "calls")).GetProperty("user/get").GetProperty("errcodes");
        Assert.Equal("""{"-1":1,"0":1}""", calls.GetRawText());
        await ControlAsync("DELETE", "calls");
        Assert.Equal(0, State[Api.UserGet].Calls.Arrived);
    }

    [Theory]
    [InlineData("POST", "codes", "{}", 400)]
    [InlineData("POST", "codes", """{"userid":"a","corpid":"wwunknown"}""", 404)]
    [InlineData("POST", "codes", """{"userid":"a","code":"short"}""", 400)]
    [InlineData("POST", "faults", """{"api":"gettoken","errorcode":1}""", 400)]
    [InlineData("POST", "faults", """{"api":"getticket"}""", 400)]
    [InlineData("PATCH", "settings", """{"accessTokenLength":513}""", 400)]
    [InlineData("PUT", "corps/ww/members/a", "[]", 400)]
    [InlineData("PUT", "corps/ww/members/a", "not json", 400)]
    [InlineData("POST", "corps/ww1234567890abcdef/apps/none/rotate", "{}", 404)]
    public async Task A_mistake_in_the_control_api_is_explained(string method, string path, string body, int status)
    {
        using var response = await SendAsync(method, path, body);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.NotEmpty(Text(await response.Content.ReadFromJsonAsync<JsonElement>(), "error"));
    }

    private static int Errcode(JsonElement answer) => answer.GetProperty("errcode").GetInt32();

    private static string Text(JsonElement answer, string name) => answer.GetProperty(name).GetString()!;

    private async Task<string> GetTokenAsync(string app = App) =>
        Text(await TokenAnswerAsync(State.GetSecret(CorpId, app)), "access_token");

    private Task<JsonElement> TokenAnswerAsync(string? secret = null, string corpId = CorpId) =>
        _http.GetFromJsonAsync<JsonElement>($"cgi-bin/gettoken?corpid={corpId}&corpsecret={secret ?? State.CorpSecret}");

    private Task<JsonElement> ExchangeAsync(string token, string code) => _http.GetFromJsonAsync<JsonElement>(
        $"cgi-bin/miniprogram/jscode2session?access_token={token}&js_code={code}&grant_type=authorization_code");

    private Task<JsonElement> UserAsync(string token, string userId) =>
        _http.GetFromJsonAsync<JsonElement>($"cgi-bin/user/get?access_token={token}&userid={userId}");

    private Task<HttpResponseMessage> SendAsync(string method, string path, string? body) => _http.SendAsync(new(new(method), "sim/" + path)
    {
        Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
    });

    private async Task<JsonElement> ControlAsync(string method, string path, string? body = null)
    {
        using var response = (await SendAsync(method, path, body)).EnsureSuccessStatusCode();
        var answer = await response.Content.ReadAsStringAsync();
        return JsonSerializer.Deserialize<JsonElement>(answer.Length == 0 ? "{}" : answer);
    }

    /// <summary>A clock that stands still; its one timer fires when the test says so.</summary>
    private sealed class StoppedTime : TimeProvider
    {
        private readonly TaskCompletionSource<TimeSpan> _timerStarted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Action _fire = () => { };

        public Task<TimeSpan> TimerStarted => _timerStarted.Task;

        public override DateTimeOffset GetUtcNow() => new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            _fire = () => callback(state);
            _timerStarted.TrySetResult(dueTime);
            return System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public void Fire() => _fire();
    }
}
