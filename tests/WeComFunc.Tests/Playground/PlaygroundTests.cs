using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests.Playground;

/// <summary>What <c>run.sh</c> starts, as a process of its own in an empty directory.</summary>
[Trait("Speed", "Slow")]
public sealed class PlaygroundTests
{
    private const string Project = "WeComFunc.Playground";
    private const string Sample = "local.settings.sample.json";
    private const string LastLine = "What else the simulator does on demand: tests/WeComFunc.Simulator/README.md";

    public PlaygroundTests() => Output.Run.Secret(SimulatorServer.LocalSecret, "corpsecret");

    [Fact]
    public async Task Logs_in_once_and_ends()
    {
        await using var playground = Start(null, "--once");

        Assert.Equal(0, await playground.ExitAsync());

        Assert.Single(playground.Lines, line => Regex.IsMatch(line, "^A login through http://127.0.0.1:[0-9]+/api/login:$"));
        Assert.Contains("""  "userid": "zhangsan",""", playground.Lines);
        Assert.Equal("}", playground.Lines[^1]);
        Assert.Empty(playground.Errors);
    }

    [Theory]
    [InlineData("HUP", "WeCom__BaseUrl", "http://localhost:7072/")]
    [InlineData("TERM", "WeCom__CorpId", "")]
    public async Task Uses_the_simulator_where_the_settings_name_no_corp_until_a_signal_and_leaves_nothing_behind(
        string signal, string name, string value)
    {
        await using var playground = Start(OwnCorp((name, value)));
        await playground.WaitForLineAsync(LastLine);
        Assert.Contains("local.settings.json names no corp at WeCom itself: it is left aside, and the simulator used.", playground.Lines);
        Assert.Contains("""  "userid": "zhangsan",""", playground.Lines);
        var parts = playground.Descendants;
        Assert.Single(parts, part => part.CommandLine.Contains("WeComFunc.Playground.dll local-host", StringComparison.Ordinal));
        Assert.Single(parts, part => part.CommandLine.Contains("WeComFunc.Simulator.dll", StringComparison.Ordinal));
        Assert.Single(parts, part => part.CommandLine.Contains("azurite/dist", StringComparison.Ordinal));

        await playground.SignalAsync(signal);

        Assert.Equal(0, await playground.ExitAsync());
        Assert.DoesNotContain(parts, part => part.IsAlive);
        Assert.Empty(playground.Errors);
    }

    [Fact]
    public async Task Ends_with_a_part_that_ends_by_itself_and_shows_its_log()
    {
        await using var playground = Start(null);
        await playground.WaitForLineAsync(LastLine);
        var parts = playground.Descendants;

        await parts.Single(part => part.CommandLine.Contains("WeComFunc.Simulator.dll", StringComparison.Ordinal)).KillAsync();

        Assert.Equal(1, await playground.ExitAsync());
        Assert.Equal("simulator has ended by itself. The last lines of artifacts/run/simulator.log:", playground.Errors[0]);
        Assert.Contains(playground.Errors, line => line.Contains("jscode2session", StringComparison.Ordinal));
        Assert.DoesNotContain(parts, part => part.IsAlive);
    }

