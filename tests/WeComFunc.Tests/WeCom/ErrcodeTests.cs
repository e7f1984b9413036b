using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>An errcode is nobody's fault who has no part in the call that it answers.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ErrcodeTests(Azurite azurite) : FleetTest(azurite, new())
{
    private LoginHost _host = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _host = Ends(await LoginHost.StartAsync(Simulator, Azurite, Clock, settings: new() { ["Login__RequireProfile"] = "true" }));
    }

    [Theory]
    [InlineData(40029)]
    [InlineData(40163)]
    [InlineData(42003)]
    [InlineData(42013)]
    [InlineData(60011)]
    [InlineData(60111)]
    [InlineData(40003)]
    [InlineData(46004)]
    [InlineData(50002)]
    public async Task What_gettoken_says_of_a_code_or_a_member_is_unexpected(int errcode)
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = errcode });

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((502, "wecom_unexpected", $"{errcode}"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Theory]
    [InlineData(Api.JsCode2Session)]
    [InlineData(Api.UserGet)]
    public async Task It_is_unexpected_too_where_a_rejected_token_is_to_be_replaced(Api api)
    {
        await _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _host.WhenIdle();
        WeCom[api].AddFault(new Fault { Errcode = 40014, Times = null });
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60111 });

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((502, "wecom_unexpected", "60111"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Fact]
    public async Task What_user_get_says_of_a_code_is_unexpected()
    {
        WeCom[Api.UserGet].AddFault(new Fault { Errcode = 40029 });

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((502, "wecom_unexpected", "40029"), (answer.Status, answer["code"], answer["errcode"]));
    }
}
