using System.Diagnostics.CodeAnalysis;
using WeComFunc.Secrets;

namespace WeComFunc.AccessTokens;

/// <summary>
/// Whether <c>gettoken</c> is to be called, given what is known (rules T3, T4, T6, T7). Nothing but its arguments goes into it.
/// </summary>
internal static class RenewalDecision
{
    /// <summary>Whether there is nothing to call <c>gettoken</c> for now.</summary>
    /// <param name="view">The row and the corpsecret.</param>
    /// <param name="request">Why a token is asked for.</param>
    /// <param name="usable">The token that does meanwhile, if there is one.</param>
    /// <param name="now">The time.</param>
    /// <param name="result">What the renewal comes to without a call.</param>
    /// <param name="secret">The corpsecret to call with.</param>
    public static bool IsWithoutCall(
        FleetView view,
        RenewalRequest request,
        TokenUse? usable,
        DateTimeOffset now,
        [NotNullWhen(true)] out RenewalResult? result,
        [NotNullWhen(false)] out CorpSecret? secret)
    {
        if (!view.Secret.TryGet(out secret, out var vault))
        {
            result = Fail(vault, RenewalOutcome.Failed, usable);
            return true;
        }

        result = EnoughFor(request, usable, now) ?? PutOff(view, request, usable, now);
        return result is not null;
    }

    /// <summary>A failure, behind a token that does meanwhile where there is one.</summary>
    public static RenewalResult Fail(Failure failure, RenewalOutcome outcome, TokenUse? usable) =>
        new(usable is { } use ? use : failure, outcome, failure);

    /// <summary>The token that does, where it does for long enough.</summary>
    private static RenewalResult? EnoughFor(RenewalRequest request, TokenUse? usable, DateTimeOffset now)
    {
        if (usable is not { } use)
        {
            return null;
        }

        var isNew = use.Token.Value != request.InMemory?.Value;
        if (use.Token.ExpiresAt - now >= Window(request.Reason))
        {
            return new(use, isNew && request.Reason is not RenewalReason.Timer ? RenewalOutcome.FromTable : RenewalOutcome.NotDue);
        }

        // Whoever's token in memory is rejected meanwhile waits for this renewal: what the row has serves at once, and the next login sees
        // to the rest.
        return isNew && request.Reason is RenewalReason.Ahead ? new(use, RenewalOutcome.FromTable) : null;
    }

    /// <summary>What keeps the fleet from calling now: a pause after a failure, or another renewal that was only ahead of time.</summary>
    private static RenewalResult? PutOff(FleetView view, RenewalRequest request, TokenUse? usable, DateTimeOffset now) =>
        view.BackOff(request.Reason, now) is { } failure ? Fail(failure, RenewalOutcome.BackedOff, usable)
        : usable is { } use && view.Row.RenewableAt is { } renewableAt && renewableAt > now
            ? new(use, RenewalOutcome.NotDue) { RenewableAt = renewableAt }
            : null;

    /// <summary>How much time a token must have left for a renewal not to be due.</summary>
    private static TimeSpan Window(RenewalReason reason) => reason switch
    {
        RenewalReason.Timer => TokenRules.TimerWindow,
        RenewalReason.Ahead => TokenRules.AheadWindow,
        _ => TimeSpan.Zero,
    };
}
