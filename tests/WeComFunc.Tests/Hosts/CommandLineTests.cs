using WeComFunc.LocalHost;

namespace WeComFunc.Tests;

/// <summary>The command line of the local host.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData]
    [InlineData("--urls", "http://127.0.0.1:0")]
    [InlineData("--urls=http://127.0.0.1:0", "--settings", "none")]
    [InlineData("--Settings", "a file", "--LOG=json")]
    [InlineData("--WeCom:AppName", "sales", "--Login:RequireProfile=true")]
    [InlineData("--Login:ProfileFields=")]
    [InlineData("--environment=Development", "--contentRoot", "/tmp", "--applicationName=x")]
    public void An_option_is_one_of_a_few_or_a_setting(params string[] args) => CommandLine.Check(args);

    [Theory]
    [InlineData("--nope is no option: --help shows those there are.", "--nope")]
    [InlineData("--port is no option: --help shows those there are.", "--port", "1")]
    [InlineData("--url is no option: --help shows those there are.", "--url=http://127.0.0.1:0")]
    [InlineData("chekc is no option: --help shows those there are.", "chekc")]
    [InlineData("-urls is no option: --help shows those there are.", "-urls", "http://127.0.0.1:0")]
    [InlineData("http://127.0.0.1:0 is no option: --help shows those there are.", "--log", "json", "http://127.0.0.1:0")]
    [InlineData("--settings needs a value: --help shows which.", "--settings")]
    [InlineData("--log needs a value: --help shows which.", "--log", "--urls", "http://127.0.0.1:0")]
    public void Anything_else_is_refused(string expected, params string[] args) =>
        Assert.Equal(expected, Assert.Throws<SettingsException>(() => CommandLine.Check(args)).Message);

    [Theory]
    [InlineData(true, "--help")]
    [InlineData(true, "-h")]
    [InlineData(true, "check", "--help")]
    [InlineData(false, "check")]
    public void Help_is_what_it_asks_for_or_not(bool expected, params string[] args) =>
        Assert.Equal(expected, CommandLine.AsksForHelp(args));

    [Theory]
    [InlineData("http://127.0.0.1:7071")]
    [InlineData("http://127.0.0.1:0")]
    [InlineData("HTTP://LOCALHOST:7071/")]
    [InlineData("http://[::1]:7071")]
    [InlineData("http://0.0.0.0")]
    [InlineData("http://*:7071")]
    [InlineData("http://*:0")]
    [InlineData("http://+:80;http://127.0.0.1:65535")]
    public void It_listens_at_addresses(string urls) => CommandLine.CheckUrls(urls);

    /// <summary>Kestrel takes some of them for all addresses of the machine, and others end it with a stack trace.</summary>
    [Theory]
    [InlineData("")]
    [InlineData(null)]
    [InlineData("foo")]
    [InlineData("127.0.0.1:7071")]
    [InlineData(" http://127.0.0.1:7071")]
    [InlineData("http://127.0.0.1:70a")]
    [InlineData("http://127.0.0.1:")]
    [InlineData("http://127.0.0.1:65536")]
    [InlineData("http://127.0.0.1:7071/api")]
    [InlineData("http://127.0.0.l:7071")]
    [InlineData("http://login.example.com:7071")]
    [InlineData("http://localhost:0")]
    [InlineData("http://:7071")]
    [InlineData("ftp://127.0.0.1:7071")]
    [InlineData("https://127.0.0.1:7071")]
    [InlineData("http://127.0.0.1:7071;")]
    [InlineData("http://127.0.0.1:7071;HTTPS://127.0.0.1:7072")]
    public void It_listens_nowhere_else(string? urls) =>
        Assert.StartsWith("--urls has ", Assert.Throws<SettingsException>(() => CommandLine.CheckUrls(urls)).Message);
}
