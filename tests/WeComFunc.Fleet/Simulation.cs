using System.Globalization;
using WeComFunc.AccessTokens;

namespace WeComFunc.Fleet;

/// <summary>What a fleet is like and what befalls it.</summary>
/// <param name="Seed">The source of all chance.</param>
/// <param name="Instances">Processes at any time.</param>
/// <param name="Duration">How long it is watched.</param>
/// <param name="Logins">Logins in that time.</param>
/// <param name="Semantics">What <c>gettoken</c> does.</param>
/// <param name="IsTroubled">Whether there are outages, revocations, deaths and clocks that differ; otherwise all is well.</param>
/// <param name="HasTimer">Whether the timer runs.</param>
internal sealed record Scenario(int Seed, int Instances, TimeSpan Duration, int Logins, Semantics Semantics, bool IsTroubled, bool HasTimer)
{
    /// <summary>A week of a large fleet under whatever the seed brings.</summary>
    public static Scenario OfTrouble(int seed) => new(seed, 1000, TimeSpan.FromDays(7), 60_000, (Semantics)(seed % 3), IsTroubled: true, HasTimer: true);

    /// <summary>A quiet day with a million logins, to count what it costs.</summary>
    public static Scenario OfCost(int instances, Semantics semantics, bool hasTimer) =>
        new(1, instances, TimeSpan.FromDays(1), 1_000_000, semantics, IsTroubled: false, hasTimer);
}

/// <summary>What it cost, and which promises were broken.</summary>
internal sealed record Report(int Logins, int GetToken, int TableReads, int TableWrites, int SecretReads, int Tokens, int MostReadsOfOne, int Rejections, IReadOnlyList<string> Violations)
{
    public override string ToString() =>
        $"{Logins} logins, {GetToken} gettoken for {Tokens} tokens, {TableReads} table reads, {TableWrites} writes, {SecretReads} Key Vault reads, {Violations.Count} promises broken"
        + string.Concat(Violations.Select(violation => $"{Environment.NewLine}  {violation}"));
}

/// <summary>A fleet in virtual time: the real code, and the promises of the rules checked at every step.</summary>
internal sealed class Simulation
{
    private static readonly TimeSpan TimerPeriod = TimeSpan.FromMinutes(5);

    /// <summary>How long a failure of WeCom may be remembered after it is over: the longest pause, its jitter, and two clocks apart.</summary>
    private static readonly TimeSpan Aftermath = TimeSpan.FromMinutes(17);

    private readonly Scenario _scenario;
    private readonly World _world;
    private readonly WeComModel _weCom;
    private readonly TableModel _table;
    private readonly VaultModel _vault;
    private readonly List<Instance> _alive = [];
    private readonly List<Instance> _made = [];
    private readonly List<string> _violations = [];
    private readonly List<Outage> _outages = [];
    private readonly Dictionary<string, int> _callsOfToken = [];

    /// <summary>When which lease lost its holder.</summary>
    private readonly Dictionary<string, TimeSpan> _lapses = [];
    private Instance? _timer;
    private int _logins;
    private int _rejections;

    private Simulation(Scenario scenario)
    {
        _scenario = scenario;
        _world = new World(scenario.Seed);
        _weCom = new WeComModel(_world, scenario.Semantics) { Arrived = CheckGetToken };
        _table = new TableModel(_world);
        _vault = new VaultModel(_world, Instance.Secret);
    }

    public static Report Run(Scenario scenario) => new Simulation(scenario).Run();

    private Report Run()
    {
        for (var born = 0; born < _scenario.Instances; born++)
        {
            Bear();
        }

        if (_scenario.HasTimer)
        {
            _world.After(TimerPeriod, RunTimer);
        }

        _world.After(NextLogin(), Login);
        if (_scenario.IsTroubled)
        {
            _world.After(_world.Sometime(TimeSpan.FromHours(10)), HaveOutage);
            _world.After(_world.Sometime(TimeSpan.FromHours(20)), Revoke);
        }

        _world.Run(_scenario.Duration);
        _made.ForEach(instance => instance.Dispose());
        return new(
            _logins, _weCom.GetTokenCalls, _table.Reads, _table.Writes, _vault.Reads, _weCom.TokensIssued,
            _alive.Max(instance => instance.Connection.TableReads), _rejections, _violations);
    }

    private TimeSpan NextLogin() => _world.Sometime(_scenario.Duration / _scenario.Logins);

    private Instance Make(TimeSpan skew)
    {
        var instance = new Instance(_world, _weCom, _table, _vault, skew);
        _made.Add(instance);
        return instance;
    }

