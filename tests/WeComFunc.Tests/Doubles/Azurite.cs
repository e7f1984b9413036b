using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace WeComFunc.Tests.Doubles;

/// <summary>The Table Storage emulator on a port of its own, with its data in memory.</summary>
public sealed class Azurite : IAsyncLifetime
{
    private const string Account = "devstoreaccount1";

    // Public: the key of every emulator, as documented.
    private const string AccountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(10);

    private readonly int _port = FreePort();
    private readonly StringBuilder _complaints = new();
    private readonly X509Certificate2? _certificate;
    private DirectoryInfo? _certificateFiles;
    private Process? _process;

    public Azurite()
    {
    }

    private Azurite(X509Certificate2 certificate) => _certificate = certificate;

    /// <summary>The Table endpoint, account included.</summary>
    public Uri Endpoint => new($"{(_certificate is null ? "http" : "https")}://127.0.0.1:{_port}/{Account}");

    public string ConnectionString => $"AccountName={Account};AccountKey={AccountKey};TableEndpoint={Endpoint}";

    /// <summary>Whether it answers nothing.</summary>
    public bool IsFrozen { get; private set; }

    /// <summary>
    /// One that also takes bearer tokens, over https with a certificate of its own; see <see cref="CreateTrustingHandler"/>.
    /// </summary>
    public static Azurite WithBearerTokens()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=127.0.0.1", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        return new(request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1)));
    }

    /// <summary>A handler that trusts this emulator's certificate and no other.</summary>
    public HttpClientHandler CreateTrustingHandler() => new()
    {
        ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate?.Thumbprint == _certificate?.Thumbprint,
    };

    public Task InitializeAsync() => StartAsync();

    public async Task DisposeAsync()
    {
        await StopAsync();
        _certificateFiles?.Delete(recursive: true);
        _certificate?.Dispose();
    }

    /// <summary>Starts it, on the same port every time; it has no tables then.</summary>
    public async Task StartAsync()
    {
        var home = Path.Combine(Repository.Root, "tests", "azurite");
        if (!Directory.Exists(Path.Combine(home, "node_modules", "azurite")))
        {
            throw new InvalidOperationException("The Table Storage emulator is not installed: run ./test.sh, which installs it.");
        }

        _complaints.Clear();
        _process = Process.Start(new ProcessStartInfo("node", Arguments())
        {
            WorkingDirectory = home,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _process.ErrorDataReceived += (_, line) => _complaints.AppendLine(line.Data);
        _process.BeginErrorReadLine();
        await BeReadyAsync();
    }

    /// <summary>Stops it; whoever connects is refused.</summary>
    public async Task StopAsync()
    {
        if (_process is null)
        {
            return;
        }

        _process.StandardInput.Close();
        using var limit = new CancellationTokenSource(StopLimit);
        try
        {
            await _process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
        }

        _process.Dispose();
        _process = null;
    }

    /// <summary>From here on it accepts connections and answers nothing, until <see cref="ResumeAsync"/>.</summary>
    public Task FreezeAsync()
    {
        IsFrozen = true;
        return SignalAsync("SIGSTOP");
    }

    public Task ResumeAsync()
    {
        IsFrozen = false;
        return SignalAsync("SIGCONT");
    }

    // Below the range that outgoing connections take their ports from, so that none of theirs gets in between.
    private static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(20000, 30000);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                return port;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
            {
            }
        }
    }

    private List<string> Arguments()
    {
        List<string> arguments = ["table.js", "--tablePort", $"{_port}"];
        if (_certificate is not null)
        {
            _certificateFiles ??= Directory.CreateTempSubdirectory();
            var certificate = Path.Combine(_certificateFiles.FullName, "cert.pem");
            var key = Path.Combine(_certificateFiles.FullName, "key.pem");
            File.WriteAllText(certificate, _certificate.ExportCertificatePem());
            File.WriteAllText(key, _certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem());
            arguments.AddRange(["--oauth", "basic", "--cert", certificate, "--key", key]);
        }

        return arguments;
    }

    private async Task BeReadyAsync()
    {
        using var http = new HttpClient(CreateTrustingHandler()) { Timeout = StartLimit };
        var waited = Stopwatch.StartNew();
        while (true)
        {
            try
            {
                using var response = await http.GetAsync(new Uri($"{Endpoint}/Tables"));
                if (response.StatusCode == HttpStatusCode.Forbidden)
                {
                    return;
                }
            }
            catch (HttpRequestException) when (!_process!.HasExited && waited.Elapsed < StartLimit)
            {
                await Task.Delay(20);
                continue;
            }
            catch (HttpRequestException e)
            {
                await StopAsync();
                throw new InvalidOperationException($"The Table Storage emulator does not start. {_complaints}", e);
            }

            throw new InvalidOperationException($"Something else than the Table Storage emulator answers at {Endpoint}.");
        }
    }

    private async Task SignalAsync(string signal)
    {
        await _process!.StandardInput.WriteLineAsync(signal);
        await _process.StandardInput.FlushAsync();
        await _process.StandardOutput.ReadLineAsync();
    }
}

/// <summary>Tests that share one emulator and run one after the other.</summary>
[CollectionDefinition(Name)]
[SuppressMessage("Naming", "CA1711", Justification = "A collection is what xunit calls it.")]
public sealed class AzuriteCollection : ICollectionFixture<Azurite>
{
    public const string Name = "azurite";
}

/// <summary>Tests of whole hosts, with an emulator of their own: they take as long as those that share the other one.</summary>
[CollectionDefinition(Name)]
[SuppressMessage("Naming", "CA1711", Justification = "A collection is what xunit calls it.")]
public sealed class HostsCollection : ICollectionFixture<Azurite>
{
    public const string Name = "hosts";
}
