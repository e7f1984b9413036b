namespace WeComFunc.Benchmarks;

/// <summary>The local host, beside a floor and a typical implementation.</summary>
internal sealed partial class Measurement
{
    private static readonly string[] Names = ["floor", "typical", "ours"];

    // What the floor does not do.
    private static readonly string[] Renewing = ["typical", "ours"];

    private async Task KestrelAsync()
    {
        report.Head("floor", "typical");
        upstream.Reset();
        await WarmAsync(Names, name => Host.StartAsync(Of(name), isObserved: true), LoadKestrelAsync);
        await ColdStartAsync();
        await FirstLoginsAsync();
    }

    private async Task LoadKestrelAsync(Dictionary<string, IRunning> hosts)
    {
        foreach (var connections in (int[])[1, 16, 64])
        {
            var loads = await LoadAsync(hosts, connections);
            Add($"logins/s, concurrency {connections}", "0", loads, load => load.PerSecond, new Goal(0.95), isMoreBetter: true);
            Add($"p50 in ms, concurrency {connections}", "0.000", loads, load => load.P50);
            Add($"p99 in ms, concurrency {connections}", "0.000", loads, load => load.P99, new Goal(1.10));
            Add($"CPU of the process per login in µs, concurrency {connections}", "0", loads, load => load.Cpu);
            Add($"bytes allocated per login, concurrency {connections}", "0", loads, load => load.Bytes, new Goal(1.40));
        }

        report.Add("resident memory after load, MB", "0", name => [hosts[name].Figures.ResidentMegabytes]);
        var lost = Renewing.ToDictionary(name => name, _ => 0.0);
        foreach (var name in Enumerable.Range(0, 3).SelectMany(_ => Renewing))
        {
            Note($"{name}: token revoked under load");
            var load = Load.RunAsync(hosts[name].Login, 16, 2);
            await Task.Delay(TimeSpan.FromSeconds(1));
            upstream.Revoke();
            lost[name] += (await load).Lost;
        }

        report.Add(
            "logins lost when the token is revoked under load",
            "0",
            name => lost.TryGetValue(name, out var sum) ? [sum] : null,
            new Goal(0, IsRatio: false));
    }

    /// <summary>Process start to first login answered. The token of ours is in the table, as the timer leaves it.</summary>
    private async Task ColdStartAsync()
    {
        upstream.Reset();
        var table = NewTable();
        var kinds = Names.SelectMany(name => (string[])[name, $"{name}-jit"]).ToArray();
        var starts = await StartsAsync(kinds, isQuick ? 3 : 15, kind => Host.StartAsync(Of(kind, table)));
        report.Add("cold start in ms, ReadyToRun", "0", name => [.. starts[name].Select(start => start.Elapsed)], new Goal(1.20));
        report.Add("cold start in ms, without ReadyToRun", "0", name => [.. starts[$"{name}-jit"].Select(start => start.Elapsed)]);
    }

    private async Task FirstLoginsAsync()
    {
        var calls = Renewing.ToDictionary(name => name, _ => new List<double>());
        foreach (var name in Enumerable.Range(0, 3).SelectMany(_ => Renewing))
        {
            Note($"{name}: 200 first logins at once");
            upstream.Reset();
            await using var host = await Host.StartAsync(Of(name));
            await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => host.LoginAsync()));
            calls[name].Add(upstream.GetTokenCalls);
        }

        report.Add(
            "gettoken calls for 200 concurrent first logins",
            "0",
            name => calls.TryGetValue(name, out var counts) ? [.. counts] : null,
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

    private string Assembly(string folder, string name) => Path.GetFullPath(Path.Combine(directory, folder, $"{name}.dll"));
}
