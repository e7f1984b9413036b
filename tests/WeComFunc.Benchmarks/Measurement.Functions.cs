namespace WeComFunc.Benchmarks;

/// <summary>
/// The function app on the worker, beside two functions that bound it from below: as published, over the worker protocol.
/// </summary>
internal sealed partial class Measurement
{
    private const int WorkerConnections = 16;
    private static readonly string[] Apps = ["hello", "floor", "ours"];

    private async Task FunctionsAsync()
    {
        report.Head("hello", "floor");
        upstream.Reset();
        await WarmAsync(Apps, name => StartWorkerAsync(name, NewTable(), isObserved: true), LoadWorkersAsync);

        // The token of ours is in the table, as the timer leaves it.
        var table = NewTable();
        var starts = await StartsAsync(Apps, isQuick ? 5 : 20, name => StartWorkerAsync(name, table));
        Add("first answer after the worker's start in ms", "0", starts, start => start.Elapsed, new Goal(1.10));
        Add("CPU of the worker until then in ms", "0", starts, start => start.Cpu);
    }

    private async Task LoadWorkersAsync(Dictionary<string, IRunning> workers)
    {
        var loads = await LoadAsync(workers, WorkerConnections);
        Add($"CPU of the worker per login in µs, concurrency {WorkerConnections}", "0", loads, load => load.Cpu, new Goal(1.10));
        Add($"p50 in ms, concurrency {WorkerConnections}", "0.000", loads, load => load.P50);
        Add($"p99 in ms, concurrency {WorkerConnections}", "0.000", loads, load => load.P99);
        Add($"bytes allocated per login, concurrency {WorkerConnections}", "0", loads, load => load.Bytes);
        report.Add("resident memory after load, MB", "0", name => [workers[name].Figures.ResidentMegabytes], new Goal(1.15));
    }

    private Task<IRunning> StartWorkerAsync(string name, string table, bool isObserved = false) => name == "ours"
        ? WorkerOfApp.StartAsync(Path.Combine(directory, "functions"), "login", Settings(table), isObserved)
        : WorkerOfApp.StartAsync(
            Path.Combine(directory, "functions-floor"),
            name,
            new()
            {
                ["UPSTREAM"] = upstreamUrl.AbsoluteUri,
                ["ACCESS_TOKEN"] = Upstream.FirstToken,
                ["ANSWER"] = Upstream.PreparedAnswer,
            },
            isObserved);
}
