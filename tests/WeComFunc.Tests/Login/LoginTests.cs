using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Login;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

[Collection(AzuriteCollection.Name)]
public sealed class LoginTests(Azurite azurite) : IAsyncLifetime
{
    // So small that an attempt has seconds of real time before its three of the moved clock are over.
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(25);

    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LoginLimit = TimeSpan.FromSeconds(10);

    private readonly ManualTimeProvider _clock = new();
    private SimulatorServer _simulator = null!;
    private LoginHost _host = null!;

    public static TheoryData<Api, string> PassingFailures
    {
        get
        {
            var all = new TheoryData<Api, string>();
            foreach (var api in Enum.GetValues<Api>())
            {
                all.Add(api, "-1");
                all.Add(api, "HTTP 503");
                all.Add(api, "lost connection");
            }

            return all;
        }
    }

    public static TheoryData<Api, int> FinalErrcodes
    {
        get
        {
            var all = new TheoryData<Api, int>();
            foreach (var api in Enum.GetValues<Api>())
            {
                foreach (var errcode in (int[])[45009, 45033, 48002, 99999])
                {
                    all.Add(api, errcode);
                }
            }

            return all;
        }
    }

    private SimulatorState WeCom => _simulator.State;

    private ApiTraffic Sessions => WeCom[Api.JsCode2Session];

    private (int GetToken, int JsCode2Session, int UserGet) Calls =>
        (WeCom[Api.GetToken].Calls.Arrived, Sessions.Calls.Arrived, WeCom[Api.UserGet].Calls.Arrived);

    public async Task InitializeAsync()
    {
        _simulator = await SimulatorServer.StartAsync(_clock);
        _host = await LoginHost.StartAsync(_simulator, azurite, _clock);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        Output.Run.Secrets(WeCom.IssuedSecrets);
        await _simulator.DisposeAsync();
    }

    [Fact]
    public async Task The_answer_is_the_userid_the_corpid_and_the_documented_profile()
    {
        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, "application/json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(["userid", "corpid", "profile"], answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(("zhangsan", SimulatorState.SeedCorpId), (answer["userid"], answer["corpid"]));
        var documented = JsonNode.Parse(await File.ReadAllTextAsync("data/user-get.json"))!.AsObject();
        documented.Remove("errcode");
        documented.Remove("errmsg");
        Assert.Equal(21, documented.Count);
        Assert.True(JsonNode.DeepEquals(documented, JsonNode.Parse(answer.Json.GetProperty("profile").GetRawText())));
    }

    [Theory]
    [InlineData("\"unheard_of\":true")]
    [InlineData("\"number\":12345678901234567890")]
    [InlineData("\"number\":-98765432109876543210")]
    [InlineData("\"number\":1E400")]
    [InlineData("\"number\":1.10")]
    [InlineData("\"number\":-0.0e-7")]
    [InlineData("\"text\":\"🐉👩‍💻 张三\"")]
    [InlineData("\"text\":\"\\u4f60\\u597d \\ud83d\\ude00\"")]
    [InlineData("\"text\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\"")]
    [InlineData("\"text\":\"\\ud800\"")]
    [InlineData("\"text\":\"<script>&'+</script>\"")]
    [InlineData("\"text\":\"\"")]
    [InlineData("\"\\u4f60 \\\"name\\\"\":1")]
    [InlineData("\"\":null")]
    [InlineData("\"nested\":{\"a\":[{\"b\":{\"errcode\":7,\"errmsg\":\"a profile's own\"}},[[]],null]}")]
    [InlineData("\"spaced\":{ \"a\" : [ 1 , 2 ] }")]
    [InlineData("\"empty\":{}")]
    [InlineData("\"empty\":[]")]
    public async Task A_member_of_the_profile_passes_through_as_it_was_written(string member)
    {
        var profile = $$"""{"userid":"xiaoming",{{member}},"status":1}""";
        WeCom.PutMember(SimulatorState.SeedCorpId, "xiaoming", profile);

        var answer = await _host.LoginAsync(WeCom.IssueCode("xiaoming"));

        Assert.Equal(200, answer.Status);
        Assert.Equal(profile, answer.Json.GetProperty("profile").GetRawText());
    }

