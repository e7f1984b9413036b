using WeComFunc.WeCom;

namespace WeComFunc.AccessTokens;

/// <summary>Whether <c>gettoken</c> is to be called, given what is known (rules T3, T4, T6, T7). Nothing but its arguments goes into it.</summary>
internal static class RenewalDecision
{
    /// <summary>What is answered without a call; null where <c>gettoken</c> is to be called.</summary>
    /// <param name="known">The row and the corpsecret.</param>
    /// <param name="request">Why a token is asked for.</param>
    /// <param name="usable">The token that does meanwhile, if there is one.</param>
    /// <param name="now">The time.</param>
    public static RenewalResult? WithoutCall(Knowledge known, RenewalRequest request, TokenUse? usable, DateTimeOffset now)
    {
        if (known.Secret.Failure is { } vault)
        {
            return Fail(vault, RenewalOutcome.Failed, usable, now);
        }

        if (usable is { } use)
        {
            var isNew = use.Token.Value != request.Held?.Value;
            var isDue = use.Token.ExpiresAt - now < Window(request.Reason);
            if (!isDue)
            {
                return new(
                    use, isNew && request.Reason is not RenewalReason.Timer ? RenewalOutcome.FromTable : RenewalOutcome.NotDue, now + TokenRules.AheadPause);
            }

            // Whoever's token in memory is rejected meanwhile waits for this renewal: what the row has serves at once, and the next login sees to the rest.
            if (isNew && request.Reason is RenewalReason.Ahead)
            {
                return new(use, RenewalOutcome.FromTable, now);
            }
        }

        if (known.HeldOff(request.Reason, now) is { } failure)
        {
            return Fail(failure, RenewalOutcome.HeldOff, usable, now);
        }

        // Where WeCom repeats the same token, the row puts off for long: one process then waits for the end of the token.
        return usable is { } current && known.Row.RenewableAt is { } renewableAt && renewableAt > now
            ? new(current, RenewalOutcome.NotDue, renewableAt - now > TokenRules.AheadPause ? current.Token.ExpiresAt : renewableAt)
            : null;
    }

    /// <summary>A failure, behind a token that does meanwhile where there is one.</summary>
    public static RenewalResult Fail(Failure failure, RenewalOutcome outcome, TokenUse? usable, DateTimeOffset now) =>
        new(usable is { } use ? use : failure, outcome, now + (failure.RetryAfter ?? TokenRules.AheadPause), failure);

    /// <summary>How much time a token must have left for a renewal not to be due.</summary>
    private static TimeSpan Window(RenewalReason reason) => reason switch
    {
        RenewalReason.Timer => TokenRules.TimerWindow,
        RenewalReason.Ahead => TokenRules.AheadWindow,
        _ => TimeSpan.Zero,
    };
}
