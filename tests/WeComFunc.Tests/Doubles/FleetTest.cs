using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

/// <summary>A test of hosts that share a table, a simulator and a clock.</summary>
public abstract class FleetTest(Azurite azurite, ManualTimeProvider clock) : IAsyncLifetime
{
    private readonly List<IAsyncDisposable> _started = [];

    protected static WeComApp App { get; } = new(SimulatorState.SeedCorpId, "wecom-corpsecret");

    protected Azurite Azurite { get; } = azurite;

    protected ManualTimeProvider Clock { get; } = clock;

    protected string Table { get; } = LoginHost.NewTable();

    protected SimulatorServer Simulator { get; private set; } = null!;

    protected SimulatorState WeCom => Simulator.State;

    protected int GetTokenCalls => WeCom[Api.GetToken].Calls.Arrived;

    public virtual async Task InitializeAsync() => Simulator = await SimulatorServer.StartAsync(Clock);

    public async Task DisposeAsync()
    {
        foreach (var started in Enumerable.Reverse(_started))
        {
            await started.DisposeAsync();
        }

        Output.Run.Secrets(WeCom.IssuedSecrets);
        await Simulator.DisposeAsync();
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

    /// <summary>Waits for something that happens behind a login's back; it is an error of the test run when it never does.</summary>
    protected static async Task UntilAsync(Func<Task<bool>> happened)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!await happened())
        {
            await Task.Delay(5, limit.Token);
        }
    }
}
