using System.Globalization;
using WeComFunc.AccessTokens;
using WeComFunc.WeCom;

namespace WeComFunc.Fleet;

/// <summary>What the rules promise, checked at every step. Trouble excuses what it must, for as long as it must, and nothing else.</summary>
internal sealed class Promises
{
    /// <summary>The longest pause after a failure that passes by itself, with its jitter (rule T7).</summary>
    private static readonly TimeSpan TransientPause = TimeSpan.FromSeconds(72);

    /// <summary>The longest pause after a failure that an operator puts right (rules T6, T7), in the eyes of whoever may keep it.</summary>
    private static readonly TimeSpan LastingPause = TimeSpan.FromMinutes(15);

    /// <summary>What a pause lasts longer when it was written by another clock, and the call that met the failure.</summary>
    private static readonly TimeSpan ClocksApart = TimeSpan.FromMinutes(4) + TimeSpan.FromSeconds(4);

    private static readonly TimeSpan TransientFelt = TransientPause + ClocksApart;
    private static readonly TimeSpan LastingFelt = TimeSpan.FromMinutes(12) + ClocksApart;

    /// <summary>A reading of the vault and the pause after it.</summary>
    private static readonly TimeSpan VaultFelt = TimeSpan.FromSeconds(4);

    /// <summary>The holder of a lease is done within this (rule T5).</summary>
    private static readonly TimeSpan LeaseLimit = TimeSpan.FromSeconds(5);

    /// <summary>What was begun before the table was well again has ended by then.</summary>
    private static readonly TimeSpan TableFelt = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>How often the same promise is shown as broken.</summary>
    private const int Shown = 3;

    private readonly World _world;
    private readonly Scenario _scenario;
    private readonly Troubles _troubles;
    private readonly WeComModel _weCom;
    private readonly TableModel _table;
    private readonly Ledger _shared = new();
    private readonly List<string> _broken = [];
    private readonly Dictionary<string, int> _times = [];
    private readonly Dictionary<string, int> _callsOfToken = [];

    /// <summary>Whether WeCom has refused the corpsecret since it last gave a token.</summary>
    private bool _isRefused;

    /// <summary>When which lease lost its holder.</summary>
    private readonly Dictionary<string, TimeSpan> _lapses = [];

    /// <summary>The last lease that was taken over from another holder, and when.</summary>
    private HeldLease? _takenOver;

    public Promises(World world, Scenario scenario, Troubles troubles, WeComModel weCom, TableModel table)
    {
        (_world, _scenario, _troubles, _weCom, _table) = (world, scenario, troubles, weCom, table);
        weCom.Arrived = CheckGetToken;
        weCom.Answered = (from, trouble) => world.After(LeaseLimit, () => CheckRefusal(from, trouble));
        table.Leased = CheckLease;
    }

    public IReadOnlyList<string> Broken => _broken;

    /// <summary>The token in the row, if WeCom accepts it and will for longer than clocks differ.</summary>
    public string? SharedToken =>
        Instance.TokenOf(_table.Row) is { } token && _weCom.IsValid(token) && _table.Row!.ExpiresAt - _world.UtcNow > TimeSpan.FromMinutes(5) ? token : null;

    public void Died(Instance instance)
    {
        if (instance.Connection.Lease is { } lease)
        {
            _lapses[lease] = _world.Now;
        }
    }

    public void CheckLogin(Instance instance, TimeSpan began, string? shared, Failure? failure)
    {
        var took = _world.Now - began;
        if (failure is not null && !IsExcused(instance, began))
        {
            Break("a login failed", $"{failure} at {instance.Connection.Slot} after {took}");
        }

        var longest = failure?.Kind is FailureKind.Busy && !IsRefused(began) ? TransientPause : LastingPause;
        if (failure?.RetryAfter > longest)
        {
            Break("no pause is that long", $"{failure} at {instance.Connection.Slot}");
        }

        if (took > TimeSpan.FromSeconds(10.5))
        {
            Break("a login took more than ten seconds", $"{took} at {instance.Connection.Slot}");
        }

        if (shared is not null && shared == SharedToken && took > TimeSpan.FromSeconds(1) && !_troubles.Any([.. Troubles.Table, .. Troubles.Tokens], began))
        {
            Break("a login waited though a valid token was there", $"{took} at {instance.Connection.Slot}");
        }
    }

    public void CheckTimer(Instance timer, TimeSpan began, TokenRenewalException exception)
    {
        if (!IsExcused(timer, began))
        {
            Break("the timer failed", exception.Message);
        }
    }

    /// <summary>Rejections and failures are forgotten where logins succeed: who watches a process must not be alarmed for good by what has passed.</summary>
    /// <param name="instance">The process.</param>
    /// <param name="complaint">What its health says; null when it is well.</param>
    public void CheckHealth(Instance instance, string? complaint)
    {
        var lately = _world.Now - (3 * Minute);
        if (instance.SucceededAt < _world.Now - Minute || instance.FailedAt > lately || _weCom.Latest?.HasServedSince(lately) is not true
            || _troubles.Any([.. Troubles.Table, .. Troubles.Tokens], lately))
        {
            return;
        }

        if (complaint is not null)
        {
            Break("unhealthy though logins succeed", $"{complaint} at {instance.Connection.Slot}");
        }

        if (SharedToken == _weCom.Latest.Value && _table.Row?.Rejections > 0)
        {
            Break("a token that serves is on probation for good", $"since {_weCom.Latest.Served?.At}");
        }
    }

