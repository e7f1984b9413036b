using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Health;
using WeComFunc.Http;
using WeComFunc.Login;
using WeComFunc.Secrets;
using WeComFunc.WeCom;

namespace WeComFunc.Fleet;

/// <summary>One app in one process of the fleet.</summary>
internal sealed class Instance
{
    private static readonly EmptyCall Unread = new();

    private readonly World _world;
    private readonly Func<LoginHandler> _handler;
    private readonly HealthEndpoint _health;

    /// <param name="world">The time.</param>
    /// <param name="settings">Those of the fleet.</param>
    /// <param name="app">The app, and what surrounds it.</param>
    /// <param name="slot">The process's place in the fleet.</param>
    /// <param name="clock">The process's clock.</param>
    /// <param name="telemetry">The process's.</param>
    /// <param name="handler">The process's, which serves all its apps.</param>
    public Instance(
        World world, Settings settings, SimulatedApp app, int slot, TimeProvider clock, Telemetry telemetry, Func<LoginHandler> handler)
    {
        (_world, _handler, SettledAt) = (world, handler, world.Now);
        Connection = new Connection(world, app.WeCom, app.Table, app.Vault, slot, app.App, app.Breaches.Add);
        var client = new WeComClient(
            new HttpMessageInvoker(Connection),
            settings.BaseUrl,
            app.App,
            clock,
            world.Random,
            telemetry,
            NullLogger<WeComClient>.Instance);
        var secrets = new CorpSecretSource(app.App, Connection, clock, NullLogger<CorpSecretSource>.Instance);
        var renewer = new TokenRenewer(app.App, client, secrets, Connection, clock, world.Random, NullLogger<TokenRenewer>.Instance);
        Tokens = new AccessTokenSource(app.App, renewer, clock, telemetry, NullLogger<AccessTokenSource>.Instance);
        App = new CorpApp(app.App, client, secrets, Tokens);
        _health = new HealthEndpoint(new CorpApps([App]), clock, NullLogger<HealthEndpoint>.Instance);
    }

    public CorpApp App { get; }

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
        var outcome = await _handler().LoginAsync(App, code, isStrangers ? Stranger.Address : code, CancellationToken.None);
        SucceededAt = outcome.Body.Failure is null ? _world.Now : SucceededAt;
        ServedBy = outcome is { Body.Failure: null, Unseen: null } ? outcome.Token.Token.Value : ServedBy;
        FailedAt = outcome.Body.Failure is null || isStrangers ? FailedAt : _world.Now;
        return outcome;
    }

    /// <summary>What it reports of its app to whoever watches it; null when that is well.</summary>
    public async Task<string?> ComplainAsync() => await _health.AnswerAsync(Unread, CancellationToken.None) is { Status: not 200 } answer
        ? Encoding.UTF8.GetString(answer.Body.Span)
        : null;

    public Task RefreshAsync() => Tokens.RefreshAsync(CancellationToken.None);

    /// <summary>A request of which nothing is looked at.</summary>
    private sealed class EmptyCall : HttpCall
    {
        public override string? ContentType => null;

        public override string? ForwardedFor => null;

        public override Stream Body => Stream.Null;

        public override string? TraceParent => null;
    }
}
