using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace WeComFunc.Simulator;

/// <summary>The simulator as a program of its own, until Ctrl-C.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] args)
    {
        var options = new ConfigurationBuilder().AddCommandLine(args).Build();
        var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            await using var simulator = await SimulatorServer.StartAsync(
                secret: options["secret"] ?? SimulatorServer.LocalSecret,
                url: options["urls"] ?? "http://127.0.0.1:7072",
                log: Console.Out);
            Console.WriteLine($"Simulator ready on {simulator.BaseAddress} for {SimulatorState.SeedCorpId}, control under /sim/");
            await stop.Task;
            return 0;
        }
        catch (Exception mistake) when (mistake is IOException or SocketException or ArgumentException or FormatException)
        {
            await Console.Error.WriteLineAsync(mistake.Message);
            return 1;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.TrySetResult();
        }
    }
}
