using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using WeComFunc.WeCom;

namespace WeComFunc.Sessions;

/// <summary>Issues session tokens, which any back end can check (RFC 9068), and reads them for this service itself.</summary>
internal sealed class SessionTokens(SessionSettings settings, SigningKeySource keys, TimeProvider time)
{
    private const string TokenType = "at+jwt";

    /// <summary>
    /// How far the clocks of others may be apart: a token that is read here may be this much too old, and one that is issued here is good
    /// this long before it is, as there are back ends that allow for nothing.
    /// </summary>
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(1);

    private static readonly JsonWriterOptions Verbatim =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly JsonWebTokenHandler _handler = new();

    /// <summary>Members of the profile that a session has.</summary>
    public IReadOnlyCollection<string> Claims => settings.Claims;

    /// <summary>The key to sign with: to be asked for before a code is spent, which would be lost without one.</summary>
    /// <returns>
    /// The key; <see cref="FailureKind.NoSigningKey"/> when there is no good one, <see cref="FailureKind.Busy"/> when the vault is out of
    /// reach and none is kept.
    /// </returns>
    public async Task<Result<SigningKey>> FindKeyAsync()
    {
        if (!(await keys.GetAsync()).TryGet(out var known, out var failure))
        {
            return Explain(failure);
        }

        var now = time.GetUtcNow();
        return known.ForSigning(now) is { } key ? key : new Failure(
            FailureKind.NoSigningKey,
            Advice: $"The Key Vault secret {settings.KeySecretName} has no key to sign sessions with: {known.WhyNone(now)}. Store a P-256 "
                + "private key in PKCS#8 PEM as a new version of it; no restart is needed.");
    }

