namespace WeComFunc.AccessTokens;

/// <summary>What a renewal came to.</summary>
/// <param name="Token">A token that is valid by the clock, or why there is none.</param>
/// <param name="Outcome">How that came about.</param>
/// <param name="Failure">What went wrong, also where an older token is still valid.</param>
internal sealed record RenewalResult(Result<TokenUse> Token, RenewalOutcome Outcome, Failure? Failure = null)
{
    /// <summary>When the row allows the next renewal ahead of time, where that is why nothing was done (rule T4).</summary>
    public DateTimeOffset? RenewableAt { get; init; }

    /// <summary>Ends when the row is written, or cannot be: logins do not wait for it, whoever ends the process does.</summary>
    public Task Written { get; init; } = Task.CompletedTask;

    /// <summary>When this process looks for a token ahead of time again (rule T4).</summary>
    public DateTimeOffset LookAgainAt(DateTimeOffset now)
    {
        if (!Token.TryGet(out var use) || Failure is not null)
        {
            return now + (Failure?.RetryAfter ?? TokenRules.AheadPause);
        }

        return Outcome switch
        {
            RenewalOutcome.LeasedByAnother => now + TokenRules.LeaseWatched,

            // What the row had serves meanwhile, and is due itself: the next login sees to it.
            RenewalOutcome.FromTable when use.Reason is RenewalReason.Ahead && use.Token.ExpiresAt - now < TokenRules.AheadWindow => now,

            // Where WeCom repeats the same token, not before that ends; the row puts the fleet off for long then.
            RenewalOutcome.SameToken => use.Token.ExpiresAt,
            RenewalOutcome.NotDue when RenewableAt is { } allowed => allowed - now > TokenRules.AheadPause ? use.Token.ExpiresAt : allowed,
            _ => now + TokenRules.AheadPause,
        };
    }
}
