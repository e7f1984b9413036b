using System.Runtime.InteropServices;

namespace WeComFunc.Playground;

/// <summary>
/// Serves the login on this machine and logs in once. <c>run.sh</c> sets up what this needs, starts it, and says what it does.
/// </summary>
internal static class Program
{
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan TurnInterval = TimeSpan.FromMilliseconds(50);

    private static async Task<int> Main(string[] args)
    {
        if (args is [LabHost.Command, .. var rest])
        {
            return await LabHost.RunAsync(rest);
        }

        if (args is not ([] or ["--once"]))
        {
            await Console.Error.WriteLineAsync("Usage: ./run.sh [--once]");
            return 2;
        }

        var once = args is ["--once"];
        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        try
        {
            var corp = LocalCorp.Read("local.settings.json");
            using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { Timeout = AnswerLimit };
            await using var parts = new Parts(once ? "artifacts/run-once" : "artifacts/run", http, stop.Token);
            var run = new LocalRun(parts, http, once, stop.Token);
            using (await TurnAsync(stop.Token))
            {
                await (corp is null ? run.SimulateAsync() : run.ServeAsync(corp));
            }

            if (!once)
            {
                await parts.WatchAsync();
            }

            return 0;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return once ? 1 : 0;
        }
        catch (SettingsException exception)
        {
            return exception.Report();
        }
        catch (Exception exception) when (exception is PartException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(exception.Message);
            return 1;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    /// <summary>Waits until no other playground of this user is about to start: two at once would choose the same ports.</summary>
    private static async Task<IDisposable> TurnAsync(CancellationToken stop)
    {
        var path = Path.Combine(Path.GetTempPath(), $"wecomfunc-playground-{Environment.UserName}.lock");
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(TurnInterval, stop);
            }
        }
    }
}
