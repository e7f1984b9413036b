using System.Globalization;
using WeComFunc.AccessTokens;

namespace WeComFunc.Fleet;

/// <summary>One app of the fleet: its WeCom, its row, its corpsecret, what befalls them, and what is promised of it all.</summary>
internal sealed class SimulatedApp
{
    private static readonly TimeSpan StrangersEvery = TimeSpan.FromSeconds(20);

    private readonly Scenario _scenario;
    private readonly World _world;
    private readonly Func<int, Instance> _instance;
    private readonly Operator _operator;
    private readonly LeasePromises _leases;
    private readonly LoginPromises _promises;
    private int _revocations;
    private TimeSpan _looksNext;

    /// <param name="scenario">What the fleet is like.</param>
    /// <param name="world">The time.</param>
    /// <param name="app">Which app.</param>
    /// <param name="instance">What it is, now, to the process in a slot.</param>
    public SimulatedApp(Scenario scenario, World world, WeComApp app, Func<int, Instance> instance)
    {
        (_scenario, _world, App, _instance) = (scenario, world, app, instance);
        Troubles = new Troubles(world);
        WeCom = new WeComModel(world, Troubles, scenario.Semantics, app);
        Table = new TableModel(world, Troubles);
        Vault = new VaultModel(world, Troubles, WeCom.Secret);
        Breaches = new Breaches(world, Troubles, Table);
        _operator = new Operator(world, Troubles, WeCom, Vault);
        _leases = new LeasePromises(world, Troubles, Table, Breaches);
        var calls = new GetTokenPromises(world, scenario.Semantics, Troubles, WeCom, Table, Vault, _leases, Breaches);
        _promises = new LoginPromises(world, scenario.Semantics, Troubles, WeCom, Table, Vault, _leases, calls, Breaches);
    }

    public WeComApp App { get; }

    public Troubles Troubles { get; }

    public WeComModel WeCom { get; }

    public TableModel Table { get; }

    public VaultModel Vault { get; }

    public Breaches Breaches { get; }

    public int Logins { get; private set; }

    /// <summary>Tokens that were found rejected while all was well.</summary>
    public int Rejections { get; private set; }

    /// <summary>Begins with the logins.</summary>
    public void Begin() => _world.After(NextLogin(), Login);

    /// <summary>Begins with what befalls this app, and what befalls all (<see cref="Troubles.Begun"/>).</summary>
    public void BeginTroubles(TimeSpan every)
    {
        _world.After(_world.Sometime(every), HaveTrouble);
        _world.After(_world.Sometime(2 * every), Revoke);
        _world.After(_world.Sometime(4 * every), Err);
        _world.After(_world.Sometime(StrangersEvery), PostStranger);
    }

    /// <summary>Has the corpsecret of another app in the vault, from the beginning.</summary>
    public void BeginMistaken() => _operator.StoreAnotherApps();

    /// <summary>To be told of a process that has died.</summary>
    public void Died(Instance instance)
    {
        instance.Connection.IsDead = true;
        _leases.Died(instance);
    }

    /// <summary>The timer's work, for this app.</summary>
    public void Refresh(Instance timer)
    {
        var began = _promises.Begin(timer);
        _world.Start(async () =>
        {
            try
            {
                await timer.RefreshAsync();
            }
            catch (TokenRenewalException exception)
            {
                _promises.CheckTimer(timer, began, exception);
            }
        });
    }

    private TimeSpan NextLogin() => _world.Sometime(_scenario.Duration / _scenario.Logins * _scenario.Apps);

    /// <summary>One to four outages at nearly the same time, often with a revocation among them.</summary>
    private void HaveTrouble()
    {
        for (var more = _world.Random.Next(4); more >= 0; more--)
        {
            _world.After(_world.Sometime(TimeSpan.FromMinutes(2)), () => Troubles.Begin(_scenario.Instances));
        }

        if (_world.Random.Next(4) > 0)
        {
            _world.After(_world.Sometime(TimeSpan.FromMinutes(5)), BeginRevoking);
        }

        _world.After(TimeSpan.FromMinutes(5) + _world.Sometime(_scenario.TroubleEvery!.Value), HaveTrouble);
    }

