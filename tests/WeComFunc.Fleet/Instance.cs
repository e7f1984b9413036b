using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Health;
using WeComFunc.Http;
using WeComFunc.Login;
using WeComFunc.Secrets;
using WeComFunc.WeCom;

namespace WeComFunc.Fleet;

/// <summary>One process of the fleet: the real code of the login, with a clock of its own.</summary>
internal sealed class Instance : IDisposable
{
    private static readonly Settings Settings = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
    {
        ["DOTNET_ENVIRONMENT"] = "Development",
        ["WeCom:CorpId"] = "wwfleet",
        ["WeCom:CorpSecret"] = "that of the vault counts",
        ["TokenStore:ConnectionString"] = "UseDevelopmentStorage=true",
    }).Build());

    private static readonly EmptyCall Unread = new();

    private readonly Meters _meters = new();
    private readonly CorpApp _app;
    private readonly LoginHandler _handler;

    private readonly World _world;
    private readonly HealthEndpoint _health;

    public Instance(World world, WeComModel weCom, TableModel table, VaultModel vault, int slot, TimeSpan skew)
    {
        (_world, SettledAt) = (world, world.Now);
        var clock = new World.Clock(world, skew);
        var telemetry = new Telemetry(_meters);
        Connection = new Connection(world, weCom, table, vault, slot, Settings.App.CorpId);
        var client = new WeComClient(
            new HttpMessageInvoker(Connection),
            Settings.BaseUrl,
            Settings.App,
            clock,
            world.Random,
            telemetry,
            NullLogger<WeComClient>.Instance);
        var secrets = new CorpSecretSource(Settings.App, Connection, clock, NullLogger<CorpSecretSource>.Instance);
        var renewer = new TokenRenewer(Settings.App, client, secrets, Connection, clock, world.Random, NullLogger<TokenRenewer>.Instance);
        Tokens = new AccessTokenSource(Settings.App, renewer, clock, telemetry, NullLogger<AccessTokenSource>.Instance);
        _app = new CorpApp(Settings.App, client, secrets, Tokens);
        var apps = new CorpApps([_app]);
        _handler = new LoginHandler(apps, Settings.Login, departments: null, clock, telemetry);
        _health = new HealthEndpoint(apps, clock, NullLogger<HealthEndpoint>.Instance);
    }

    public Connection Connection { get; }

    public AccessTokenSource Tokens { get; }

    /// <summary>When a login last succeeded here.</summary>
    public TimeSpan SucceededAt { get; private set; } = TimeSpan.MinValue;

    /// <summary>The token that last served one from beginning to end.</summary>
    public string? ServedBy { get; private set; }

    /// <summary>When one last failed that was not a stranger's.</summary>
    public TimeSpan FailedAt { get; private set; } = TimeSpan.MinValue;

    /// <summary>When it last could not but use what the vault holds; at first, when it was born.</summary>
    public TimeSpan SettledAt { get; set; }

    public bool IsDead => Connection.IsDead;

    /// <summary>A login, from an address that no other login comes from, but for those of strangers.</summary>
    public async Task<LoginOutcome> LoginAsync(string code)
    {
        var isStrangers = Stranger.ErrcodeOf(code) is not null;
        var outcome = await _handler.LoginAsync(_app, code, isStrangers ? Stranger.Address : code, CancellationToken.None);
        SucceededAt = outcome.Body.Failure is null ? _world.Now : SucceededAt;
        ServedBy = outcome is { Body.Failure: null, Unseen: null } ? outcome.Token.Token.Value : ServedBy;
        FailedAt = outcome.Body.Failure is null || isStrangers ? FailedAt : _world.Now;
        return outcome;
    }

    /// <summary>What it reports to whoever watches it; null when it is well.</summary>
    public async Task<string?> ComplainAsync() => await _health.AnswerAsync(Unread, CancellationToken.None) is { Status: not 200 } answer
        ? Encoding.UTF8.GetString(answer.Body.Span)
        : null;

    public Task RefreshAsync() => Tokens.RefreshAsync(CancellationToken.None);

    /// <summary>The framework keeps every meter until it is disposed of, and all that it measures with it.</summary>
    public void Dispose() => _meters.Dispose();

    /// <summary>A request of which nothing is looked at.</summary>
    private sealed class EmptyCall : HttpCall
    {
        public override string? ContentType => null;

        public override string? ForwardedFor => null;

        public override Stream Body => Stream.Null;

        public override string? TraceParent => null;
    }

    private sealed class Meters : IMeterFactory
    {
        private readonly List<Meter> _meters = [];

        public Meter Create(MeterOptions options)
        {
            _meters.Add(new Meter(options));
            return _meters[^1];
        }

        public void Dispose() => _meters.ForEach(meter => meter.Dispose());
    }
}
