using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using WeComFunc.FunctionsHost;
using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// The published app under a Functions host, as a process of its own on the system's clock. Its timer is off unless a test gives it a
/// schedule and a clock; everything it sends, logs and prints goes to an <see cref="Output"/>.
/// </summary>
public sealed partial class PublishedHost : IAsyncDisposable
{
    private readonly ConcurrentQueue<WorkerLog> _log = new();
    private readonly ConcurrentQueue<InvocationResult> _results = new();
    private readonly AwaitableCount _resultCount = new("results of invocations");
    private readonly AwaitableCount _cancellations = new("cancellations that the worker has taken note of");

    private PublishedHost()
    {
    }

    /// <summary>The app, for what no other member here has.</summary>
    public FunctionApp App { get; private set; } = null!;

    public HttpClient Client { get; private set; } = null!;

    /// <summary>What the worker logged, from its start.</summary>
    public IReadOnlyCollection<WorkerLog> Log => _log;

    /// <summary>The lines of <see cref="Log"/> whose messages begin so.</summary>
    public IEnumerable<WorkerLog> Lines(string beginning) =>
        _log.Where(line => line.Message.StartsWith(beginning, StringComparison.Ordinal));

    /// <summary>How the invocations ended, in this order.</summary>
    public IReadOnlyCollection<InvocationResult> Results => _results;

    /// <param name="simulator">The WeCom it talks to.</param>
    /// <param name="azurite">Where its table is.</param>
    /// <param name="table">Its table; hosts with the same one are a fleet. One of its own by default.</param>
    /// <param name="settings">Further settings, names with <c>__</c>.</param>
    /// <param name="timers">The clock of its timers, which then run on their schedule.</param>
    /// <param name="hasFrontEnd">Whether callers come through a front end, which appends their address.</param>
    /// <param name="output">Gets all that it puts out; <see cref="Output.Run"/> by default.</param>
    /// <exception cref="WorkerExitedException">The app ended instead.</exception>
    public static async Task<PublishedHost> StartAsync(
        SimulatorServer simulator,
        Azurite azurite,
        string? table = null,
        Dictionary<string, string?>? settings = null,
        TimeProvider? timers = null,
        bool hasFrontEnd = false,
        Output? output = null)
    {
        var all = LoginHost.Settings(simulator, azurite, table ?? LoginHost.NewTable());
        foreach (var (name, value) in settings ?? [])
        {
            all[name] = value;
        }

        output ??= Output.Run;
        var host = new PublishedHost();
        host.App = await FunctionApp.StartAsync(PublishedApp.Folder, new()
        {
            Settings = all,
            HasFrontEnd = hasFrontEnd,
            RunsTimers = timers is not null,
            Time = timers ?? TimeProvider.System,
            GracePeriod = TimeSpan.FromMinutes(1),
            OnLog = host._log.Enqueue,
            OnResult = host.Take,
            OnOutput = line => output.Write("output of the worker", line),
            OnMessage = message => host.Take(message, output),
        });
        output.Write("command line of the worker", await File.ReadAllTextAsync($"/proc/{host.App.ProcessId}/cmdline"));
        host.Client = HostClient.Create(host.App.BaseAddress, output);
        return host;
    }

    /// <summary>Logs in with a code.</summary>
    public Task<LoginAnswer> LoginAsync(string code, string? forwardedFor = null, CancellationToken cancellationToken = default)
    {
        Output.Run.Secret(code, "code");
        var body = JsonSerializer.SerializeToUtf8Bytes(new { code });
        return PostAsync(body, forwardedFor: forwardedFor, cancellationToken: cancellationToken);
    }

    /// <summary>Posts a body to <c>/api/login</c>.</summary>
    public async Task<LoginAnswer> PostAsync(
        byte[] body,
        string? contentType = "application/json",
        string? forwardedFor = null,
        bool inChunks = false,
        CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/login") { Content = new ByteArrayContent(body) };
        request.Headers.TransferEncodingChunked = inChunks;
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        if (forwardedFor is not null)
        {
            request.Headers.Add("X-Forwarded-For", forwardedFor);
        }

        return await LoginAnswer.OfAsync(await Client.SendAsync(request, cancellationToken));
    }

    /// <summary>Sends a request as it stands and reads its answer to the end; no client would send every one.</summary>
    /// <param name="request">Its lines, without <c>Connection: close</c>, which is added.</param>
    /// <returns>The answer, from the status line on.</returns>
    public async Task<string> SendAsync(params string[] request)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(Client.BaseAddress!.Host, Client.BaseAddress.Port);
        var stream = client.GetStream();
        var (line, headers) = (request[0], request[1..]);
        await stream.WriteAsync(Encoding.UTF8.GetBytes(string.Join("\r\n", [line, "Host: app", "Connection: close", .. headers])));
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    /// <summary>Asks for <c>/api/health</c>.</summary>
    public async Task<LoginAnswer> HealthAsync() => await LoginAnswer.OfAsync(await Client.GetAsync("/api/health"));

    /// <summary>Runs the timer function, now.</summary>
    public Task<InvocationResult> RefreshAsync(bool isPastDue = false, CancellationToken cancellationToken = default) =>
        App.RunTimerAsync("RefreshAccessToken", isPastDue, cancellationToken);

    /// <summary>Completes once so many invocations have ended; fails when patience ends.</summary>
    public Task WaitForResultsAsync(int count) => _resultCount.WaitAsync(count);

    /// <summary>Completes once the worker has taken note of so many cancellations; fails when patience ends.</summary>
    public Task WaitForCancellationsAsync(int count) => _cancellations.WaitAsync(count);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.DisposeAsync();
    }

    private void Take(InvocationResult result)
    {
        _results.Enqueue(result);
        _resultCount.Increment();
    }

    /// <summary>A body without the session token that it gives.</summary>
    private static string WithoutSession(string base64, Output output)
    {
        var text = Encoding.UTF8.GetString(Convert.FromBase64String(base64));
        return output.WithoutSession(text) is var without && without != text
            ? Convert.ToBase64String(Encoding.UTF8.GetBytes(without))
            : base64;
    }

    [GeneratedRegex("(?<=\"bytes\": \")[0-9A-Za-z+/=]+")]
    private static partial Regex BytesPattern();

    private void Take(string message, Output output)
    {
        output.Write("message of the worker", BytesPattern().Replace(message, bytes => WithoutSession(bytes.Value, output)));
        if (message == "{ }")
        {
            _cancellations.Increment();
        }
    }
}
