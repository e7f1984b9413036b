using System.Text;
using System.Text.Json;
using Azure;
using Azure.Data.Tables;
using Azure.Security.KeyVault.Secrets;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Azure;
using WeComFunc.LocalHost;
using WeComFunc.Simulator;
using WeComFunc.WeCom;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// The local host in this process, on real Kestrel: with a clock that the test moves, a simulator, and the emulator's Table Storage. Its
/// timer is off unless a test gives it a schedule; everything it puts out goes to <see cref="Output.Run"/>.
/// </summary>
public sealed class LoginHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private LoginHost(WebApplication app, WatchedTokenStore store, LogLines log)
    {
        _app = app;
        Store = store;
        Log = log;
        Client = HostClient.Create(new Uri(app.Urls.First()));
    }

    public HttpClient Client { get; }

    /// <summary>The table as this host sees it: counts, and fails on demand.</summary>
    public WatchedTokenStore Store { get; }

    /// <summary>What this host logged.</summary>
    public LogLines Log { get; }

    public IServiceProvider Services => _app.Services;

    /// <param name="simulator">The WeCom it talks to.</param>
    /// <param name="azurite">Where its table is.</param>
    /// <param name="clock">Its clock.</param>
    /// <param name="table">Its table; hosts with the same one are a fleet. One of its own by default.</param>
    /// <param name="vault">
    /// Where the corpsecret is; the simulator's corpsecret is a setting of the Development environment by default.
    /// </param>
    /// <param name="settings">Further settings, names with <c>__</c>.</param>
    /// <param name="configure">Changes the services before the login is added.</param>
    /// <param name="network">What brings its calls to WeCom; its own by default.</param>
    public static async Task<LoginHost> StartAsync(
        SimulatorServer simulator,
        Azurite azurite,
        ManualTimeProvider clock,
        string? table = null,
        KeyVault? vault = null,
        Dictionary<string, string?>? settings = null,
        Action<IServiceCollection>? configure = null,
        HttpMessageHandler? network = null)
    {
        Output.Run.Start();
        var all = Settings(simulator, azurite, table ?? NewTable(), vault);
        foreach (var (name, value) in settings ?? [])
        {
            all[name] = value;
        }

        WatchedTokenStore? store = null;
        var log = new LogLines();
        var app = LocalHostApp.Create(["--urls", "http://127.0.0.1:0", "--settings", "none"], builder =>
        {
            builder.Configuration.AddInMemoryCollection(
                all.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":"), setting.Value)));
            builder.Logging.ClearProviders().AddProvider(new OutputLoggerProvider(Output.Run)).AddProvider(log);
            builder.Services.AddSingleton<TimeProvider>(clock);
            builder.Services.AddSingleton(new HttpMessageInvoker(
                new CountingHandler(() => clock.Calls, simulator.State.IsWaiting, network ?? WeComClient.CreateHandler())));
            builder.Services.AddSingleton<ITokenStore>(services => store = new WatchedTokenStore(
                new TableTokenStore(services.GetRequiredService<TableClient>()), clock, () => azurite.IsFrozen));
            if (vault is not null)
            {
                vault.Clock = clock;
                builder.Services.AddSingleton(vault.Credential);
                builder.Services.AddSingleton(services => KeyVaultSecretStore.CreateClient(
                    vault.Uri,
                    services.GetRequiredService<AppIdentity>(),
                    new SecretClientOptions { Transport = vault.Transport }.CountedBeside(clock)));
            }

            configure?.Invoke(builder.Services);
        });
        await app.StartAsync();
        return new(app, store!, log);
    }

    /// <summary>The settings that a host needs, names with <c>__</c>; they are good for a process of its own as well.</summary>
    public static Dictionary<string, string?> Settings(SimulatorServer simulator, Azurite azurite, string table, KeyVault? vault = null)
    {
        Output.Run.Secret(simulator.State.CorpSecret, "corpsecret");
        return new()
        {
            ["WeCom__CorpId"] = SimulatorState.SeedCorpId,
            ["WeCom__BaseUrl"] = simulator.BaseAddress.AbsoluteUri,
            ["WeCom__CorpSecret"] = vault is null ? simulator.State.CorpSecret : null,
            ["KeyVault__Uri"] = vault?.Uri.AbsoluteUri,
            ["DOTNET_ENVIRONMENT"] = vault is null ? "Development" : null,
            ["TokenStore__ConnectionString"] = azurite.ConnectionString,
            ["TokenStore__TableName"] = table,
            ["TokenRefreshSchedule"] = "0 0 0 1 1 *",
            ["Logging__LogLevel__Default"] = "Trace",
            ["Logging__LogLevel__Microsoft.AspNetCore"] = "Trace",
        };
    }

    /// <summary>A table name that no other test has.</summary>
    public static string NewTable() => $"t{Guid.NewGuid():N}";

    /// <summary>Logs in with a code.</summary>
    public Task<LoginAnswer> LoginAsync(string code)
    {
        Output.Run.Secret(code, "code");
        return PostAsync(JsonSerializer.Serialize(new { code }));
    }

    /// <summary>Posts a body to <c>/api/login</c>.</summary>
    public async Task<LoginAnswer> PostAsync(string body, string? contentType = "application/json")
    {
        using var content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
        content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        return await PostAsync(content);
    }

    /// <summary>Posts a body to <c>/api/login</c>.</summary>
    public async Task<LoginAnswer> PostAsync(HttpContent content) =>
        await LoginAnswer.OfAsync(await Client.PostAsync("/api/login", content));

    /// <summary>Asks for <c>/api/health</c>.</summary>
    public async Task<LoginAnswer> HealthAsync() => await LoginAnswer.OfAsync(await Client.GetAsync("/api/health"));

    /// <summary>The timer's work, now.</summary>
    public Task RefreshAsync() => Services.GetRequiredService<TokenRefresh>().RunAsync(CancellationToken.None);

    /// <summary>
    /// Ends when no renewal is under way in this host: then the clock can be moved without running into one of its limits.
    /// </summary>
    public Task WhenIdle() => Task.WhenAll(Services.GetRequiredService<CorpApps>().All.Select(app => app.Tokens.WhenQuiet()));

    /// <summary>Stops as a process does that is told to end.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Output.Run.Collect();
        Client.Dispose();
        using var atOnce = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(atOnce.Token);
        await _app.DisposeAsync();
    }
}

