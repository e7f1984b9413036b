using Microsoft.Extensions.Configuration;
using WeComFunc.LocalHost;

namespace WeComFunc.Tests;

/// <summary>The local host's file of settings, <c>local.settings.json</c>.</summary>
public sealed class LocalSettingsTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Theory]
    [InlineData("", 1, 1)]
    [InlineData("broken", 1, 1)]
    [InlineData("{\n  \"Values\": {\n    \"WeCom__CorpId\": \"ww1\"\n    \"WeCom__CorpSecret\": \"a-secret\"\n  }\n}", 4, 5)]
    public void One_that_is_no_JSON_is_one_line_with_the_place_and_not_what_is_there(string file, int line, int position) => Assert.Equal(
        $"{_path} must be a JSON object with an object Values, as in local.settings.sample.json; it is no JSON from line {line}, byte "
        + $"{position} on.",
        Assert.Throws<SettingsException>(() => Read(file)).Message);

    [Theory]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"Values":null}""")]
    [InlineData("""{"Values":["WeCom__CorpId"]}""")]
    public void A_broken_one_is_one_line(string file) => Assert.Equal(
        $"{_path} must be a JSON object with an object Values, as in local.settings.sample.json.",
        Assert.Throws<SettingsException>(() => Read(file)).Message);

    [Theory]
    [InlineData("""{"Values":{"wecom__corpid":"ww1"}}""", "ww1")]
    [InlineData("""{"Values":{"WeCom__CorpId":"ww1","WECOM__CORPID":"ww2"}}""", "ww2")]
    [InlineData("""{"Values":{"WeCom:CorpId":"ww1","WeCom__CorpId":"ww2"}}""", "ww2")]
    [InlineData("""{"Values":{"WeCom__CorpId":"ww1",},} // a comment""", "ww1")]
    public void The_case_of_a_name_is_of_no_account_and_the_last_of_two_counts(string file, string expected) =>
        Assert.Equal(expected, Read(file)["WeCom:CorpId"]);

    [Theory]
    [InlineData("Logging__LogLevel__Default")]
    [InlineData("logging__loglevel__default")]
    public void What_it_says_wins_over_what_the_host_says_itself(string name) =>
        Assert.Equal("Error", Read($$$"""{"Values":{"{{{name}}}":"Error","URLS":"http://127.0.0.1:7072"}}""")["Logging:LogLevel:Default"]);

    private IConfiguration Read(string file)
    {
        File.WriteAllText(_path, file);
        return new ConfigurationBuilder().Add(LocalSettings.Source(_path)).Build();
    }
}
