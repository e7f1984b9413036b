using System.Text;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Whether WeCom's corpid is the configured one (documents 96516, 39442).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class CorpIdTests(Azurite azurite) : FleetTest(azurite, new())
{
    [Theory]
    [InlineData("wwAB12cd34", "wwAB12cd34")]
    [InlineData("wwAB12cd34", "wwab12CD34")]
    public async Task A_plain_one_is_the_same_in_any_case_and_is_answered_as_the_settings_spell_it(string configured, string answered)
    {
        var answer = await LoginAsync(configured, answered);

        Assert.Equal((200, configured), (answer.Status, answer["corpid"]));
    }

    [Fact]
    public async Task Another_plain_one_is_corp_mismatch()
    {
        var answer = await LoginAsync("wwAB12cd34", "wwAB12cd35");

        Assert.Equal((403, "corp_mismatch"), (answer.Status, answer["code"]));
    }

    [Theory]
    [InlineData("wx0123456789ABcdef", "wx0123456789abcdef", true)]
    [InlineData("WW0123456789ABcdef", "ww0123456789abcdef", true)]
    [InlineData("wpAB_cd-EF", "wpAB_cd-EF", true)]
    [InlineData("wpAB_cd-EF", "wpab_cd-ef", false)]
    [InlineData("woAB_cd-EF", "woab_cd-ef", false)]
    public void Only_an_encrypted_one_is_compared_letter_by_letter(string configured, string answered, bool isSame) =>
        Assert.Equal(isSame, new WeComApp(configured, "wecom-corpsecret").IsOfCorp(answered));

    private async Task<LoginAnswer> LoginAsync(string configured, string answered)
    {
        await using var weCom = await VerbatimWeCom.StartAsync();
        weCom.Answer("gettoken", """{"errcode":0,"errmsg":"ok","access_token":"a-token-of-its-own","expires_in":7200}"""u8);
        weCom.Answer(
            "miniprogram/jscode2session",
            Encoding.UTF8.GetBytes($$"""{"errcode":0,"errmsg":"ok","corpid":"{{answered}}","userid":"zhangsan"}"""));
        weCom.Answer("user/get", """{"errcode":0,"errmsg":"ok","userid":"zhangsan"}"""u8);
        await using var host = await LoginHost.StartAsync(
            Simulator,
            Azurite,
            Clock,
            settings: new() { ["WeCom__CorpId"] = configured, ["WeCom__BaseUrl"] = weCom.BaseAddress.AbsoluteUri });
        return await host.LoginAsync("a-code-that-works");
    }
}
