using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Security.KeyVault.Secrets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// An Azure Key Vault on 127.0.0.1 that the real <see cref="SecretClient"/> reads secrets from at its real address: same TLS, challenge,
/// token, error bodies.
/// </summary>
public sealed partial class KeyVault : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly KeyVaultSecrets _secrets = new();
    private readonly string _token = $"vault-token-{Guid.NewGuid():n}";
    private readonly HttpClient _client;

    // Bound and never listening: what connects to its port is refused for sure, while a port that was given up may be taken by another.
    private readonly Socket _closed = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly int _closedPort;

    private readonly ConcurrentDictionary<string, int> _reads = new(StringComparer.OrdinalIgnoreCase);
    private readonly AwaitableCount _readCount = new("reads of the vault");
    private TaskCompletionSource _modeChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private KeyVaultMode _mode;
    private int _challenges;
    private int _port;
    private WebApplication? _server;

    private KeyVault(string name)
    {
        Uri = new Uri($"https://{name}.vault.azure.net/");
        Credential = new KeyVaultCredential(_token);
        _closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _closedPort = _port = ((IPEndPoint)_closed.LocalEndPoint!).Port;
        _client = KeyVaultTransport.CreateClient(
            () => Port, handler => new CountingHandler(() => Clock?.Calls, _ => Mode is KeyVaultMode.Hang, handler));
        Transport = new HttpClientTransport(_client);
        _secrets.Remember(_token);
    }

    public Uri Uri { get; }

    /// <summary>The clock of who reads from it.</summary>
    public ManualTimeProvider? Clock { get; set; }

    /// <summary>Where <see cref="Transport"/> connects to on 127.0.0.1: another after each start, a closed one while stopped.</summary>
    public int Port => Volatile.Read(ref _port);

    /// <summary>Gives the only token that the vault accepts, and only for the scope of Key Vault.</summary>
    public TokenCredential Credential { get; }

    /// <summary>Connects to this vault whatever the host, and trusts its certificate only.</summary>
    public HttpPipelineTransport Transport { get; }

    /// <summary>What a throttled read is told to wait, in whole seconds; by default 1 s.</summary>
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Every secret value that was ever set, and the bearer token: none of them may show up in any output.</summary>
    public IReadOnlyCollection<string> IssuedSecrets => _secrets.Issued;

    /// <summary>Requests without the right bearer token.</summary>
    public int Challenges => _challenges;

    /// <summary>Authorised reads, whatever their answer, counted on arrival: a retry counts too.</summary>
    public int Reads => _readCount.Value;

    /// <summary>How reads are answered. A change lets go of the reads that hang.</summary>
    public KeyVaultMode Mode
    {
        get
        {
            lock (_lock)
            {
                return _mode;
            }
        }

        set
        {
            lock (_lock)
            {
                _mode = value;
                _modeChanged.TrySetResult();
                _modeChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }
    }

    /// <summary>A vault that accepts connections.</summary>
    /// <param name="name">
    /// Name of the vault. SecretClient remembers the challenge of each vault for the life of the process, so a test about the challenge
    /// itself takes a name of its own.
    /// </param>
    public static async Task<KeyVault> CreateAsync(string name = "wecomfunc-test")
    {
        var vault = new KeyVault(name);
        await vault.StartAsync().ConfigureAwait(false);
        return vault;
    }

    /// <summary>A client without retries unless the options say otherwise; their transport is replaced.</summary>
    public SecretClient CreateClient(SecretClientOptions? options = null)
    {
        options ??= new SecretClientOptions { Retry = { MaxRetries = 0 } };
        options.Transport = Transport;
        return new SecretClient(Uri, Credential, options);
    }

    /// <summary>Makes a new version, which is enabled, and gives its id.</summary>
    /// <param name="name">Of the secret.</param>
    /// <param name="value">What it holds.</param>
    /// <param name="createdOn">Since when it has been there; now by the system's clock unless the test has its own.</param>
    /// <param name="notBefore">Its activation date.</param>
    /// <param name="expiresOn">Its expiration date.</param>
    public string Set(
        string name, string value, DateTimeOffset? createdOn = null, DateTimeOffset? notBefore = null, DateTimeOffset? expiresOn = null) =>
        _secrets.Add(name, value, createdOn, notBefore, expiresOn);

    /// <summary>Disables a version, the newest unless its id is given.</summary>
    public void Disable(string name, string? id = null) => _secrets.Disable(name, id);

    public void Remove(string name) => _secrets.Remove(name);

    /// <summary>Authorised reads of one secret.</summary>
    public int ReadsOf(string name) => _reads.GetValueOrDefault(name);

    /// <summary>Completes once so many reads have arrived since the vault was made; fails when patience ends.</summary>
    public Task WaitForReadsAsync(int count) => _readCount.WaitAsync(count);

    /// <summary>Aborts open connections and refuses new ones.</summary>
    public async Task StopAsync()
    {
        if (_server is not { } server)
        {
            return;
        }

        _server = null;
        Volatile.Write(ref _port, _closedPort);
        await server.StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        await server.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Accepts connections again.</summary>
    public async Task StartAsync()
    {
        if (_server is not null)
        {
            return;
        }

        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseHttps(KeyVaultTransport.Certificate));
        });
        var server = builder.Build();
        server.Run(AnswerAsync);
        await server.StartAsync().ConfigureAwait(false);
        Volatile.Write(ref _port, new Uri(server.Urls.Single()).Port);
        _server = server;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _closed.Dispose();
        _client.Dispose();
    }
}
