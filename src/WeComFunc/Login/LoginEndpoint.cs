using System.Diagnostics;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Http;
using WeComFunc.WeCom;

namespace WeComFunc.Login;

/// <summary><c>POST /api/login</c>.</summary>
internal sealed partial class LoginEndpoint : Endpoint
{
    private static readonly TimeSpan DefaultPause = TimeSpan.FromSeconds(2);

    private readonly CorpApps _apps;
    private readonly LoginHandler _handler;
    private readonly CallerLimiter _limiter;
    private readonly Random _random;
    private readonly Telemetry _telemetry;
    private readonly ILogger<LoginEndpoint> _logger;
    private readonly RefusalLog _refusals;

    public LoginEndpoint(
        CorpApps apps,
        LoginHandler handler,
        CallerLimiter limiter,
        TimeProvider time,
        Random random,
        Telemetry telemetry,
        ILogger<LoginEndpoint> logger)
        : base(time, logger) =>
        (_apps, _handler, _limiter, _random, _telemetry, _logger, _refusals) =
        (apps, handler, limiter, random, telemetry, logger, new RefusalLog(time, logger));

    /// <inheritdoc />
    public override string Route => "login";

    /// <inheritdoc />
    public override IReadOnlyList<string> Methods { get; } = ["POST"];

    private protected override Activity? Begin(HttpCall call) => Begin("login", call);

    private protected override async Task<HttpAnswer> RespondAsync(Exchange exchange)
    {
        if (!JsonBody.IsJson(exchange.Call.ContentType))
        {
            return TurnAway(exchange, Problem.UnsupportedMediaType);
        }

        var ((code, app), problem) = await LoginRequest.ReadAsync(exchange.Call, _apps, exchange.CallerGone);
        if (problem is not null)
        {
            return TurnAway(exchange, problem);
        }

        var address = _limiter.AddressOf(exchange.Call);
        if (_limiter.Refuse(address) is { } pause)
        {
            return TurnAway(exchange, Problem.TooManyRequests, pause);
        }

        using var place = _limiter.Begin();
        if (!place.IsAcquired)
        {
            return TurnAway(exchange, Problem.WeComBusy, Spread(DefaultPause, _random));
        }

        var login = await _handler.LoginAsync(app, code, address, exchange.CallerGone);
        if (!login.Body.TryGet(out var body, out var failure))
        {
            return Fail(exchange, app.App, failure, login);
        }

        Report(exchange, app.App, "ok", null, login);
        return new(200, "application/json", body);
    }

    private protected override void End(Exchange exchange, string outcome) => Report(exchange, null, outcome, null, default);

    /// <summary>Answers a request that is none, or one too many, without a line of its own: anybody can send those without end.</summary>
    private HttpAnswer TurnAway(Exchange exchange, Problem problem, TimeSpan? retryAfter = null)
    {
        Measure(exchange, null, problem.Code);
        _refusals.Count(problem);
        return HttpAnswer.OfProblem(problem, null, exchange.TraceId, retryAfter);
    }

    private HttpAnswer Fail(Exchange exchange, WeComApp app, Failure failure, LoginOutcome login)
    {
        var problem = Problem.Of(failure.Kind);
        Report(exchange, app, problem.Code, failure, login);
        return HttpAnswer.OfProblem(
            problem, failure.Errcode, exchange.TraceId, Spread(failure.RetryAfter ?? DefaultPause, _random), failure.App);
    }

    private TimeSpan Measure(Exchange exchange, WeComApp? app, string outcome)
    {
        var elapsed = Time.GetElapsedTime(exchange.Started);
        _telemetry.Login(outcome, app?.Name ?? "none", elapsed);
        exchange.Activity?.SetTag("outcome", outcome);
        return elapsed;
    }

    private void Report(Exchange exchange, WeComApp? app, string outcome, Failure? failure, LoginOutcome login)
    {
        var elapsed = Measure(exchange, app, outcome).TotalMilliseconds;
        var name = app?.Name ?? "none";
        var errcode = Telemetry.Label(failure?.Errcode);
        var (source, reason) = (login.Token.Token is null ? "none" : login.Token.Source.Label(), login.Token.Reason.Label());
        if (failure is not null && (failure.Kind is FailureKind.Misconfigured or FailureKind.NoSigningKey || login.IsOfForeignCode))
        {
            LogAdvice(
                _logger, login.IsOfForeignCode ? LogLevel.Warning : LogLevel.Error,
                outcome, errcode, elapsed, source, reason, name, exchange.TraceId, Errcodes.Advice(failure, app));
        }
        else
        {
            LogLogin(_logger, outcome, errcode, elapsed, source, reason, name, exchange.TraceId);
        }

        if (failure is { Kind: FailureKind.InvalidCode } && !login.IsOfForeignCode && login.Token.Token is { OnProbation: true }
            && Errcodes.Advice(failure, app) is { Length: > 0 } advice)
        {
            LogNoCodeYet(_logger, errcode, name, advice);
        }

        if (login.Unseen is { Kind: FailureKind.Misconfigured } unseen)
        {
            LogNoProfile(_logger, Telemetry.Label(unseen.Errcode), name, exchange.TraceId, Errcodes.Advice(unseen, app));
        }
    }

    [LoggerMessage(
        1, LogLevel.Information,
        "Login: outcome {Outcome}, errcode {Errcode}, {ElapsedMs:0.0} ms, token from {TokenSource}, renewal {TokenReason}, app {App}, "
        + "traceId {TraceId}")]
    private static partial void LogLogin(
        ILogger logger,
        string outcome,
        string errcode,
        double elapsedMs,
        string tokenSource,
        string tokenReason,
        string app,
        string traceId);

    [LoggerMessage(
        EventId = 2,
        Message =
            "Login: outcome {Outcome}, errcode {Errcode}, {ElapsedMs:0.0} ms, token from {TokenSource}, renewal {TokenReason}, app {App}, "
            + "traceId {TraceId}. {Advice}")]
    private static partial void LogAdvice(
        ILogger logger,
        LogLevel level,
        string outcome,
        string errcode,
        double elapsedMs,
        string tokenSource,
        string tokenReason,
        string app,
        string traceId,
        string advice);

    [LoggerMessage(5, LogLevel.Warning, "A login has no profile: errcode {Errcode}, app {App}, traceId {TraceId}. {Advice}")]
    private static partial void LogNoProfile(ILogger logger, string errcode, string app, string traceId, string advice);

    [LoggerMessage(
        6, LogLevel.Information,
        "A code was not taken, and no login has been served with this token yet: errcode {Errcode}, app {App}. {Advice}")]
    private static partial void LogNoCodeYet(ILogger logger, string errcode, string app, string advice);
}
