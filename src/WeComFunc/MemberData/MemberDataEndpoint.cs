using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using WeComFunc.Http;
using WeComFunc.Sessions;

namespace WeComFunc.MemberData;

/// <summary><c>POST /api/member-data</c>.</summary>
internal sealed partial class MemberDataEndpoint : Endpoint
{
    /// <summary>Base64 of 32 KiB, written with escapes and among other members.</summary>
    private const int LargestBody = 48 * 1024;

    private static readonly TimeSpan DefaultPause = TimeSpan.FromSeconds(2);

    private readonly SessionTokens _sessions;
    private readonly SessionKeys _keys;
    private readonly CallerLimiter _limiter;
    private readonly Random _random;
    private readonly Histogram<double> _durations;
    private readonly ILogger<MemberDataEndpoint> _logger;
    private readonly RefusalLog _refusals;

    public MemberDataEndpoint(
        SessionTokens sessions,
        SessionKeys keys,
        CallerLimiter limiter,
        TimeProvider time,
        Random random,
        Telemetry telemetry,
        ILogger<MemberDataEndpoint> logger)
        : base(time, logger)
    {
        (_sessions, _keys, _limiter, _random, _logger) = (sessions, keys, limiter, random, logger);
        _refusals = new RefusalLog(time, logger);
        _durations = telemetry.Durations(
            "wecomfunc.member_data.duration", "Duration of a request for member data, by outcome: ok or the code of the problem, and app.");
    }

    /// <inheritdoc />
    public override string Route => "member-data";

    /// <inheritdoc />
    public override IReadOnlyList<string> Methods { get; } = ["POST"];

    private protected override Activity? Begin(HttpCall call) => Begin("member-data", call);

    private protected override async Task<HttpAnswer> RespondAsync(Exchange exchange)
    {
        var call = exchange.Call;
        if (!JsonBody.IsJson(call.ContentType))
        {
            return TurnAway(exchange, Problem.UnsupportedMediaType);
        }

        var (data, malformed) = await JsonBody.ReadAsync<object?, EncryptedData>(
            call, LargestBody, EncryptedData.TryRead, null, Problem.InvalidData, Problem.InvalidData, exchange.CallerGone);
        if (BearerToken.In(call.Authorization) is not { } token)
        {
            return TurnAway(exchange, Problem.InvalidSession);
        }

        if (malformed is not null)
        {
            return TurnAway(exchange, malformed);
        }

        if (_limiter.Refuse(_limiter.AddressOf(call)) is { } pause)
        {
            return TurnAway(exchange, Problem.TooManyRequests, pause);
        }

        using var place = _limiter.Begin();
        if (!place.IsAcquired)
        {
            return TurnAway(exchange, Problem.DataBusy, Spread(DefaultPause, _random));
        }

        if (!(await _sessions.ReadAsync(token)).TryGet(out var session, out var noSession))
        {
            return Fail(exchange, "none", noSession);
        }

        if (!(await _keys.FindAsync(session)).TryGet(out var found, out var noKey))
        {
            return Fail(exchange, session.App, noKey);
        }

        var (app, key) = found;
        if (!data.TryOpen(key, app.App, session.UserId, Time.GetUtcNow(), out var body))
        {
            return Answer(exchange, session.App, Problem.InvalidData);
        }

        Report(exchange, session.App, "ok");
        return new(200, "application/json", body);
    }

    private protected override void End(Exchange exchange, string outcome) => Report(exchange, "none", outcome);

    /// <summary>Answers a request that is none, or one too many, without a line of its own: anybody can send those without end.</summary>
    private HttpAnswer TurnAway(Exchange exchange, Problem problem, TimeSpan? retryAfter = null)
    {
        Measure(exchange, "none", problem.Code);
        _refusals.Count(problem);
        return OfProblem(exchange, problem, retryAfter);
    }

    private HttpAnswer Fail(Exchange exchange, string app, Failure failure) =>
        Answer(exchange, app, failure.Kind is FailureKind.Busy ? Problem.DataBusy : Problem.Of(failure.Kind));

    private HttpAnswer Answer(Exchange exchange, string app, Problem problem)
    {
        Report(exchange, app, problem.Code);
        return OfProblem(exchange, problem, Spread(DefaultPause, _random));
    }

    private static HttpAnswer OfProblem(Exchange exchange, Problem problem, TimeSpan? retryAfter) =>
        HttpAnswer.OfProblem(problem, null, exchange.TraceId, retryAfter) with
        {
            Challenge = problem == Problem.InvalidSession ? BearerToken.Scheme : null,
        };

    private TimeSpan Measure(Exchange exchange, string app, string outcome)
    {
        var elapsed = Time.GetElapsedTime(exchange.Started);
        _durations.Record(elapsed.TotalSeconds, new("outcome", outcome), new("app", app));
        exchange.Activity?.SetTag("outcome", outcome);
        return elapsed;
    }

    private void Report(Exchange exchange, string app, string outcome) =>
        LogAnswer(_logger, outcome, Measure(exchange, app, outcome).TotalMilliseconds, app, exchange.TraceId);

    [LoggerMessage(605, LogLevel.Information, "Member data: outcome {Outcome}, {ElapsedMs:0.0} ms, app {App}, traceId {TraceId}")]
    private static partial void LogAnswer(ILogger logger, string outcome, double elapsedMs, string app, string traceId);
}
