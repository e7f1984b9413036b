using WeComFunc.Secrets;

namespace WeComFunc.AccessTokens;

/// <summary>What a process sees of the fleet's token.</summary>
/// <param name="Row">The row.</param>
/// <param name="Sight">How long this process has known of what is in it.</param>
/// <param name="IsShared">Whether that is the table's row now, or only what this process last knew of it (rule T10).</param>
/// <param name="IsWritable">Whether the table took the last writing of this process.</param>
/// <param name="Secret">The corpsecret, or why there is none.</param>
/// <param name="Vault">The last failure of the vault, also while a corpsecret that was read before goes on; null when it gave one.</param>
/// <param name="Stored">The token of the row; null when there is none, or none that this corpsecret opens.</param>
internal sealed record FleetView(
    TokenRow Row, RowSight Sight, bool IsShared, bool IsWritable, Result<CorpSecret> Secret, Failure? Vault, AccessToken? Stored)
{
    /// <summary>
    /// Whether a login has been served with the corpsecret of a token, by whichever process (rule T14): memory may hold one of another that
    /// was in use before.
    /// </summary>
    /// <param name="token">The token; null for the corpsecret in use.</param>
    public bool IsProven(AccessToken? token) =>
        Row.ProvenSecret is { } proven
            && proven == (token is not null ? token.Secret : Secret.TryGet(out var secret) ? secret.Fingerprint : null);

    /// <summary>
    /// The failure that keeps the fleet from calling <c>gettoken</c> for this reason now; null when none does, and there is a corpsecret.
    /// </summary>
    public Failure? BackOff(RenewalReason reason, DateTimeOffset now) =>
        Secret.TryGet(out var secret, out var failure) ? Row.BackOff(reason, secret, Sight, now) : failure;

    /// <summary>
    /// The better of the token in the row and the one in memory: the later one that is valid by the clock and not the rejected one; of two
    /// that are closer than clocks are, the row's.
    /// </summary>
    public TokenUse? Usable(RenewalRequest request, DateTimeOffset now)
    {
        var (stored, inMemory) = (Valid(Stored), Valid(request.InMemory));
        // A difference, as a row that somebody has edited may name the last instant there is.
        return stored is not null && (inMemory is null || inMemory.ObtainedAt - stored.ObtainedAt <= TokenRules.ClockDifference)
            ? new(stored, TokenSource.Table, request.Reason)
            : inMemory is not null ? new(inMemory, TokenSource.Memory, request.Reason)
            : null;

        AccessToken? Valid(AccessToken? token) =>
            token is not null && token.ExpiresAt > now && token.Value != request.Rejected?.Value ? token : null;
    }
}
