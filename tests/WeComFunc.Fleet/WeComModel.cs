using System.Globalization;
using WeComFunc.Secrets;

namespace WeComFunc.Fleet;

/// <summary>What <c>gettoken</c> does while the last token is valid (rule T3).</summary>
internal enum Semantics
{
    Same,
    NewOldLives,
    NewOldDies,
}

/// <summary>A token that WeCom gave.</summary>
internal sealed class Issued(string value, TimeSpan at, TimeSpan lifetime)
{
    public string Value { get; } = value;

    public TimeSpan At { get; } = at;

    public TimeSpan ExpiresAt { get; } = at + lifetime;

    public bool IsRevoked { get; set; }

    /// <summary>Who was served a whole login with it, and since when; whoever died in between does not count.</summary>
    public (Instance By, TimeSpan At)? Served { get; private set; }

    /// <summary>When it last served a login.</summary>
    public TimeSpan ServedLast { get; private set; }

    public void Serve(Instance instance, TimeSpan at) =>
        (Served, ServedLast) = (Served is { By.IsDead: false } ? Served : (instance, at), at);

    /// <summary>Whether somebody who lives has been served with it since then.</summary>
    public bool HasServedSince(TimeSpan at) => Served is { By.IsDead: false } served && served.At < at;
}

/// <summary>WeCom: the app that the mini program is associated with, its tokens, another app of the corp, and what goes wrong.</summary>
internal sealed class WeComModel(World world, Troubles troubles, Semantics semantics, WeComApp app)
{
    /// <summary>The corpsecret of another app: <c>gettoken</c> takes it, and no code is good with what it gives.</summary>
    public static readonly CorpSecret AnotherApps = new("the corpsecret of another app");

    private const string OfAnotherApp = "another-";

    private readonly Dictionary<string, Issued> _tokens = [];
    private int _inFlight;
    private int _ofAnotherApp;
    private int _resets;

    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(7200);

    /// <summary>The app's corpsecret.</summary>
    public CorpSecret Secret { get; private set; } = new($"the corpsecret of {app.Name}");

    /// <summary>What codes are answered with that come with the token of another app.</summary>
    public int AnotherAppsErrcode { get; set; }

    public Issued? Latest { get; private set; }

    public int GetTokenCalls { get; private set; }

    /// <summary>Tokens that were not the same as the one before.</summary>
    public int TokensIssued => _tokens.Count;

    /// <summary>Called when a <c>gettoken</c> arrives: whose it is, and how many are in flight now.</summary>
    public Action<Connection, int> Arrived { get; set; } = (_, _) => { };

    /// <summary>Called when it is answered: whose it is, and what befell it.</summary>
    public Action<Connection, Trouble?> Answered { get; set; } = (_, _) => { };

    public bool IsValid(string? token) =>
        token is not null && _tokens.TryGetValue(token, out var issued) && !issued.IsRevoked && issued.ExpiresAt > world.Now;

    /// <summary>Gives the app another corpsecret; the old one is refused from now on.</summary>
    public void Reset(bool isRevoking)
    {
        Secret = new CorpSecret($"the corpsecret of {app.Name} after {++_resets} resets");
        foreach (var token in _tokens.Values)
        {
            token.IsRevoked |= isRevoking;
        }
    }

    public async Task<string> GetTokenAsync(Connection from, string? corpId, string? secret, CancellationToken cancellationToken)
    {
        GetTokenCalls++;
        _inFlight++;
        Arrived(from, _inFlight);
        try
        {
            await world.DelayAsync(world.Between(10, 80), cancellationToken);
            var isTheApps = (corpId, secret) == (app.CorpId, Secret.Value);
            var trouble = isTheApps || secret == AnotherApps.Value ? troubles.Now(Troubles.GetToken, from.Slot) : Trouble.SecretRefused;
            Answered(from, trouble);
            switch (trouble)
            {
                case Trouble.GetTokenBusy:
                    return Error(-1);
                case Trouble.GetTokenLimited:
                    return Error(45009);
                case Trouble.SecretRefused:
                    return Error(40001);
                case Trouble.AddressUntrusted:
                    return Error(60020);
                case Trouble.GetTokenHtml:
                    return "<html></html>";
                case Trouble.GetTokenSlow:
                    await world.DelayAsync(world.Between(1500, 2900), cancellationToken);
                    break;
                case Trouble.GetTokenHangs:
                    await world.DelayAsync(TimeSpan.FromMinutes(1), cancellationToken);
                    break;
                case Trouble.GetTokenLost when world.Random.Next(2) == 0:
                    throw new HttpRequestException("the call was lost");
            }

            var token = isTheApps ? Issue() : $"{OfAnotherApp}{++_ofAnotherApp}";
            await world.DelayAsync(world.Between(5, 40), cancellationToken);
            return trouble is Trouble.GetTokenLost
                ? throw new HttpRequestException("the answer was lost")
                : string.Create(
                    CultureInfo.InvariantCulture, $$"""{"errcode":0,"errmsg":"","access_token":"{{token}}","expires_in":7200}""");
        }
        finally
        {
            _inFlight--;
        }
    }

    /// <summary>A call of a login with a token.</summary>
    public async Task<string> CallAsync(
        Connection from, string path, string? token, string? code, CancellationToken cancellationToken)
    {
        await world.DelayAsync(world.Between(10, 60), cancellationToken);
        if (token?.StartsWith(OfAnotherApp, StringComparison.Ordinal) is true)
        {
            return Error(AnotherAppsErrcode);
        }

        var isExchange = path.EndsWith("jscode2session", StringComparison.Ordinal);
        var trouble = troubles.Now(Troubles.Tokens, from.Slot);
        if (!IsValid(token) || trouble is Trouble.TokensRejected || (trouble is Trouble.TokensRejectedByHalf && world.Random.Next(2) == 0)
            || (!isExchange && troubles.Now(Troubles.Profiles, from.Slot) is not null))
        {
            return Error(40014);
        }

        if (isExchange && Stranger.ErrcodeOf(code) is { } errcode)
        {
            return Error(errcode);
        }

        return isExchange
            ? $$"""{"errcode":0,"errmsg":"ok","corpid":"{{app.CorpId}}","userid":"u"}"""
            : """{"errcode":0,"errmsg":"ok","userid":"u"}""";
    }

    private string Issue()
    {
        if (semantics is not Semantics.Same || !IsValid(Latest?.Value))
        {
            Latest?.IsRevoked |= semantics is Semantics.NewOldDies;
            Latest = new Issued($"{app.Name}-token-{_tokens.Count}", world.Now, Lifetime);
            _tokens.Add(Latest.Value, Latest);
        }

        return Latest!.Value;
    }

    private static string Error(int errcode) => string.Create(CultureInfo.InvariantCulture, $$"""{"errcode":{{errcode}},"errmsg":""}""");
}
