using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Http;
using WeComFunc.Login;
using WeComFunc.WeCom;

namespace WeComFunc.Health;

/// <summary><c>GET /api/health</c>: whether a login could succeed now, found out without a call to WeCom.</summary>
internal sealed partial class HealthEndpoint : Endpoint
{
    /// <summary>How often at most it looks at the row: strangers may ask as often as they like.</summary>
    private static readonly TimeSpan LookPause = TimeSpan.FromSeconds(1);

    /// <summary>The advice names places in WeCom's console, in Chinese.</summary>
    private static readonly HealthJson Readable = new(new JsonSerializerOptions(HealthJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private readonly AccessTokenSource _tokens;
    private readonly LoginHandler _logins;
    private readonly Lock _gate = new();
    private Task<FleetView>? _look;
    private long _lookedAt;

    public HealthEndpoint(AccessTokenSource tokens, LoginHandler logins, TimeProvider time, ILogger<HealthEndpoint> logger)
        : base(time, logger) => (_tokens, _logins) = (tokens, logins);

    /// <inheritdoc />
    public override string Route => "health";

    /// <inheritdoc />
    public override IReadOnlyList<string> Methods { get; } = ["GET", "HEAD"];

    private protected override async Task<HttpAnswer> RespondAsync(Exchange exchange)
    {
        var status = _tokens.StatusOf(await LookAsync());
        var obstacle = (status.Obstacle ?? (_logins.LastFailure is { Kind: FailureKind.Misconfigured } failure ? failure : null)) is { } cause
            ? Errcodes.Advice(cause.Kind, cause.Errcode)
            : null;
        var report = new Report(
            obstacle is null ? "healthy" : "unhealthy",
            new TokenReport(status.State, status.ExpiresAt, status.RenewedAt),
            status.Store,
            status.Secret,
            obstacle ?? Concern(status));
        return new(obstacle is null ? 200 : 503, "application/json", JsonSerializer.SerializeToUtf8Bytes(report, Readable.Report));
    }

    private Task<FleetView> LookAsync()
    {
        lock (_gate)
        {
            if (_look is null || (_look.IsCompleted && Time.GetElapsedTime(_lookedAt) >= LookPause))
            {
                (_look, _lookedAt) = (_tokens.LookAsync(), Time.GetTimestamp());
            }

            return _look;
        }
    }

    /// <summary>What is wrong although logins succeed, as advice; null when nothing is.</summary>
    private static string? Concern(TokenStatus status) =>
        status.Vault is { } vault ? Errcodes.Advice(vault.Kind, vault.Errcode) : status.Store switch
        {
            "unreachable" => "The token row cannot be used, and logins go on by what each process holds: check the table's network and the role Storage Table Data Contributor; the log says more.",
            "unwritable" => "The token row can be read but not written, so every process fetches a token for itself: give the app's identity the role Storage Table Data Contributor on the table; the log says more.",
            _ => null,
        };

    private sealed record TokenReport(string State, DateTimeOffset? ExpiresAt, DateTimeOffset? RenewedAt);

    private sealed record Report(string Status, TokenReport Token, string TokenStore, string Secret, string? Advice);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(Report))]
    private sealed partial class HealthJson : JsonSerializerContext;
}
