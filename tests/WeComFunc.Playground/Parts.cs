using System.Diagnostics;

namespace WeComFunc.Playground;

/// <summary>A part does not start, has ended, or does not do what it should; the message is all that is to be told.</summary>
internal sealed class PartException(string message) : Exception(message);

/// <summary>The programs that run here, each with a log of its own; all of them are ended with this.</summary>
internal sealed class Parts : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(50);

    // Ctrl-C reaches all programs of a terminal, and a part may be quicker to end than this one to hear of it.
    private static readonly TimeSpan SignalDifference = TimeSpan.FromSeconds(1);

    private readonly List<Part> _parts = [];
    private readonly HttpClient _http;
    private readonly CancellationToken _stop;

    /// <param name="logs">The folder of the logs, made anew.</param>
    /// <param name="http">What to look with whether a part answers.</param>
    /// <param name="stop">Ends all waiting.</param>
    public Parts(string logs, HttpClient http, CancellationToken stop)
    {
        (Logs, _http, _stop) = (logs, http, stop);
        if (Directory.Exists(logs))
        {
            Directory.Delete(logs, recursive: true);
        }

        Directory.CreateDirectory(logs);
    }

    public string Logs { get; }

    /// <summary>Starts a part, and waits until it answers, whatever it says.</summary>
    /// <param name="name">Its name in messages and of its log.</param>
    /// <param name="url">What it answers at.</param>
    /// <param name="start">The program.</param>
    /// <exception cref="PartException">It cannot be started, ends, or does not answer within a minute.</exception>
    public async Task StartAsync(string name, string url, ProcessStartInfo start)
    {
        var part = Part.Start(name, Path.Combine(Logs, $"{name}.log"), start);
        _parts.Add(part);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop);
        limit.CancelAfter(StartLimit);
        while (!await AnswersAsync(url, limit.Token))
        {
            if (part.Ended.IsCompleted || limit.IsCancellationRequested)
            {
                _stop.ThrowIfCancellationRequested();
                throw part.Failure($"{name} does not start.");
            }

            await Task.WhenAny(part.Ended, Task.Delay(LookInterval, _stop));
        }
    }

    /// <summary>Waits until the end, which a part that ends by itself brings about too.</summary>
    /// <exception cref="PartException">A part has ended by itself.</exception>
    /// <exception cref="OperationCanceledException">The user has ended it all.</exception>
    public async Task WatchAsync()
    {
        await Task.WhenAny(_parts.Select(part => part.Ended)).WaitAsync(_stop);
        await Task.Delay(SignalDifference, _stop);
        var ended = _parts.First(part => part.Ended.IsCompleted);
        throw ended.Failure($"{ended.Name} has ended by itself.");
    }

    /// <summary>A failure to which the log of a part may hold the reason.</summary>
    public PartException Failure(string name, string what) => _parts.First(part => part.Name == name).Failure(what);

    public async ValueTask DisposeAsync() => await Task.WhenAll(_parts.Select(part => part.DisposeAsync().AsTask()));

    private async Task<bool> AnswersAsync(string url, CancellationToken limit)
    {
        try
        {
            using var answer = await _http.GetAsync(new Uri(url), limit);
            return true;
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }
}
