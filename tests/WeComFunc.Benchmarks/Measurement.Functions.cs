using System.Diagnostics;
using WeComFunc.FunctionsHost;

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
        upstream.Reset();
        report.Head("hello", "floor");
        await LoadFunctionsAsync();
        await StartFunctionsAsync();
    }

    private async Task LoadFunctionsAsync()
    {
        var (p50, p99, cpu, bytes) = (SamplesOf(Apps), SamplesOf(Apps), SamplesOf(Apps), SamplesOf(Apps));
        var workers = new Dictionary<string, WorkerOfApp>();
        try
        {
            foreach (var name in Apps)
            {
                Note($"{name} on the worker: warm-up");
                var worker = workers[name] = await WorkerOfApp.StartAsync(
                    FolderOf(name), RouteOf(name), SettingsOf(name, NewTable()), isObserved: true);
                await Logins.PostAsync(worker.Login);
                await Load.RunAsync(worker.Login, WorkerConnections, isQuick ? 3 : 6);
            }

            for (var round = 0; round < _rounds; round++)
            {
                foreach (var name in Turns(round, Apps))
                {
                    Note($"{name} on the worker: concurrency {WorkerConnections}, round {round + 1}");
                    var worker = workers[name];
                    var (cpuBefore, bytesBefore) = (worker.Figures.Cpu, worker.Figures.AllocatedBytes());
                    var load = await Load.RunAsync(worker.Login, WorkerConnections, _seconds);
                    cpu[name].Add((worker.Figures.Cpu - cpuBefore).TotalMicroseconds / load.Answers);
                    bytes[name].Add((worker.Figures.AllocatedBytes() - bytesBefore) / load.Answers);
                    p50[name].Add(load.P50);
                    p99[name].Add(load.P99);
                    if (load.Lost > 0)
                    {
                        throw new InvalidOperationException(
                            $"{load.Lost} of {load.Answers} answers of {name} on the worker were failures.");
                    }
                }
            }

            report.Add($"CPU of the worker per login in µs, concurrency {WorkerConnections}", "0", name => [.. cpu[name]], new Goal(1.15));
            report.Add($"p50 in ms, concurrency {WorkerConnections}", "0.000", name => [.. p50[name]]);
            report.Add($"p99 in ms, concurrency {WorkerConnections}", "0.000", name => [.. p99[name]]);
            report.Add($"bytes allocated per login, concurrency {WorkerConnections}", "0", name => [.. bytes[name]]);
            report.Add("resident memory after load, MB", "0", name => [workers[name].Figures.ResidentMegabytes], new Goal(1.2));
        }
        finally
        {
            foreach (var worker in workers.Values)
            {
                await worker.DisposeAsync();
            }
        }
    }

    /// <summary>Start of the worker to first answer. The token of ours is in the table, as the timer leaves it.</summary>
    private async Task StartFunctionsAsync()
    {
        var table = NewTable();
        var (first, cpu) = (SamplesOf(Apps), SamplesOf(Apps));
        for (var round = -1; round < (isQuick ? 5 : 20); round++)
        {
            Note($"first answers of the worker, round {round + 1}");
            foreach (var name in Turns(round + 1, Apps))
            {
                var started = Stopwatch.GetTimestamp();
                await using var worker = await WorkerOfApp.StartAsync(FolderOf(name), RouteOf(name), SettingsOf(name, table));
                await Logins.PostAsync(worker.Login);
                if (round >= 0)
                {
                    first[name].Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
                    cpu[name].Add(worker.Figures.Cpu.TotalMilliseconds);
                }
            }
        }

        report.Add("first answer after the worker's start in ms", "0", name => [.. first[name]], new Goal(1.15));
        report.Add("CPU of the worker until then in ms", "0", name => [.. cpu[name]]);
    }

    private string FolderOf(string name) => Path.Combine(directory, name == "ours" ? "functions" : "functions-floor");

    private static string RouteOf(string name) => name == "ours" ? "login" : name;

    private Dictionary<string, string> SettingsOf(string name, string table) => name == "ours" ? Settings(table) : new()
    {
        ["UPSTREAM"] = upstreamUrl.AbsoluteUri,
        ["ACCESS_TOKEN"] = Upstream.FirstToken,
        ["ANSWER"] = Upstream.PreparedAnswer,
    };

    /// <summary>A function app as it runs in the fixture.</summary>
    private sealed class WorkerOfApp(FunctionApp app, string route, int hookPort) : IAsyncDisposable
    {
        private readonly Process _process = Process.GetProcessById(app.ProcessId);

        public Uri Login { get; } = new(app.BaseAddress, $"api/{route}");

        public Figures Figures => new(_process, hookPort);

        /// <param name="folder">Where the app is.</param>
        /// <param name="route">The function that is asked.</param>
        /// <param name="settings">Its app settings.</param>
        /// <param name="isObserved">Whether <see cref="Figures.AllocatedBytes"/> will be asked for.</param>
        public static async Task<WorkerOfApp> StartAsync(
            string folder, string route, Dictionary<string, string> settings, bool isObserved = false)
        {
            var hookPort = Host.FreePort();
            var observed = isObserved ? Figures.Settings(hookPort) : [];
            var all = settings.Concat(observed).ToDictionary(setting => setting.Key, setting => (string?)setting.Value);
            return new(await FunctionApp.StartAsync(folder, new() { Settings = all }), route, hookPort);
        }

        public async ValueTask DisposeAsync()
        {
            _process.Dispose();
            await app.DisposeAsync();
        }
    }
}
