using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using WeComFunc.AccessTokens;
using WeComFunc.Login;
using WeComFunc.WeCom;

namespace WeComFunc.Fleet;

/// <summary>One process of the fleet: the real code of the login, with a clock of its own.</summary>
internal sealed class Instance : IDisposable
{
    public static readonly CorpSecret Secret = new("the corpsecret of the fleet");

    private static readonly Settings Settings = Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
    {
        ["DOTNET_ENVIRONMENT"] = "Development",
        ["WeCom:CorpId"] = "wwfleet",
        ["WeCom:CorpSecret"] = Secret.Value,
        ["TokenStore:ConnectionString"] = "UseDevelopmentStorage=true",
    }).Build());

    private readonly Meters _meters = new();
    private readonly LoginHandler _handler;

    public Instance(World world, WeComModel weCom, TableModel table, VaultModel vault, TimeSpan skew)
    {
        var clock = new World.Clock(world, skew);
        var telemetry = new Telemetry(_meters);
        Connection = new Connection(world, weCom, table, vault, Settings.App.CorpId);
        var client = new WeComClient(new HttpMessageInvoker(Connection), Settings, clock, world.Random, telemetry, NullLogger<WeComClient>.Instance);
        var secrets = new CorpSecretSource(Settings.App, Connection, clock, NullLogger<CorpSecretSource>.Instance);
        var renewer = new TokenRenewer(Settings.App, client, secrets, Connection, clock, world.Random, NullLogger<TokenRenewer>.Instance);
        Tokens = new AccessTokenSource(Settings.App, renewer, clock, telemetry, NullLogger<AccessTokenSource>.Instance);
        _handler = new LoginHandler(Settings, Tokens, client, clock, telemetry);
    }

    public Connection Connection { get; }

    public AccessTokenSource Tokens { get; }

    public bool IsDead => Connection.IsDead;

    /// <summary>The token that stands in a row.</summary>
    public static string? TokenOf(TokenRow? row) => row?.Open(Secret)?.Value;

    /// <summary>A login, from an address that no other login comes from.</summary>
    public async Task<Failure?> LoginAsync(string code) => (await _handler.LoginAsync(code, caller: code, CancellationToken.None)).Answer.Failure;

    public Task RefreshAsync() => Tokens.RefreshAsync(CancellationToken.None);

    /// <summary>The framework keeps every meter until it is disposed of, and all that it measures with it.</summary>
    public void Dispose() => _meters.Dispose();

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
