using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using WeComFunc.Simulator;

namespace WeComFunc.Tests;

/// <summary>
/// The simulator does what its README says: the calls, corps, apps and members. Everything else here leans on that.
/// </summary>
public sealed class SimulatorTests : SimulatorTest
{
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
    [InlineData("department/get?id=1", 41001)]
    [InlineData("department/get?access_token={token}", 40035)]
    [InlineData("department/get?access_token={token}&id=3", 60003)]
    public async Task A_wrong_call_gets_its_errcode_withHttp_200(string call, int errcode)
    {
        var url = "cgi-bin/" + call.Replace("{token}", await GetTokenAsync()).Replace("{corp}", CorpId);

        using var response = await Http.GetAsync(url);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var answer = await response.Content.ReadFromJsonAsync<JsonElement>();
        Assert.Equal(errcode, Errcode(answer));
        Assert.Matches(
            @"^.+, hint: \[\d{25}\], from ip: 127\.0\.0\.1, more info at https://\S+\?e=" + errcode + "$", Text(answer, "errmsg"));
    }

    [Theory]
    [InlineData("POST", "/cgi-bin/gettoken")]
    [InlineData("GET", "/cgi-bin/gettoken/")]
    [InlineData("GET", "/cgi-bin/department/list")]
    public async Task Another_method_or_path_is_404(string method, string path)
    {
        using var response = await Http.SendAsync(new HttpRequestMessage(new(method), path));

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
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
    public async Task A_member_comes_back_verbatim()
    {
        const string Members = """
            "name":"\u674e🐉","id":12345678901234567890,"x":{"y": [1.50,1e400,null]},"a\/b":"c"
            """;
        State.PutMember(CorpId, "odd", $$"""{"errcode":7, {{Members}}, "errmsg":"no"}""");

        var body = await Http.GetStringAsync($"cgi-bin/user/get?access_token={await GetTokenAsync()}&userid=ODD");

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
    public async Task Calls_are_counted_by_errcode_until_reset()
    {
        await GetTokenAsync();
        await GetTokenAsync();
        await TokenAnswerAsync(secret: "wrong");

        var calls = State[Api.GetToken].Calls;
        State[Api.GetToken].ResetCalls();

        Assert.Equal(new ApiCalls(3, 0, calls.Errcodes, 0), calls);
        Assert.Equal(new Dictionary<int, int> { [0] = 2, [40001] = 1 }, calls.Errcodes);
        Assert.Equal(0, State[Api.GetToken].Calls.Arrived);
    }

    [Fact]
    public async Task Every_secret_is_long_and_registered_and_none_is_logged()
    {
        var code = State.IssueCode("zhangsan");
        var token = await GetTokenAsync();
        var session = await ExchangeAsync(token, code);
        await UserAsync(token, "zhangsan");
        var first = State.CorpSecret;
        var second = State.RotateSecret(CorpId, App);

        Assert.Superset(new HashSet<string> { code, token, first, second, Text(session, "session_key") }, State.IssuedSecrets.ToHashSet());
        Assert.All(State.IssuedSecrets, secret => Assert.InRange(secret.Length, 24, 214));
        Assert.Equal(
            ["GET /cgi-bin/gettoken -> 0", "GET /cgi-bin/miniprogram/jscode2session -> 0", "GET /cgi-bin/user/get -> 0"],
            Log.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task TwoSimulators_share_nothing()
    {
        await using var other = await SimulatorServer.StartAsync();

        Assert.NotEqual(Simulator.BaseAddress, other.BaseAddress);
        Assert.NotEqual(State.CorpSecret, other.State.CorpSecret);
        await GetTokenAsync();
        Assert.Equal((1, 0), (State[Api.GetToken].Calls.Arrived, other.State[Api.GetToken].Calls.Arrived));
    }
}
