using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using Grpc.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using WeComFunc.FunctionsHost.Rpc;

namespace WeComFunc.FunctionsHost;

/// <summary>A worker: its process, and the host's end of the stream that it opens.</summary>
internal sealed class Worker : FunctionRpc.FunctionRpcBase, IAsyncDisposable
{
    private static readonly string[] Inherited = ["PATH", "HOME", "TMPDIR", "DOTNET_ROOT", "DOTNET_ROOT_X64"];

    private readonly ConcurrentDictionary<string, TaskCompletionSource<StreamingMessage>> _awaited = new();
    private readonly Channel<StreamingMessage> _toWorker = Channel.CreateUnbounded<StreamingMessage>(new() { SingleReader = true });
    private readonly TaskCompletionSource<int> _exit = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<string> _errors = [];
    private readonly Process _process = new();
    private readonly FunctionAppOptions _options;
    private readonly WebApplication _server;
    private Task? _watching;

    public Worker(string folder, FunctionAppOptions options)
    {
        _options = options;
        Folder = folder;
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(
            kestrel => kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.Protocols = HttpProtocols.Http2));
        builder.Services.AddRouting().AddSingleton(this);
        builder.Services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = grpc.MaxSendMessageSize = null);
        _server = builder.Build();
        _server.MapGrpcService<Worker>();
    }

    public string Folder { get; }

    public int ProcessId => _process.Id;

    /// <summary>The exit code, once the process has ended and all its output is read.</summary>
    public Task<int> Exit => _exit.Task;

    /// <summary>Starts the process; it has connected once this ends.</summary>
    /// <exception cref="WorkerExitedException">It ended instead.</exception>
    public async Task StartAsync()
    {
        await _server.StartAsync();
        var id = Guid.NewGuid().ToString();
        _process.StartInfo = Command(id);
        _process.OutputDataReceived += (_, line) => TakeOutput(line.Data);
        _process.ErrorDataReceived += (_, line) => TakeOutput(line.Data, _errors);
        await AskAsync(id, () =>
        {
            _process.Start();
            _process.BeginOutputReadLine();
            _process.BeginErrorReadLine();
            _watching = WatchAsync();
        });
    }

    /// <summary>Sends a message.</summary>
    /// <param name="message">It goes out in the order of the calls.</param>
    public void Send(StreamingMessage message) => _toWorker.Writer.TryWrite(message);

    /// <summary>Sends a message and waits for the answer.</summary>
    /// <param name="key">The id by which the answer is known: of the request, the function or the invocation.</param>
    /// <param name="question">The message.</param>
    /// <exception cref="WorkerExitedException">The worker ended before it answered.</exception>
    public Task<StreamingMessage> AskAsync(string key, StreamingMessage question) => AskAsync(key, () => Send(question));

    public override async Task EventStream(
        IAsyncStreamReader<StreamingMessage> requestStream, IServerStreamWriter<StreamingMessage> responseStream, ServerCallContext context)
    {
        var sending = SendAllAsync(responseStream, context.CancellationToken);
        try
        {
            await foreach (var message in requestStream.ReadAllAsync())
            {
                Take(message);
            }
        }
        catch (IOException)
        {
            // The process has ended, or is about to.
        }

        await sending;
    }

    /// <summary>Ends the process by force, if it runs.</summary>
    public void Kill()
    {
        if (_watching is { IsCompleted: false })
        {
            _process.Kill();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Kill();
        await (_watching ?? Task.CompletedTask);
        _toWorker.Writer.TryComplete();
        await _server.DisposeAsync();
        _process.Dispose();
    }

    private ProcessStartInfo Command(string id)
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "worker.config.json")));
        var description = config.RootElement.GetProperty("description");
        var start = new ProcessStartInfo(description.GetProperty("defaultExecutablePath").GetString()!,
        [
            Path.Combine(Folder, description.GetProperty("defaultWorkerPath").GetString()!),
            "--functions-uri", _server.Urls.First(),
            "--functions-worker-id", id,
            "--functions-request-id", Guid.NewGuid().ToString(),
            "--functions-grpc-max-message-length", $"{int.MaxValue}",
        ])
        {
            WorkingDirectory = Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Except(Inherited).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in _options.Settings)
        {
            start.Environment[name] = value;
        }

        start.Environment["FUNCTIONS_APPLICATION_DIRECTORY"] = Folder;
        start.Environment["FUNCTIONS_WORKER_RUNTIME"] = "dotnet-isolated";
        // Nobody edits the files of a published app, and Linux allows a user 128 watchers.
        start.Environment["DOTNET_hostBuilder__reloadConfigOnChange"] = "false";
        return start;
    }

    private async Task<StreamingMessage> AskAsync(string key, Action ask)
    {
        var answer = new TaskCompletionSource<StreamingMessage>(TaskCreationOptions.RunContinuationsAsynchronously);
        _awaited[key] = answer;
        ask();
        if (Exit.IsCompleted)
        {
            Disappoint();
        }

        return await answer.Task;
    }

    private async Task SendAllAsync(IServerStreamWriter<StreamingMessage> stream, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var message in _toWorker.Reader.ReadAllAsync(cancellationToken))
            {
                await stream.WriteAsync(message, cancellationToken);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The stream is closed: whoever waits for an answer is told by the end of the process.
        }
    }

    private void Take(StreamingMessage message)
    {
        _options.OnMessage?.Invoke(message.ToString());
        if (message.ContentCase is StreamingMessage.ContentOneofCase.RpcLog)
        {
            var log = message.RpcLog;
            _options.OnLog?.Invoke(new(
                OrNull(log.InvocationId),
                log.Category,
                (LogLevel)log.Level,
                log.Message,
                OrNull(log.Exception?.Message)));
            return;
        }

        var key = message.ContentCase switch
        {
            StreamingMessage.ContentOneofCase.StartStream => message.StartStream.WorkerId,
            StreamingMessage.ContentOneofCase.FunctionLoadResponse => message.FunctionLoadResponse.FunctionId,
            StreamingMessage.ContentOneofCase.InvocationResponse => message.InvocationResponse.InvocationId,
            _ => message.RequestId,
        };
        if (_awaited.TryRemove(key, out var answer))
        {
            answer.SetResult(message);
        }
    }

    private static string? OrNull(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private void TakeOutput(string? line, List<string>? kept = null)
    {
        if (line is not null)
        {
            kept?.Add(line);
            _options.OnOutput?.Invoke(line);
        }
    }

    private async Task WatchAsync()
    {
        await _process.WaitForExitAsync();
        _exit.SetResult(_process.ExitCode);
        Disappoint();
    }

    /// <summary>Whoever waits for an answer gets none any more.</summary>
    private void Disappoint()
    {
        foreach (var key in _awaited.Keys)
        {
            if (_awaited.TryRemove(key, out var answer))
            {
                answer.SetException(new WorkerExitedException(Exit.Result, _errors));
            }
        }
    }
}
