using System.Globalization;
using System.Runtime.InteropServices;

namespace WeComFunc.Benchmarks;

/// <summary>
/// Everything side by side: in each round every contender has its turn, so that what else the machine does meets all of them.
/// </summary>
internal sealed partial class Measurement(
    Report report, Upstream upstream, Uri upstreamUrl, string connectionString, string directory, bool isQuick)
{
    private static readonly string[] Names = ["floor", "typical", "ours"];

    private readonly int _rounds = isQuick ? 3 : 7;
    private readonly int _seconds = isQuick ? 1 : 2;
    private int _tables;

    public static async Task RunAsync(string directory, bool isQuick)
    {
        var report = new Report();
        var url = new Uri($"http://127.0.0.1:{Host.FreePort()}/");
        await using var azurite = await Azurite.StartAsync();
        await using var upstream = await Upstream.StartAsync(url);
        var measurement = new Measurement(report, upstream, url, azurite.ConnectionString, directory, isQuick);
        report.Say($"{Environment.ProcessorCount} cores shared by the load generator, the contender and the double of WeCom.");
        report.Say($".NET {Environment.Version}, {RuntimeInformation.OSDescription}, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC.");
        report.Say($"{measurement._rounds} rounds of {measurement._seconds} s.");
        await measurement.CeilingsAsync();
        await measurement.FunctionsAsync();
        report.Head("floor", "typical");
        await measurement.LoadAsync();
        await measurement.ColdStartAsync();
        await measurement.FirstLoginsAsync();
        var file = Path.Combine(directory, "results.md");
        await File.WriteAllTextAsync(file, report.ToString());
        Console.Write(report);
        Console.WriteLine($"In {file}.");
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

    private async Task LoadAsync()
    {
        upstream.Reset();
        var hosts = new Dictionary<string, Host>();
        try
        {
            foreach (var name in Names)
            {
                Note($"{name}: warm-up");
                var host = hosts[name] = new Host(Of(name), isObserved: true);
                await host.ListeningAsync();
                await host.LoginAsync();
                await Load.RunAsync(host.Login, 16, isQuick ? 3 : 6);
            }

            foreach (var connections in (int[])[1, 16, 64])
            {
                await LoadAsync(hosts, connections);
            }

            report.Add("resident memory after load, MB", "0", name => [hosts[name].Figures.ResidentMegabytes]);
            var lost = Samples();
            foreach (var name in Enumerable.Range(0, 3).SelectMany(_ => Names.Skip(1)))
            {
                Note($"{name}: token revoked under load");
                var load = Load.RunAsync(hosts[name].Login, 16, 2);
                await Task.Delay(TimeSpan.FromSeconds(1));
                upstream.Revoke();
                lost[name].Add((await load).Lost);
            }

            report.Add(
                "logins lost when the token is revoked under load",
                "0",
                name => name == "floor" ? null : [lost[name].Sum()],
                new Goal(0, IsRatio: false));
        }
        finally
        {
            foreach (var host in hosts.Values)
            {
                await host.DisposeAsync();
            }
        }
    }

    private async Task LoadAsync(Dictionary<string, Host> hosts, int connections)
    {
        var (rate, p50, p99, cpu, bytes) = (Samples(), Samples(), Samples(), Samples(), Samples());
        for (var round = 0; round < _rounds; round++)
        {
            foreach (var name in Turns(round, Names))
            {
                Note($"{name}: concurrency {connections}, round {round + 1}");
                var host = hosts[name];
                var (cpuBefore, bytesBefore) = (host.Figures.Cpu, host.Figures.AllocatedBytes());
                var load = await Load.RunAsync(host.Login, connections, _seconds);
                cpu[name].Add((host.Figures.Cpu - cpuBefore).TotalMicroseconds / load.Answers);
                bytes[name].Add((host.Figures.AllocatedBytes() - bytesBefore) / load.Answers);
                rate[name].Add(load.PerSecond);
                p50[name].Add(load.P50);
                p99[name].Add(load.P99);
                if (load.Lost > 0)
                {
                    throw new InvalidOperationException($"{load.Lost} of {load.Answers} logins of {name} failed.");
                }
            }
        }

        report.Add($"logins/s, concurrency {connections}", "0", name => [.. rate[name]], new Goal(0.95), isMoreBetter: true);
        report.Add($"p50 in ms, concurrency {connections}", "0.000", name => [.. p50[name]]);
        report.Add($"p99 in ms, concurrency {connections}", "0.000", name => [.. p99[name]], new Goal(1.10));
        report.Add($"CPU of the process per login in µs, concurrency {connections}", "0", name => [.. cpu[name]]);
        report.Add($"bytes allocated per login, concurrency {connections}", "0", name => [.. bytes[name]], new Goal(1.5));
    }

    /// <summary>Process start to first login answered. The token of ours is in the table, as the timer leaves it.</summary>
    private async Task ColdStartAsync()
    {
        upstream.Reset();
        var table = NewTable();
        var kinds = Names.SelectMany(name => (string[])[name, $"{name}-jit"]).ToArray();
        var samples = SamplesOf(kinds);
        for (var round = -1; round < (isQuick ? 3 : 15); round++)
        {
            Note($"cold starts, round {round + 1}");
            foreach (var kind in Turns(round + 1, kinds))
            {
                await using var host = new Host(Of(kind, table));
                await host.ListeningAsync();
                await host.LoginAsync();
                if (round >= 0)
                {
                    samples[kind].Add(host.Age.TotalMilliseconds);
                }
            }
        }

        report.Add("cold start in ms, ReadyToRun", "0", name => [.. samples[name]], new Goal(1.20));
        report.Add("cold start in ms, without ReadyToRun", "0", name => [.. samples[$"{name}-jit"]]);
    }

    private async Task FirstLoginsAsync()
    {
        var calls = Samples();
        for (var round = 0; round < 3; round++)
        {
            foreach (var name in Names.Skip(1))
            {
                Note($"{name}: 200 first logins at once");
                upstream.Reset();
                await using var host = new Host(Of(name));
                await host.ListeningAsync();
                await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => host.LoginAsync()));
                calls[name].Add(upstream.GetTokenCalls);
            }
        }

        report.Add(
            "gettoken calls for 200 concurrent first logins",
            "0",
            name => name == "floor" ? null : [.. calls[name]],
            new Goal(1, IsRatio: false));
    }

    /// <param name="kind">Its name, with <c>-jit</c> for the one without ReadyToRun.</param>
    /// <param name="table">The table of ours; a new one by default.</param>
    private Contender Of(string kind, string? table = null)
    {
        var (name, suffix) = kind.Split('-') is [var before, var jit] ? (before, $"-{jit}") : (kind, "");
        return name != "ours"
            ? new(Assembly($"benchmarks{suffix}", "WeComFunc.Benchmarks"), url => [name, url.AbsoluteUri, upstreamUrl.AbsoluteUri], [])
            : new(Assembly($"ours{suffix}", "WeComFunc.LocalHost"), url => ["--urls", url.AbsoluteUri], Settings(table));
    }

    /// <summary>
    /// The settings of ours. The corpsecret as a setting needs Development; ASP.NET Core goes by the other variable and stays in
    /// Production.
    /// </summary>
    private Dictionary<string, string> Settings(string? table) => new()
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

    private string Assembly(string folder, string name) => Path.GetFullPath(Path.Combine(directory, folder, $"{name}.dll"));

    private string NewTable() => $"benchmark{++_tables}";

    private static Dictionary<string, List<double>> Samples() => SamplesOf(Names);

    private static Dictionary<string, List<double>> SamplesOf(string[] names) => names.ToDictionary(name => name, _ => new List<double>());

    private static IEnumerable<string> Turns(int round, string[] names) => names.Select((_, turn) => names[(round + turn) % names.Length]);

    private static void Note(string what) =>
        Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss} {what}"));
}
