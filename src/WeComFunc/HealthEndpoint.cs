using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Login;
using WeComFunc.WeCom;

namespace WeComFunc;

/// <summary><c>GET /api/health</c>, for any host: whether a login could succeed now, found out without a call to WeCom.</summary>
public sealed partial class HealthEndpoint
{
    /// <summary>The advice names places in WeCom's console, in Chinese.</summary>
    private static readonly HealthJson Readable = new(new JsonSerializerOptions(HealthJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private readonly AccessTokenSource _tokens;
    private readonly LoginHandler _logins;
    private readonly TimeProvider _time;
    private readonly ILogger<HealthEndpoint> _logger;
    private readonly Lock _gate = new();
    private Task<Knowledge>? _look;
    private long _lookedAt;

    internal HealthEndpoint(AccessTokenSource tokens, LoginHandler logins, TimeProvider time, ILogger<HealthEndpoint> logger) =>
        (_tokens, _logins, _time, _logger) = (tokens, logins, time, logger);

    /// <summary>Answers 200 when a login could succeed now, 503 when it could not. It never throws.</summary>
    /// <param name="traceParent">The trace that the request is part of, as W3C's <c>traceparent</c>.</param>
    public async Task<EndpointAnswer> CheckAsync(string? traceParent)
    {
        try
        {
            return await ReportAsync();
        }
        catch (Exception exception)
        {
            return Defect.Answer(exception, _logger, EndpointAnswer.TraceId(traceParent));
        }
    }

    /// <summary>What is known, looked up once a second at most: strangers may ask as often as they like.</summary>
    private Task<Knowledge> LookAsync()
    {
        lock (_gate)
        {
            if (_look is null || (_look.IsCompleted && _time.GetElapsedTime(_lookedAt) >= TokenRules.HealthPause))
            {
                (_look, _lookedAt) = (_tokens.InspectAsync(), _time.GetTimestamp());
            }

            return _look;
        }
    }

    private async Task<EndpointAnswer> ReportAsync()
    {
        var known = await LookAsync();
        var now = _time.GetUtcNow();
        var token = new[] { known.Stored, _tokens.Current }.MaxBy(token => token?.ExpiresAt);
        var left = token is null ? TimeSpan.MinValue : token.ExpiresAt - now;
        var obstacle = Obstacle(known, left > TimeSpan.Zero, now);
        var report = new Report(
            obstacle is null ? "healthy" : "unhealthy",
            new TokenReport(
                left >= TokenRules.TimerWindow ? "fresh" : left > TimeSpan.Zero ? "renewing" : token is null ? "missing" : "expired",
                token?.ExpiresAt,
                token?.ObtainedAt),
            !known.IsShared ? "unreachable" : known.IsWritable ? "ok" : "unwritable",
            known.Vault is null ? "ok" : known.Vault.Kind is FailureKind.Busy ? "unreachable" : "refused",
            obstacle ?? Concern(known));
        return new(obstacle is null ? 200 : 503, "application/json", JsonSerializer.SerializeToUtf8Bytes(report, Readable.Report));
    }

    /// <summary>Why no login can succeed now, as advice; null when one can.</summary>
    private string? Obstacle(Knowledge known, bool hasToken, DateTimeOffset now)
    {
        if (known.Secret.Failure is null && known.Row.LastRejection(known.Secret.Value) is { } rejection)
        {
            return Errcodes.Advice(rejection.Kind, rejection.Errcode);
        }

        var failure = hasToken ? null : known.HeldOff(RenewalReason.Missing, now) ?? Lasting(known.Row.LastFailure(known.Secret.Value));
        failure ??= Lasting(_logins.LastFailure);
        return failure is null ? null : Errcodes.Advice(failure.Kind, failure.Errcode);
    }

    /// <summary>A failure that lasts until somebody puts it right.</summary>
    private static Failure? Lasting(Failure? failure) => failure?.Kind is FailureKind.Misconfigured ? failure : null;

    /// <summary>What is wrong although logins succeed, as advice; null when nothing is.</summary>
    private static string? Concern(Knowledge known) =>
        known.Vault is { } vault ? Errcodes.Advice(vault.Kind, vault.Errcode)
        : !known.IsShared ? "The token row cannot be used, and logins go on by what each process holds: check the table's network and the role Storage Table Data Contributor; the log says more."
        : !known.IsWritable ? "The token row can be read but not written, so every process fetches a token for itself: give the app's identity the role Storage Table Data Contributor on the table; the log says more."
        : null;

    private sealed record TokenReport(string State, DateTimeOffset? ExpiresAt, DateTimeOffset? RenewedAt);

    private sealed record Report(string Status, TokenReport Token, string TokenStore, string Secret, string? Advice);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(Report))]
    private sealed partial class HealthJson : JsonSerializerContext;
}
