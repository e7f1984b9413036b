using System.Text.RegularExpressions;
using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

/// <summary>What <c>run.sh</c> starts, up, and a browser where there is one.</summary>
public sealed partial class RunningPlayground : IAsyncLifetime
{
    private readonly HostProcess _process;
    private Browser? _browser;

    public RunningPlayground()
    {
        Output.Run.Start();
        Output.Run.Secret(SimulatorServer.LocalSecret, "corpsecret");
        _process = HostProcess.Start("WeComFunc.Playground", []);
    }

    /// <summary>Where its console is.</summary>
    public Uri Console { get; private set; } = null!;

    /// <summary>Where its simulator is.</summary>
    public Uri Simulator { get; private set; } = null!;

    internal Browser Browser => _browser!;

    public async Task InitializeAsync()
    {
        await _process.WaitForLineAsync("What else the simulator does on demand");
        Console = Addresses("The console: ")[0];
        Simulator = Addresses("Up until Ctrl-C: ")[1];
        _browser = Browser.Program is null ? null : await Browser.StartAsync();
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null)
        {
            await _browser.DisposeAsync();
        }

        await _process.SignalAsync("TERM");
        await _process.ExitAsync();
        await _process.DisposeAsync();
    }

    private List<Uri> Addresses(string beginning) =>
    [
        .. AddressPattern().Matches(_process.Lines.First(line => line.StartsWith(beginning, StringComparison.Ordinal)))
            .Select(address => new Uri(address.Value)),
    ];

    [GeneratedRegex("http://[0-9.:]+")]
    private static partial Regex AddressPattern();
}
