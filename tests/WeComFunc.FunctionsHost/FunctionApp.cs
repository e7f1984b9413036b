using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using WeComFunc.FunctionsHost.Rpc;

namespace WeComFunc.FunctionsHost;

/// <summary>
/// A published function app (.NET isolated worker), run as the Functions host runs it: in a process of its own, over the worker protocol,
/// with its HTTP functions served and its timers run. Function keys are not checked. An app whose worker has ended is not started again.
/// </summary>
public sealed class FunctionApp : IAsyncDisposable
{
    /// <summary>Of the host that this one follows; the worker is told.</summary>
    private const string HostVersion = "4.1037.0.0";

    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(1);

    private readonly CancellationTokenSource _stopping = new();
    private readonly FunctionAppOptions _options;
    private readonly Worker _worker;
    private Function[] _functions = [];
    private WebApplication? _http;

    private FunctionApp(string folder, FunctionAppOptions options) =>
        (_options, _worker) = (options, new Worker(Path.GetFullPath(folder), options));

    /// <summary>Where its HTTP functions are, without the route prefix.</summary>
    public Uri BaseAddress => new(_http!.Urls.First());

    /// <summary>The worker's process.</summary>
    public int ProcessId => _worker.ProcessId;

    /// <summary>The worker's exit code, once it has ended and all its output is read.</summary>
    public Task<int> Exit => _worker.Exit;

    /// <summary>What there is to call and to wait for, a line for each function.</summary>
    public IEnumerable<string> Functions => _functions.Select(function => function switch
    {
        { IsHttp: true } => $"{function.Name}: [{string.Join(',', function.Methods)}] {BaseAddress}{function.Route}",
        { IsTimer: true } => $"{function.Name}: {function.ScheduleExpression(_options.Settings)}",
        _ => function.Name,
    });

    /// <summary>Starts the app; its functions are loaded and served once this ends.</summary>
    /// <param name="folder">What <c>dotnet publish</c> made of it.</param>
    /// <param name="options">How it is run.</param>
    /// <exception cref="WorkerExitedException">The worker ended instead.</exception>
    public static async Task<FunctionApp> StartAsync(string folder, FunctionAppOptions? options = null)
    {
        var app = new FunctionApp(folder, options ?? new());
        try
        {
            await app.StartAsync();
            return app;
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a timer's function, now.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="isPastDue">Whether it is told that it runs late.</param>
    /// <param name="cancellationToken">Cancels the invocation.</param>
    public async Task<InvocationResult> RunTimerAsync(string name, bool isPastDue = false, CancellationToken cancellationToken = default)
    {
        var function = _functions.Single(function => function.Name == name);
        var now = _options.Time.GetUtcNow().UtcDateTime;
        var timer = new
        {
            Schedule = new { AdjustForDST = true },
            ScheduleStatus = new { Last = now, Next = function.Schedule(_options.Settings).GetNextOccurrence(now), LastUpdated = now },
            IsPastDue = isPastDue,
        };
        var input = new TypedData { Json = JsonSerializer.Serialize(timer) };
        return Result(function, await InvokeAsync(function, input, TraceContext.Of(null, null), cancellationToken));
    }

    /// <summary>
    /// Tells the worker to end, whatever is under way, and ends it by force after <see cref="FunctionAppOptions.GracePeriod"/>.
    /// </summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> TerminateAsync()
    {
        _worker.Send(new() { WorkerTerminate = new() { GracePeriod = Duration.FromTimeSpan(_options.GracePeriod) } });
        await Task.WhenAny(Exit, Task.Delay(_options.GracePeriod));
        _worker.Kill();
        return await Exit;
    }

    /// <summary>
    /// Takes no more requests, lets those under way end within <see cref="FunctionAppOptions.GracePeriod"/>, and terminates the worker.
    /// </summary>
    /// <returns>Its exit code.</returns>
    public async Task<int> StopAsync()
    {
        await _stopping.CancelAsync();
        using var limit = new CancellationTokenSource(_options.GracePeriod);
        await _http!.StopAsync(limit.Token);
        return await TerminateAsync();
    }

    /// <summary>Kills the worker.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _worker.DisposeAsync();
        if (_http is not null)
        {
            await _http.DisposeAsync();
        }

        _stopping.Dispose();
    }

    private static void Check(StatusResult result, string task)
    {
        if (result.Status != (int)InvocationStatus.Success)
        {
            throw new InvalidOperationException($"The worker could not {task}. {result.Exception?.Message}");
        }
    }

    private static InvocationResult Result(Function function, InvocationResponse response) => new(
        response.InvocationId,
        function.Name,
        (InvocationStatus)response.Result.Status,
        response.Result.Exception is { } exception ? $"{exception.Type}: {exception.Message}" : null);

    private async Task StartAsync()
    {
        await _worker.StartAsync();
        var folder = _worker.Folder;
        var init = await AskAsync(new()
        {
            WorkerInitRequest = new() { HostVersion = HostVersion, WorkerDirectory = folder, FunctionAppDirectory = folder },
        });
        Check(init.WorkerInitResponse.Result, "initialise");
        var index = await AskAsync(new() { FunctionsMetadataRequest = new() { FunctionAppDirectory = folder } });
        Check(index.FunctionMetadataResponse.Result, "tell its functions");
        var metadata = index.FunctionMetadataResponse.FunctionMetadataResults;
        foreach (var function in metadata)
        {
            var id = function.FunctionId;
            var loaded = await _worker.AskAsync(id, new() { FunctionLoadRequest = new() { FunctionId = id, Metadata = function } });
            Check(loaded.FunctionLoadResponse.Result, $"load {function.Name}");
        }

        var host = new ConfigurationBuilder().AddJsonFile(Path.Combine(folder, "host.json"), optional: true).Build();
        _functions = [.. metadata.Select(function => Function.Of(function, host["extensions:http:routePrefix"] ?? "api"))];
        _http = HttpFunctions.Create(_functions, _options, InvokeAsync);
        await _http.StartAsync();
        foreach (var timer in _functions.Where(function => _options.RunsTimers && function.IsTimer))
        {
            _ = RunOnScheduleAsync(timer);
        }
    }

    private async Task<StreamingMessage> AskAsync(StreamingMessage question)
    {
        question.RequestId = Guid.NewGuid().ToString();
        return await _worker.AskAsync(question.RequestId, question);
    }

    private async Task<InvocationResponse> InvokeAsync(
        Function function, TypedData input, RpcTraceContext trace, CancellationToken cancellationToken)
    {
        var id = Guid.NewGuid().ToString();
        var answering = _worker.AskAsync(id, new()
        {
            InvocationRequest = new()
            {
                InvocationId = id,
                FunctionId = function.Id,
                InputData = { new ParameterBinding { Name = function.Parameter, Data = input } },
                TraceContext = trace,
            },
        });
        await using var cancel = cancellationToken.Register(() => _worker.Send(new() { InvocationCancel = new() { InvocationId = id } }));
        var response = (await answering).InvocationResponse;
        _options.OnResult?.Invoke(Result(function, response));
        return response;
    }

    private async Task RunOnScheduleAsync(Function timer)
    {
        var (schedule, time) = (timer.Schedule(_options.Settings), _options.Time);
        try
        {
            while (true)
            {
                var next = schedule.GetNextOccurrence(time.GetUtcNow().UtcDateTime);
                while (next - time.GetUtcNow().UtcDateTime is { Ticks: > 0 } left)
                {
                    await Task.Delay(left < LongestDelay ? left : LongestDelay, time, _stopping.Token);
                }

                await RunTimerAsync(timer.Name);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or WorkerExitedException)
        {
        }
    }
}
