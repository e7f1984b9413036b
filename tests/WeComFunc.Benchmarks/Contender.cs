using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace WeComFunc.Benchmarks;

/// <summary>An implementation of the login, as it is published.</summary>
/// <param name="Assembly">What <c>dotnet</c> runs.</param>
/// <param name="Arguments">Its command line, for the address it is to listen on.</param>
/// <param name="Settings">Its environment.</param>
internal sealed record Contender(string Assembly, Func<Uri, string[]> Arguments, Dictionary<string, string> Settings);

/// <summary>
/// A contender as a process, in an empty directory. What it prints goes to a file, as anything that reads along would cost CPU.
/// </summary>
internal sealed class Host : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("wecomfunc-");
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly int _hookPort = FreePort();
    private readonly Process _process;

    /// <param name="contender">What to start.</param>
    /// <param name="isObserved">Whether <see cref="Figures.AllocatedBytes"/> will be asked for.</param>
    public Host(Contender contender, bool isObserved = false)
    {
        Address = new Uri($"http://127.0.0.1:{FreePort()}/");
        Login = new Uri(Address, "api/login");
        string[] command = ["-c", "exec dotnet \"$@\" >log 2>&1", "sh", contender.Assembly, .. contender.Arguments(Address)];
        var start = new ProcessStartInfo("sh", command)
        {
            WorkingDirectory = _directory.FullName,
        };
        foreach (var (name, value) in contender.Settings)
        {
            start.Environment[name] = value;
        }

        foreach (var (name, value) in isObserved ? Figures.Settings(_hookPort) : [])
        {
            start.Environment[name] = value;
        }

        _process = Process.Start(start)!;
    }

    public Uri Address { get; }

    public Uri Login { get; }

    /// <summary>Since the process was started.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(_started);

    public Figures Figures => new(_process, _hookPort);

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

    /// <summary>Waits until it listens.</summary>
    public async Task ListeningAsync()
    {
        while (true)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Loopback, Address.Port);
                return;
            }
            catch (SocketException) when (!_process.HasExited && Age < StartLimit)
            {
                await Task.Delay(1);
            }
            catch (SocketException)
            {
                throw new InvalidOperationException($"It does not listen. {await LogAsync()}");
            }
        }
    }

    /// <inheritdoc cref="Logins.PostAsync"/>
    public Task LoginAsync() => Logins.PostAsync(Login, LogAsync);

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task<string> LogAsync() =>
        string.Join('\n', (await File.ReadAllLinesAsync(Path.Combine(_directory.FullName, "log"))).TakeLast(20));
}
