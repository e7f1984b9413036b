using WeComFunc.AccessTokens;
using WeComFunc.Login;

namespace WeComFunc.Fleet;

/// <summary>What was the case when a login, or a run of the timer, began.</summary>
/// <param name="At">When that was.</param>
/// <param name="SharedToken">The token of the row, if it was good.</param>
/// <param name="HasSecret">Whether the process had the corpsecret that the vault has.</param>
/// <param name="IsProven">Whether the fleet knew that one to have served a login.</param>
internal readonly record struct Beginning(TimeSpan At, string? SharedToken, bool HasSecret, bool IsProven);

/// <summary>
/// What logins, the timer and whoever watches the health are promised. Trouble excuses what it must, for as long as it must, and nothing
/// else.
/// </summary>
internal sealed class LoginPromises(
    World world, Semantics semantics, Troubles troubles, WeComModel weCom, TableModel table, VaultModel vault, LeasePromises leases,
    GetTokenPromises calls, Breaches breaches)
{
    private static readonly TimeSpan LoginLimit = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Where every answer of the table takes up to two seconds, one renewal and the waiting for it may not fit into the ten of a login.
    /// </summary>
    private static readonly Trouble[] Late = [Trouble.TableLate];

    /// <summary>
    /// What has tokens renewed because they were rejected, good as they are: how long the next such renewal waits then, rule T14 bounds.
    /// </summary>
    private static readonly Trouble[] Rejecting = [.. Troubles.Tokens, .. Troubles.Profiles, Trouble.StrangersRejected];

    public Beginning Begin(Instance instance) =>
        new(world.Now, calls.SharedToken, instance.Connection.Kept == vault.Secret, calls.IsProven);

    public void CheckLogin(Instance instance, Beginning began, LoginOutcome outcome)
    {
        var (failure, took) = (outcome.Body.Failure, world.Now - began.At);
        var hasToken = began.SharedToken is not null && began.SharedToken == calls.SharedToken && !troubles.Any(Troubles.Tokens, began.At);
        var isExcused = IsExcused(instance, began, hasToken) || IsLate(began, took);
        if (failure is not null && !isExcused)
        {
            breaches.Add("a login failed", $"{failure} at {instance.Connection.Slot} after {took}");
        }

        if (failure is null && outcome.Unseen is { } unseen && !isExcused && !troubles.Any(Troubles.Profiles, began.At))
        {
            breaches.Add("a login had no profile", $"{unseen} at {instance.Connection.Slot} after {took}");
        }

        var isTransient = failure?.Kind is FailureKind.Busy && !calls.IsRefused(began.At);
        if (failure?.RetryAfter > (isTransient ? Felt.TransientPause : Felt.LastingPause))
        {
            breaches.Add("no pause is that long", $"{failure} at {instance.Connection.Slot}");
        }

        if (took > LoginLimit + TimeSpan.FromMilliseconds(500))
        {
            breaches.Add("a login took more than ten seconds", $"{took} at {instance.Connection.Slot}");
        }

        if (hasToken && took > TimeSpan.FromSeconds(1) && !troubles.Any(Troubles.Table, began.At - Felt.Table)
            && !troubles.Any(Troubles.Profiles, began.At) && !troubles.Any(Troubles.Mistakes, began.At - Felt.Secret))
        {
            breaches.Add("a login waited though a valid token was there", $"{took} at {instance.Connection.Slot}");
        }

        Settle(instance, failure);
    }

    /// <summary>Once a corpsecret has served a login, a stranger's code is the stranger's fault (rule T14).</summary>
    public void CheckStranger(Instance instance, Beginning began, LoginOutcome outcome)
    {
        if (outcome.Body.Failure is not { } failure)
        {
            breaches.Add("a stranger was let in", $"at {instance.Connection.Slot}");
        }
        else if (failure.Kind is not FailureKind.InvalidCode && began.IsProven && calls.IsProven && !IsExcused(
            instance, began, hasToken: true)
            && !troubles.Any([.. Troubles.GetToken, .. Troubles.Table, .. Troubles.Tokens, Trouble.SecretReset], began.At - Felt.Lasting)
            && !leases.HasLapsedTwice(began.At) && instance.FailedAt <= instance.SucceededAt)
        {
            breaches.Add("a stranger's code was not the stranger's fault", $"{failure} at {instance.Connection.Slot}");
        }

        Settle(instance, outcome.Body.Failure);
    }

    public void CheckTimer(Instance timer, Beginning began, TokenRenewalException exception)
    {
        if (!IsExcused(timer, began, hasToken: false))
        {
            breaches.Add("the timer failed", exception.Message);
        }
    }

    /// <summary>
    /// Rejections and failures are forgotten where logins succeed: who watches a process must not be alarmed for good by what has passed,
    /// nor by strangers (rule T14).
    /// </summary>
    /// <param name="instance">The process; it has just served a login.</param>
    /// <param name="complaint">What its health says; null when it is well.</param>
    public void CheckHealth(Instance instance, string? complaint)
    {
        var lately = world.Now - TimeSpan.FromMinutes(3);
        if (instance.SucceededAt < world.Now - TimeSpan.FromMinutes(1) || instance.FailedAt > lately
            || troubles.Any([.. Troubles.Table, .. Troubles.Tokens, .. Troubles.Mistakes], lately))
        {
            return;
        }

        // A stranger's code that is answered as a bad token has a renewal tried, which may meet what an operator has to put right indeed;
        // and a token that served a moment ago may have ended since.
        var isTrue = (troubles.Any([Trouble.StrangersRejected], lately) && troubles.Any(Troubles.Lasting, world.Now - Felt.Lasting))
            || (calls.SharedToken is null && troubles.Any(Troubles.GetToken, world.Now - Felt.Lasting));
        var hasServed = calls.IsProven || (weCom.Latest?.HasServedSince(lately) is true && !troubles.Any(Troubles.Profiles, lately));
        if (complaint is not null && !isTrue && hasServed)
        {
            breaches.Add("unhealthy though logins succeed", $"{complaint} at {instance.Connection.Slot}");
        }

        if (table.Row?.Rejections > 0 && weCom.Latest is { Served: { } served } token && calls.SharedToken == token.Value
            && IsKnownToWork(instance, token, served))
        {
            breaches.Add("a token that serves is on probation for good", $"since {served.At}");
        }
    }

    /// <summary>
    /// Whether this process must have told the fleet that a token works: because it watched it for a minute, or because of the token's age.
    /// </summary>
    private bool IsKnownToWork(Instance instance, Issued token, (Instance By, TimeSpan At) served)
    {
        var trial = world.Now - Felt.Trial;
        return !troubles.Any([.. Troubles.Table, .. Troubles.Mistakes], trial)
            && !troubles.Any(Rejecting, token.At < trial ? token.At : trial)
            && !(table.Lease?.At > trial)
            && instance.ServedBy == token.Value
            && served.At < (served.By == instance ? world.Now - TimeSpan.FromMinutes(3) : instance.SucceededAt - Felt.Trial);
    }

    /// <summary>
    /// A minute after the right corpsecret was stored, a login that fails has a process look at the vault; from then on nothing is excused
    /// (rule T8).
    /// </summary>
    private void Settle(Instance instance, Failure? failure)
    {
        var lately = world.Now - Felt.Secret;
        var hasLooked = failure is { Kind: FailureKind.Misconfigured } || instance.Connection.Kept == vault.Secret;
        if (hasLooked && !troubles.Any(Troubles.Mistakes, lately) && !troubles.Any(Troubles.Vault, lately, instance.Connection.Slot))
        {
            instance.SettledAt = world.Now;
        }
    }

    private bool IsLate(Beginning began, TimeSpan took) =>
        took > LoginLimit - TimeSpan.FromMilliseconds(100) && troubles.Any(Late, began.At);

    /// <summary>
    /// Whether something else than this code keeps a login from succeeding; a failing <c>gettoken</c> does not where the row has a good
    /// token.
    /// </summary>
    private bool IsExcused(Instance instance, Beginning began, bool hasToken) =>
        (instance.Connection.Kept is null && troubles.Any(Troubles.Vault, began.At - Felt.Vault, instance.Connection.Slot))
        || (!began.HasSecret
            && troubles.Any(Troubles.Vault, began.At - Felt.Secret, instance.Connection.Slot)
            && instance.Connection.Kept is not null)
        || (troubles.End([Trouble.AnotherAppsSecret]) is { } end && (began.At < end + Felt.Secret || instance.SettledAt < end))
        || (!began.HasSecret && troubles.Any([Trouble.SecretReset], began.At - Felt.Secret))
        || ((!hasToken || troubles.Any(Troubles.Table, began.At - Felt.Table, instance.Connection.Slot))
            && IsExcusedFromRenewing(began.At));

    /// <summary>A table out of order keeps the fleet from forgetting what was rejected before.</summary>
    private bool IsExcusedFromRenewing(TimeSpan began) =>
        troubles.Any(Troubles.Transient, began - (calls.IsRefused(began) ? Felt.Lasting : Felt.Transient))
        || troubles.Any(Troubles.Lasting, began - Felt.Lasting)
        || troubles.Any(Rejecting, began - (calls.IsProven ? Felt.Rejection : Felt.Lasting))
        || troubles.Any([Trouble.SecretReset], began - Felt.Secret)
        || (table.Row?.Rejections > 5 && troubles.Any(Troubles.Table, began - Felt.Trial))
        || (semantics is Semantics.NewOldDies && troubles.Any(Troubles.Table, began - Felt.Lasting))
        || leases.HasLapsedTwice(began);
}
