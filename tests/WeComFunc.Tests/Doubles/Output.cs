using System.Diagnostics;
using System.Text.RegularExpressions;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// All that a run puts out (logs, traces, metrics, responses, child processes), in one file that can be searched for secrets.
/// </summary>
public sealed partial class Output : IDisposable
{
    private readonly Lock _lock = new();
    private readonly StreamWriter _writer;
    private readonly OutputSecrets _secrets = new();
    private OutputTelemetry? _telemetry;
    private OutputEvents? _events;
    private bool _disposed;

    /// <param name="path">The file; what was in it before is gone.</param>
    public Output(string path)
    {
        Path = System.IO.Path.GetFullPath(path);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        _writer = new StreamWriter(new FileStream(Path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 1 << 16));
    }

    /// <summary>The output of this test run.</summary>
    public static Output Run { get; } = CreateRun();

    public string Path { get; }

    /// <summary>
    /// Listens to every activity and every meter of the process from now on, and to what .NET's HTTP client and the Azure SDK trace.
    /// </summary>
    public void Start()
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            _telemetry ??= new OutputTelemetry(this);
            _events ??= new OutputEvents(this);
        }
    }

    /// <summary>From now on <see cref="FindLeaksAsync"/> looks for this value, also in what was written before.</summary>
    /// <param name="value">At least 8 characters on one line: a shorter one would be found by chance.</param>
    /// <param name="name">What to call it in a report, which never shows the value.</param>
    public void Secret(string value, string name = "secret") => _secrets.Add(value, name);

    /// <inheritdoc cref="Secret"/>
    public void Secrets(IEnumerable<string> values, string name = "secret")
    {
        foreach (var value in values)
        {
            _secrets.Add(value, name);
        }
    }

    /// <summary>Every value that <see cref="FindLeaksAsync"/> looks for.</summary>
    public IReadOnlyCollection<string> KnownSecrets => _secrets.Values;

    /// <summary>Appends text; does nothing once disposed, since hosts may log until the very end.</summary>
    /// <param name="source">Where it comes from, such as <c>stdout of LocalHost</c>.</param>
    /// <param name="text">Nothing is written for <see langword="null"/>, which ends the output of a child process.</param>
    public void Write(string source, string? text)
    {
        if (text is null)
        {
            return;
        }

        lock (_lock)
        {
            if (!_disposed)
            {
                _writer.Write(source);
                _writer.Write(": ");
                _writer.WriteLine(text);
            }
        }
    }

    /// <summary>
    /// Appends status, headers and body; the body can still be read afterwards. A session token in it is a secret from then on, but for
    /// this one place, which gives it.
    /// </summary>
    public async Task WriteAsync(HttpResponseMessage response)
    {
        await response.Content.LoadIntoBufferAsync().ConfigureAwait(false);
        var body = await response.Content.ReadAsStringAsync().ConfigureAwait(false);
        var headers = $"{response.Headers}{response.Content.Headers}{response.TrailingHeaders}";
        Write("response", $"{response.StatusCode:d} {response.ReasonPhrase}\n{headers}\n{WithoutSession(body)}");
    }

    /// <summary>An answer of the login without its session token, the signature of which is a secret from now on.</summary>
    public string WithoutSession(string answer) => SessionPattern().Replace(answer, session =>
    {
        Secret(session.Groups["signature"].Value, "session token");
        return "";
    });

    /// <summary>
    /// Appends a child process's command line, and what it prints. Call it before the process begins to be read by
    /// <c>BeginOutputReadLine</c>.
    /// </summary>
    public void Follow(Process process, string name)
    {
        Write($"command line of {name}", string.Join(' ', process.StartInfo.ArgumentList));
        process.OutputDataReceived += (_, line) => Write($"stdout of {name}", line.Data);
        process.ErrorDataReceived += (_, line) => Write($"stderr of {name}", line.Data);
    }

    /// <summary>Appends what observable instruments say now. A host with such instruments calls it before it ends.</summary>
    public void Collect() => _telemetry?.Collect();

    public void Flush()
    {
        lock (_lock)
        {
            if (!_disposed)
            {
                _writer.Flush();
            }
        }
    }

    /// <summary>Where secrets were written, as they are or escaped for URLs or JSON or in base64; at most 5 places for each.</summary>
    public async Task<IReadOnlyList<Leak>> FindLeaksAsync()
    {
        Collect();
        Flush();
        return await Task.Run(() => _secrets.Search(Path)).ConfigureAwait(false);
    }

    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _writer.Dispose();
        }

        _telemetry?.Dispose();
        _events?.Dispose();
    }

    [GeneratedRegex(@"(?<=""session"":\{""token"":"")[\w-]+\.[\w-]+\.(?<signature>[\w-]+)")]
    private static partial Regex SessionPattern();

    private static Output CreateRun()
    {
        var run = new Output(System.IO.Path.Combine(AppContext.BaseDirectory, "output", "run.log"));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => run.Flush();
        return run;
    }
}