    private void Revoke()
    {
        BeginRevoking();
        _world.After(TimeSpan.FromMinutes(20) + _world.Sometime(2 * _scenario.TroubleEvery!.Value), Revoke);
    }

    /// <summary>
    /// One to four revocations within seconds; so many again only when a token has served for minutes, as the fleet forgives a few in a
    /// row.
    /// </summary>
    private void BeginRevoking()
    {
        if (_revocations == 0 && WeCom.Latest is { Served: { } served } token && token.ServedLast > served.At + Felt.Trial)
        {
            _revocations = _world.Random.Next(1, 5);
            RevokeServed(isFirst: true);
        }
    }

    /// <summary>
    /// Revokes the token once it has served a login and the fleet could learn of it: one that is not known to work has its back-off.
    /// </summary>
    private void RevokeServed(bool isFirst)
    {
        if (WeCom.Latest is { IsRevoked: false } token && token.HasServedSince(_world.Now - TimeSpan.FromSeconds(1))
            && (isFirst || !Troubles.Any(Fleet.Troubles.Table, _world.Now - TimeSpan.FromSeconds(10))))
        {
            (token.IsRevoked, isFirst) = (true, false);
            _revocations--;
        }

        if (_revocations > 0)
        {
            _world.After(_world.Between(500, 5000), () => RevokeServed(isFirst));
        }
    }

    private void Err()
    {
        _operator.Err();
        _world.After(TimeSpan.FromMinutes(5) + _world.Sometime(4 * _scenario.TroubleEvery!.Value), Err);
    }

    private void PostStranger()
    {
        var instance = _instance(_world.Random.Next(_scenario.Instances));
        if (Troubles.Now(Fleet.Troubles.Strangers, instance.Connection.Slot) is { } kind)
        {
            var code = Stranger.Code(kind, Logins++, _world.Random);
            _world.Start(() => LoginAsync(instance, code));
        }

        _world.After(_world.Sometime(StrangersEvery), PostStranger);
    }

    /// <summary>Looks at the health of a process that has just served a login, now and then.</summary>
    private void LookAtHealth(Instance instance)
    {
        if (_world.Now >= _looksNext)
        {
            _looksNext = _world.Now + (_scenario.TroubleEvery!.Value / 100);
            _world.After(
                TimeSpan.FromSeconds(20), () => _world.Start(async () => _promises.CheckHealth(instance, await instance.ComplainAsync())));
        }
    }

    private void Login()
    {
        var instance = _instance(_world.Random.Next(_scenario.Instances));
        var code = Logins++.ToString(CultureInfo.InvariantCulture);
        _world.Start(() => _scenario.IsTroubled ? LoginAsync(instance, code) : UseTokenAsync(instance.Tokens));
        _world.After(NextLogin(), Login);
    }

    /// <summary>What a login does with the token, and nothing else, so that a million of them are quickly counted.</summary>
    private async Task UseTokenAsync(AccessTokenSource tokens)
    {
        var given = await tokens.GetAsync(CancellationToken.None);
        if (given.TryGet(out var use) && !WeCom.IsValid(use.Token.Value))
        {
            Rejections++;
            given = await tokens.ReplaceAsync(use.Token, 42001, CancellationToken.None);
        }

        if (!given.TryGet(out use, out var failure) || !WeCom.IsValid(use.Token.Value))
        {
            Breaches.Add("a login had no token", $"{failure}");
            return;
        }

        tokens.Confirm(use.Token);
    }

    private async Task LoginAsync(Instance instance, string code)
    {
        var began = _promises.Begin(instance);
        var outcome = await instance.LoginAsync(code);
        if (instance.IsDead)
        {
            return;
        }

        if (Stranger.ErrcodeOf(code) is not null)
        {
            _promises.CheckStranger(instance, began, outcome);
            return;
        }

        _promises.CheckLogin(instance, began, outcome);
        if (outcome.Body.Failure is null)
        {
            LookAtHealth(instance);
        }

        if (outcome is { Body.Failure: null, Unseen: null } && WeCom.Latest is { } token && outcome.Token.Token.Value == token.Value)
        {
            token.Serve(instance, _world.Now);
        }
    }
}
