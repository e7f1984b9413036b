using System.Globalization;
using System.Net;
using System.Text;
using System.Web;
using Azure;
using WeComFunc.AccessTokens;
using WeComFunc.WeCom;

namespace WeComFunc.Fleet;

/// <summary>What <c>gettoken</c> does while the last token is valid (rule T3).</summary>
internal enum Semantics
{
    Same,
    NewOldLives,
    NewOldDies,
}

/// <summary>A token that WeCom gave.</summary>
internal sealed class Issued(string value, TimeSpan expiresAt)
{
    public string Value { get; } = value;

    public TimeSpan ExpiresAt { get; } = expiresAt;

    public bool IsRevoked { get; set; }
}

/// <summary>A stretch of time in which something is out of order.</summary>
internal sealed record Outage(TimeSpan From, TimeSpan Until, string Kind)
{
    public bool Covers(TimeSpan from, TimeSpan until) => from <= Until && until >= From;
}

/// <summary>WeCom: one app, its tokens, and what goes wrong with <c>gettoken</c>.</summary>
internal sealed class WeComModel(World world, Semantics semantics)
{
    private readonly Dictionary<string, Issued> _tokens = [];
    private int _inFlight;

    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(7200);

    public Semantics Semantics { get; } = semantics;

    public Issued? Latest { get; private set; }

    public int GetTokenCalls { get; private set; }

    /// <summary>Tokens that were not the same as the one before.</summary>
    public int TokensIssued => _tokens.Count;

    public Outage? Outage { get; set; }

    /// <summary>Called when a <c>gettoken</c> arrives, with how many are in flight now.</summary>
    public Action<int> Arrived { get; set; } = _ => { };

    public bool IsValid(string? token) => token is not null && _tokens.TryGetValue(token, out var issued) && !issued.IsRevoked && issued.ExpiresAt > world.Now;

    public void Revoke() => Latest?.IsRevoked = true;

    public async Task<string> GetTokenAsync(CancellationToken cancellationToken)
    {
        GetTokenCalls++;
        _inFlight++;
        Arrived(_inFlight);
        try
        {
            await world.DelayAsync(world.Between(10, 80), cancellationToken);
            switch (Outage is { } outage && outage.Covers(world.Now, world.Now) ? outage.Kind : "")
            {
                case "gettoken busy":
                    return """{"errcode":-1,"errmsg":"busy"}""";
                case "gettoken hang":
                    await world.DelayAsync(TimeSpan.FromMinutes(1), cancellationToken);
                    break;
                case "gettoken lost":
                    throw new HttpRequestException("lost");
                case "gettoken untrusted":
                    return """{"errcode":60020,"errmsg":"not allow"}""";
            }

            if (Semantics is not Semantics.Same || Latest is null || !IsValid(Latest.Value))
            {
                Latest?.IsRevoked |= Semantics is Semantics.NewOldDies;
                Latest = new Issued($"token-{_tokens.Count}", world.Now + Lifetime);
                _tokens.Add(Latest.Value, Latest);
            }

            var token = Latest.Value;
            await world.DelayAsync(world.Between(5, 40), cancellationToken);
            return string.Create(CultureInfo.InvariantCulture, $$"""{"errcode":0,"errmsg":"","access_token":"{{token}}","expires_in":7200}""");
        }
        finally
        {
            _inFlight--;
        }
    }
}

/// <summary>Key Vault with the corpsecret.</summary>
internal sealed class VaultModel(World world, CorpSecret secret)
{
    public int Reads { get; private set; }

    public Outage? Outage { get; set; }

    public async Task<Result<CorpSecret>> ReadAsync()
    {
        Reads++;
        await world.DelayAsync(world.Between(20, 100));
        return Outage is { } outage && outage.Covers(world.Now, world.Now) ? new Failure(FailureKind.Busy) : secret;
    }
}

/// <summary>The table: one row with the ETag semantics of Table Storage, and what goes wrong with it.</summary>
internal sealed class TableModel(World world)
{
    private int _etag;

    public TokenRow? Row { get; private set; }

    public int Reads { get; set; }

    public int Writes { get; set; }

    public Outage? Outage { get; set; }

