using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace WeComFunc.Http;

/// <summary>One route, for any host: takes what a request is, and gives what an answer is.</summary>
public abstract partial class Endpoint
{
    /// <summary>The outcome of a request whose caller did not wait for its answer.</summary>
    private const string CallerGone = "caller_gone";

    private readonly ILogger _logger;

    private protected Endpoint(TimeProvider time, ILogger logger) => (Time, _logger) = (time, logger);

    /// <summary>The path below <c>/api/</c>.</summary>
    public abstract string Route { get; }

    /// <summary>The HTTP methods that it takes.</summary>
    public abstract IReadOnlyList<string> Methods { get; }

    private protected TimeProvider Time { get; }

    /// <summary>Answers a request. It never throws: a defect of the software is the problem <c>internal_error</c>.</summary>
    /// <param name="call">The request.</param>
    /// <param name="callerGone">That the caller has gone, or the host is stopping.</param>
    public async Task<HttpAnswer> AnswerAsync(HttpCall call, CancellationToken callerGone)
    {
        using var activity = Begin(call);
        var exchange = new Exchange(call, HttpAnswer.TraceId(call.TraceParent), activity, Time.GetTimestamp(), callerGone);
        try
        {
            return await RespondAsync(exchange);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException && callerGone.IsCancellationRequested)
        {
            // Nobody reads this answer, and nobody is to be alarmed by it.
            End(exchange, CallerGone);
            return HttpAnswer.OfProblem(Problem.WeComBusy, null, exchange.TraceId);
        }
        catch (Exception exception)
        {
            End(exchange, Problem.InternalError.Code);
            LogDefect(_logger, new RedactedException(exception), exchange.TraceId);
            return HttpAnswer.OfProblem(Problem.InternalError, null, exchange.TraceId);
        }
    }

    /// <summary>Begins a trace of the request; null where it has none of its own.</summary>
    private protected virtual Activity? Begin(HttpCall call) => null;

    /// <summary>Begins a trace of the request: within the one under way, otherwise within the caller's.</summary>
    private protected static Activity? Begin(string name, HttpCall call)
    {
        _ = ActivityContext.TryParse(call.TraceParent, null, isRemote: true, out var caller);
        return Telemetry.Source.StartActivity(name, ActivityKind.Internal, Activity.Current is null ? caller : default);
    }

    /// <summary>What the route is for.</summary>
    private protected abstract Task<HttpAnswer> RespondAsync(Exchange exchange);

    /// <summary>To be told of a request that ended without an answer of <see cref="RespondAsync"/>.</summary>
    private protected virtual void End(Exchange exchange, string outcome)
    {
    }

    [LoggerMessage(3, LogLevel.Error, "A defect of the software, traceId {TraceId}; please report it")]
    private static partial void LogDefect(ILogger logger, Exception exception, string traceId);

    /// <summary>A request that is being answered.</summary>
    /// <param name="Call">The request.</param>
    /// <param name="TraceId">What the caller is told to report.</param>
    /// <param name="Activity">Its trace, where it has one of its own.</param>
    /// <param name="Started">When it began, by <see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <param name="CallerGone">That the caller has gone, or the host is stopping.</param>
    private protected readonly record struct Exchange(
        HttpCall Call, string TraceId, Activity? Activity, long Started, CancellationToken CallerGone);
}
