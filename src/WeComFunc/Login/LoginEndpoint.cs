using System.Diagnostics;
using Microsoft.Extensions.Logging;
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

            var address = _limiter.AddressOf(call);
            if (_limiter.Refuse(address) is { } pause)
            {
                return TurnAway(Problem.TooManyRequests, pause);
            }

            using var place = _limiter.Begin();
            if (!place.IsAcquired)
            {
                return TurnAway(Problem.WeComBusy, Spread(DefaultPause));
            }

            var login = await _handler.LoginAsync(code, address, cancellationToken);
            if (login.Answer.Failure is { } failure)
            {
                return Fail(Problem.Of(failure.Kind), failure, login);
            }

            Report("ok", null, login);
            return new(200, "application/json", login.Answer.Value);
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

        EndpointAnswer Fail(Problem problem, Failure failure, LoginOutcome login)
        {
            Report(problem.Code, failure, login);
            return EndpointAnswer.OfProblem(problem, failure.Errcode, traceId, Spread(failure.RetryAfter ?? DefaultPause));
        }

        void Report(string outcome, Failure? failure, LoginOutcome login)
        {
            var elapsed = _time.GetElapsedTime(started);
            _telemetry.Login(outcome, elapsed);
            activity?.SetTag("outcome", outcome);
            var errcode = Telemetry.Label(failure?.Errcode);
            var (source, reason) = (login.Token.Token is null ? "none" : Telemetry.Label(login.Token.Source), Telemetry.Label(login.Token.Reason));
            if (failure is not null && (failure.Kind is FailureKind.Misconfigured || login.IsOfForeignCode))
            {
                LogAdvice(
                    _logger, login.IsOfForeignCode ? LogLevel.Warning : LogLevel.Error,
                    outcome, errcode, elapsed.TotalMilliseconds, source, reason, traceId, Errcodes.Advice(failure.Kind, failure.Errcode));
            }
            else
            {
                LogLogin(_logger, outcome, errcode, elapsed.TotalMilliseconds, source, reason, traceId);
            }

            if (failure is { Kind: FailureKind.InvalidCode } && !login.IsOfForeignCode && login.Token.Token is { OnProbation: true }
                && Errcodes.Advice(failure.Kind, failure.Errcode) is { Length: > 0 } advice)
            {
                LogNoCodeYet(_logger, errcode, advice);
            }

            if (login.Unseen is { Kind: FailureKind.Misconfigured } unseen)
            {
                LogNoProfile(_logger, Telemetry.Label(unseen.Errcode), traceId, Errcodes.Advice(unseen.Kind, unseen.Errcode));
            }
        }
    }

    /// <summary>Many logins fail together; those that wait for half as long again as others do not come back together.</summary>
    private TimeSpan Spread(TimeSpan pause) => pause * (1 + (_random.NextDouble() / 2));

    [LoggerMessage(1, LogLevel.Information, "Login: outcome {Outcome}, errcode {Errcode}, {ElapsedMs:0.0} ms, token from {TokenSource}, renewal {TokenReason}, traceId {TraceId}")]
    private static partial void LogLogin(ILogger logger, string outcome, string errcode, double elapsedMs, string tokenSource, string tokenReason, string traceId);

    [LoggerMessage(EventId = 2, Message = "Login: outcome {Outcome}, errcode {Errcode}, {ElapsedMs:0.0} ms, token from {TokenSource}, renewal {TokenReason}, traceId {TraceId}. {Advice}")]
    private static partial void LogAdvice(
        ILogger logger, LogLevel level, string outcome, string errcode, double elapsedMs, string tokenSource, string tokenReason, string traceId, string advice);

    [LoggerMessage(5, LogLevel.Warning, "A login has no profile: errcode {Errcode}, traceId {TraceId}. {Advice}")]
    private static partial void LogNoProfile(ILogger logger, string errcode, string traceId, string advice);

    [LoggerMessage(6, LogLevel.Information, "A code was not taken, and no login has been served with this token yet: errcode {Errcode}. {Advice}")]
    private static partial void LogNoCodeYet(ILogger logger, string errcode, string advice);
}
