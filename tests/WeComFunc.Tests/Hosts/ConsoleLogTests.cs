using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The log of the local host, on a terminal and elsewhere.</summary>
[Trait("Speed", "Slow")]
[Collection(HostsCollection.Name)]
public sealed class ConsoleLogTests(Azurite azurite) : WeComTest
{
    private const string TextLine = @"^\d\d:\d\d:\d\d\.\d{3} info: WeComFunc\.Login\.LoginEndpoint\[1\] Login: outcome ok, errcode none, ";

    [Theory]
    [InlineData]
    [InlineData("--log", "text")]
    public async Task In_a_file_a_login_is_a_line_with_all_its_facts_and_no_colour(params string[] arguments)
    {
        var lines = await LogInAsync(isOnTerminal: false, arguments, "Login: outcome ok");

        Assert.Single(lines, line => Regex.IsMatch(line, TextLine));
        Assert.DoesNotContain(lines, HasColour);
    }

    [Fact]
    public async Task As_JSON_every_line_is_an_object_with_its_facts_by_name()
    {
        var lines = await LogInAsync(isOnTerminal: false, ["--log", "json"], "Login: outcome ok");

        var login = Assert.Single(
            lines.Select(line => JsonSerializer.Deserialize<JsonElement>(line)),
            line => line.GetProperty("Message").GetString()!.StartsWith("Login: outcome ok"));
        Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", login.GetProperty("Timestamp").GetString());
        Assert.Equal(
            ("Information", "WeComFunc.Login.LoginEndpoint", "default"),
            (
                login.GetProperty("LogLevel").GetString(),
                login.GetProperty("Category").GetString(),
                login.GetProperty("State").GetProperty("App").GetString()));
    }

    [Fact]
    public async Task On_a_terminal_a_login_is_a_line_that_is_made_to_be_read()
    {
        var lines = await LogInAsync(isOnTerminal: true, [], "login ok");

        Assert.Single(lines, line => Regex.IsMatch(
            line, @"^\d\d:\d\d:\d\d\.\d{3} \x1b\[32mlogin ok\x1b\[39m: app default, token from memory, \d+\.\d ms$"));
        Assert.Single(lines, line => line.Contains(": WeComFunc.Secrets.CorpSecretSource[201] The corpsecret was read from "));
        Assert.DoesNotContain(lines, line => line.Contains("Login: outcome"));
    }

    [Fact]
    public async Task On_a_terminal_a_login_that_fails_says_what_to_do()
    {
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = 60020 });

        var lines = await LogInAsync(isOnTerminal: true, [], "login misconfigured");

        Assert.Single(lines, line => Regex.IsMatch(
            line,
            @"\x1b\[31mlogin misconfigured\x1b\[39m: app default, token from memory, \d+\.\d ms, errcode 60020, traceId [0-9a-f]{32}\. "
            + @"WeCom does not trust this address: enter .+\.$"));
    }

    [Fact]
    public async Task On_a_terminal_without_colours_there_are_none()
    {
        var lines = await LogInAsync(isOnTerminal: true, [], "login ok", ("NO_COLOR", "1"));

        Assert.DoesNotContain(lines, HasColour);
        Assert.Contains(lines, line => line.Contains(" login ok: app default, "));
    }

    [Fact]
    public async Task On_a_terminal_the_text_of_a_file_can_be_had()
    {
        var lines = await LogInAsync(isOnTerminal: true, ["--log", "text"], "Login: outcome ok", ("NO_COLOR", "1"));

        Assert.Single(lines, line => Regex.IsMatch(line, TextLine));
    }

    [Fact]
    public async Task Another_kind_of_log_ends_it_with_one_line()
    {
        await using var host = HostProcess.Start("WeComFunc.LocalHost", Settings(), arguments: ["--log", "xml"]);

        Assert.Equal(78, await host.ExitAsync());
        Assert.Equal(
            ["error: --log must be json or text; without it, the log is text, made to be read on a terminal."], host.Errors);
    }

    [Fact]
    public async Task A_LOG_of_the_environment_is_somebody_elses()
    {
        await using var host = HostProcess.Start(
            "WeComFunc.LocalHost", new(Settings()) { ["LOG"] = "debug" }, arguments: ["--urls", "http://127.0.0.1:0"]);

        Assert.Equal("/", (await host.AddressAsync()).AbsolutePath);
    }

    private static bool HasColour(string line) => line.Contains('\e', StringComparison.Ordinal);

    private Dictionary<string, string?> Settings()
    {
        var settings = LoginHost.Settings(Simulator, azurite, LoginHost.NewTable());
        settings["Logging__LogLevel__Default"] = settings["Logging__LogLevel__Microsoft.AspNetCore"] = null;
        return settings;
    }

    /// <returns>The lines that it has written by the time one holds <paramref name="until"/>.</returns>
    private async Task<IReadOnlyList<string>> LogInAsync(
        bool isOnTerminal, string[] arguments, string until, params (string Name, string Value)[] settings)
    {
        var all = Settings();
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        string[] command = ["--urls", "http://127.0.0.1:0", .. arguments];
        await using var host = isOnTerminal
            ? HostProcess.StartOnTerminal("WeComFunc.LocalHost", all, command)
            : HostProcess.Start("WeComFunc.LocalHost", all, arguments: command);
        using var client = HostClient.Create(await host.AddressAsync());

        // The token is in memory then.
        await host.WaitForLineAsync("outcome renewed");
        var code = WeCom.IssueCode("zhangsan");
        Output.Run.Secret(code, "code");
        using var content = JsonContent.Create(new { code });
        using var answer = await client.PostAsync("/api/login", content);
        await host.WaitForLineAsync(until);
        return host.Lines;
    }
}