/// <summary>An answer of the login or of health, read.</summary>
public sealed record LoginAnswer(int Status, string? ContentType, string? CacheControl, int? RetryAfter, string Text)
{
    /// <summary>Its <c>WWW-Authenticate</c>; null when it has none.</summary>
    public string? Challenge { get; init; }

    public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Text);

    public string? this[string member] => Json.TryGetProperty(member, out var value) ? value.ToString() : null;

    public static async Task<LoginAnswer> OfAsync(HttpResponseMessage response)
    {
        using (response)
        {
            return new(
                (int)response.StatusCode,
                response.Content.Headers.ContentType?.ToString(),
                response.Headers.CacheControl?.ToString(),
                (int?)response.Headers.RetryAfter?.Delta?.TotalSeconds,
                await response.Content.ReadAsStringAsync())
            {
                Challenge = response.Headers.WwwAuthenticate.SingleOrDefault()?.ToString(),
            };
        }
    }
}

/// <summary>A token store that counts, and that fails when told to.</summary>
public sealed class WatchedTokenStore : ITokenStore
{
    private readonly ITokenStore _inner;
    private readonly CallsUnderWay _calls;
    private readonly Func<bool> _stands;
    private readonly AwaitableCount _writes = new("writes of the table");
    private int _reads;

    /// <param name="inner">The store.</param>
    /// <param name="clock">The clock of who uses it.</param>
    /// <param name="stands">Whether the store itself answers nothing.</param>
    internal WatchedTokenStore(ITokenStore inner, ManualTimeProvider clock, Func<bool>? stands = null) =>
        (_inner, _calls, _stands) = (inner, clock.Calls, stands ?? (() => false));

    public int Reads => _reads;

    public int Writes => _writes.Value;

    /// <summary>Called before every reading.</summary>
    public Func<CancellationToken, Task>? BeforeRead { get; set; }

    /// <summary>Called before every writing, with the row; what it throws is what the writing throws.</summary>
    public Func<TokenRow, CancellationToken, Task>? BeforeWrite { get; set; }

    /// <summary>Called after every writing, before its answer; what it throws is what the writing throws though the row is there.</summary>
    public Func<CancellationToken, Task>? AfterWrite { get; set; }

    /// <summary>Completes once so many writes have begun; fails when patience ends.</summary>
    public Task WaitForWritesAsync(int count) => _writes.WaitAsync(count);

    public async Task<TokenRow?> ReadAsync(WeComApp app, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref _reads);
        await WaitAsync(() => BeforeRead?.Invoke(cancellationToken));
        using var call = _calls.Begin(() => _stands());
        return await _inner.ReadAsync(app, cancellationToken);
    }

    public async Task<ETag?> WriteAsync(TokenRow row, CancellationToken cancellationToken)
    {
        _writes.Increment();
        await WaitAsync(() => BeforeWrite?.Invoke(row, cancellationToken));
        ETag? etag;
        using (_calls.Begin(() => _stands()))
        {
            etag = await _inner.WriteAsync(row, cancellationToken);
        }

        await WaitAsync(() => AfterWrite?.Invoke(cancellationToken));
        return etag;
    }

    private async Task WaitAsync(Func<Task?> hook)
    {
        if (hook() is { } waiting)
        {
            await _calls.WaitAsync(waiting);
        }
    }
}

/// <summary>What a host logged.</summary>
public sealed class LogLines : FakeLoggerProvider
{
    /// <summary>A string a line, level first.</summary>
    public IReadOnlyCollection<string> All => [.. Collector.GetSnapshot().Select(line => $"{line.Level} {line.Message}")];

    /// <summary>The exceptions that were logged with a line.</summary>
    public IReadOnlyCollection<Exception> Exceptions => [.. Collector.GetSnapshot().Select(line => line.Exception).OfType<Exception>()];
}
