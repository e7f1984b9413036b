using System.Collections;
using System.Runtime.InteropServices;

namespace WeComFunc.FunctionsHost;

/// <summary>Serves a published function app over HTTP and runs its timers, until Ctrl-C.</summary>
internal static class Program
{
    private const string Usage =
        """
        Usage: dotnet run --project tests/WeComFunc.FunctionsHost -- FOLDER [--urls URL] [--settings FILE]

        Runs a published function app (.NET isolated worker) without the Functions tools: serves its HTTP functions, without keys, and runs
        its timers.

          FOLDER       what dotnet publish made of the app
          --urls       where to listen, http://127.0.0.1:7071 by default
          --settings   the file with the app settings as its Values, local.settings.json by default; environment variables win
        """;

    private static async Task<int> Main(string[] args)
    {
        if (args is ["--help" or "-h"])
        {
            Console.WriteLine(Usage);
            return 0;
        }

        if (args is not [{ } folder, .. var rest] || folder.StartsWith('-') || !File.Exists(Path.Combine(folder, "worker.config.json")))
        {
            await Console.Error.WriteLineAsync(Usage);
            return 2;
        }

        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            var options = new ConfigurationBuilder().AddCommandLine(rest).Build();
            await using var app = await FunctionApp.StartAsync(folder, new()
            {
                Settings = Settings(options["settings"]),
                Url = options["urls"] ?? "http://127.0.0.1:7071",
                RunsTimers = true,
                OnLog = log => Print($"{log.Level} {log.Category}: {log.Message}{Environment.NewLine + log.Exception}".TrimEnd()),
                OnResult = result => Print($"{result.Function}: {result.Status} {result.Error}".TrimEnd()),
                OnOutput = Print,
            });
            Print(string.Join(Environment.NewLine, app.Functions));
            return await Task.WhenAny(app.Exit, stop.Task) == stop.Task ? await app.StopAsync() : await app.Exit;
        }
        catch (WorkerExitedException exit)
        {
            return exit.ExitCode;
        }
        catch (Exception mistake) when (mistake is IOException or InvalidDataException or InvalidOperationException or FormatException)
        {
            await Console.Error.WriteLineAsync(mistake.Message);
            return 1;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.TrySetResult();
        }
    }

    private static void Print(string text) => Console.WriteLine($"{DateTime.UtcNow:HH:mm:ss.fff} {text}");

    /// <summary>The <c>Values</c> of the file, and this process's environment.</summary>
    /// <exception cref="FileNotFoundException">
    /// It is not there; <c>local.settings.json</c>, which is meant by null, need not be.
    /// </exception>
    private static Dictionary<string, string?> Settings(string? file)
    {
        var path = Path.GetFullPath(file ?? "local.settings.json");
        var values = new ConfigurationBuilder().AddJsonFile(path, optional: file is null).Build().GetSection("Values");
        var settings = values.AsEnumerable(makePathsRelative: true).Where(setting => setting.Value is not null).ToDictionary();
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            settings[(string)variable.Key] = (string?)variable.Value;
        }

        return settings;
    }
}
