using System.Net;
using System.Net.Sockets;
using System.Text;

/// <summary>
/// Tells how many bytes a process has allocated, to whoever connects to the port in BENCHMARK_PORT. The runtime runs it before Main of any
/// process with DOTNET_STARTUP_HOOKS, so that what is measured knows nothing of it.
/// </summary>
internal static class StartupHook
{
    public static void Initialize()
    {
        var listener = new TcpListener(
            IPAddress.Loopback, int.Parse(Environment.GetEnvironmentVariable("BENCHMARK_PORT")!, provider: null));
        listener.Start();
        new Thread(() =>
        {
            while (true)
            {
                using var client = listener.AcceptSocket();
                client.Send(Encoding.ASCII.GetBytes($"{GC.GetTotalAllocatedBytes(precise: true)}"));
            }
        })
        { IsBackground = true }.Start();
    }
}
