using System.Text;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>A profile is looked at before it is passed on: whose it is, and that it has nothing that stays with the service.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ProfileReadingTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string Secret = "a-secret-inside-a-profile-01";

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Output.Run.Secret(Secret, "a secret of a profile");
    }

    [Theory]
    [InlineData("""{"errcode":0,"errmsg":"ok","userid":"lisi","name":"李四"}""")]
    [InlineData("""{"errcode":0,"errmsg":"ok","userid":"zhangsan","name":"李四","userid":"lisi"}""")]
    [InlineData("""{"userid":"lisi","name":"李四","userid":"zhangsan","errcode":0,"errmsg":"ok"}""")]
    [InlineData("""{"errcode":0,"errmsg":"ok","user\u0069d":"lisi","name":"李四"}""")]
    public async Task The_profile_of_another_member_is_not_passed_on_and_the_login_succeeds(string profile)
    {
        var answer = await LoginAsync(profile);

        Assert.Equal(200, answer.Status);
        Assert.Equal(
            $$$"""{"userid":"zhangsan","corpid":"{{{SimulatorState.SeedCorpId}}}","profile":null,"profileError":"""
            + """{"code":"wecom_unexpected","retryable":false}}""",
            answer.Text);
    }

    [Fact]
    public async Task The_profile_of_another_member_is_wecom_unexpected_where_a_profile_is_required()
    {
        var answer = await LoginAsync("""{"errcode":0,"errmsg":"ok","userid":"lisi"}""", new() { ["Login__RequireProfile"] = "true" });

        Assert.Equal((502, "wecom_unexpected", null), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Theory]
    [InlineData("ZhangSan")]
    [InlineData("zhang\\u0073an")]
    public async Task A_userid_in_another_spelling_is_the_same_member(string userId)
    {
        var answer = await LoginAsync($$"""{"errcode":0,"errmsg":"ok","userid":"{{userId}}","name":"张三"}""");

        Assert.Equal($$"""{"userid":"{{userId}}","name":"张三"}""", answer.Json.GetProperty("profile").GetRawText());
    }

    [Fact]
    public async Task A_refusal_that_names_another_member_is_the_refusal()
    {
        var answer = await LoginAsync("""{"errcode":60111,"errmsg":"userid not found","userid":"lisi"}""");

        Assert.Equal(
            """{"code":"member_not_visible","errcode":60111,"retryable":false}""", answer.Json.GetProperty("profileError").GetRawText());
    }

    [Theory]
    [InlineData("session_key")]
    [InlineData("access_token")]
    [InlineData("Session_Key")]
    [InlineData("ACCESS_TOKEN")]
    [InlineData("session\\u005fkey")]
    [InlineData("\\u0061\\u0063\\u0063\\u0065\\u0073\\u0073\\u005f\\u0074\\u006f\\u006b\\u0065\\u006e")]
    public async Task A_member_that_no_response_may_hold_is_left_out(string name)
    {
        var answer = await LoginAsync(
            $$"""{"errcode":0,"{{name}}":"{{Secret}}","userid":"zhangsan","{{name}}":{"a":["{{Secret}}"]},"name":"张三"}""");

        Assert.Equal("""{"userid":"zhangsan","name":"张三"}""", answer.Json.GetProperty("profile").GetRawText());
    }

    [Theory]
    [InlineData("""{"access_token":"SECRET"}""")]
    [InlineData("""[1,{"deep":[{"b":[]},{"session\u005fkey":["SECRET"]}]},2]""")]
    public async Task A_member_with_such_a_one_inside_is_left_out_as_a_whole(string extra)
    {
        var answer = await LoginAsync(
            "{\"errcode\":0,\"extra\":" + extra.Replace("SECRET", Secret)
            + ""","userid":"zhangsan","extattr":{"attrs":[{"name":"工位","value":"A"}]}}""");

        Assert.Equal(
            """{"userid":"zhangsan","extattr":{"attrs":[{"name":"工位","value":"A"}]}}""", answer.Json.GetProperty("profile").GetRawText());
    }

    [Fact]
    public async Task A_member_that_no_response_may_hold_is_left_out_also_where_the_settings_ask_for_it()
    {
        var answer = await LoginAsync(
            $$"""{"errcode":0,"session_key":"{{Secret}}","userid":"zhangsan"}""",
            new() { ["Login__ProfileFields"] = "session_key,userid" });

        Assert.Equal("""{"userid":"zhangsan"}""", answer.Json.GetProperty("profile").GetRawText());
    }

    [Fact]
    public async Task Names_that_only_resemble_those_pass_through()
    {
        const string Profile =
            """{"userid":"zhangsan","session_keys":1,"access_token_":2,"x_session_key":3,"accesstoken":4,"session-key":5}""";

        var answer = await LoginAsync($$"""{"errcode":0,{{Profile[1..]}}""");

        Assert.Equal(Profile, answer.Json.GetProperty("profile").GetRawText());
    }

    private async Task<LoginAnswer> LoginAsync(string profile, Dictionary<string, string?>? settings = null)
    {
        await using var weCom = await VerbatimWeCom.StartAsync();
        weCom.Answer("gettoken", """{"errcode":0,"errmsg":"ok","access_token":"a-token-of-its-own","expires_in":7200}"""u8);
        weCom.Answer("miniprogram/jscode2session", """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":"zhangsan"}"""u8);
        weCom.Answer("user/get", Encoding.UTF8.GetBytes(profile));
        await using var host = await LoginHost.StartAsync(
            Simulator, Azurite, Clock, settings: new(settings ?? []) { ["WeCom__BaseUrl"] = weCom.BaseAddress.AbsoluteUri });
        return await host.LoginAsync("a-code-that-works");
    }
}
