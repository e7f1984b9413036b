namespace WeComFunc.Fleet;

/// <summary>A fleet in virtual time: the real code, and whatever the scenario brings.</summary>
internal sealed class Simulation
{
    private const int TimerSlot = -1;
    private static readonly TimeSpan TimerPeriod = TimeSpan.FromMinutes(5);

    private readonly Scenario _scenario;
    private readonly World _world;
    private readonly Settings _settings;
    private readonly SimulatedApp[] _apps;
    private readonly FleetProcess[] _alive;
    private readonly List<FleetProcess> _made = [];
    private FleetProcess? _timer;

    private Simulation(Scenario scenario)
    {
        _scenario = scenario;
        _world = new World(scenario.Seed);
        _settings = FleetProcess.SettingsOf(scenario.Apps);
        _alive = new FleetProcess[scenario.Instances];
        _apps =
        [
            .. _settings.Apps.Select(
                (app, number) => new SimulatedApp(scenario, _world, app.App, slot => _alive[slot].Instances[number])),
        ];

        // What is out of order with table and vault is so for all apps; the rest befalls the first alone, and must be no other's trouble.
        _apps[0].Troubles.Begun = outage =>
        {
            if (Troubles.Table.Contains(outage.Kind) || Troubles.Vault.Contains(outage.Kind))
            {
                Array.ForEach(_apps[1..], app => app.Troubles.Add(outage));
            }
        };
    }

    public static Report Run(Scenario scenario) => new Simulation(scenario).Run();

    private Report Run()
    {
        if (_scenario.IsTroubled && _world.Random.Next(3) == 0)
        {
            _apps[0].BeginMistaken();
        }

        for (var slot = 0; slot < _alive.Length; slot++)
        {
            Bear(slot);
        }

        if (_scenario.HasTimer)
        {
            _world.After(TimerPeriod, RunTimer);
        }

        Array.ForEach(_apps, app => app.Begin());
        if (_scenario.TroubleEvery is { } every)
        {
            _apps[0].BeginTroubles(every);
        }

        _world.Run(_scenario.Duration);
        _made.ForEach(process => process.Dispose());
        return new(
            _apps.Sum(app => app.Logins),
            _apps.Sum(app => app.WeCom.GetTokenCalls),
            _apps.Sum(app => app.Table.Reads),
            _apps.Sum(app => app.Table.Writes),
            _apps.Sum(app => app.Vault.Reads),
            _apps.Sum(app => app.WeCom.TokensIssued),
            _alive.Max(process => process.Instances.Sum(instance => instance.Connection.TableReads)),
            _apps.Sum(app => app.Rejections),
            [.. _apps.SelectMany(app => app.Breaches.All.Select(breach => _apps.Length == 1 ? breach : $"{app.App.Name} {breach}"))]);
    }

    private FleetProcess Make(int slot, TimeSpan skew)
    {
        var process = new FleetProcess(_world, _settings, _apps, slot, skew);
        _made.Add(process);
        return process;
    }

    private void Bear(int slot)
    {
        var process = _alive[slot] = Make(slot, _scenario.IsTroubled ? _world.Between(-120_000, 120_000) : TimeSpan.Zero);
        if (!_scenario.IsTroubled)
        {
            return;
        }

        _world.After(_world.Sometime(TimeSpan.FromHours(12)), () => Kill(process, slot));
        foreach (var instance in process.Instances)
        {
            instance.Connection.Writing = () =>
            {
                if (_world.Random.Next(30) == 0)
                {
                    _world.After(_world.Between(0, 200), () => Kill(process, slot));
                }
            };
        }
    }

    private void Kill(FleetProcess process, int slot)
    {
        if (process.IsDead)
        {
            return;
        }

        for (var number = 0; number < _apps.Length; number++)
        {
            _apps[number].Died(process.Instances[number]);
        }

        Bear(slot);
    }

    /// <summary>
    /// The timer function: a process of its own, as on the platform, a new one now and then; sometimes it stands still for hours.
    /// </summary>
    private void RunTimer()
    {
        var timer = _timer = _timer is null || _world.Random.Next(50) == 0 ? Make(TimerSlot, TimeSpan.Zero) : _timer;
        for (var number = 0; number < _apps.Length; number++)
        {
            _apps[number].Refresh(timer.Instances[number]);
        }

        _world.After(_scenario.IsTroubled && _world.Random.Next(200) == 0 ? _world.Sometime(TimeSpan.FromHours(6)) : TimerPeriod, RunTimer);
    }
}
