using WeComFunc.WeCom;

namespace WeComFunc.AccessTokens;

/// <summary>Why a renewal is asked for, and what the process knows.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Held">The token in memory.</param>
/// <param name="Rejected">The token that WeCom rejected, when that is the reason.</param>
/// <param name="Errcode">What WeCom rejected it with.</param>
internal sealed record RenewalRequest(RenewalReason Reason, AccessToken? Held, AccessToken? Rejected = null, int? Errcode = null)
{
    /// <summary>Whether a login waits for the token: then the failure of another such renewal is its own, and that of the timer is not.</summary>
    public bool IsWaitedFor => Reason is RenewalReason.Missing or RenewalReason.Expired or RenewalReason.Rejected;
}

/// <summary>What a renewal came to.</summary>
/// <param name="Result">A token that is valid by the clock, or why there is none.</param>
/// <param name="Outcome">How that came about.</param>
/// <param name="LookAgainAt">When this process looks for a token ahead of time again: where WeCom repeats the same token, not before that ends.</param>
/// <param name="Failure">What went wrong, also where an older token is still valid.</param>
internal sealed record RenewalResult(Result<TokenUse> Result, RenewalOutcome Outcome, DateTimeOffset LookAgainAt, Failure? Failure = null)
{
    /// <summary>Ends when the row is written, or cannot be: logins do not wait for it, whoever ends the process does.</summary>
    public Task Written { get; init; } = Task.CompletedTask;
}

/// <summary>How a renewal ended, for logs and metrics.</summary>
internal enum RenewalOutcome
{
    /// <summary>WeCom gave a new token.</summary>
    Renewed,

    /// <summary>WeCom gave the same token again.</summary>
    SameToken,

    /// <summary>The row held a better token: somebody else had renewed it.</summary>
    FromTable,

    /// <summary>The token in use does for now.</summary>
    NotDue,

    /// <summary>Somebody else is renewing, and the token in use does meanwhile.</summary>
    Elsewhere,

    /// <summary>An earlier failure keeps the fleet from trying for a while.</summary>
    HeldOff,

    /// <summary>It failed.</summary>
    Failed,
}

/// <summary>What a process knows of the fleet's token.</summary>
/// <param name="Row">The row.</param>
/// <param name="Sight">How long this process has known of what is in it.</param>
/// <param name="IsShared">Whether that is the table's row now, or only what this process last knew of it (rule T10).</param>
/// <param name="IsWritable">Whether the table took the last writing of this process.</param>
/// <param name="Secret">The corpsecret, or why there is none.</param>
/// <param name="Vault">The last failure of the vault, also while a corpsecret that was read before goes on; null when it gave one.</param>
/// <param name="Stored">The token of the row; null when there is none, or none that this corpsecret opens.</param>
internal sealed record Knowledge(TokenRow Row, RowSight Sight, bool IsShared, bool IsWritable, Result<CorpSecret> Secret, Failure? Vault, AccessToken? Stored)
{
    /// <summary>
    /// Whether a login has been served with the corpsecret of a token, by whichever process (rule T14): memory may hold a token of one that was in
    /// use before.
    /// </summary>
    /// <param name="token">The token; null for the corpsecret in use.</param>
    public bool IsProven(AccessToken? token) =>
        Row.ProvenSecret is { } proven && proven == (token is not null ? token.Secret : Secret.Failure is null ? Secret.Value.Fingerprint : null);

    /// <summary>The failure that keeps the fleet from calling <c>gettoken</c> for this reason now; null when none does, and there is a corpsecret.</summary>
    public Failure? HeldOff(RenewalReason reason, DateTimeOffset now) => Secret.Failure ?? Row.HeldOff(reason, Secret.Value, Sight, now);

    /// <summary>
    /// The better of the token in the row and the one in memory: the later one that is valid by the clock and not the rejected one; of two
    /// that are closer than clocks are, the row's.
    /// </summary>
    public TokenUse? Usable(RenewalRequest request, DateTimeOffset now)
    {
        var (stored, held) = (Valid(Stored), Valid(request.Held));
        return stored is not null && (held is null || stored.ObtainedAt + TokenRules.ClockDifference >= held.ObtainedAt) ? new(stored, TokenSource.Table, request.Reason)
            : held is not null ? new(held, TokenSource.Memory, request.Reason)
            : null;

        AccessToken? Valid(AccessToken? token) => token is not null && token.ExpiresAt > now && token.Value != request.Rejected?.Value ? token : null;
    }
}
