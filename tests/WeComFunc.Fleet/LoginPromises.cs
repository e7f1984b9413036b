using WeComFunc.AccessTokens;


namespace WeComFunc.Fleet;

/// <summary>What logins, the timer and whoever watches the health are promised. Trouble excuses what it must, for as long as it must, and nothing else.</summary>
internal sealed class LoginPromises(
    World world, Semantics semantics, Troubles troubles, WeComModel weCom, TableModel table, LeasePromises leases, GetTokenPromises calls, Breaches breaches)
{
    private static readonly TimeSpan LoginLimit = TimeSpan.FromSeconds(10);

    /// <summary>Where every answer of the table takes up to two seconds, one renewal and the waiting for it may not fit into the ten of a login.</summary>
    private static readonly Trouble[] Late = [Trouble.TableLate];

    public void CheckLogin(Instance instance, TimeSpan began, string? shared, Failure? failure)
    {
        var took = world.Now - began;
        var hasToken = shared is not null && shared == calls.SharedToken && !troubles.Any(Troubles.Tokens, began);
        if (failure is not null && !IsExcused(instance, began, hasToken) && !(took > LoginLimit - TimeSpan.FromMilliseconds(100) && troubles.Any(Late, began)))
        {
            breaches.Add("a login failed", $"{failure} at {instance.Connection.Slot} after {took}");
        }

        if (failure?.RetryAfter > (failure?.Kind is FailureKind.Busy && !calls.IsRefused(began) ? Felt.TransientPause : Felt.LastingPause))
        {
            breaches.Add("no pause is that long", $"{failure} at {instance.Connection.Slot}");
        }

        if (took > LoginLimit + TimeSpan.FromMilliseconds(500))
        {
            breaches.Add("a login took more than ten seconds", $"{took} at {instance.Connection.Slot}");
        }

        if (hasToken && took > TimeSpan.FromSeconds(1) && !troubles.Any(Troubles.Table, began - Felt.Table))
        {
            breaches.Add("a login waited though a valid token was there", $"{took} at {instance.Connection.Slot}");
        }
    }

    public void CheckTimer(Instance timer, TimeSpan began, TokenRenewalException exception)
    {
        if (!IsExcused(timer, began, hasToken: false))
        {
            breaches.Add("the timer failed", exception.Message);
        }
    }

    /// <summary>Rejections and failures are forgotten where logins succeed: who watches a process must not be alarmed for good by what has passed.</summary>
    /// <param name="instance">The process.</param>
    /// <param name="complaint">What its health says; null when it is well.</param>
    public void CheckHealth(Instance instance, string? complaint)
    {
        var lately = world.Now - TimeSpan.FromMinutes(3);
        if (instance.SucceededAt < world.Now - TimeSpan.FromMinutes(1) || instance.FailedAt > lately || weCom.Latest?.HasServedSince(lately) is not true
            || troubles.Any([.. Troubles.Table, .. Troubles.Tokens], lately))
        {
            return;
        }

        if (complaint is not null)
        {
            breaches.Add("unhealthy though logins succeed", $"{complaint} at {instance.Connection.Slot}");
        }

        if (calls.SharedToken == weCom.Latest.Value && table.Row?.Rejections > 0)
        {
            breaches.Add("a token that serves is on probation for good", $"since {weCom.Latest.Served?.At}");
        }
    }

    /// <summary>Whether something else than this code keeps a login from succeeding; a failing <c>gettoken</c> does not where the row has a good token.</summary>
    private bool IsExcused(Instance instance, TimeSpan began, bool hasToken) =>
        (!instance.Connection.HasSecret && troubles.Any(Troubles.Vault, began - Felt.Vault, instance.Connection.Slot))
        || ((!hasToken || troubles.Any(Troubles.Table, began - Felt.Table, instance.Connection.Slot)) && IsExcusedFromRenewing(began));

    private bool IsExcusedFromRenewing(TimeSpan began) =>
        troubles.Any(Troubles.Transient, began - (calls.IsRefused(began) ? Felt.Lasting : Felt.Transient))
        || troubles.Any([.. Troubles.Lasting, .. Troubles.Tokens], began - Felt.Lasting)
        || (semantics is Semantics.NewOldDies && troubles.Any(Troubles.Table, began - Felt.Lasting))
        || leases.HasLapsedTwice(began);
}
