using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Extensions.Logging.Abstractions;
using WeComFunc.Sessions;
using WeComFunc.WeCom;

namespace WeComFunc.Fuzz;

/// <summary>
/// What is stored as a key of sessions, what is sent as a session token, and what of a profile goes into one: a key is on P-256, a token
/// that is taken says what was signed, and one that is issued can be read by anybody.
/// </summary>
internal static class Tokens
{
    private static readonly string UserId = Process.UserOf(Process.Code);

    private static readonly WeComApp App = new(Process.CorpId, "wecom-corpsecret");

    private static readonly SessionTokens Service = Create();

    /// <summary>Keys in order, and others.</summary>
    public static readonly string[] Keys = [.. CreateKeys()];

    /// <summary>A token in order.</summary>
    public static readonly string[] Issued = [Issue(null)];

    public static void TryKey(byte[] input)
    {
        var (key, fault) = SigningKey.Read(Encoding.UTF8.GetString(input));

        BrokenPromiseException.Unless(key is null != fault is null, "It is a key and a fault, or neither.");
        BrokenPromiseException.Unless(key?.Credentials.Key.KeySize is null or 256, "It is a key of another curve.");
    }

    public static void TryToken(byte[] input)
    {
        var read = Process.Finish(Service.ReadAsync(Encoding.UTF8.GetString(input)));

        BrokenPromiseException.Unless(
            !read.TryGet(out var claims, out var failure)
                ? failure.Kind is FailureKind.InvalidSession
                : (claims.CorpId, claims.UserId, claims.App) == (App.CorpId, UserId, App.Name),
            "It is taken, and says something that was not signed, or is refused as something else.");
    }

    public static void TryClaims(byte[] input)
    {
        RentedBytes? profile;
        try
        {
            profile = Profile.Read(input, UserId, []).Value;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or UnfitAnswerException)
        {
            return;
        }

        using (profile)
        {
            var token = Issue(profile);
            var payload = System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1]);
            using var json = JsonDocument.Parse(payload);
            BrokenPromiseException.Unless(
                Utf8.IsValid(payload) && json.RootElement.EnumerateObject().All(claim => Readable(claim.Value)), "It cannot be read.");
            BrokenPromiseException.Unless(
                json.RootElement.EnumerateObject().Select(claim => claim.Name).Distinct().Count()
                    == json.RootElement.EnumerateObject().Count(),
                "It has a claim twice.");
            BrokenPromiseException.Unless(
                Process.Finish(Service.ReadAsync(token)).TryGet(out var claims) && claims.UserId == UserId, "It is not taken again.");
        }
    }

    /// <summary>Whether every text in a value is one: half a surrogate pair is found only as it is read.</summary>
    private static bool Readable(JsonElement value)
    {
        try
        {
            _ = JsonSerializer.Serialize(value);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static string Issue(RentedBytes? profile)
    {
        return Process.Finish(Service.FindKeyAsync()).TryGet(out var key)
            ? Service.Issue(key, Service.Begin(), App, UserId, profile).Token
            : throw new BrokenPromiseException("There is no key.");
    }

    private static SessionTokens Create()
    {
        var settings = new SessionSettings(
            "https://login.example.com/api", ["orders-api"], TimeSpan.FromHours(1), ["name", "department", "extattr"], "any");
        var time = new Hurry();
        return new(settings, new(settings, new DevelopmentKeyStore(time), time, NullLogger<SigningKeySource>.Instance), time);
    }

    private static IEnumerable<string> CreateKeys()
    {
        using var p256 = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var p384 = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        yield return p256.ExportPkcs8PrivateKeyPem();
        yield return p256.ExportECPrivateKeyPem();
        yield return p256.ExportSubjectPublicKeyInfoPem();
        yield return p384.ExportPkcs8PrivateKeyPem();
        yield return "no key at all";
        yield return "";
    }
}
