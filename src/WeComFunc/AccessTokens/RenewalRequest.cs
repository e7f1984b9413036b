namespace WeComFunc.AccessTokens;

/// <summary>Why a renewal is asked for, and what the process knows.</summary>
/// <param name="Reason">Why.</param>
/// <param name="InMemory">The token that this process has.</param>
/// <param name="Rejected">The token that WeCom rejected, when that is the reason.</param>
/// <param name="Errcode">What WeCom rejected it with.</param>
internal sealed record RenewalRequest(RenewalReason Reason, AccessToken? InMemory, AccessToken? Rejected = null, int? Errcode = null)
{
    /// <summary>
    /// Whether a login waits for the token: then the failure of another such renewal is its own, and that of the timer is not.
    /// </summary>
    public bool IsWaitedFor => Reason is RenewalReason.Missing or RenewalReason.Expired or RenewalReason.Rejected;
}
