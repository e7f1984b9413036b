namespace WeComFunc.Fleet;

/// <summary>How often <c>gettoken</c> may be called at most, whatever befalls the fleet (rules T3 to T7).</summary>
internal sealed class GetTokenPromises
{
    private static readonly Trouble[] Rejecting = [Trouble.TokensRejected, Trouble.ProfilesRejected];

    private static readonly Trouble[] Refusing = [Trouble.SecretRefused, Trouble.GetTokenMixed, Trouble.SecretReset];

    private static readonly Trouble[] NotRejecting =
        [.. Troubles.GetToken, .. Troubles.Table, .. Troubles.Mistakes, Trouble.TokensRejectedByHalf, Trouble.StrangersRejected];

    private readonly World _world;
    private readonly Semantics _semantics;
    private readonly Troubles _troubles;
    private readonly WeComModel _weCom;
    private readonly TableModel _table;
    private readonly VaultModel _vault;
    private readonly LeasePromises _leases;
    private readonly Breaches _breaches;

    /// <summary>The calls of all that share the table.</summary>
    private readonly Ledger _shared = new();

    /// <summary>Those made while WeCom rejects every token and nothing else is out of order.</summary>
    private readonly Ledger _rejected = new();
    private readonly Dictionary<string, int> _callsOfToken = [];
    private bool _isRefused;

    public GetTokenPromises(
        World world, Semantics semantics, Troubles troubles, WeComModel weCom, TableModel table, VaultModel vault, LeasePromises leases,
        Breaches breaches)
    {
        (_world, _semantics, _troubles, _weCom) = (world, semantics, troubles, weCom);
        (_table, _vault, _leases, _breaches) = (table, vault, leases, breaches);
        weCom.Arrived = CheckNeed;

        // Whether somebody had the table, and lived to tell it, shows when the call is over.
        weCom.Arrived += (_, _) => CheckRejected();
        weCom.Arrived += (from, _) => world.After(Felt.Lease, () => CheckRate(from, world.Now - Felt.Lease));
        weCom.Answered = (from, trouble) => world.After(Felt.Lease, () => CheckRefusal(from, trouble, world.Now - Felt.Lease));
    }

    /// <summary>
    /// Whether a token served a login that was obtained with the corpsecret of the vault, and the fleet knows (rule T14).
    /// </summary>
    public bool IsProven => _table.Row?.ProvenSecret == _vault.Secret.Fingerprint;

    /// <summary>The token in the row, if WeCom accepts it and will for longer than clocks differ.</summary>
    public string? SharedToken =>
        _table.Row?.Open(_vault.Secret)?.Value is { } token
            && _weCom.IsValid(token)
            && _table.Row!.ExpiresAt - _world.UtcNow > TimeSpan.FromMinutes(5)
            ? token
            : null;

    /// <summary>
    /// Whether a corpsecret was refused that not everybody has seen work since, as who did may not have been able to write it: then every
    /// failure has the longer pause, whatever its kind (rule T7).
    /// </summary>
    public bool IsRefused(TimeSpan began) =>
        _isRefused || _table.Row?.RefusedSecret is not null || _troubles.Any(Refusing, began - Felt.Lasting);

    private void CheckNeed(Connection from, int inFlight)
    {
        var now = _world.Now;
        if (_troubles.Any(Troubles.Table, now - Felt.Table) || _troubles.Any(Troubles.Tokens, now - TimeSpan.FromMinutes(1)))
        {
            return;
        }

        if (inFlight > 1 && !_leases.HasLapsedSince(now - TimeSpan.FromMinutes(1)))
        {
            _breaches.Add("more than one gettoken at once", $"{inFlight}");
        }

        // Whoever has another corpsecret than the vault cannot know of the token in the row; one that is rejected is no token.
        if (from.Secret != _vault.Secret.Value || _troubles.Any(Troubles.Mistakes, now - Felt.Secret)
            || _troubles.Any([.. Troubles.Profiles, .. Troubles.Strangers], now - Felt.Table))
        {
            return;
        }

        if (_semantics is Semantics.Same)
        {
            var token = _weCom.Latest?.Value ?? "";
            if (!_troubles.Any(Troubles.GetToken, now - Felt.Lasting)
                && (_callsOfToken[token] = _callsOfToken.GetValueOrDefault(token) + 1) > 12)
            {
                _breaches.Add("more than 12 gettoken in the life of one token", $"by {from.Slot}");
            }
        }
        else if (SharedToken is not null && _table.Row!.ExpiresAt - _world.UtcNow > TimeSpan.FromMinutes(45))
        {
            _breaches.Add("gettoken without need", $"by {from.Slot} with {_table.Row.ExpiresAt - _world.UtcNow} left");
        }
    }

    private void CheckRejected()
    {
        var since = _world.Now - TimeSpan.FromMinutes(1);
        if (!_troubles.Any(Rejecting, _world.Now) || _troubles.Any(NotRejecting, since))
        {
            _rejected.Clear();
        }
        else if (_rejected.Rejected(_world.Now))
        {
            _breaches.Add("more than 25 gettoken in ten minutes though WeCom rejects every token", "by all");
        }
    }

    private void CheckRate(Connection from, TimeSpan at)
    {
        if (!from.IsDead && LedgerOf(from, at).Called(at))
        {
            _breaches.Add($"more than 100 gettoken in ten minutes {Whose(from, at)}", $"{from.Slot}");
        }
    }

    private void CheckRefusal(Connection from, Trouble? trouble, TimeSpan at)
    {
        if (trouble is null or Trouble.GetTokenSlow)
        {
            _isRefused = false;
            _shared.Succeeded();
            from.Calls.Succeeded();
            return;
        }

        _isRefused |= trouble is Trouble.SecretRefused;
        if (Troubles.Lasting.Contains(trouble.Value) && !from.IsDead && LedgerOf(from, at).Refused(at))
        {
            _breaches.Add($"more than 30 refused gettoken in an hour {Whose(from, at)}", $"{from.Slot}");
        }
    }

    private Ledger LedgerOf(Connection from, TimeSpan at) => IsAlone(from, at) ? from.Calls : _shared;

    private string Whose(Connection from, TimeSpan at) => IsAlone(from, at) ? "by one without the table" : "by all that share the table";

    private bool IsAlone(Connection from, TimeSpan at) => _troubles.Any(Troubles.Table, at - Felt.Table, from.Slot);
}
