using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Http;
using WeComFunc.Sessions;
using WeComFunc.WeCom;

namespace WeComFunc.Health;

/// <summary><c>GET /api/health</c>: whether a login could succeed now, found out without a call to WeCom.</summary>
internal sealed partial class HealthEndpoint : Endpoint
{
    /// <summary>
    /// How often at most it looks at a row: strangers may ask as often as they like. Where there are several, it looks at all of them as
    /// much more seldom.
    /// </summary>
    private static readonly TimeSpan RowPause = TimeSpan.FromSeconds(1);

    /// <summary>The advice names places in WeCom's console, in Chinese.</summary>
    private static readonly HealthJson Readable = new(
        new JsonSerializerOptions(HealthJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    private readonly CorpApps _apps;
    private readonly SessionTokens? _sessions;
    private readonly TimeSpan _lookPause;
    private readonly Lock _gate = new();
    private Task<FleetView[]>? _look;
    private long _lookedAt;

    public HealthEndpoint(CorpApps apps, TimeProvider time, ILogger<HealthEndpoint> logger, SessionTokens? sessions = null)
        : base(time, logger) => (_apps, _sessions, _lookPause) = (apps, sessions, RowPause * apps.All.Count);

    /// <inheritdoc />
    public override string Route => "health";

    /// <inheritdoc />
    public override IReadOnlyList<string> Methods { get; } = ["GET", "HEAD"];

    private protected override async Task<HttpAnswer> RespondAsync(Exchange exchange)
    {
        var views = await LookAsync();
        var statuses = _apps.All.Zip(views, (app, view) => new AppStatus(app, view, app.Tokens.StatusOf(view))).ToList();
        var session = _sessions is null ? default : await _sessions.LookAsync();
        var obstacle = FirstOf(statuses, Obstacle) ?? session.Obstacle;
        var first = ReportOf(statuses[0].Status);
        var report = new Report(
            obstacle is null ? "healthy" : "unhealthy",
            first.Token,
            statuses[0].Status.Store,
            first.Secret,
            session.State,
            statuses.Count == 1 ? null : statuses.Skip(1).ToDictionary(one => one.App.App.Name, one => ReportOf(one.Status)),
            obstacle ?? FirstOf(statuses, one => Concern(one.App, one.Status)) ?? session.Concern);
        return new(obstacle is null ? 200 : 503, "application/json", JsonSerializer.SerializeToUtf8Bytes(report, Readable.Report));
    }

    private Task<FleetView[]> LookAsync()
    {
        lock (_gate)
        {
            if (_look is null || (_look.IsCompleted && Time.GetElapsedTime(_lookedAt) >= _lookPause))
            {
                (_look, _lookedAt) = (Task.WhenAll(_apps.All.Select(LookAsync)), Time.GetTimestamp());
            }

            return _look;
        }
    }

    /// <summary>Where logins wait for an operator, another corpsecret may be stored, which nobody else would look for (rule T8).</summary>
    private static Task<FleetView> LookAsync(CorpApp app)
    {
        if (app.Trouble is not null)
        {
            _ = app.Tokens.DoubtAsync();
        }

        return app.Tokens.LookAsync();
    }

    /// <summary>The first sentence there is, with the name of its app where there are several.</summary>
    private string? FirstOf(IEnumerable<AppStatus> statuses, Func<AppStatus, string?> say) => statuses
        .Select(one => say(one) is { } sentence ? _apps.All.Count == 1 ? sentence : $"App {one.App.App.Name}: {sentence}" : null)
        .FirstOrDefault(sentence => sentence is not null);

    /// <summary>Why no login of an app can succeed now, as advice; null when one can.</summary>
    private static string? Obstacle(AppStatus one) =>
        (one.Status.Obstacle ?? one.App.Trouble?.Left(one.View, one.Status)) is { } cause ? Errcodes.Advice(cause, one.App.App) : null;

    private static AppReport ReportOf(TokenStatus status) =>
        new(new TokenReport(status.State, status.ExpiresAt, status.RenewedAt), status.Secret);

    /// <summary>What is wrong although logins succeed, as advice; null when nothing is.</summary>
    internal static string? Concern(CorpApp app, TokenStatus status) =>
        status.Vault is { } vault ? Errcodes.Advice(vault, app.App) : status.Store switch
        {
            "unreachable" => "The token row cannot be used, and logins go on by what each process holds: check the table's network and the "
                + "role Storage Table Data Contributor; the log says more.",
            "unwritable" => "The token row can be read but not written, so every process fetches a token for itself: give the app's "
                + "identity the role Storage Table Data Contributor on the table; the log says more.",
            _ => null,
        };

    private sealed record AppStatus(CorpApp App, FleetView View, TokenStatus Status);

    private sealed record TokenReport(string State, DateTimeOffset? ExpiresAt, DateTimeOffset? RenewedAt);

    private sealed record AppReport(TokenReport Token, string Secret);

    private sealed record Report(
        string Status,
        TokenReport Token,
        string TokenStore,
        string Secret,
        string? SigningKey,
        IReadOnlyDictionary<string, AppReport>? Apps,
        string? Advice);

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(Report))]
    private sealed partial class HealthJson : JsonSerializerContext;
}
