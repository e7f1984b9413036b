using System.Diagnostics;
using System.Net;

namespace WeComFunc.Benchmarks;

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
        var process = Process.Start(new ProcessStartInfo("node", ["tests/azurite/table.js", "--tablePort", $"{port}"])
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
