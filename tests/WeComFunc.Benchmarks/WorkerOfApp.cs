using System.Diagnostics;
using WeComFunc.FunctionsHost;

namespace WeComFunc.Benchmarks;

/// <summary>A function app as it runs in the fixture.</summary>
internal sealed class WorkerOfApp : IRunning
{
    private readonly FunctionApp _app;
    private readonly Process _process;

    private WorkerOfApp(FunctionApp app, string route, int? hookPort)
    {
        (_app, _process) = (app, Process.GetProcessById(app.ProcessId));
        (Login, Figures) = (new(app.BaseAddress, $"api/{route}"), new(_process, hookPort));
    }

    public Uri Login { get; }

    public Figures Figures { get; }

    /// <param name="folder">Where the app is.</param>
    /// <param name="route">The function that is asked.</param>
    /// <param name="settings">Its app settings.</param>
    /// <param name="isObserved">Whether <see cref="Figures.AllocatedBytes"/> will be asked for.</param>
    public static async Task<IRunning> StartAsync(string folder, string route, Dictionary<string, string> settings, bool isObserved)
    {
        int? hookPort = isObserved ? Host.FreePort() : null;
        var all = settings.Concat(Figures.Settings(hookPort)).ToDictionary(setting => setting.Key, setting => (string?)setting.Value);
        return new WorkerOfApp(await FunctionApp.StartAsync(folder, new() { Settings = all }), route, hookPort);
    }

    public Task LoginAsync() => Logins.PostAsync(Login);

    public async ValueTask DisposeAsync()
    {
        _process.Dispose();
        await _app.DisposeAsync();
    }
}
