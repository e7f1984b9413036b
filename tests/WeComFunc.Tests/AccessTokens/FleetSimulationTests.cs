using System.Diagnostics;
using System.Globalization;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// Fleets in virtual time, in a process of its own: <c>dotnet run --project tests/WeComFunc.Fleet -- --seed N</c> replays one seed,
/// <c>--seeds N</c> runs many, <c>--apps N</c> with several apps, <c>--costs</c> prints the table of <c>docs/costs.md</c>, with
/// <c>--members</c>, <c>--apps</c> and <c>--instances</c> those of <c>docs/scale.md</c>. Nine seeds are a thousand processes for a week, a
/// few busy ones for half a day and a few quiet ones for four weeks, each with every behaviour of <c>gettoken</c>.
/// </summary>
[Trait("Speed", "Slow")]
public sealed class FleetSimulationTests
{
    [Fact]
    public async Task No_promise_is_broken_in_nine_fleets_with_troubles_that_overlap()
    {
        var (exitCode, output) = await RunAsync("--seeds", "9");

        Assert.True(exitCode == 0, output);
        Assert.EndsWith("0 seeds broke a promise", output.TrimEnd());
    }

    [Fact]
    public async Task What_befalls_one_of_three_apps_breaks_no_promise_to_any()
    {
        var (exitCode, output) = await RunAsync("--apps", "3", "--seed", "3", "--seeds", "6");

        Assert.True(exitCode == 0, output);
        Assert.EndsWith("0 seeds broke a promise", output.TrimEnd());
    }

    [Fact]
    public async Task A_seed_can_be_replayed()
    {
        var runs = await Task.WhenAll(RunAsync("--seed", "7"), RunAsync("--seed", "7"));

        Assert.Equal(0, runs[0].ExitCode);
        Assert.NotEmpty(runs[0].Output);
        Assert.Equal(runs[0], runs[1]);
    }

    [Fact]
    public async Task A_quiet_day_costs_what_the_rules_allow()
    {
        var (exitCode, output) = await RunAsync("--costs", "--members", "100000");

        Assert.Equal(0, exitCode);
        var rows =
            output.Split('\n').Skip(2).Where(row => row.Length > 0).Select(row => row.Split('|', StringSplitOptions.TrimEntries)).ToList();
        Assert.Equal(16, rows.Count);
        Assert.All(rows, row =>
        {
            var lives = Number(row[4]) / Number(row[5]);
            Assert.InRange(lives, 1, row[2] == "the same token" ? 12 : 1);
            Assert.InRange(Number(row[9]), 0, 3);
            Assert.InRange(Number(row[10]), 0, 30);
        });
    }

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);

    private static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        var build = Path.GetRelativePath(Path.Combine(Repository.Root, "tests", "WeComFunc.Tests"), AppContext.BaseDirectory);
        var fleet = Path.Combine(Repository.Root, "tests", "WeComFunc.Fleet", build, "WeComFunc.Fleet.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [fleet, .. arguments]) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }
}