    private void Bear()
    {
        var instance = Make(_scenario.IsTroubled ? _world.Between(-120_000, 120_000) : TimeSpan.Zero);
        _alive.Add(instance);
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
            if (instance.Connection.Lease is { } lease)
            {
                _lapses[lease] = _world.Now;
            }

            _alive.Remove(instance);
            Bear();
        }
    }

    /// <summary>The timer function: a process of its own, as on the platform, a new one now and then; sometimes it stands still for hours.</summary>
    private void RunTimer()
    {
        var timer = _timer = _timer is null || _world.Random.Next(50) == 0 ? Make(TimeSpan.Zero) : _timer;
        _world.Start(async () =>
        {
            try
            {
                await timer.RefreshAsync();
            }
            catch (TokenRenewalException) when (IsExcused(_world.Now) || IsTroubled("vault", _world.Now))
            {
            }
            catch (TokenRenewalException exception)
            {
                Violate($"the timer failed: {exception.Message}");
            }
        });
        _world.After(_scenario.IsTroubled && _world.Random.Next(200) == 0 ? _world.Sometime(TimeSpan.FromHours(6)) : TimerPeriod, RunTimer);
    }

    private void HaveOutage()
    {
        // A fleet whose processes kill each other's tokens needs its table: without it there is no promise to check.
        string[] kinds = ["gettoken busy", "gettoken hang", "gettoken lost", "gettoken untrusted", "vault down", "table down", "table hang", "table readonly", "table conflict", "table lost"];
        var kind = kinds[_world.Random.Next(_scenario.Semantics is Semantics.NewOldDies ? 5 : kinds.Length)];
        var outage = new Outage(_world.Now, _world.Now + _world.Sometime(TimeSpan.FromMinutes(20)), kind);
        _outages.Add(outage);
        _weCom.Outage = _table.Outage = _vault.Outage = null;
        _ = kind[0] switch { 'g' => _weCom.Outage = outage, 't' => _table.Outage = outage, _ => _vault.Outage = outage };
        _world.After(outage.Until - outage.From + _world.Sometime(TimeSpan.FromHours(10)), HaveOutage);
    }

    private void Revoke()
    {
        _weCom.Revoke();
        _world.After(TimeSpan.FromMinutes(20) + _world.Sometime(TimeSpan.FromHours(20)), Revoke);
    }

    private void Login()
    {
        var instance = _alive[_world.Random.Next(_alive.Count)];
        var code = _logins++.ToString(CultureInfo.InvariantCulture);
        _world.Start(() => _scenario.IsTroubled ? LoginAsync(instance, code) : UseTokenAsync(instance.Tokens));
        _world.After(NextLogin(), Login);
    }

    /// <summary>What a login does with the token, and nothing else, so that a million of them are quickly counted.</summary>
    private async Task UseTokenAsync(AccessTokenSource tokens)
    {
        var use = await tokens.GetAsync(CancellationToken.None);
        if (use.Failure is null && !_weCom.IsValid(use.Value.Token.Value))
        {
            _rejections++;
            use = await tokens.ReplaceAsync(use.Value.Token, 42001, CancellationToken.None);
        }

        if (use.Failure is not null || !_weCom.IsValid(use.Value.Token.Value))
        {
            Violate($"a login had no token: {use.Failure}");
            return;
        }

        tokens.Confirm(use.Value.Token);
    }

    private async Task LoginAsync(Instance instance, string code)
    {
        var began = _world.Now;
        var shared = SharedToken();
        var failure = await instance.LoginAsync(code);
        if (instance.IsDead)
        {
            return;
        }

        var took = _world.Now - began;
        if (failure is not null && !IsExcused(began) && !HasLapsedTwice(began) && (instance.Connection.HasSecret || !IsTroubled("vault", began)))
        {
            Violate($"a login failed: {failure}, after {took}");
        }

        if (took > TimeSpan.FromSeconds(10.5))
        {
            Violate($"a login took {took}");
        }

        if (shared is not null && shared == SharedToken() && took > TimeSpan.FromSeconds(1) && !IsTroubled("table", began))
        {
            Violate($"a login took {took} though a valid token was there");
        }
    }

    /// <summary>Checked as every <c>gettoken</c> arrives.</summary>
    private void CheckGetToken(int inFlight)
    {
        if (IsTroubled("", _world.Now - Aftermath))
        {
            return;
        }

        if (inFlight > 1 && _lapses.Values.All(at => at < _world.Now - TimeSpan.FromMinutes(1)))
        {
            Violate($"{inFlight} gettoken at once");
        }

        if (_scenario.Semantics is Semantics.Same)
        {
            var token = _weCom.Latest?.Value ?? "";
            if ((_callsOfToken[token] = _callsOfToken.GetValueOrDefault(token) + 1) > 12)
            {
                Violate("more than 12 gettoken in the life of one token");
            }
        }
        else if (SharedToken() is not null && _table.Row!.ExpiresAt - _world.UtcNow > TimeSpan.FromMinutes(45))
        {
            Violate($"gettoken with {_table.Row.ExpiresAt - _world.UtcNow} left");
        }
    }

    /// <summary>The token in the row, if WeCom accepts it and will for longer than clocks differ.</summary>
    private string? SharedToken() =>
        Instance.TokenOf(_table.Row) is { } token && _weCom.IsValid(token) && _table.Row!.ExpiresAt - _world.UtcNow > TimeSpan.FromMinutes(5) ? token : null;

    /// <summary>Whether something else than this code keeps a login from succeeding.</summary>
    private bool IsExcused(TimeSpan began) => IsTroubled("gettoken", began - Aftermath);

    /// <summary>
    /// Whether a login saw a lease taken over whose new holder died as well: a death costs it 6 s of its 10, and T5 promises no more than one.
    /// </summary>
    private bool HasLapsedTwice(TimeSpan began) => _table.LastTakeover.At >= began && _lapses.ContainsKey(_table.LastTakeover.Lease);

    private bool IsTroubled(string what, TimeSpan since) =>
        _outages.Exists(outage => outage.Kind.StartsWith(what, StringComparison.Ordinal) && outage.Covers(since, _world.Now));

    private void Violate(string what)
    {
        if (_violations.Count < 20)
        {
            _violations.Add(string.Create(CultureInfo.InvariantCulture, $"at {_world.Now}: {what}; trouble: {string.Join(", ", _outages.Where(outage => outage.Covers(_world.Now - Aftermath, _world.Now)))}; row: {_table.Row?.Lease} {_table.Row?.LeasedAt - _world.UtcNow} {_table.Row?.ETag}"));
        }
    }
}
