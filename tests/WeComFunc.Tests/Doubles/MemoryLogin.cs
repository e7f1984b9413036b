using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.Metrics.Testing;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Http;
using WeComFunc.Secrets;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// A process that logs in, put together as a host does it, with WeCom and the table in memory. A warm one does everything at once, on the
/// caller's thread: whatever does not wait for the clock has happened when a call returns.
/// </summary>
internal sealed class MemoryLogin : ICorpSecretStore, IDisposable
{
    public const string CorpId = "ww1234567890abcdef";

    private readonly IHost _host;

    /// <param name="settings">Further settings, names with <c>:</c>.</param>
    public MemoryLogin(params (string Name, string? Value)[] settings)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["DOTNET_ENVIRONMENT"] = "Development",
            ["WeCom:CorpId"] = CorpId,
            ["WeCom:CorpSecret"] = "any",
            ["WeCom:BaseUrl"] = "https://wecom.example/",
            ["TokenStore:ConnectionString"] = "UseDevelopmentStorage=true",
        });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Name, setting.Value)));
        builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(Log);
        Table = new WatchedTokenStore(Rows, Clock);
        builder.Services
            .AddSingleton<TimeProvider>(Clock)
            .AddSingleton<Random>(Chance)
            .AddSingleton<ITokenStore>(Table)
            .AddSingleton<ICorpSecretStore>(this)
            .AddSingleton(new HttpMessageInvoker(new CountingHandler(() => Clock.Calls, _ => true, WeCom)));
        builder.AddWeComFunc();
        _host = builder.Build();
    }

    public ManualTimeProvider Clock { get; } = new();

    public ScriptedWeCom WeCom { get; } = new();

    public MemoryTokenStore Rows { get; } = new();

    public WatchedTokenStore Table { get; }

    public FixedChance Chance { get; } = new();

    /// <summary>The corpsecret that the vault has, of every app.</summary>
    public CorpSecret Secret { get; set; } = new("the-corpsecret-of-the-login-in-memory-000001");

    public int VaultReads { get; private set; }

    /// <summary>What the vault waits for before it answers.</summary>
    public Task Vault { get; set; } = Task.CompletedTask;

    public LogLines Log { get; } = new();

    public IServiceProvider Services => _host.Services;

    /// <summary>The app of <c>WeCom__CorpId</c>.</summary>
    public CorpApp App => Services.GetRequiredService<CorpApps>().Default;

    /// <summary>A process with a token that has served a login, and nothing under way.</summary>
    /// <param name="settings">Further settings, names with <c>:</c>.</param>
    public static async Task<MemoryLogin> WarmAsync(params (string Name, string? Value)[] settings)
    {
        var process = new MemoryLogin(settings);
        await process.LoginAsync("a-code-before-all-others");
        await process.WhenQuiet();
        process.WeCom.Forget();
        process.Log.Collector.Clear();
        return process;
    }

    /// <summary>What an instrument measures from now on.</summary>
    public MetricCollector<T> Measure<T>(string instrument)
        where T : struct =>
        Services.GetRequiredService<IMeterFactory>().Measure<T>(instrument);

    /// <summary>Logs in with a code.</summary>
    public async Task<LoginAnswer> LoginAsync(string code = "a-code", string? app = null, string? forwardedFor = null) =>
        Read(await PostAsync(new BareCall(Body(code, app), forwardedFor)));

    /// <summary>Posts to <c>/api/login</c>.</summary>
    public Task<HttpAnswer> PostAsync(HttpCall call, CancellationToken callerGone = default) =>
        TokenProcess.Detached(() => Services.GetRequiredService<Endpoints>().Login.AnswerAsync(call, callerGone));

    /// <summary>Ends when nothing is under way that logins have left behind.</summary>
    public Task WhenQuiet() => Task.WhenAll(Services.GetRequiredService<CorpApps>().All.Select(app => app.Tokens.WhenQuiet()));

    async Task<Result<CorpSecret>> ICorpSecretStore.ReadAsync(string name, CancellationToken cancellationToken)
    {
        VaultReads++;
        await Vault;
        return Secret;
    }

    public void Dispose() => _host.Dispose();

    public static MemoryStream Body(string code, string? app = null) =>
        new(app is null ? JsonSerializer.SerializeToUtf8Bytes(new { code }) : JsonSerializer.SerializeToUtf8Bytes(new { code, app }));

    public static LoginAnswer Read(HttpAnswer answer)
    {
        var headers = answer.Headers.ToDictionary();
        return new(
            answer.Status,
            headers["Content-Type"],
            headers["Cache-Control"],
            headers.TryGetValue("Retry-After", out var pause) ? int.Parse(pause) : null,
            Encoding.UTF8.GetString(answer.Body.Span));
    }
}

/// <summary>Chance that a test decides: none, unless it says otherwise.</summary>
internal sealed class FixedChance : Random
{
    public double Value { get; set; }

    public override double NextDouble() => Value;
}

internal static class MeasurementExtensions
{
    /// <summary>What an instrument measures from now on.</summary>
    public static MetricCollector<T> Measure<T>(this IMeterFactory meters, string instrument)
        where T : struct =>
        new(meters, Telemetry.Name, instrument);

    /// <summary>What was measured, a line each: the value, and the tags by name.</summary>
    public static IEnumerable<string> Lines<T>(this MetricCollector<T> collector)
        where T : struct =>
        collector.GetMeasurementSnapshot().Select(measured =>
            $"{measured.Value} {string.Join(' ', measured.Tags.OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(
                tag => $"{tag.Key}={tag.Value}"))}");
}