    /// <summary>What a session that begins now will be.</summary>
    public SessionTerm Begin()
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(time.GetUtcNow().ToUnixTimeSeconds());
        return new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), now, now + settings.Lifetime);
    }

    /// <summary>Signs a session.</summary>
    /// <param name="key">What <see cref="FindKeyAsync"/> gave.</param>
    /// <param name="term">What <see cref="Begin"/> gave.</param>
    /// <param name="app">The app that the member has logged in to.</param>
    /// <param name="userId">The member.</param>
    /// <param name="profile">The profile with all of <c>Session__Claims</c>; null where there is none.</param>
    public Session Issue(SigningKey key, SessionTerm term, WeComApp app, string userId, RentedBytes? profile)
    {
        var header = new Dictionary<string, object> { [JwtHeaderParameterNames.Typ] = TokenType };
        var token = _handler.CreateToken(Compose(term, app, userId, profile), key.Credentials, header);
        return new Session(token, term.ExpiresAt);
    }

    /// <summary>Reads a token that this service, by this issuer, has signed.</summary>
    /// <returns>
    /// What it says; <see cref="FailureKind.InvalidSession"/> when it is none of ours or has expired; otherwise as
    /// <see cref="FindKeyAsync"/>.
    /// </returns>
    public async Task<Result<SessionClaims>> ReadAsync(string token)
    {
        if (!(await keys.GetAsync()).TryGet(out var known, out var failure))
        {
            return Explain(failure);
        }

        var read = await ValidateAsync(token, known);
        if (read.Exception is SecurityTokenSignatureKeyNotFoundException
            && (await keys.RereadAsync(CancellationToken.None)).TryGet(out var reread) && reread != known)
        {
            // Another process may have read a key already that this one has not.
            read = await ValidateAsync(token, reread);
        }

        return read is { IsValid: true, SecurityToken: JsonWebToken jwt }
            && jwt.TryGetPayloadValue<string>("corpid", out var corpId)
            && jwt.TryGetPayloadValue<string>("userid", out var userId)
            && jwt.TryGetPayloadValue<string>("client_id", out var app)
            ? new SessionClaims(jwt.Id, corpId, userId, app, new DateTimeOffset(jwt.ValidTo, TimeSpan.Zero))
            : new Failure(FailureKind.InvalidSession);
    }

    /// <summary>How it stands with the keys, for health, by the contract's words.</summary>
    /// <returns>
    /// ok, unreachable or refused; why no login can have a session, as advice; and what is wrong although it can.
    /// </returns>
    public async Task<(string State, string? Obstacle, string? Concern)> LookAsync()
    {
        var key = await FindKeyAsync();
        var state = (key.Failure ?? keys.Failure)?.Kind switch
        {
            null => "ok",
            FailureKind.Busy => "unreachable",
            _ => "refused",
        };
        return (
            state,
            key.Failure is { } none ? Errcodes.Advice(none) : null,
            keys.Failure is { } lasting ? Errcodes.Advice(Explain(lasting)) : null);
    }

    /// <summary>A failure of the vault, as one of the signing key's.</summary>
    private Failure Explain(Failure failure) => failure.Kind is FailureKind.Busy ? failure : new(
        FailureKind.NoSigningKey,
        Advice: $"Key Vault refuses the secret {settings.KeySecretName}, which has the keys of sessions: give the app's identity the role "
            + "Key Vault Secrets User on it; the log says more.");

    private Task<TokenValidationResult> ValidateAsync(string token, SigningKeys known) => _handler.ValidateTokenAsync(token, new()
    {
        ValidIssuer = settings.Issuer,
        ValidateAudience = false,
        ValidTypes = [TokenType],
        ValidAlgorithms = [SecurityAlgorithms.EcdsaSha256],
        IssuerSigningKeys = known.All,
        LifetimeValidator = (from, until, _, _) => time.GetUtcNow().UtcDateTime is var now && from <= now && now < until + Skew,
    });

    private string Compose(SessionTerm term, WeComApp app, string userId, RentedBytes? profile)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var json = new Utf8JsonWriter(buffer, Verbatim);
        json.WriteStartObject();
        json.WriteString("iss"u8, settings.Issuer);
        WriteAudience(json);
        json.WriteString("sub"u8, $"{app.CorpId}/{userId}");
        json.WriteString("client_id"u8, app.Name);
        json.WriteNumber("iat"u8, term.IssuedAt.ToUnixTimeSeconds());
        json.WriteNumber("nbf"u8, (term.IssuedAt - Skew).ToUnixTimeSeconds());
        json.WriteNumber("exp"u8, term.ExpiresAt.ToUnixTimeSeconds());
        json.WriteString("jti"u8, term.Id);
        json.WriteString("corpid"u8, app.CorpId);
        json.WriteString("userid"u8, userId);
        if (profile is not null && settings.Claims.Count > 0)
        {
            WriteClaims(json, profile);
        }

        json.WriteEndObject();
        json.Flush();
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private void WriteAudience(Utf8JsonWriter json)
    {
        if (settings.Audiences is [var only])
        {
            json.WriteString("aud"u8, only);
            return;
        }

        json.WriteStartArray("aud"u8);
        foreach (var audience in settings.Audiences)
        {
            json.WriteStringValue(audience);
        }

        json.WriteEndArray();
    }

    /// <summary>Writes members of the profile as they are, each once, and half a surrogate pair as U+FFFD: no reader takes that.</summary>
    private void WriteClaims(Utf8JsonWriter json, RentedBytes profile)
    {
        using var members = JsonDocument.Parse(profile.Span.ToArray());
        foreach (var claim in settings.Claims)
        {
            if (members.RootElement.TryGetProperty(claim, out var value) && value.ValueKind is not JsonValueKind.Null)
            {
                var raw = JsonMarshal.GetRawUtf8Value(value);
                json.WritePropertyName(claim);
                json.WriteRawValue(raw.IndexOf("\\u"u8) < 0 ? raw : CleanJson.Of(raw), skipInputValidation: true);
            }
        }
    }
}