    [Fact]
    public async Task Its_lines_for_member_data_do_what_they_say()
    {
        await using var playground = Start(null);
        await playground.WaitForLineAsync(LastLine);
        Assert.Matches(
            "^The console: http://127.0.0.1:[0-9]+/$", playground.Lines.First(line => !line.StartsWith("Port ", StringComparison.Ordinal)));
        var lines = playground.Lines.SkipWhile(line => !line.StartsWith("A session, ", StringComparison.Ordinal))
            .Where(line => line.StartsWith("  ", StringComparison.Ordinal));

        using var shell = Process.Start(new ProcessStartInfo("bash", ["-ec", string.Join('\n', lines)]) { RedirectStandardOutput = true })!;
        var output = await shell.StandardOutput.ReadToEndAsync();
        await shell.WaitForExitAsync();

        Assert.StartsWith("{\"keys\":[", output, StringComparison.Ordinal);
        Assert.EndsWith("""{"data":{"mobile":"13800000000"}}""", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Serves_the_corp_that_the_settings_name()
    {
        await using var wecom = await SimulatorServer.StartAsync(url: "http://*:0");
        var address = $"http://{OtherAddress()}:{wecom.BaseAddress.Port}";
        await using var playground = Start(OwnCorp(("WeCom__BaseUrl", address), ("WeCom__CorpSecret", wecom.State.CorpSecret)));
        await playground.WaitForLineAsync("A login, with a fresh code from wx.qy.login:");

        await playground.SignalAsync("INT");

        Assert.Equal(0, await playground.ExitAsync());
        Assert.Contains($"Serving {SimulatorState.SeedCorpId} against WeCom itself, as local.settings.json says.", playground.Lines);
        Assert.Contains("""  "status": "healthy",""", playground.Lines);
        Assert.Contains("""    "state": "fresh",""", playground.Lines);
        Assert.Empty(playground.Errors);
    }

    [Fact]
    public async Task Once_fails_where_WeCom_refuses_the_corpsecret()
    {
        await using var wecom = await SimulatorServer.StartAsync(url: "http://*:0");
        await using var playground = Start(
            OwnCorp(("WeCom__BaseUrl", $"http://{OtherAddress()}:{wecom.BaseAddress.Port}")), "--once");

        Assert.Equal(1, await playground.ExitAsync());
        Assert.Contains("""  "status": "unhealthy",""", playground.Lines);
        Assert.Contains(playground.Lines, line => line.Contains("into WeCom__CorpSecret, and start again"));
    }

    [Fact]
    public async Task Shows_why_the_local_host_does_not_start()
    {
        await using var playground = Start(OwnCorp(("Login__RequireProfile", "yes")));

        Assert.Equal(1, await playground.ExitAsync());

        Assert.Equal("local-host does not start. The last lines of artifacts/run/local-host.log:", playground.Errors[0]);
        Assert.Contains(playground.Errors, line => line.StartsWith("error: Login__RequireProfile", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Says_that_the_settings_are_still_the_sample()
    {
        var sample = Repository.Read(Sample);
        await using var playground = Start(sample);

        Assert.Equal(78, await playground.ExitAsync());

        Assert.Equal(
            [$"error: local.settings.json still has the words of {Sample} as WeCom__CorpSecret: put the corpsecret itself there."],
            playground.Errors);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""({ "Values": {} })""")]
    [InlineData("""{ "Values": { "WeCom__CorpId": process.exit(0) } }""")]
    public async Task Reads_the_settings_as_JSON_and_nothing_else(string settings)
    {
        await using var playground = Start(settings);

        Assert.Equal(78, await playground.ExitAsync());

        Assert.StartsWith(
            $"error: local.settings.json must be a JSON object with an object Values, as in {Sample}", Assert.Single(playground.Errors));
    }

    [Theory]
    [InlineData("--twice")]
    [InlineData("--once", "--once")]
    public async Task Refuses_arguments_that_it_does_not_know(params string[] arguments)
    {
        await using var playground = Start(null, arguments);

        Assert.Equal(2, await playground.ExitAsync());

        Assert.Equal(["Usage: ./run.sh [--once]"], playground.Errors);
        Assert.Empty(playground.Lines);
    }

    /// <summary>WeCom is what is elsewhere, so this is the machine as others see it.</summary>
    private static string OtherAddress() => NetworkInterface.GetAllNetworkInterfaces()
        .SelectMany(network => network.GetIPProperties().UnicastAddresses)
        .Select(address => address.Address)
        .FirstOrDefault(address => address.AddressFamily is AddressFamily.InterNetwork && !IPAddress.IsLoopback(address))?.ToString()
        ?? Dns.GetHostName();

    /// <param name="settings">Its <c>local.settings.json</c>; none when this is null.</param>
    /// <param name="arguments">Its command line.</param>
    private static HostProcess Start(string? settings, params string[] arguments) =>
        HostProcess.Start(Project, [], settings is null ? null : new() { ["local.settings.json"] = settings }, arguments);

    private static string OwnCorp(params (string Name, string Value)[] settings)
    {
        Dictionary<string, string> values = new()
        {
            ["AZURE_FUNCTIONS_ENVIRONMENT"] = "Development",
            ["TokenStore__ConnectionString"] = "UseDevelopmentStorage=true",
            ["TokenStore__TableName"] = LoginHost.NewTable(),
            ["TokenRefreshSchedule"] = "0 */5 * * * *",
            ["WeCom__CorpId"] = SimulatorState.SeedCorpId,
            ["WeCom__CorpSecret"] = "a-corpsecret-of-nobody-0123456789abcdefghij",
        };
        foreach (var (name, value) in settings)
        {
            values[name] = value;
        }

        return JsonSerializer.Serialize(new { Values = values });
    }
}
