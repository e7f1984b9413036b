using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace WeComFunc.Benchmarks;

/// <summary>What one run of the load generator saw.</summary>
internal sealed record Load(double Answers, double Seconds, double P50, double P99, double Lost)
{
    public double PerSecond => Answers / Seconds;

    /// <summary>Posts codes to <paramref name="address"/> by wrk, over so many connections, each with one login after the other.</summary>
    public static async Task<Load> RunAsync(Uri address, int connections, int seconds, bool posts = true)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "login.lua");
        using var wrk = Process.Start(new ProcessStartInfo(
            "wrk", [
                "-t1",
                $"-c{connections}",
                $"-d{seconds}s",
                "--timeout",
                "15s",
                "-s",
                script,
                address.AbsoluteUri,
                .. posts ? [] : (string[])["--", "get"]
            ])
        {
            RedirectStandardOutput = true,
        })!;
        var output = await wrk.StandardOutput.ReadToEndAsync();
        await wrk.WaitForExitAsync();
        var numbers =
            output.TrimEnd().Split('\n')[^1].Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        return new(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
    }
}

/// <summary>The Table Storage emulator, for the token of ours. It ends with its standard input.</summary>
internal sealed class Azurite : IAsyncDisposable
{
    // Public: the key of every emulator, as documented.
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private readonly Process _process;

    private Azurite(Process process, string endpoint) =>
        (_process, ConnectionString) = (process, $"AccountName=devstoreaccount1;AccountKey={Key};TableEndpoint={endpoint}");

    public string ConnectionString { get; }

    public static async Task<Azurite> StartAsync()
    {
        var port = Host.FreePort();
        var process = Process.Start(new ProcessStartInfo(
            "node", [
                "tests/azurite/table.js", "--tableHost", "127.0.0.1", "--tablePort", $"{port}", "--inMemoryPersistence",
                "--disableTelemetry", "-s"
            ])
        {
            RedirectStandardInput = true,
        })!;
        var azurite = new Azurite(process, $"http://127.0.0.1:{port}/devstoreaccount1");
        using var http = new HttpClient();
        while (!process.HasExited)
        {
            try
            {
                using var response = await http.GetAsync(new Uri($"http://127.0.0.1:{port}/devstoreaccount1/Tables"));
                return response.StatusCode is HttpStatusCode.Forbidden
                    ? azurite
                    : throw new InvalidOperationException("That is not the emulator.");
            }
            catch (HttpRequestException)
            {
                await Task.Delay(20);
            }
        }

        throw new InvalidOperationException("The Table Storage emulator does not start.");
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
