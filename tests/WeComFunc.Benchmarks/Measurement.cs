using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace WeComFunc.Benchmarks;

/// <summary>
/// Everything side by side: in each round every contender has its turn, so that what else the machine does meets all of them.
/// </summary>
internal sealed partial class Measurement(
    Report report, Upstream upstream, Uri upstreamUrl, string connectionString, string directory, bool isQuick)
{
    private readonly int _rounds = isQuick ? 3 : 7;
    private readonly int _seconds = isQuick ? 1 : 2;
    private int _tables;

    /// <param name="directory">Where the contenders are, and the results go.</param>
    /// <param name="mode">What <c>bench.sh</c> was given.</param>
    public static async Task RunAsync(string directory, string? mode)
    {
        var report = new Report();
        var url = new Uri($"http://127.0.0.1:{Host.FreePort()}/");
        await using var azurite = await Azurite.StartAsync();
        await using var upstream = await Upstream.StartAsync(url);
        var measurement = new Measurement(report, upstream, url, azurite.ConnectionString, directory, mode == "--quick");
        report.Say($"{Environment.ProcessorCount} cores shared by the load generator, the contender and the double of WeCom.");
        report.Say($".NET {Environment.Version}, {RuntimeInformation.OSDescription}, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC.");
        report.Say($"{measurement._rounds} rounds of {measurement._seconds} s.");
        if (mode == "--member-data")
        {
            await measurement.MemberDataAsync();
        }
        else
        {
            await measurement.CeilingsAsync();
            await measurement.FunctionsAsync();
            await measurement.KestrelAsync();
            await File.WriteAllTextAsync(Path.Combine(directory, "results.md"), report.ToString());
        }

        Console.Write(report);
    }

    /// <summary>How fast the load generator and the double of WeCom are by themselves.</summary>
    private async Task CeilingsAsync()
    {
        Note("ceilings");
        var nothing = await Load.RunAsync(new Uri(upstreamUrl, "api/login"), 64, _seconds);
        var session = await Load.RunAsync(
            new Uri(upstreamUrl, $"cgi-bin/miniprogram/jscode2session?access_token={Upstream.FirstToken}&js_code=any"),
            64,
            _seconds,
            posts: false);
        var user = await Load.RunAsync(
            new Uri(upstreamUrl, $"cgi-bin/user/get?access_token={Upstream.FirstToken}&userid=any"), 64, _seconds, posts: false);
        var pairs = 1 / ((1 / session.PerSecond) + (1 / user.PerSecond));
        report.Say($"Ceilings at concurrency 64: wrk {nothing.PerSecond:0} logins/s; the double of WeCom {pairs:0} pairs of calls/s.");
    }

    /// <summary>Starts each of them and warms it up, and ends them all once they are measured.</summary>
    private async Task WarmAsync(
        string[] names, Func<string, Task<IRunning>> startAsync, Func<Dictionary<string, IRunning>, Task> measureAsync)
    {
        var all = new Dictionary<string, IRunning>();
        try
        {
            foreach (var name in names)
            {
                Note($"{name}: warm-up");
                var running = all[name] = await startAsync(name);
                await running.LoginAsync();
                await Load.RunAsync(running.Login, 16, isQuick ? 3 : 6);
            }

            await measureAsync(all);
        }
        finally
        {
            foreach (var running in all.Values)
            {
                await running.DisposeAsync();
            }
        }
    }

    /// <summary>Has each of them under load, in turns.</summary>
    private async Task<ILookup<string, Load>> LoadAsync(Dictionary<string, IRunning> all, int connections)
    {
        var loads = new List<(string Name, Load Load)>();
        for (var round = 0; round < _rounds; round++)
        {
            foreach (var name in Turns(round, [.. all.Keys]))
            {
                Note($"{name}: concurrency {connections}, round {round + 1}");
                var (login, figures) = (all[name].Login, all[name].Figures);
                var (cpu, bytes) = (figures.Cpu, figures.AllocatedBytes());
                var load = await Load.RunAsync(login, connections, _seconds);
                loads.Add((name, load with
                {
                    Cpu = (figures.Cpu - cpu).TotalMicroseconds / load.Answers,
                    Bytes = (figures.AllocatedBytes() - bytes) / load.Answers,
                }));
                if (load.Lost > 0)
                {
                    throw new InvalidOperationException($"{load.Lost} of {load.Answers} logins of {name} failed.");
                }
            }
        }

        return loads.ToLookup(entry => entry.Name, entry => entry.Load);
    }

    /// <summary>Starts each of them in turns, after a round that does not count, and logs in once.</summary>
    /// <returns>Milliseconds until the answer, from the start on, and of CPU.</returns>
    private static async Task<ILookup<string, (double Elapsed, double Cpu)>> StartsAsync(
        string[] names, int rounds, Func<string, Task<IRunning>> startAsync)
    {
        var samples = new List<(string Name, double Elapsed, double Cpu)>();
        for (var round = -1; round < rounds; round++)
        {
            Note($"first answers, round {round + 1}");
            foreach (var name in Turns(round + 1, names))
            {
                var started = Stopwatch.GetTimestamp();
                await using var running = await startAsync(name);
                await running.LoginAsync();
                var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
                if (round >= 0)
                {
                    samples.Add((name, elapsed, running.Figures.Cpu.TotalMilliseconds));
                }
            }
        }

        return samples.ToLookup(sample => sample.Name, sample => (sample.Elapsed, sample.Cpu));
    }

    /// <summary>A row of one figure of each sample.</summary>
    private void Add<T>(
        string measure, string format, ILookup<string, T> samples, Func<T, double> figure, Goal? goal = null, bool isMoreBetter = false) =>
        report.Add(measure, format, name => [.. samples[name].Select(figure)], goal, isMoreBetter);

    /// <summary>
    /// The settings of ours. The corpsecret as a setting needs Development; ASP.NET Core goes by the other variable and stays in
    /// Production.
    /// </summary>
    /// <param name="table">The table of the token; a new one by default.</param>
    private Dictionary<string, string> Settings(string? table = null) => new()
    {
        ["AZURE_FUNCTIONS_ENVIRONMENT"] = "Development",
        ["DOTNET_ENVIRONMENT"] = "Production",
        ["WeCom__CorpId"] = Upstream.CorpId,
        ["WeCom__CorpSecret"] = Upstream.CorpSecret,
        ["WeCom__BaseUrl"] = upstreamUrl.AbsoluteUri,
        ["TokenStore__ConnectionString"] = connectionString,
        ["TokenStore__TableName"] = table ?? NewTable(),
        ["Limits__LoginsPerSecondPerAddress"] = "1000000",
        ["Limits__BurstPerAddress"] = "1000000",
    };

    private string NewTable() => $"benchmark{++_tables}";

    private static IEnumerable<string> Turns(int round, string[] names) => names.Select((_, turn) => names[(round + turn) % names.Length]);

    private static void Note(string what) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss} {what}"));
}
