namespace WeComFunc.AccessTokens;

/// <summary>How it stands with the token of one app, for health: its values are the contract's.</summary>
/// <param name="State">fresh, renewing, expired or missing.</param>
/// <param name="ExpiresAt">When the token expires; null without one.</param>
/// <param name="RenewedAt">When it was obtained; null without one.</param>
/// <param name="Store">Whether the table can be read and written: ok, unreachable or unwritable.</param>
/// <param name="Secret">Whether the vault gives the corpsecret: ok, unreachable or refused.</param>
/// <param name="Vault">What the vault failed with, also while a corpsecret that was read before goes on.</param>
/// <param name="Obstacle">Why no login can get a token that WeCom takes; null when one can.</param>
internal sealed record TokenStatus(
    string State, DateTimeOffset? ExpiresAt, DateTimeOffset? RenewedAt, string Store, string Secret, Failure? Vault, Failure? Obstacle)
{
    /// <summary>What a view of the fleet and the token in memory say.</summary>
    public static TokenStatus Of(FleetView view, AccessToken? inMemory, DateTimeOffset now)
    {
        var token = new[] { view.Stored, inMemory }.MaxBy(token => token?.ExpiresAt);
        var left = token is null ? TimeSpan.MinValue : token.ExpiresAt - now;
        return new(
            left >= TokenRules.TimerWindow ? "fresh" : left > TimeSpan.Zero ? "renewing" : token is null ? "missing" : "expired",
            token?.ExpiresAt,
            token?.ObtainedAt,
            !view.IsShared ? "unreachable" : view.IsWritable ? "ok" : "unwritable",
            view.Vault is null ? "ok" : view.Vault.Kind is FailureKind.Busy ? "unreachable" : "refused",
            view.Vault,
            LastRejection(view) ?? (left > TimeSpan.Zero ? null : view.BackOff(RenewalReason.Missing, now) ?? LastingFailure(view)));
    }

    private static Failure? LastRejection(FleetView view) => view.Secret.TryGet(out var secret) ? view.Row.LastRejection(secret) : null;

    /// <summary>The last failure, where it lasts until somebody puts it right.</summary>
    private static Failure? LastingFailure(FleetView view) =>
        view.Secret.TryGet(out var secret) && view.Row.LastFailure(secret) is { Kind: FailureKind.Misconfigured } failure ? failure : null;
}
