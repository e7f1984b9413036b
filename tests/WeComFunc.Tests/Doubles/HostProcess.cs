using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// A host as a process of its own, in an empty directory of its own. Of this process's environment it has only what finding and running
/// .NET takes.
/// </summary>
internal sealed partial class HostProcess : IAsyncDisposable
{
    private static readonly string[] Folders = ["src", "tests"];

    private static readonly string[] Inherited = ["PATH", "HOME", "TMPDIR", "DOTNET_ROOT", "DOTNET_ROOT_X64"];

    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _errors = [];
    private readonly List<string> _output = [];
    private readonly DirectoryInfo _directory;
    private readonly Process _process;

    private HostProcess(DirectoryInfo directory, ProcessStartInfo start, string name)
    {
        _directory = directory;
        _process = new Process { StartInfo = start };
        Output.Run.Follow(_process, name);
        _process.OutputDataReceived += (_, line) => FindAddress(line.Data);
        _process.OutputDataReceived += (_, line) => Keep(_output, line.Data);
        _process.ErrorDataReceived += (_, line) => Keep(_errors, line.Data);
    }

    public int ProcessId => _process.Id;

    /// <summary>The lines on stderr; all of them once <see cref="ExitAsync"/> has completed.</summary>
    public IReadOnlyList<string> Errors
    {
        get
        {
            lock (_errors)
            {
                return [.. _errors];
            }
        }
    }

    /// <summary>The lines on stdout.</summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_output)
            {
                return [.. _output];
            }
        }
    }

    /// <summary>What it has started, and what that has started, on Linux.</summary>
    public IReadOnlyList<Descendant> Descendants => DescendantsOf(_process.Id);

    /// <param name="host">Its project, such as <c>WeComFunc.LocalHost</c>.</param>
    /// <param name="settings">Its settings, names with <c>__</c>.</param>
    /// <param name="files">What is in its directory.</param>
    /// <param name="arguments">Its command line.</param>
    public static HostProcess Start(
        string host, Dictionary<string, string?> settings, Dictionary<string, string>? files = null, params string[] arguments) =>
        StartCommand(host, settings, files, ["dotnet", Assembly(host), .. arguments]);

    /// <summary>As <see cref="Start"/>, with a terminal for its output, which util-linux's <c>script</c> makes.</summary>
    public static HostProcess StartOnTerminal(string host, Dictionary<string, string?> settings, params string[] arguments)
    {
        var command = string.Join(' ', ((string[])["dotnet", Assembly(host), .. arguments]).Select(word => $"'{word}'"));
        return StartCommand(host, settings, null, ["script", "--quiet", "--flush", "--command", command, "/dev/null"]);
    }

    private static HostProcess StartCommand(
        string host, Dictionary<string, string?> settings, Dictionary<string, string>? files, string[] command)
    {
        var directory = Directory.CreateTempSubdirectory("wecomfunc-");
        foreach (var (name, text) in files ?? [])
        {
            File.WriteAllText(Path.Combine(directory.FullName, name), text);
        }

        // A shell's background job, and all that it starts, ignores SIGINT, and what nohup runs SIGHUP: here they count again.
        var start = new ProcessStartInfo("env", ["--default-signal=INT,HUP", .. command])
        {
            WorkingDirectory = directory.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Except(Inherited).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in settings)
        {
            start.Environment[name] = value;
        }

        var started = new HostProcess(directory, start, host);
        started._process.Start();
        started._process.BeginOutputReadLine();
        started._process.BeginErrorReadLine();
        return started;
    }

    /// <summary>Where the local host listens, as soon as it does.</summary>
    public async Task<Uri> AddressAsync()
    {
        var exit = ExitAsync();
        return await Task.WhenAny(_address.Task, exit) == _address.Task
            ? await _address.Task
            : throw new InvalidOperationException($"The host has ended with {await exit}. {string.Join('\n', Errors)}");
    }

    /// <summary>Completes once a line on stdout holds the text; fails when patience ends.</summary>
    public Task WaitForLineAsync(string text) => Wait.UntilAsync(() => Lines.Any(line => line.Contains(text, StringComparison.Ordinal)));

    /// <summary>The exit code, once the process has ended and all its output is read.</summary>
    public async Task<int> ExitAsync()
    {
        using var limit = new CancellationTokenSource(Patience.Limit);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    /// <param name="signal">Such as <c>TERM</c>.</param>
    public Task SignalAsync(string signal) => SignalAsync(signal, _process.Id);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await ExitAsync();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    private static async Task SignalAsync(string signal, int id)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{id}"]);
        await kill.WaitForExitAsync();
    }

    // As its own build left it: beside the tests, it would lack what they have from their framework.
    private static string Assembly(string host)
    {
        var build = Path.GetRelativePath(Path.Combine(Repository.Root, "tests", "WeComFunc.Tests"), AppContext.BaseDirectory);
        var home = Folders.Select(folder => Path.Combine(Repository.Root, folder, host)).First(Directory.Exists);
        return Path.Combine(home, build, $"{host}.dll");
    }

    private static List<Descendant> DescendantsOf(int id) => Directory.GetDirectories($"/proc/{id}/task")
        .SelectMany(thread => TextOf($"{thread}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
        .Select(child => int.Parse(child, CultureInfo.InvariantCulture))
        .SelectMany(child => DescendantsOf(child).Prepend(new(child, TextOf($"/proc/{child}/cmdline").Replace('\0', ' '))))
        .ToList();

    // Threads and processes come and go.
    private static string TextOf(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (IOException)
        {
            return "";
        }
    }

    private void FindAddress(string? line)
    {
        if (AnnouncementPattern().Match(line ?? "") is { Success: true } announcement)
        {
            _address.TrySetResult(new Uri(announcement.Groups[1].Value));
        }
    }

    private static void Keep(List<string> lines, string? line)
    {
        lock (lines)
        {
            if (line is not null)
            {
                lines.Add(line);
            }
        }
    }

    /// <summary>In a line of text or of JSON.</summary>
    [GeneratedRegex(@"Now listening on: ([^\s""]+)")]
    private static partial Regex AnnouncementPattern();

    /// <summary>A process that a host has started, by itself or through another.</summary>
    internal sealed record Descendant(int Id, string CommandLine)
    {
        public bool IsAlive => Directory.Exists($"/proc/{Id}");

        public Task KillAsync() => SignalAsync("KILL", Id);
    }
}
