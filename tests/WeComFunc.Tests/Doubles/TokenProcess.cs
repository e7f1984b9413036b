using System.Diagnostics.Metrics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Web;
using Azure;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Secrets;
using WeComFunc.WeCom;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// The token code of one process and nothing else: row, vault and WeCom answer at once, on the caller's thread, unless a test makes them
/// wait. So whatever is not waiting for the clock has happened when a call returns.
/// </summary>
internal sealed class TokenProcess : ICorpSecretStore
{
    public static readonly CorpSecret Secret = new("the-corpsecret-of-the-token-process-0000001");

    private static readonly Settings Settings = Settings.Read(new ConfigurationBuilder()
        .AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["DOTNET_ENVIRONMENT"] = "Development",
            ["WeCom:CorpId"] = "wwtokenprocess",
            ["WeCom:CorpSecret"] = Secret.Value,
            ["TokenStore:ConnectionString"] = "UseDevelopmentStorage=true",
        }).Build());

    private readonly AccessTokenSource _tokens;
    private readonly CallsUnderWay _calls;

    public TokenProcess(ManualTimeProvider clock, ITokenStore table)
        : this(clock, table, new FixedChance())
    {
    }

    public TokenProcess(ManualTimeProvider clock, ITokenStore table, Random random)
    {
        _calls = clock.Calls;
        Table = new WatchedTokenStore(table, clock);
        var logs = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Trace).AddProvider(Log));
        var telemetry = new Telemetry(Meters);
        var client = new WeComClient(
            new HttpMessageInvoker(new CountingHandler(() => clock.Calls, _ => true, new Transport(this))),
            Settings.BaseUrl,
            App,
            clock,
            random,
            telemetry,
            logs.CreateLogger<WeComClient>());
        Secrets = new CorpSecretSource(App, this, clock, logs.CreateLogger<CorpSecretSource>());
        var renewer = new TokenRenewer(App, client, Secrets, Table, clock, random, logs.CreateLogger<TokenRenewer>());
        _tokens = new AccessTokenSource(App, renewer, clock, telemetry, logs.CreateLogger<AccessTokenSource>());
    }

    /// <summary>Its corpsecret comes from a store, as from a vault.</summary>
    public static WeComApp App { get; } = Settings.App with { HasSecretInSettings = false };

    public LogLines Log { get; } = new();

    public IMeterFactory Meters { get; } = new ServiceCollection().AddMetrics().BuildServiceProvider().GetRequiredService<IMeterFactory>();

    public WatchedTokenStore Table { get; }

    public CorpSecretSource Secrets { get; }

    /// <summary>The lines about renewals, without what they all have: how they begin, and the app.</summary>
    public IEnumerable<string> Renewals =>
        Log.All.Where(line => line.Contains("Token renewal: "))
            .Select(line => line.Replace("Token renewal: ", "").Replace($", app {App.Name}", ""));

    public int GetTokenCalls { get; private set; }

    public int VaultReads { get; private set; }

    /// <summary>
    /// What <c>gettoken</c> answers, given the corpsecret; <c>token-1</c>, <c>token-2</c> and so on for two hours by default.
    /// </summary>
    public Func<string, CancellationToken, Task<string>>? WeCom { get; set; }

    /// <summary>What the vault answers.</summary>
    public Func<CancellationToken, Task<Result<CorpSecret>>> Vault { get; set; } = _ => Task.FromResult<Result<CorpSecret>>(Secret);

    public static string Issue(string token, int seconds = 7200) =>
        string.Create(
            CultureInfo.InvariantCulture, $$"""{"errcode":0,"errmsg":"ok","access_token":"{{token}}","expires_in":{{seconds}}}""");

    public static string Refuse(int errcode) => string.Create(CultureInfo.InvariantCulture, $$"""{"errcode":{{errcode}},"errmsg":"no"}""");

    public Task<Result<TokenUse>> GetAsync(CancellationToken cancellationToken = default) =>
        Detached(() => _tokens.GetAsync(cancellationToken).AsTask());

    public Task<Result<TokenUse>> ReplaceAsync(AccessToken rejected, int? errcode = 42001) =>
        Detached(() => _tokens.ReplaceAsync(rejected, errcode, CancellationToken.None).AsTask());

    public void Confirm(AccessToken token) => Detached(() =>
    {
        _tokens.Confirm(token);
        return Task.CompletedTask;
    });

    public Task RefreshAsync(CancellationToken cancellationToken = default) => Detached(() => _tokens.RefreshAsync(cancellationToken));

    public Task DoubtAsync() => Detached(_tokens.DoubtAsync);

    /// <summary>How it stands, as health is told.</summary>
    public async Task<TokenStatus> StatusAsync() => _tokens.StatusOf(await Detached(_tokens.LookAsync));

    public Task<FleetView> ProbeAsync() => Detached(_tokens.ProbeAsync);

    public Task WhenIdle() => _tokens.WhenIdle();

    public Task WhenQuiet() => _tokens.WhenQuiet();

    async Task<Result<CorpSecret>> ICorpSecretStore.ReadAsync(string name, CancellationToken cancellationToken)
    {
        VaultReads++;
        using var call = _calls.Begin(() => true);
        return await Vault(cancellationToken);
    }

    private async Task<string> GetTokenAsync(string secret, CancellationToken cancellationToken)
    {
        GetTokenCalls++;
        return WeCom is null ? Issue($"token-{GetTokenCalls}") : await WeCom(secret, cancellationToken);
    }

    /// <summary>Calls without the test runner's context, which would put off what goes on at once otherwise.</summary>
    public static T Detached<T>(Func<T> call)
    {
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return call();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private sealed class Transport(TokenProcess process) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var json = await process.GetTokenAsync(
                HttpUtility.ParseQueryString(request.RequestUri!.Query)["corpsecret"]!, cancellationToken);
            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(json)) };
        }
    }
}

/// <summary>A table in memory, with one row and the ETags of Table Storage.</summary>
internal sealed class MemoryTokenStore : ITokenStore
{
    private int _etag;

    public TokenRow? Row { get; private set; }

    /// <summary>Puts a row there, whatever was there before.</summary>
    public void Put(TokenRow row) => Row = row with { ETag = new ETag($"W/\"{++_etag}\"") };

    public Task<TokenRow?> ReadAsync(WeComApp app, CancellationToken cancellationToken) => Task.FromResult(Row);

    public Task<ETag?> WriteAsync(TokenRow row, CancellationToken cancellationToken)
    {
        if (row.ETag != (Row?.ETag ?? default))
        {
            return Task.FromResult<ETag?>(null);
        }

        Put(row);
        return Task.FromResult<ETag?>(Row!.ETag);
    }
}
