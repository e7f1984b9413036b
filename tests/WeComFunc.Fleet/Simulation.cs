using System.Globalization;
using WeComFunc.AccessTokens;

namespace WeComFunc.Fleet;

/// <summary>A fleet in virtual time: the real code, and whatever the scenario brings.</summary>
internal sealed class Simulation
{
    private const int TimerSlot = -1;
    private static readonly TimeSpan StrangersEvery = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan TimerPeriod = TimeSpan.FromMinutes(5);

    private readonly Scenario _scenario;
    private readonly World _world;
    private readonly Troubles _troubles;
    private readonly WeComModel _weCom;
    private readonly TableModel _table;
    private readonly VaultModel _vault;
    private readonly Operator _operator;
    private readonly Breaches _breaches;
    private readonly LeasePromises _leases;
    private readonly GetTokenPromises _calls;
    private readonly LoginPromises _promises;
    private readonly Instance[] _alive;
    private readonly List<Instance> _made = [];
    private Instance? _timer;
    private int _revocations;
    private int _logins;
    private TimeSpan _looksNext;
    private int _rejections;

    private Simulation(Scenario scenario)
    {
        _scenario = scenario;
        _world = new World(scenario.Seed);
        _troubles = new Troubles(_world);
        _weCom = new WeComModel(_world, _troubles, scenario.Semantics);
        _table = new TableModel(_world, _troubles);
        _vault = new VaultModel(_world, _troubles, _weCom.Secret);
        _operator = new Operator(_world, _troubles, _weCom, _vault);
        _breaches = new Breaches(_world, _troubles, _table);
        _leases = new LeasePromises(_world, _troubles, _table, _breaches);
        _calls = new GetTokenPromises(_world, scenario.Semantics, _troubles, _weCom, _table, _vault, _leases, _breaches);
        _promises = new LoginPromises(_world, scenario.Semantics, _troubles, _weCom, _table, _vault, _leases, _calls, _breaches);
        _alive = new Instance[scenario.Instances];
    }

    public static Report Run(Scenario scenario) => new Simulation(scenario).Run();

    private Report Run()
    {
        if (_scenario.IsTroubled && _world.Random.Next(3) == 0)
        {
            _operator.StoreAnotherApps();
        }

        for (var slot = 0; slot < _alive.Length; slot++)
        {
            Bear(slot);
        }

        if (_scenario.HasTimer)
        {
            _world.After(TimerPeriod, RunTimer);
        }

        _world.After(NextLogin(), Login);
        if (_scenario.TroubleEvery is { } every)
        {
            _world.After(_world.Sometime(every), HaveTrouble);
            _world.After(_world.Sometime(2 * every), Revoke);
            _world.After(_world.Sometime(4 * every), Err);
            _world.After(_world.Sometime(StrangersEvery), PostStranger);
        }

        _world.Run(_scenario.Duration);
        _made.ForEach(instance => instance.Dispose());
        return new(
            _logins, _weCom.GetTokenCalls, _table.Reads, _table.Writes, _vault.Reads, _weCom.TokensIssued,
            _alive.Max(instance => instance.Connection.TableReads), _rejections, _breaches.All);
    }

    private TimeSpan NextLogin() => _world.Sometime(_scenario.Duration / _scenario.Logins);

    private Instance Make(int slot, TimeSpan skew)
    {
        var instance = new Instance(_world, _weCom, _table, _vault, slot, skew);
        _made.Add(instance);
        return instance;
    }

    private void Bear(int slot)
    {
        var instance = _alive[slot] = Make(slot, _scenario.IsTroubled ? _world.Between(-120_000, 120_000) : TimeSpan.Zero);
        if (_scenario.IsTroubled)
        {
            _world.After(_world.Sometime(TimeSpan.FromHours(12)), () => Kill(instance));
            instance.Connection.Writing = () =>
            {
                if (_world.Random.Next(30) == 0)
                {
                    _world.After(_world.Between(0, 200), () => Kill(instance));
                }
            };
        }
    }

    private void Kill(Instance instance)
    {
        if (!instance.IsDead)
        {
            instance.Connection.IsDead = true;
            _leases.Died(instance);
            Bear(instance.Connection.Slot);
        }
    }

    /// <summary>
    /// The timer function: a process of its own, as on the platform, a new one now and then; sometimes it stands still for hours.
    /// </summary>
    private void RunTimer()
    {
        var timer = _timer = _timer is null || _world.Random.Next(50) == 0 ? Make(TimerSlot, TimeSpan.Zero) : _timer;
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
        _world.After(_scenario.IsTroubled && _world.Random.Next(200) == 0 ? _world.Sometime(TimeSpan.FromHours(6)) : TimerPeriod, RunTimer);
    }

    /// <summary>One to four outages at nearly the same time, often with a revocation among them.</summary>
    private void HaveTrouble()
    {
        for (var more = _world.Random.Next(4); more >= 0; more--)
        {
            _world.After(_world.Sometime(TimeSpan.FromMinutes(2)), () => _troubles.Begin(_alive.Length));
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
        if (_revocations == 0 && _weCom.Latest is { Served: { } served } token && token.ServedLast > served.At + Felt.Trial)
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
        if (_weCom.Latest is { IsRevoked: false } token && token.HasServedSince(_world.Now - TimeSpan.FromSeconds(1))
            && (isFirst || !_troubles.Any(Troubles.Table, _world.Now - TimeSpan.FromSeconds(10))))
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
        var instance = _alive[_world.Random.Next(_alive.Length)];
        if (_troubles.Now(Troubles.Strangers, instance.Connection.Slot) is { } kind)
        {
            var code = Stranger.Code(kind, _logins++, _world.Random);
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
        var instance = _alive[_world.Random.Next(_alive.Length)];
        var code = _logins++.ToString(CultureInfo.InvariantCulture);
        _world.Start(() => _scenario.IsTroubled ? LoginAsync(instance, code) : UseTokenAsync(instance.Tokens));
        _world.After(NextLogin(), Login);
    }

    /// <summary>What a login does with the token, and nothing else, so that a million of them are quickly counted.</summary>
    private async Task UseTokenAsync(AccessTokenSource tokens)
    {
        var given = await tokens.GetAsync(CancellationToken.None);
        if (given.TryGet(out var use) && !_weCom.IsValid(use.Token.Value))
        {
            _rejections++;
            given = await tokens.ReplaceAsync(use.Token, 42001, CancellationToken.None);
        }

        if (!given.TryGet(out use, out var failure) || !_weCom.IsValid(use.Token.Value))
        {
            _breaches.Add("a login had no token", $"{failure}");
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

        if (outcome is { Body.Failure: null, Unseen: null } && _weCom.Latest is { } token && outcome.Token.Token.Value == token.Value)
        {
            token.Serve(instance, _world.Now);
        }
    }
}
