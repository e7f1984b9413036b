using System.Text.Json;
using System.Text.Json.Nodes;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>A login that works, and what it costs.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class LoginTests(Azurite azurite) : LoginTest(azurite)
{
    private LoginHost _host = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _host = await StartAsync();
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

    [Fact]
    public async Task A_member_of_another_corp_is_refused_before_the_profile_is_asked_for()
    {
        var answer = await _host.LoginAsync(WeCom.IssueCode("zhaoliu", SimulatorState.OtherCorpId));

        Assert.Equal((403, "corp_mismatch"), (answer.Status, answer["code"]));
        Assert.Equal(new(1, 1, 0), Calls);
    }

    [Fact]
    public async Task A_warm_login_is_two_calls_to_WeCom_and_none_to_the_table()
    {
        await WarmAsync(_host);
        var before = (_host.Store.Reads, _host.Store.Writes);

        var answer = await _host.LoginAsync(WeCom.IssueCode("lisi"));

        Assert.Equal(200, answer.Status);
        Assert.Equal(new(0, 1, 1), Calls);
        Assert.Equal(before, (_host.Store.Reads, _host.Store.Writes));
    }

    [Fact]
    public async Task Two_hundred_first_logins_at_once_fetch_one_token()
    {
        var codes = Enumerable.Range(0, 200).Select(_ => WeCom.IssueCode("zhangsan")).ToList();

        var answers = await Task.WhenAll(codes.Select(_host.LoginAsync));

        Assert.All(answers, answer => Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"])));
        Assert.Equal(new(1, 200, 200), Calls);
    }
}
