using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Security.KeyVault.Secrets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// An Azure Key Vault on 127.0.0.1 that the real <see cref="SecretClient"/> reads secrets from at its real address: same TLS, challenge,
/// token, error bodies.
/// </summary>
public sealed class KeyVault : IAsyncDisposable
{
    private const string Tenant = "0f1e2d3c-4b5a-4697-8796-a5b4c3d2e1f0";

    private readonly Lock _lock = new();
    private readonly KeyVaultSecrets _secrets = new();
    private readonly string _token = $"vault-token-{Guid.NewGuid():n}";
    private readonly HttpClient _client;

    // Bound and never listening: what connects to its port is refused for sure, while a port that was given up may be taken by another.
    private readonly Socket _closed = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private readonly ConcurrentDictionary<string, int> _reads = new(StringComparer.OrdinalIgnoreCase);
    private readonly AwaitableCount _readCount = new("reads of the vault");
    private TaskCompletionSource _modeChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private KeyVaultMode _mode;
    private int _challenges;
    private WebApplication? _server;

    private KeyVault(string name)
    {
        Uri = new Uri($"https://{name}.vault.azure.net/");
        Credential = new KeyVaultCredential(_token);
        _closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _client = KeyVaultTransport.CreateClient(() => Port);
        Transport = new HttpClientTransport(_client);
        _secrets.Remember(_token);
    }

    public Uri Uri { get; }

    /// <summary>The port on 127.0.0.1 that <see cref="Transport"/> connects to: another one after each start, a closed one while stopped.</summary>
    public int Port => _server is { } server ? new Uri(server.Urls.Single()).Port : ((IPEndPoint)_closed.LocalEndPoint!).Port;

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

    /// <param name="name">
    /// Name of the vault. SecretClient remembers the challenge of each vault for the life of the process, so a test about the challenge
    /// itself takes a name of its own.
    /// </param>
    public static async Task<KeyVault> StartAsync(string name = "wecomfunc-test")
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
    public string Set(string name, string value) => _secrets.Add(name, value);

    /// <summary>Disables the newest version.</summary>
    public void Disable(string name) => _secrets.Disable(name);

    public void Remove(string name) => _secrets.Remove(name);

    /// <summary>Authorised reads of one secret.</summary>
    public int ReadsOf(string name) => _reads.GetValueOrDefault(name);

    /// <summary>Completes once so many reads have arrived since the vault was made; fails after a minute of real time.</summary>
    public Task WaitForReadsAsync(int count) => _readCount.WaitAsync(count);

    /// <summary>Aborts open connections and refuses new ones.</summary>
    public async Task StopAsync()
    {
        if (_server is not { } server)
        {
            return;
        }

        _server = null;
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
        _server = server;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _closed.Dispose();
        _client.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Headers.Authorization != $"Bearer {_token}")
        {
            Interlocked.Increment(ref _challenges);
            context.Response.Headers.WWWAuthenticate =
                $"Bearer authorization=\"https://login.microsoftonline.com/{Tenant}\", resource=\"https://vault.azure.net\"";
            await AnswerAsync(context, StatusCodes.Status401Unauthorized, KeyVaultErrors.Unauthorized).ConfigureAwait(false);
            return;
        }

        if (context.Request.Method != HttpMethods.Get
            || context.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries) is not ["secrets", var name, .. { Length: < 2 } rest])
        {
            var message = $"This vault only reads secrets, and got {context.Request.Method} {context.Request.Path}.";
            await AnswerAsync(context, StatusCodes.Status400BadRequest, KeyVaultErrors.BadParameter(message)).ConfigureAwait(false);
            return;
        }

        if (!context.Request.Query.ContainsKey("api-version"))
        {
            var error = KeyVaultErrors.BadParameter("AKV10046: The api-version query parameter is missing.");
            await AnswerAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        CountRead(name);
        await (await ModeOfAnswerAsync(context.RequestAborted).ConfigureAwait(false) switch
        {
            KeyVaultMode.Normal => AnswerWithSecretAsync(context, name, rest is [var id] ? id : null),
            KeyVaultMode.Forbidden => AnswerAsync(context, StatusCodes.Status403Forbidden, KeyVaultErrors.Forbidden),
            KeyVaultMode.Throttled => AnswerThrottledAsync(context),
            KeyVaultMode.InternalError => AnswerAsync(context, StatusCodes.Status500InternalServerError, KeyVaultErrors.InternalError),
            KeyVaultMode.Unavailable => AnswerAsync(context, StatusCodes.Status503ServiceUnavailable, KeyVaultErrors.Unavailable),
            _ => Task.CompletedTask,
        }).ConfigureAwait(false);
    }

    /// <summary>The mode once it is none that hangs, or <see cref="KeyVaultMode.Hang"/> if the client has gone.</summary>
    private async Task<KeyVaultMode> ModeOfAnswerAsync(CancellationToken aborted)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_mode != KeyVaultMode.Hang || aborted.IsCancellationRequested)
                {
                    return _mode;
                }

                changed = _modeChanged.Task;
            }

            await changed.WaitAsync(aborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task AnswerWithSecretAsync(HttpContext context, string name, string? id) => _secrets.Find(name, id) switch
    {
        null => AnswerAsync(context, StatusCodes.Status404NotFound, KeyVaultErrors.NotFound(name)),
        { Enabled: false } => AnswerAsync(context, StatusCodes.Status403Forbidden, KeyVaultErrors.Disabled),
        var version => AnswerAsync(context, StatusCodes.Status200OK, new
        {
            value = version.Value,
            id = $"{Uri}secrets/{name}/{version.Id}",
            attributes = new
            {
                enabled = true,
                created = version.Created,
                updated = version.Created,
                recoveryLevel = "Recoverable+Purgeable",
                recoverableDays = 90,
            },
        }),
    };

    private Task AnswerThrottledAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = $"{(long)RetryAfter.TotalSeconds}";
        return AnswerAsync(context, StatusCodes.Status429TooManyRequests, KeyVaultErrors.Throttled);
    }

    private static Task AnswerAsync(HttpContext context, int status, object body)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["x-ms-request-id"] = Guid.NewGuid().ToString();
        return context.Response.WriteAsJsonAsync(body, context.RequestAborted);
    }

    private void CountRead(string name)
    {
        _reads.AddOrUpdate(name, 1, (_, count) => count + 1);
        _readCount.Increment();
    }
}
