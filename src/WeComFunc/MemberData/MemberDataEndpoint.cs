using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging;
using WeComFunc.Http;
using WeComFunc.Sessions;

namespace WeComFunc.MemberData;

/// <summary><c>POST /api/member-data</c>.</summary>
internal sealed partial class MemberDataEndpoint : LimitedEndpoint
{
    /// <summary>Base64 of 32 KiB, written with escapes and among other members.</summary>
    private const int LargestBody = 48 * 1024;

    private readonly SessionTokens _sessions;
    private readonly SessionKeys _keys;
    private readonly Histogram<double> _durations;
    private readonly ILogger<MemberDataEndpoint> _logger;

    public MemberDataEndpoint(
        SessionTokens sessions,
        SessionKeys keys,
        CallerLimiter limiter,
        TimeProvider time,
        Random random,
        Telemetry telemetry,
        ILogger<MemberDataEndpoint> logger)
        : base(limiter, time, random, logger)
    {
        (_sessions, _keys, _logger) = (sessions, keys, logger);
        _durations = telemetry.Durations(
            "wecomfunc.member_data.duration", "Duration of a request for member data, by outcome: ok or the code of the problem, and app.");
    }

    /// <inheritdoc />
    public override string Route => "member-data";

    private protected override Problem Busy => Problem.DataBusy;

    private protected override Activity? Begin(HttpCall call) => Begin("member-data", call);

    private protected override async Task<HttpAnswer> RespondAsync(Exchange exchange)
    {
        var call = exchange.Call;
        var (data, malformed) = JsonBody.IsJson(call.ContentType)
            ? await JsonBody.ReadAsync<object?, EncryptedData>(
                call, LargestBody, EncryptedData.TryRead, null, Problem.InvalidData, Problem.InvalidData, exchange.CallerGone)
            : (default!, Problem.InvalidData);
        if (BearerToken.In(call.Authorization) is not { } token)
        {
            return TurnAway(exchange, Problem.InvalidSession);
        }

        if (malformed is not null)
        {
            return TurnAway(exchange, malformed);
        }

        if (!TryAdmit(exchange, out _, out var place, out var refusal))
        {
            return refusal;
        }

        using var underWay = place;
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

    private protected override void Record(string outcome, string app, TimeSpan elapsed) =>
        _durations.Record(elapsed.TotalSeconds, new("outcome", outcome), new("app", app));

    private HttpAnswer Fail(Exchange exchange, string app, Failure failure) =>
        Answer(exchange, app, failure.Kind is FailureKind.Busy ? Problem.DataBusy : Problem.Of(failure.Kind));

    private HttpAnswer Answer(Exchange exchange, string app, Problem problem)
    {
        Report(exchange, app, problem.Code);
        return HttpAnswer.OfProblem(problem, null, exchange.TraceId, Spread());
    }

    private void Report(Exchange exchange, string app, string outcome) =>
        LogAnswer(_logger, outcome, Measure(exchange, outcome, app).TotalMilliseconds, app, exchange.TraceId);

    [LoggerMessage(605, LogLevel.Information, "Member data: outcome {Outcome}, {ElapsedMs:0.0} ms, app {App}, traceId {TraceId}")]
    private static partial void LogAnswer(ILogger logger, string outcome, double elapsedMs, string app, string traceId);
}
