using System.Text;
using System.Text.Json;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WeComFunc.Apps;
using WeComFunc.Azure;
using WeComFunc.Http;
using WeComFunc.MemberData;
using WeComFunc.Sessions;
using WeComFunc.WeCom;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// A process that has just begun, with everything it calls in a <see cref="Cloud"/>, and a clock that goes on while that is quiet.
/// </summary>
internal sealed class ColdLogin : IAsyncDisposable
{
    // About ten times as fast as the real clock, and only beside calls: what takes this process 200 ms there breaks no limit.
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(25);

    // By the clock; and in real time, only to end a test that would hang otherwise.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan RealPatience = TimeSpan.FromMinutes(1);

    private readonly ManualTimeProvider _clock = new();
    private readonly IHost _host;

    /// <param name="hasIdentity">
    /// Whether its tokens for Azure come from the endpoint of a managed identity, of which a process asks one at a time.
    /// </param>
    public ColdLogin(bool hasIdentity)
    {
        Cloud = new Cloud(_clock);
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["WeCom:CorpId"] = Cloud.CorpId,
            [$"WeCom:Apps:{Cloud.Neighbour}:CorpId"] = Cloud.NeighboursCorpId,
            ["WeCom:BaseUrl"] = "http://localhost/",
            ["Login:DepartmentNames"] = "true",
            ["KeyVault:Uri"] = Cloud.VaultUri.AbsoluteUri,
            ["TokenStore:ServiceUri"] = "https://account.table.core.windows.net/",
            ["Session:Issuer"] = "https://login.example.com/api",
            ["Session:Audience"] = "orders-api",
            ["MemberData:Enabled"] = "true",
            ["WeCom:MiniProgramAppId"] = "wx0123456789abcdef",
            [$"WeCom:Apps:{Cloud.Neighbour}:MiniProgramAppId"] = "wxfedcba9876543210",
        });
        builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(Log).AddProvider(new OutputLoggerProvider(Output.Run));

        builder.Services
            .AddSingleton<TimeProvider>(_clock)
            .AddSingleton<Random>(new NoJitter())
            .AddSingleton(new HttpMessageInvoker(Cloud.CreateHandler(WeComClient.CreateHandler())))
            .AddSingleton(hasIdentity ? Identity() : DelegatedTokenCredential.Create((_, _) => new("any-token", DateTimeOffset.MaxValue)))
            .AddSingleton(services => KeyVaultSecretStore.CreateClient(
                Cloud.VaultUri, services.GetRequiredService<AppIdentity>(), new() { Transport = Transport() }))
            .AddSingleton(services => TableTokenStore.CreateClient(
                services.GetRequiredService<Settings>().Azure,
                services.GetRequiredService<AppIdentity>,
                new() { Transport = Transport() }))
            .AddSingleton<ISessionKeyStore>(services => new TableSessionKeyStore(TableTokenStore.CreateClient(
                services.GetRequiredService<Settings>().Azure,
                "wecomsessions",
                services.GetRequiredService<AppIdentity>,
                new() { Transport = Transport() })));
        builder.AddWeComFunc();
        _host = builder.Build();
    }

    public Cloud Cloud { get; }

    public LogLines Log { get; } = new();

    /// <summary>Logs in.</summary>
    /// <returns>The answer, and how long it took by the clock.</returns>
    public async Task<(LoginAnswer Answer, TimeSpan Elapsed)> LoginAsync(string code) => (await LoginAsync((code, null)))[0];

    /// <summary>Logs in several at once, each for an app.</summary>
    /// <inheritdoc cref="LoginAsync(string)" path="/returns" />
    public async Task<(LoginAnswer Answer, TimeSpan Elapsed)[]> LoginAsync(params (string Code, string? App)[] logins)
    {
        var all = Task.WhenAll(logins.Select(login => Task.Run(() => AnswerAsync(login.Code, login.App))));
        await RunAsync(all);
        return await all;
    }

    /// <summary>Lets what goes on behind the logins end, and time go by.</summary>
    public async Task RestAsync(TimeSpan time)
    {
        await RunAsync(WhenQuiet());
        _clock.Advance(time);
    }

    public async ValueTask DisposeAsync()
    {
        await RunAsync(WhenQuiet());
        Output.Run.Secrets(Cloud.IssuedSecrets);
        await Cloud.DisposeAsync();
        _host.Dispose();
    }

    private async Task<(LoginAnswer Answer, TimeSpan Elapsed)> AnswerAsync(string code, string? app)
    {
        Output.Run.Secret(code, "code");
        var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(new { code, app }));
        var started = _clock.GetTimestamp();
        var answer = await _host.Services.GetRequiredService<Endpoints>().Login.AnswerAsync(new BareCall(body), CancellationToken.None);
        Output.Run.WithoutSession(Encoding.UTF8.GetString(answer.Body.Span));
        return (
            new(answer.Status, answer.ContentType, null, (int?)answer.RetryAfter?.TotalSeconds, Encoding.UTF8.GetString(answer.Body.Span)),
            _clock.GetElapsedTime(started));
    }

    // One of its own: its tokens are kept for the whole process, by its name.
    private ManagedIdentityCredential Identity() => new(LimitedTransport.Guard(
        new ManagedIdentityCredentialOptions(ManagedIdentityId.FromUserAssignedClientId($"{Guid.NewGuid()}"))
        {
            Transport = Transport(),
            Retry = { MaxRetries = 0 },
        }));

    private HttpClientTransport Transport() => new(new HttpClient(Cloud.CreateHandler()) { Timeout = Timeout.InfiniteTimeSpan });

    /// <summary>A reading of the keys goes on when the token has failed the login.</summary>
    private Task WhenQuiet() => Task.WhenAll(
    [
        .. _host.Services.GetRequiredService<CorpApps>().All.Select(app => app.Tokens.WhenQuiet()),
        _host.Services.GetRequiredService<SigningKeySource>().GetAsync(),
    ]);

    /// <summary>Moves the clock on while all that is under way waits for it.</summary>
    private async Task RunAsync(Task task)
    {
        using var limit = new CancellationTokenSource(RealPatience);
        for (var left = Patience; !task.IsCompleted; await Task.WhenAny(task, Task.Delay(2)))
        {
            if (Cloud.IsQuiet)
            {
                _clock.Advance(Step);
                left -= Step;
            }

            if (left < TimeSpan.Zero || limit.IsCancellationRequested)
            {
                throw new TimeoutException(
                    $"It does not end, however long it is waited for ({_clock.ActiveTimers} timers are active, the services are "
                    + $"{(Cloud.IsQuiet ? "" : "not ")}quiet).");
            }
        }
    }
}