    /// <summary>The last lease that was taken over from another holder, and when.</summary>
    public (string Lease, TimeSpan At) LastTakeover { get; private set; } = ("", TimeSpan.MinValue);

    public async Task<TokenRow?> ReadAsync(CancellationToken cancellationToken)
    {
        Reads++;
        await FailAsync(["table down", "table hang"], cancellationToken);
        return Row;
    }

    public async Task<ETag?> WriteAsync(TokenRow row, CancellationToken cancellationToken)
    {
        Writes++;
        await FailAsync(["table down", "table hang", "table readonly"], cancellationToken);
        if (row.ETag != (Row?.ETag ?? default) || IsOut("table conflict"))
        {
            return null;
        }

        LastTakeover = Row?.Lease is not null && row.Lease is not null && row.Lease != Row.Lease ? (row.Lease, world.Now) : LastTakeover;
        Row = row with { ETag = new ETag($"W/\"{++_etag}\""), Timestamp = world.UtcNow };
        var etag = Row.ETag;
        if (IsOut("table lost"))
        {
            throw new HttpRequestException("the answer was lost");
        }

        await world.DelayAsync(world.Between(1, 10), cancellationToken);
        return etag;
    }

    private bool IsOut(string kind) => Outage is { } outage && outage.Kind == kind && outage.Covers(world.Now, world.Now);

    private async Task FailAsync(string[] kinds, CancellationToken cancellationToken)
    {
        await world.DelayAsync(world.Between(2, 20), cancellationToken);
        if (kinds.Any(IsOut))
        {
            if (IsOut("table hang"))
            {
                await world.DelayAsync(TimeSpan.FromMinutes(1), cancellationToken);
            }

            throw new HttpRequestException("the table is down");
        }
    }
}

/// <summary>The surroundings as one process sees them: nothing answers it once it is dead.</summary>
internal sealed class Connection(World world, WeComModel weCom, TableModel table, VaultModel vault, string corpId) : HttpMessageHandler, ITokenStore, ICorpSecretStore
{
    public bool IsDead { get; set; }

    /// <summary>The lease it holds, or is about to take or to give back.</summary>
    public string? Lease { get; private set; }

    /// <summary>Whether it has ever read the corpsecret.</summary>
    public bool HasSecret { get; private set; }

    public int TableReads { get; private set; }

    /// <summary>Called when it begins to write the row.</summary>
    public Action Writing { get; set; } = () => { };

    public async Task<TokenRow?> ReadAsync(WeComApp app, CancellationToken cancellationToken)
    {
        TableReads++;
        return await UnlessDeadAsync(table.ReadAsync(cancellationToken));
    }

    public async Task<ETag?> WriteAsync(TokenRow row, CancellationToken cancellationToken)
    {
        Lease = row.Lease ?? Lease;
        Writing();
        var etag = await UnlessDeadAsync(table.WriteAsync(row, cancellationToken));
        Lease = etag is null ? null : row.Lease;
        return etag;
    }

    public async Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken)
    {
        var secret = await UnlessDeadAsync(vault.ReadAsync());
        HasSecret |= secret.Failure is null;
        return secret;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var query = HttpUtility.ParseQueryString(request.RequestUri!.Query);
        var json = await UnlessDeadAsync(request.RequestUri.AbsolutePath.EndsWith("gettoken", StringComparison.Ordinal)
            ? weCom.GetTokenAsync(cancellationToken)
            : CallAsync(request.RequestUri.AbsolutePath, query["access_token"], cancellationToken));
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(json)) };
    }

    private async Task<string> CallAsync(string path, string? token, CancellationToken cancellationToken)
    {
        await world.DelayAsync(world.Between(10, 60), cancellationToken);
        return !weCom.IsValid(token) ? """{"errcode":40014,"errmsg":"invalid access_token"}"""
            : path.EndsWith("jscode2session", StringComparison.Ordinal) ? $$"""{"errcode":0,"errmsg":"ok","corpid":"{{corpId}}","userid":"u"}"""
            : """{"errcode":0,"errmsg":"ok","userid":"u"}""";
    }

    private async Task<T> UnlessDeadAsync<T>(Task<T> answer)
    {
        try
        {
            return await answer;
        }
        finally
        {
            if (IsDead)
            {
                await new TaskCompletionSource().Task;
            }
        }
    }
}
