using System.Diagnostics;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.WeCom;

namespace WeComFunc.Login;

/// <summary><c>POST /api/login</c>, for any host: takes what a request is and gives what an answer is. It never throws.</summary>
public sealed partial class LoginEndpoint
{
    private readonly LoginHandler _handler;
    private readonly CallerLimiter _limiter;
    private readonly TimeProvider _time;
    private readonly Telemetry _telemetry;
    private readonly ILogger<LoginEndpoint> _logger;

    internal LoginEndpoint(LoginHandler handler, CallerLimiter limiter, TimeProvider time, Telemetry telemetry, ILogger<LoginEndpoint> logger) =>
        (_handler, _limiter, _time, _telemetry, _logger) = (handler, limiter, time, telemetry, logger);

    /// <summary>Logs in.</summary>
    /// <param name="call">The request.</param>
    /// <param name="cancellationToken">That the caller has gone, or the host is stopping.</param>
    public async Task<EndpointAnswer> LoginAsync(LoginCall call, CancellationToken cancellationToken)
    {
        _ = ActivityContext.TryParse(call.TraceParent, null, isRemote: true, out var caller);
        using var activity = Telemetry.Source.StartActivity("login", ActivityKind.Internal, Activity.Current is null ? caller : default);
        var traceId = EndpointAnswer.TraceId(call.TraceParent);
        var started = _time.GetTimestamp();
        try
        {
            if (!LoginRequest.IsJson(call.ContentType))
            {
                return Refuse(Problem.UnsupportedMediaType);
            }

            var (code, problem) = await LoginRequest.ReadAsync(call, cancellationToken);
            if (problem is not null)
            {
                return Refuse(problem);
            }

            if (_limiter.Refuse(call.CallerAddress ?? "") is { } pause)
            {
                return Refuse(Problem.TooManyRequests, new Failure(FailureKind.Busy, null, pause));
            }

            var (answer, token) = await _handler.LoginAsync(code, cancellationToken);
            if (answer.Failure is { } failure)
            {
                return Refuse(Problem.Of(failure.Kind), failure, token);
            }

            Report("ok", null, token);
            return new(200, "application/json", answer.Value);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return Refuse(Problem.WeComBusy);
        }
        catch (Exception exception)
        {
            Report(Problem.InternalError.Code, null, default);
            return Defect.Answer(exception, _logger, traceId);
        }

        EndpointAnswer Refuse(Problem problem, Failure? failure = null, TokenUse token = default)
        {
            Report(problem.Code, failure, token);
            return EndpointAnswer.OfProblem(problem, failure?.Errcode, traceId, failure?.RetryAfter);
        }

        void Report(string outcome, Failure? failure, TokenUse token)
        {
            var elapsed = _time.GetElapsedTime(started);
            _telemetry.Login(outcome, elapsed);
            activity?.SetTag("outcome", outcome);
            var source = token.Token is null ? "none" : Telemetry.Label(token.Source);
            if (failure?.Kind is FailureKind.Misconfigured)
            {
                LogMisconfigured(_logger, outcome, Telemetry.Label(failure.Errcode), elapsed.TotalMilliseconds, source, Telemetry.Label(token.Reason), traceId, Errcodes.Advice(failure.Kind, failure.Errcode));
            }
            else
            {
                LogLogin(_logger, outcome, Telemetry.Label(failure?.Errcode), elapsed.TotalMilliseconds, source, Telemetry.Label(token.Reason), traceId);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "Login: outcome {Outcome}, errcode {Errcode}, {ElapsedMs:0.0} ms, token from {TokenSource}, renewal {TokenReason}, traceId {TraceId}")]
    private static partial void LogLogin(ILogger logger, string outcome, string errcode, double elapsedMs, string tokenSource, string tokenReason, string traceId);

    [LoggerMessage(2, LogLevel.Error, "Login: outcome {Outcome}, errcode {Errcode}, {ElapsedMs:0.0} ms, token from {TokenSource}, renewal {TokenReason}, traceId {TraceId}. {Advice}")]
    private static partial void LogMisconfigured(
        ILogger logger, string outcome, string errcode, double elapsedMs, string tokenSource, string tokenReason, string traceId, string advice);
}
