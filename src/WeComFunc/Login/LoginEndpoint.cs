using System.Diagnostics;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Http;
using WeComFunc.WeCom;

namespace WeComFunc.Login;

/// <summary><c>POST /api/login</c>.</summary>
internal sealed partial class LoginEndpoint(
    CorpApps apps,
    LoginHandler handler,
    CallerLimiter limiter,
    TimeProvider time,
    Random random,
    Telemetry telemetry,
    ILogger<LoginEndpoint> logger) : LimitedEndpoint(limiter, time, random, logger)
{
    private readonly ILogger<LoginEndpoint> _logger = logger;

    /// <inheritdoc />
    public override string Route => "login";

    private protected override Problem Busy => Problem.WeComBusy;

    private protected override Activity? Begin(HttpCall call) => Begin("login", call);

    private protected override async Task<HttpAnswer> RespondAsync(Exchange exchange)
    {
        if (!JsonBody.IsJson(exchange.Call.ContentType))
        {
            return TurnAway(exchange, Problem.UnsupportedMediaType);
        }

        var ((code, app), problem) = await LoginRequest.ReadAsync(exchange.Call, apps, exchange.CallerGone);
        if (problem is not null)
        {
            return TurnAway(exchange, problem);
        }

        if (!TryAdmit(exchange, out var address, out var place, out var refusal))
        {
            return refusal;
        }

        using var underWay = place;
        var login = await handler.LoginAsync(app, code, address, exchange.CallerGone);
        if (!login.Body.TryGet(out var body, out var failure))
        {
            return Fail(exchange, app.App, failure, login);
        }

        Report(exchange, app.App, "ok", null, login);
        return new(200, "application/json", body);
    }

    private protected override void End(Exchange exchange, string outcome) => Report(exchange, null, outcome, null, default);

    private protected override void Record(string outcome, string app, TimeSpan elapsed) => telemetry.Login(outcome, app, elapsed);

    private HttpAnswer Fail(Exchange exchange, WeComApp app, Failure failure, LoginOutcome login)
    {
        var problem = Problem.Of(failure.Kind);
        Report(exchange, app, problem.Code, failure, login);
        return HttpAnswer.OfProblem(problem, failure.Errcode, exchange.TraceId, Spread(failure.RetryAfter), failure.App);
    }

    private void Report(Exchange exchange, WeComApp? app, string outcome, Failure? failure, LoginOutcome login)
    {
        var name = app?.Name ?? "none";
        var elapsed = Measure(exchange, outcome, name).TotalMilliseconds;
        var errcode = Telemetry.Label(failure?.Errcode);
        var token = login.Token.IsRejected ? default : login.Token;
        var (source, reason) = (token.Token is null ? "none" : token.Source.Label(), token.Reason.Label());
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

        if (failure is { Kind: FailureKind.InvalidCode } && !login.IsOfForeignCode && token.Token is { OnProbation: true }
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
