using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

/// <summary>A test of hosts that share a table, a simulator and a clock.</summary>
public abstract class FleetTest(Azurite azurite, ManualTimeProvider clock) : WeComTest(clock)
{
    private readonly List<IAsyncDisposable> _started = [];

    protected static WeComApp App { get; } = new(SimulatorState.SeedCorpId, "wecom-corpsecret");

    protected Azurite Azurite { get; } = azurite;

    protected ManualTimeProvider Clock { get; } = clock;

    protected string Table { get; } = LoginHost.NewTable();

    protected int GetTokenCalls => WeCom[Api.GetToken].Calls.Arrived;

    public override async Task DisposeAsync()
    {
        foreach (var started in Enumerable.Reverse(_started))
        {
            await started.DisposeAsync();
        }

        await base.DisposeAsync();
    }

    /// <summary>Starts a host in this process.</summary>
    protected async Task<LoginHost> StartAsync(
        KeyVault? vault = null,
        Azurite? azurite = null,
        ManualTimeProvider? clock = null,
        Dictionary<string, string?>? settings = null,
        Action<IServiceCollection>? configure = null) =>
        Ends(await LoginHost.StartAsync(Simulator, azurite ?? Azurite, clock ?? Clock, Table, vault, settings, configure));

    /// <summary>Has something end with the test.</summary>
    protected T Ends<T>(T started)
        where T : IAsyncDisposable
    {
        _started.Add(started);
        return started;
    }
}
