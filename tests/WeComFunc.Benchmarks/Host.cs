using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace WeComFunc.Benchmarks;

/// <summary>
/// A contender as a process, in an empty directory. What it prints goes to a file, as anything that reads along would cost CPU.
/// </summary>
internal sealed class Host : IRunning
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("wecomfunc-");
    private readonly Process _process;

    private Host(Contender contender, bool isObserved)
    {
        var address = new Uri($"http://127.0.0.1:{FreePort()}/");
        int? hookPort = isObserved ? FreePort() : null;
        string[] command = ["-c", "exec dotnet \"$@\" >log 2>&1", "sh", contender.Assembly, .. contender.Arguments(address)];
        var start = new ProcessStartInfo("sh", command) { WorkingDirectory = _directory.FullName };
        foreach (var (name, value) in contender.Settings.Concat(Figures.Settings(hookPort)))
        {
            start.Environment[name] = value;
        }

        Login = new Uri(address, "api/login");
        _process = Process.Start(start)!;
        Figures = new(_process, hookPort);
    }

    public Uri Login { get; }

    public Figures Figures { get; }

    /// <summary>Starts it, and waits until it listens.</summary>
    /// <param name="contender">What to start.</param>
    /// <param name="isObserved">Whether <see cref="Figures.AllocatedBytes"/> will be asked for.</param>
    public static async Task<IRunning> StartAsync(Contender contender, bool isObserved = false)
    {
        var host = new Host(contender, isObserved);
        try
        {
            await host.ListeningAsync();
            return host;
        }
        catch
        {
            await host.DisposeAsync();
            throw;
        }
    }

    // Below the range that outgoing connections take their ports from, so that none of theirs gets in between.
    public static int FreePort()
    {
        while (true)
        {
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(20000, 30000));
                listener.Start();
                return ((IPEndPoint)listener.LocalEndpoint).Port;
            }
            catch (SocketException taken) when (taken.SocketErrorCode is SocketError.AddressAlreadyInUse)
            {
            }
        }
    }

    public Task LoginAsync() => Logins.PostAsync(Login, LogAsync);

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task ListeningAsync()
    {
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, Login.Port);
                return;
            }
            catch (SocketException) when (!_process.HasExited && Stopwatch.GetElapsedTime(started) < StartLimit)
            {
                await Task.Delay(1);
            }
            catch (SocketException)
            {
                throw new InvalidOperationException($"It does not listen. {await LogAsync()}");
            }
        }
    }

    private async Task<string> LogAsync() =>
        string.Join('\n', (await File.ReadAllLinesAsync(Path.Combine(_directory.FullName, "log"))).TakeLast(20));
}