    [Fact]
    public async Task Only_the_members_in_the_settings_are_returned_when_there_are_any()
    {
        await using var host = await LoginHost.StartAsync(
            _simulator, azurite, _clock, settings: new() { ["Login__ProfileFields"] = "department, name,unheard_of" });

        var answer = await host.LoginAsync(WeCom.IssueCode("lisi"));

        Assert.Equal((200, "lisi"), (answer.Status, answer["userid"]));
        Assert.Equal("""{"name":"李四🐉👩‍💻","department":[2]}""", answer.Json.GetProperty("profile").GetRawText());
    }

    [Theory]
    [InlineData(60111)]
    [InlineData(40003)]
    [InlineData(46004)]
    [InlineData(60011)]
    [InlineData(50002)]
    public async Task A_member_whose_profile_the_app_may_not_see_is_logged_in_without_one(int errcode)
    {
        WeCom[Api.UserGet].AddFault(new Fault { Errcode = errcode });

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, "application/json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(
            $$$"""{"userid":"zhangsan","corpid":"{{{SimulatorState.SeedCorpId}}}","profile":null,"profileError":{"code":"member_not_visible","errcode":{{{errcode}}},"retryable":false}}""",
            answer.Text);
    }

    [Fact]
    public async Task A_member_outside_the_visible_range_is_logged_in_without_a_profile()
    {
        var answer = await _host.LoginAsync(WeCom.IssueCode("wangwu"));

        Assert.Equal((200, "wangwu", ""), (answer.Status, answer["userid"], answer["profile"]));
        Assert.Equal(60111, answer.Json.GetProperty("profileError").GetProperty("errcode").GetInt32());
    }

    [Fact]
    public async Task No_session_key_access_token_code_or_corpsecret_is_in_the_answer()
    {
        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal(200, answer.Status);
        Assert.DoesNotContain("session_key", answer.Text);
        Assert.DoesNotContain("access_token", answer.Text);
        Assert.All(WeCom.IssuedSecrets, secret => Assert.DoesNotContain(secret, answer.Text));
    }

    [Theory]
    [InlineData("a code & its +, = and %")]
    [InlineData("js_code=1&access_token=2#?/../\\;:@%41%zz")]
    [InlineData("'\"<>{}[]|^`~!*()$, and 16 more")]
    public async Task A_code_reaches_WeCom_unchanged(string code)
    {
        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan", code: code));

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Theory]
    [InlineData("zhang san & co")]
    [InlineData("a+b=c%41?d#e/f")]
    [InlineData("张三@corp.example")]
    [InlineData("a\"b\\c<d>'")]
    public async Task A_userid_reaches_WeCom_and_the_caller_unchanged(string userId)
    {
        WeCom.PutMember(SimulatorState.SeedCorpId, userId, JsonSerializer.Serialize(new { userid = userId, name = "found" }));

        var answer = await _host.LoginAsync(WeCom.IssueCode(userId));

        Assert.Equal((200, userId), (answer.Status, answer["userid"]));
        Assert.Equal("found", answer.Json.GetProperty("profile").GetProperty("name").GetString());
    }

    [Theory]
    [MemberData(nameof(PassingFailures))]
    public async Task A_call_that_fails_for_the_moment_is_tried_three_times_and_the_third_counts(Api api, string failure)
    {
        WeCom[api].AddFault(failure switch
        {
            "-1" => new Fault { Errcode = -1, Times = 2 },
            "HTTP 503" => new Fault { Status = 503, Times = 2 },
            _ => new Fault { Abort = true, Times = 2 },
        });

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _clock.RunUntilAsync(WeCom[api].WaitForCallsAsync(3), Step, AttemptLimit);

        Assert.Equal(200, (await login).Status);
        Assert.Equal(3, WeCom[api].Calls.Arrived);
    }

    [Theory]
    [MemberData(nameof(FinalErrcodes))]
    public async Task Every_other_errcode_is_final(Api api, int errcode)
    {
        await using var host = await StartRequiringProfileAsync();
        WeCom[api].AddFault(new Fault { Errcode = errcode, Times = null });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal($"{errcode}", answer["errcode"]);
        Assert.Equal(1, WeCom[api].Calls.Arrived);
    }

    [Theory]
    [InlineData(Api.JsCode2Session)]
    [InlineData(Api.UserGet)]
    public async Task A_call_that_hangs_is_given_up_after_three_seconds_and_tried_again(Api api)
    {
        await WarmAsync();
        WeCom[api].AddFault(new Fault { Hold = true });
        var start = _clock.GetUtcNow();

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[api].WaitForCallsAsync(1);
        _clock.Advance(AttemptLimit);
        await _clock.RunUntilAsync(WeCom[api].WaitForCallsAsync(2), Step, AttemptLimit);

        Assert.Equal(200, (await login).Status);
        Assert.InRange(_clock.GetUtcNow() - start, AttemptLimit, AttemptLimit * 2);
    }

    [Theory]
    [InlineData(Api.GetToken)]
    [InlineData(Api.JsCode2Session)]
    [InlineData(Api.UserGet)]
    public async Task A_call_that_answers_within_three_seconds_is_waited_for(Api api)
    {
        WeCom[api].AddFault(new Fault { Hold = true });

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[api].WaitForCallsAsync(1);
        _clock.Advance(AttemptLimit - Step);
        WeCom[api].Release();

        Assert.Equal(200, (await login).Status);
        Assert.Equal((1, 1, 1), Calls);
    }

    [Theory]
    [InlineData(Api.GetToken)]
    [InlineData(Api.JsCode2Session)]
    [InlineData(Api.UserGet)]
    public async Task A_login_with_a_call_that_hangs_for_good_ends_within_ten_seconds(Api api)
    {
        await using var host = await StartRequiringProfileAsync();
        WeCom[api].AddFault(new Fault { Hold = true, Times = null });

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[api].WaitForCallsAsync(1);
        var answer = await _clock.RunUntilAsync(login, TimeSpan.FromMilliseconds(250), LoginLimit);

        Assert.Equal((503, "wecom_busy"), (answer.Status, answer["code"]));
    }

    [Fact]
    public async Task A_login_whose_every_call_is_slow_ends_within_ten_seconds()
    {
        await using var host = await StartRequiringProfileAsync();
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        Sessions.AddFault(new Fault { Hold = true });
        WeCom[Api.UserGet].AddFault(new Fault { Hold = true, Times = null });

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        foreach (var api in (Api[])[Api.GetToken, Api.JsCode2Session])
        {
            await WeCom[api].WaitForCallsAsync(1);
            _clock.Advance(TimeSpan.FromSeconds(2.5));
            WeCom[api].Release();
        }

        await WeCom[Api.UserGet].WaitForCallsAsync(1);
        var answer = await _clock.RunUntilAsync(login, TimeSpan.FromMilliseconds(250), LoginLimit - TimeSpan.FromSeconds(5));

        Assert.Equal((503, "wecom_busy"), (answer.Status, answer["code"]));
        Assert.Equal(2, WeCom[Api.UserGet].Calls.Arrived);
    }

    [Fact]
    public async Task A_member_of_another_corp_is_refused_before_the_profile_is_asked_for()
    {
        var answer = await _host.LoginAsync(WeCom.IssueCode("zhaoliu", SimulatorState.OtherCorpId));

        Assert.Equal((403, "corp_mismatch"), (answer.Status, answer["code"]));
        Assert.Equal((1, 1, 0), Calls);
    }

    [Fact]
    public async Task Two_posts_of_one_code_at_once_share_one_exchange()
    {
        Sessions.AddFault(new Fault { Hold = true });
        var code = WeCom.IssueCode("zhangsan");

        var first = _host.LoginAsync(code);
        await Sessions.WaitForCallsAsync(1);
        var second = JoinAsync(code);
        Sessions.Release();

        Assert.Equal((200, 200), ((await first).Status, (await second).Status));
        Assert.Equal((await first).Text, Encoding.UTF8.GetString((await second).Body.Span));
        Assert.Equal((1, 1, 1), Calls);
    }

    [Fact]
    public async Task A_caller_that_goes_away_takes_no_answer_from_those_who_posted_the_same_code()
    {
        Sessions.AddFault(new Fault { Hold = true });
        var code = WeCom.IssueCode("zhangsan");
        using var gone = new CancellationTokenSource();

        var first = JoinAsync(code, gone.Token);
        await Sessions.WaitForCallsAsync(1);
        var second = JoinAsync(code);
        await gone.CancelAsync();
        Sessions.Release();

        Assert.Equal(200, (await second).Status);
        Assert.Equal((1, 1, 1), Calls);
        await first;
    }

    [Fact]
    public async Task A_caller_that_disconnects_takes_no_answer_from_those_who_posted_the_same_code()
    {
        Sessions.AddFault(new Fault { Hold = true });
        var code = WeCom.IssueCode("zhangsan");
        using var gone = new CancellationTokenSource();
        using var body = new StringContent(JsonSerializer.Serialize(new { code }), Encoding.UTF8, "application/json");

        var first = _host.Client.PostAsync("/api/login", body, gone.Token);
        await Sessions.WaitForCallsAsync(1);
        var second = JoinAsync(code);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Sessions.Release();

        Assert.Equal(200, (await second).Status);
        Assert.Equal((1, 1, 1), Calls);
    }

    [Fact]
    public async Task A_caller_that_shares_an_exchange_may_go_away_from_it()
    {
        Sessions.AddFault(new Fault { Hold = true });
        var code = WeCom.IssueCode("zhangsan");
        using var gone = new CancellationTokenSource();

        var first = _host.LoginAsync(code);
        await Sessions.WaitForCallsAsync(1);
        var second = JoinAsync(code, gone.Token);
        await gone.CancelAsync();
        await second;
        Sessions.Release();

        Assert.Equal(200, (await first).Status);
    }

    [Fact]
    public async Task A_caller_that_gives_up_early_counts_as_gone_and_not_as_a_failure()
    {
        Sessions.AddFault(new Fault { Hold = true });
        var code = WeCom.IssueCode("zhangsan");
        using var gone = new CancellationTokenSource();

        var first = _host.LoginAsync(code);
        await Sessions.WaitForCallsAsync(1);
        var second = JoinAsync(code, gone.Token);
        await gone.CancelAsync();
        await second;
        Sessions.Release();
        await first;

        Assert.Contains(_host.Log.All, line => line.Contains("Login: outcome caller_gone, ", StringComparison.Ordinal));
        Assert.DoesNotContain(_host.Log.All, line => line.Contains("outcome wecom_busy", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_code_that_is_finished_is_not_remembered()
    {
        var code = WeCom.IssueCode("zhangsan");
        await _host.LoginAsync(code);

        var answer = await _host.LoginAsync(code);

        Assert.Equal((401, "invalid_code"), (answer.Status, answer["code"]));
        Assert.Equal(2, Sessions.Calls.Arrived);
    }

    [Fact]
    public async Task A_code_whose_exchange_failed_may_be_posted_again()
    {
        Sessions.AddFault(new Fault { Errcode = 45033 });
        var code = WeCom.IssueCode("zhangsan");
        await _host.LoginAsync(code);

        var answer = await _host.LoginAsync(code);

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    [Fact]
    public async Task A_warm_login_is_two_calls_to_WeCom_and_none_to_the_table()
    {
        await WarmAsync();
        var before = (_host.Store.Reads, _host.Store.Writes);

        var answer = await _host.LoginAsync(WeCom.IssueCode("lisi"));

        Assert.Equal(200, answer.Status);
        Assert.Equal((0, 1, 1), Calls);
        Assert.Equal(before, (_host.Store.Reads, _host.Store.Writes));
    }

    [Fact]
    public async Task Two_hundred_first_logins_at_once_fetch_one_token()
    {
        var codes = Enumerable.Range(0, 200).Select(_ => WeCom.IssueCode("zhangsan")).ToList();

        var answers = await Task.WhenAll(codes.Select(_host.LoginAsync));

        Assert.All(answers, answer => Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"])));
        Assert.Equal((1, 200, 200), Calls);
    }

    private Task<LoginHost> StartRequiringProfileAsync() =>
        LoginHost.StartAsync(_simulator, azurite, _clock, settings: new() { ["Login__RequireProfile"] = "true" });

    /// <summary>Leaves the host with a fresh token and nothing under way, and the counters at zero.</summary>
    private async Task WarmAsync()
    {
        await _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _host.Store.WaitForWritesAsync(2);
        foreach (var api in Enum.GetValues<Api>())
        {
            WeCom[api].ResetCalls();
        }
    }

    /// <summary>Posts to the endpoint itself: when this returns, the login has begun its exchange or shares another's.</summary>
    private Task<EndpointAnswer> JoinAsync(string code, CancellationToken gone = default)
    {
        Output.Run.Secret(code, "code");
        var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(new { code }));
        return _host.Services.GetRequiredService<LoginEndpoint>().LoginAsync(new("application/json", "203.0.113.7", body, null), gone);
    }
}
