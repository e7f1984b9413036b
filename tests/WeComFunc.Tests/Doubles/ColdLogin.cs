using System.Text;
using System.Text.Json;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Identity;
using Azure.Security.KeyVault.Secrets;
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
/// A process that has just begun, with everything it calls in a <see cref="Cloud"/>, and a clock that goes on while all of it waits.
/// </summary>
internal sealed class ColdLogin : IAsyncDisposable
{
    public static readonly TimeSpan LoginLimit = TimeSpan.FromSeconds(10);

    /// <summary>By the clock: far beyond whatever is to end.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private readonly ManualTimeProvider _clock = new();
    private readonly IHost _host;
    private int _needTokens;

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
            .AddSingleton<Random>(new FixedChance())
            .AddSingleton(new HttpMessageInvoker(Cloud.CreateHandler(WeComClient.CreateHandler())))
            .AddSingleton(hasIdentity ? Identity() : DelegatedTokenCredential.Create((_, _) => new("any-token", DateTimeOffset.MaxValue)))
            .AddSingleton(services => KeyVaultSecretStore.CreateClient(
                Cloud.VaultUri,
                services.GetRequiredService<AppIdentity>(),
                new SecretClientOptions { Transport = Transport() }.CountedBeside(_clock, () => Volatile.Read(ref _needTokens) > 0)))
            .AddSingleton(services => TableTokenStore.CreateClient(
                services.GetRequiredService<Settings>().Azure,
                services.GetRequiredService<AppIdentity>,
                new TableClientOptions { Transport = Transport() }.CountedBeside(_clock, () => Volatile.Read(ref _needTokens) > 0)))
            .AddSingleton<ISessionKeyStore>(services => new TableSessionKeyStore(TableTokenStore.CreateClient(
                services.GetRequiredService<Settings>().Azure,
                "wecomsessions",
                services.GetRequiredService<AppIdentity>,
                new TableClientOptions { Transport = Transport() }.CountedBeside(_clock, () => Volatile.Read(ref _needTokens) > 0))));
        builder.AddWeComFunc();
        _host = builder.Build();
    }

    public Cloud Cloud { get; }

    public LogLines Log { get; } = new();

    /// <summary>Logs in. The clock never passes the time of a login: what takes longer never ends.</summary>
    public Task<LoginAnswer> LoginAsync(string code) => _clock.RunUntilAsync(Task.Run(() => AnswerAsync(code, app: null)), LoginLimit);

    /// <summary>Logs in two at once, the other one for the app of the neighbour; both together have the time of one login.</summary>
    /// <param name="code">Of the one.</param>
    /// <param name="neighboursCode">Of the other one.</param>
    /// <param name="besideLimit">How far the clock may move until the other one has ended.</param>
    public async Task<(LoginAnswer First, LoginAnswer Beside)> LoginBesideAsync(string code, string neighboursCode, TimeSpan besideLimit)
    {
        var started = _clock.GetTimestamp();
        var first = Task.Run(() => AnswerAsync(code, app: null));
        var beside = Task.Run(() => AnswerAsync(neighboursCode, Cloud.Neighbour));
        await _clock.RunUntilAsync(beside, besideLimit);
        return (await _clock.RunUntilAsync(first, LoginLimit - _clock.GetElapsedTime(started)), await beside);
    }

    /// <summary>Lets what goes on behind the logins end, and time go by.</summary>
    public async Task RestAsync(TimeSpan time)
    {
        await _clock.RunUntilAsync(WhenQuiet(), Longest);
        _clock.Advance(time);
    }

    public async ValueTask DisposeAsync()
    {
        await _clock.RunUntilAsync(WhenQuiet(), Longest);
        Output.Run.Secrets(Cloud.IssuedSecrets);
        await Cloud.DisposeAsync();
        _host.Dispose();
    }

    private async Task<LoginAnswer> AnswerAsync(string code, string? app)
    {
        Output.Run.Secret(code, "code");
        var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(new { code, app }));
        var answer = await _host.Services.GetRequiredService<Endpoints>().Login.AnswerAsync(new BareCall(body), CancellationToken.None);
        Output.Run.WithoutSession(Encoding.UTF8.GetString(answer.Body.Span));
        return new(
            answer.Status, answer.ContentType, null, (int?)answer.RetryAfter?.TotalSeconds, Encoding.UTF8.GetString(answer.Body.Span));
    }

    // One of its own: its tokens are kept for the whole process, by its name.
    private TokenCredential Identity()
    {
        var pauses = new IdentityPauses(_clock.Calls, Cloud.CreateHandler());
        var identity = new ManagedIdentityCredential(LimitedTransport.Guard(
            new ManagedIdentityCredentialOptions(ManagedIdentityId.FromUserAssignedClientId($"{Guid.NewGuid()}"))
            {
                Transport = Transport(pauses),
                Retry = { MaxRetries = 0 },
            }));
        return DelegatedTokenCredential.Create(
            (_, _) => throw new NotSupportedException(),
            async (context, cancellationToken) =>
            {
                Interlocked.Increment(ref _needTokens);
                try
                {
                    return await identity.GetTokenAsync(context, cancellationToken);
                }
                finally
                {
                    pauses.End();
                    Interlocked.Decrement(ref _needTokens);
                }
            });
    }

    private HttpClientTransport Transport(HttpMessageHandler? handler = null) =>
        new(new HttpClient(handler ?? Cloud.CreateHandler()) { Timeout = Timeout.InfiniteTimeSpan });

    /// <summary>A reading of the keys goes on when the token has failed the login.</summary>
    private Task WhenQuiet() => Task.WhenAll(
    [
        .. _host.Services.GetRequiredService<CorpApps>().All.Select(app => app.Tokens.WhenQuiet()),
        _host.Services.GetRequiredService<SigningKeySource>().GetAsync(),
    ]);

    /// <summary>
    /// The library of the identity tries again, after pauses of real time that are longer than any limit: in them it waits for the clock.
    /// </summary>
    private sealed class IdentityPauses(CallsUnderWay calls, HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        private IDisposable? _pause;

        public void End() => Interlocked.Exchange(ref _pause, null)?.Dispose();

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            End();
            var mayPause = true;
            try
            {
                var response = await base.SendAsync(request, cancellationToken);
                mayPause = (int)response.StatusCode is 429 or 500 or 503
                    || response.Content.Headers.ContentLength > CloudExchange.MostRead;
                return response;
            }
            finally
            {
                _pause = mayPause ? calls.Begin(() => true) : null;
            }
        }
    }
}
