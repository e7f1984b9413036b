using System.Diagnostics;
using System.Net.Sockets;
using System.Text;

namespace WeComFunc.Benchmarks;

/// <summary>What a process has cost so far.</summary>
/// <param name="process">The process.</param>
/// <param name="hookPort">Where its <see cref="StartupHook"/> listens, if it has one.</param>
internal sealed class Figures(Process process, int? hookPort)
{
    public TimeSpan Cpu => Refreshed.TotalProcessorTime;

    public double ResidentMegabytes => Refreshed.WorkingSet64 / 1e6;

    private Process Refreshed
    {
        get
        {
            process.Refresh();
            return process;
        }
    }

    /// <summary>The environment that <see cref="AllocatedBytes"/> takes; empty without a hook.</summary>
    public static Dictionary<string, string> Settings(int? hookPort) => hookPort is null ? [] : new()
    {
        ["DOTNET_STARTUP_HOOKS"] = typeof(Figures).Assembly.Location,
        ["BENCHMARK_PORT"] = $"{hookPort}",
    };

    /// <returns>0 without a hook.</returns>
    public long AllocatedBytes()
    {
        if (hookPort is not { } port)
        {
            return 0;
        }

        using var client = new TcpClient("127.0.0.1", port);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        return long.Parse(reader.ReadToEnd(), provider: null);
    }
}
