using System.ComponentModel;
using System.Diagnostics;

namespace WeComFunc.Playground;

/// <summary>A running program with its output in a log.</summary>
internal sealed class Part : IAsyncDisposable
{
    private const int LinesTold = 20;

    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly StreamWriter _log;
    private readonly string _logPath;

    private Part(string name, string logPath, ProcessStartInfo start)
    {
        (Name, _logPath, _log) = (name, logPath, new StreamWriter(logPath) { AutoFlush = true });
        _process = new() { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
    }

    public string Name { get; }

    /// <summary>Completes when the program has ended, for whatever reason, and its log is whole.</summary>
    public Task Ended { get; private set; } = Task.CompletedTask;

    /// <param name="name">Its name in messages.</param>
    /// <param name="log">The file that its output goes to.</param>
    /// <param name="start">
    /// The program. Its standard input is a pipe that ends when this process does, which is what the emulator goes by.
    /// </param>
    /// <exception cref="PartException">It cannot be started.</exception>
    public static Part Start(string name, string log, ProcessStartInfo start)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        var part = new Part(name, log, start);
        try
        {
            part._process.Start();
        }
        catch (Win32Exception exception)
        {
            throw new PartException($"{name} does not start, as {start.FileName} cannot be run: {exception.Message}");
        }

        part._process.BeginOutputReadLine();
        part._process.BeginErrorReadLine();
        part.Ended = part._process.WaitForExitAsync();
        return part;
    }

    /// <summary>What is wrong, with the end of the log.</summary>
    public PartException Failure(string what) =>
        new(string.Join(Environment.NewLine, [$"{what} The last lines of {_logPath}:", .. File.ReadLines(_logPath).TakeLast(LinesTold)]));

    /// <summary>Asks the program to end, and makes it after 10 s.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!Ended.IsCompleted)
        {
            using var kill = Process.Start(new ProcessStartInfo("kill", ["-TERM", $"{_process.Id}"]) { RedirectStandardError = true })!;
            await Task.WhenAny(Ended, Task.Delay(StopLimit));
            _process.Kill(entireProcessTree: true);
            await Ended;
        }

        _process.Dispose();
        await _log.DisposeAsync();
    }

    private void Keep(string? line)
    {
        lock (_log)
        {
            if (line is not null)
            {
                _log.WriteLine(line);
            }
        }
    }
}
