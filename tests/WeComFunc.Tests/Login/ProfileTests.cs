using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The profile in the answer, and the answer without one (rule L4).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ProfileTests(Azurite azurite) : LoginTest(azurite)
{
    private LoginHost _host = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _host = await StartAsync();
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
        var host = await StartAsync(settings: new() { ["Login__ProfileFields"] = "department, name,unheard_of" });

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
            $$$"""{"userid":"zhangsan","corpid":"{{{SimulatorState.SeedCorpId}}}","profile":null,"profileError":"""
            + $$$"""{"code":"member_not_visible","errcode":{{{errcode}}},"retryable":false}}""",
            answer.Text);
    }

    [Fact]
    public async Task A_member_outside_the_visible_range_is_logged_in_without_a_profile()
    {
        var answer = await _host.LoginAsync(WeCom.IssueCode("wangwu"));

        Assert.Equal((200, "wangwu", ""), (answer.Status, answer["userid"], answer["profile"]));
        Assert.Equal(60111, answer.Json.GetProperty("profileError").GetProperty("errcode").GetInt32());
    }
}
