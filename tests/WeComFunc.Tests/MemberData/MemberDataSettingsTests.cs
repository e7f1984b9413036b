using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The settings <c>MemberData__…</c>, and the appids that they need.</summary>
public sealed class MemberDataSettingsTests
{
    private const string AppIdExpected =
        "it must be the appid of the mini program, wx followed by letters and digits, for MemberData__Enabled.";

    [Fact]
    public void Without_the_switch_there_is_no_member_data_whatever_else_is_set()
    {
        var settings = Read(("MemberData__Enabled", null));

        Assert.Null(settings.MemberData);
        Assert.All(settings.Apps, app => Assert.Null(app.App.MiniProgramAppId));
    }

    [Fact]
    public void Every_app_has_its_appid_and_the_table_is_that_of_the_contract()
    {
        var settings = Read();

        Assert.Equal("wecomsessions", settings.MemberData?.TableName);
        Assert.Equal(["wx0123456789abcdef", "wxfedcba9876543210"], settings.Apps.Select(app => app.App.MiniProgramAppId));
    }

    [Fact]
    public void The_table_may_have_another_name() =>
        Assert.Equal("Sessions2", Read(("MemberData__TableName", "Sessions2")).MemberData?.TableName);

    [Theory]
    [InlineData("MemberData__Enabled", "yes", "MemberData__Enabled is malformed: it must be true or false.")]
    [InlineData(
        "Session__Issuer",
        null,
        "MemberData__Enabled needs sessions, by which the data is asked for: set Session__Issuer too, or remove it.")]
    [InlineData("WeCom__MiniProgramAppId", null, $"WeCom__MiniProgramAppId is missing: {AppIdExpected}")]
    [InlineData("WeCom__MiniProgramAppId", "ww0123456789abcdef", $"WeCom__MiniProgramAppId is malformed: {AppIdExpected}")]
    [InlineData("WeCom__MiniProgramAppId", "wx 0123456789abcde", $"WeCom__MiniProgramAppId is malformed: {AppIdExpected}")]
    [InlineData("WeCom__MiniProgramAppId", "wx", $"WeCom__MiniProgramAppId is malformed: {AppIdExpected}")]
    [InlineData("WeCom__Apps__sales__MiniProgramAppId", null, $"WeCom__Apps__sales__MiniProgramAppId is missing: {AppIdExpected}")]
    [InlineData("WeCom__Apps__sales__MiniProgramAppId", "sales", $"WeCom__Apps__sales__MiniProgramAppId is malformed: {AppIdExpected}")]
    [InlineData(
        "MemberData__TableName", "my-table", "MemberData__TableName is malformed: it must be 3 to 63 letters and digits, a letter first.")]
    [InlineData(
        "MemberData__TableName",
        "WeComTokens",
        "MemberData__TableName is the table of the access_tokens, TokenStore__TableName: give it another name.")]
    [InlineData(
        "TokenStore__TableName",
        "wecomsessions",
        "MemberData__TableName is the table of the access_tokens, TokenStore__TableName: give it another name.")]
    public void What_is_missing_or_malformed_is_one_line_that_names_it(string name, string? value, string line) =>
        Assert.Equal(line, Refused((name, value)));

    [Fact]
    public void An_appid_that_is_malformed_is_told_where_member_data_is_off_too() => Assert.Equal(
        $"WeCom__MiniProgramAppId is malformed: {AppIdExpected}",
        Refused(("MemberData__Enabled", "false"), ("WeCom__MiniProgramAppId", "ww1")));

    private static string Refused(params (string Name, string? Value)[] changes) =>
        Assert.Throws<SettingsException>(() => Read(changes)).Message;

    private static Settings Read(params (string Name, string? Value)[] changes) => DeployedSettings.Read(
    [
        .. DeployedSettings.OfSessions,
        ("WeCom__MiniProgramAppId", "wx0123456789abcdef"),
        ("WeCom__Apps__sales__CorpId", "wwfedcba0987654321"),
        ("WeCom__Apps__sales__MiniProgramAppId", "wxfedcba9876543210"),
        ("MemberData__Enabled", "true"),
        .. changes,
    ]);
}