    /// <summary>A living holder keeps its lease, and gives it back in time (rule T5).</summary>
    private void CheckLease(HeldLease lease, HeldLease? left)
    {
        if (left is not null)
        {
            _takenOver = lease;
            if (IsHeld(left))
            {
                Break("a living holder was taken over", $"{left.Holder.Slot} by {lease.Holder.Slot} after {_world.Now - left.At}");
            }
        }

        _world.After(LeaseLimit + TimeSpan.FromMilliseconds(100), () =>
        {
            if (_table.Row!.Lease == lease.Id && IsAnswered(lease) && !_troubles.Any(Troubles.Table, lease.At, lease.Holder.Slot))
            {
                Break("a living holder left its lease", $"{lease.Holder.Slot} at {lease.At}");
            }
        });
    }

    private static bool IsHeld(HeldLease lease) => lease.Holder.Lease == lease.Id && IsAnswered(lease);

    /// <summary>Whether the holder lives and the table has answered it, the writing of the lease included.</summary>
    private static bool IsAnswered(HeldLease lease) => !lease.Holder.IsDead && lease.Holder.TableFailedAt < lease.WrittenAt;

    private void CheckGetToken(Connection from, int inFlight)
    {
        var now = _world.Now;
        _world.After(LeaseLimit, () => CheckRate(from, now));
        if (_troubles.Any(Troubles.Table, now - TableFelt) || _troubles.Any(Troubles.Tokens, now - Minute))
        {
            return;
        }

        if (inFlight > 1 && _lapses.Values.All(at => at < now - Minute))
        {
            Break("more than one gettoken at once", $"{inFlight}");
        }

        if (_scenario.Semantics is Semantics.Same)
        {
            var token = _weCom.Latest?.Value ?? "";
            if (!_troubles.Any(Troubles.GetToken, now - LastingFelt) && (_callsOfToken[token] = _callsOfToken.GetValueOrDefault(token) + 1) > 12)
            {
                Break("more than 12 gettoken in the life of one token", $"by {from.Slot}");
            }
        }
        else if (SharedToken is not null && _table.Row!.ExpiresAt - _world.UtcNow > TimeSpan.FromMinutes(45))
        {
            Break("gettoken without need", $"by {from.Slot} with {_table.Row.ExpiresAt - _world.UtcNow} left");
        }
    }

    private void CheckRate(Connection from, TimeSpan at)
    {
        if (!from.IsDead && LedgerOf(from, at).Called(at))
        {
            Break($"more than 60 gettoken in ten minutes {Whose(from, at)}", $"{from.Slot}");
        }
    }

    private void CheckRefusal(Connection from, Trouble? trouble)
    {
        var at = _world.Now - LeaseLimit;
        _isRefused = trouble is Trouble.SecretRefused || (trouble is not null && _isRefused);
        if (trouble is null)
        {
            _shared.Succeeded();
            from.Calls.Succeeded();
        }
        else if (Troubles.Lasting.Contains(trouble.Value) && !from.IsDead && LedgerOf(from, at).Refused(at))
        {
            Break($"more than 30 refused gettoken in an hour {Whose(from, at)}", $"{from.Slot}");
        }
    }

    private Ledger LedgerOf(Connection from, TimeSpan at) => IsAlone(from, at) ? from.Calls : _shared;

    private string Whose(Connection from, TimeSpan at) => IsAlone(from, at) ? "by one without the table" : "by all that share the table";

    private bool IsAlone(Connection from, TimeSpan at) => _troubles.Any(Troubles.Table, at - TableFelt, from.Slot);

    /// <summary>Whether a corpsecret was refused that nobody, or not everybody, has seen work since: then every failure has the longer pause, whatever its kind (rule T7).</summary>
    private bool IsRefused(TimeSpan began) => _isRefused || _troubles.Any([Trouble.SecretRefused, Trouble.GetTokenMixed], began - LastingFelt);

    /// <summary>Whether something else than this code keeps a login from succeeding.</summary>
    private bool IsExcused(Instance instance, TimeSpan began) =>
        _troubles.Any(Troubles.Transient, began - (IsRefused(began) ? LastingFelt : TransientFelt))
        || _troubles.Any([.. Troubles.Lasting, .. Troubles.Tokens], began - LastingFelt)
        || (!instance.Connection.HasSecret && _troubles.Any(Troubles.Vault, began - VaultFelt, instance.Connection.Slot))
        || (_scenario.Semantics is Semantics.NewOldDies && _troubles.Any(Troubles.Table, began - LastingFelt))
        || HasLapsedTwice(began);

    /// <summary>
    /// Whether a login saw a lease taken over whose new holder died as well: a death costs it 6 s of its 10, and T5 promises no more than one.
    /// </summary>
    private bool HasLapsedTwice(TimeSpan began) => _takenOver is { } lease && lease.At >= began && (_lapses.ContainsKey(lease.Id) || !IsAnswered(lease));

    public void Break(string promise, string how)
    {
        if ((_times[promise] = _times.GetValueOrDefault(promise) + 1) <= Shown)
        {
            _broken.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"at {_world.Now}: {promise}: {how}; trouble: {_troubles.Since(_world.Now - LastingFelt)}; row: {_table.Row?.ETag}, lease of {_table.Row?.LeasedAt - _world.UtcNow}, {_table.Row?.Rejections} rejections, {_table.Row?.Failures} failures, next try in {_table.Row?.RetryAt - _world.UtcNow}"));
        }
    }
}
