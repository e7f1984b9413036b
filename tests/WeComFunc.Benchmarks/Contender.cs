using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace WeComFunc.Benchmarks;

/// <summary>An implementation of the login, as it is published.</summary>
/// <param name="Assembly">What <c>dotnet</c> runs.</param>
/// <param name="Arguments">Its command line, for the address it is to listen on.</param>
/// <param name="Settings">Its environment.</param>
internal sealed record Contender(string Assembly, Func<Uri, string[]> Arguments, Dictionary<string, string> Settings);

/// <summary>A contender as a process, in an empty directory. What it prints goes to a file, as anything that reads along would cost CPU.</summary>
internal sealed class Host : IAsyncDisposable
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseCookies = false }) { Timeout = TimeSpan.FromSeconds(30) };
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);
    private static long _codes;

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("wecomfunc-");
    private readonly long _started = Stopwatch.GetTimestamp();
    private readonly int _hookPort = FreePort();
    private readonly Process _process;

    /// <param name="contender">What to start.</param>
    /// <param name="isObserved">Whether <see cref="AllocatedBytes"/> will be asked for.</param>
    public Host(Contender contender, bool isObserved = false)
    {
        Address = new Uri($"http://127.0.0.1:{FreePort()}/");
        Login = new Uri(Address, "api/login");
        var start = new ProcessStartInfo("sh", ["-c", "exec dotnet \"$@\" >log 2>&1", "sh", contender.Assembly, .. contender.Arguments(Address)])
        {
            WorkingDirectory = _directory.FullName,
        };
        foreach (var (name, value) in contender.Settings)
        {
            start.Environment[name] = value;
        }

        if (isObserved)
        {
            start.Environment["DOTNET_STARTUP_HOOKS"] = typeof(Host).Assembly.Location;
            start.Environment["BENCHMARK_PORT"] = $"{_hookPort}";
        }

        _process = Process.Start(start)!;
    }

    public Uri Address { get; }

    public Uri Login { get; }

    /// <summary>Since the process was started.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(_started);

    public TimeSpan Cpu => Refreshed.TotalProcessorTime;

    public double ResidentMegabytes => Refreshed.WorkingSet64 / 1e6;

    private Process Refreshed
    {
        get
        {
            _process.Refresh();
            return _process;
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

    public long AllocatedBytes()
    {
        using var client = new TcpClient("127.0.0.1", _hookPort);
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
        return long.Parse(reader.ReadToEnd(), provider: null);
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

    /// <summary>Logs in.</summary>
    /// <exception cref="InvalidOperationException">The answer is not what it should be.</exception>
    public async Task LoginAsync()
    {
        using var body = new StringContent($$"""{"code":"one-{{Interlocked.Increment(ref _codes)}}"}""", Encoding.UTF8, "application/json");
        using var response = await Http.PostAsync(Login, body);
        var answer = await response.Content.ReadAsStringAsync();
        if (response.StatusCode is not HttpStatusCode.OK || !answer.Contains("\"userid\":\"zhangsan\"", StringComparison.Ordinal) || !answer.Contains("\"extattr\":{", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"{response.StatusCode}: {answer} {await LogAsync()}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _directory.Delete(recursive: true);
    }

    private async Task<string> LogAsync() => string.Join('\n', (await File.ReadAllLinesAsync(Path.Combine(_directory.FullName, "log"))).TakeLast(20));
}
