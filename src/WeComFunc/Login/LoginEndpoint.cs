using System.Diagnostics;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.WeCom;

namespace WeComFunc.Login;

/// <summary><c>POST /api/login</c>, for any host: takes what a request is and gives what an answer is. It never throws.</summary>
public sealed partial class LoginEndpoint
{
    /// <summary>The outcome of a login whose caller did not wait for it.</summary>
    private const string CallerGone = "caller_gone";

    private static readonly TimeSpan DefaultPause = TimeSpan.FromSeconds(2);

    private readonly LoginHandler _handler;
    private readonly CallerLimiter _limiter;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly Telemetry _telemetry;
    private readonly ILogger<LoginEndpoint> _logger;
    private readonly RefusalLog _refusals;

    internal LoginEndpoint(LoginHandler handler, CallerLimiter limiter, TimeProvider time, Random random, Telemetry telemetry, ILogger<LoginEndpoint> logger) =>
        (_handler, _limiter, _time, _random, _telemetry, _logger, _refusals) = (handler, limiter, time, random, telemetry, logger, new RefusalLog(time, logger));

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
                return TurnAway(Problem.UnsupportedMediaType);
            }

            var (code, problem) = await LoginRequest.ReadAsync(call, cancellationToken);
            if (problem is not null)
            {
                return TurnAway(problem);
            }

            if (_limiter.Refuse(_limiter.AddressOf(call)) is { } pause)
            {
                return TurnAway(Problem.TooManyRequests, pause);
            }

            var (answer, token) = await _handler.LoginAsync(code, cancellationToken);
            if (answer.Failure is { } failure)
            {
                return Fail(Problem.Of(failure.Kind), failure, token);
            }

            Report("ok", null, token);
            return new(200, "application/json", answer.Value);
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException && cancellationToken.IsCancellationRequested)
        {
            // Nobody reads this answer, and nobody is to be alarmed by it.
            Report(CallerGone, null, default);
            return EndpointAnswer.OfProblem(Problem.WeComBusy, null, traceId);
        }
        catch (Exception exception)
        {
            Report(Problem.InternalError.Code, null, default);
            return Defect.Answer(exception, _logger, traceId);
        }

        EndpointAnswer TurnAway(Problem problem, TimeSpan? retryAfter = null)
        {
            _telemetry.Login(problem.Code, _time.GetElapsedTime(started));
            activity?.SetTag("outcome", problem.Code);
            _refusals.Count(problem);
            return EndpointAnswer.OfProblem(problem, null, traceId, retryAfter);
        }

        EndpointAnswer Fail(Problem problem, Failure failure, TokenUse token)
        {
            Report(problem.Code, failure, token);
            return EndpointAnswer.OfProblem(problem, failure.Errcode, traceId, Spread(failure.RetryAfter ?? DefaultPause));
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

    /// <summary>Many logins fail together; those that wait for half as long again as others do not come back together.</summary>
    private TimeSpan Spread(TimeSpan pause) => pause * (1 + (_random.NextDouble() / 2));

    [LoggerMessage(1, LogLevel.Information, "Login: outcome {Outcome}, errcode {Errcode}, {ElapsedMs:0.0} ms, token from {TokenSource}, renewal {TokenReason}, traceId {TraceId}")]
    private static partial void LogLogin(ILogger logger, string outcome, string errcode, double elapsedMs, string tokenSource, string tokenReason, string traceId);

    [LoggerMessage(2, LogLevel.Error, "Login: outcome {Outcome}, errcode {Errcode}, {ElapsedMs:0.0} ms, token from {TokenSource}, renewal {TokenReason}, traceId {TraceId}. {Advice}")]
    private static partial void LogMisconfigured(
        ILogger logger, string outcome, string errcode, double elapsedMs, string tokenSource, string tokenReason, string traceId, string advice);
}
