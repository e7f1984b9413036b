using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

/// <summary>A test against a simulator of its own.</summary>
/// <param name="clock">The simulator's clock; that of this machine by default.</param>
public abstract class WeComTest(TimeProvider? clock = null) : IAsyncLifetime
{
    protected SimulatorServer Simulator { get; private set; } = null!;

    protected SimulatorState WeCom => Simulator.State;

    public virtual async Task InitializeAsync() => Simulator = await SimulatorServer.StartAsync(clock);

    public virtual async Task DisposeAsync()
    {
        Output.Run.Secrets(WeCom.IssuedSecrets);
        await Simulator.DisposeAsync();
    }
}
