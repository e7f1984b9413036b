using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using WeComFunc.Sessions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What an operator may have stored as the key of sessions.</summary>
public sealed class SigningKeyTests
{
    /// <summary>The public key of RFC 7515, A.3.1, with its private part.</summary>
    private static readonly ECParameters Known = new()
    {
        Curve = ECCurve.NamedCurves.nistP256,
        D = Base64Url.DecodeFromChars("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"),
        Q = new()
        {
            X = Base64Url.DecodeFromChars("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
            Y = Base64Url.DecodeFromChars("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
        },
    };

    private static readonly Dictionary<string, (Func<string> Stored, string? Fault)> Rows = new()
    {
        ["P-256 in PKCS#8"] = (Pkcs8, null),
        ["with line ends of Windows"] = (() => Pkcs8().Replace("\n", "\r\n"), null),
        ["with a BOM and blank lines around"] = (() => $"\ufeff\n\n{Pkcs8()}\n\n \u200b", null),
        ["with text in front, as openssl may print"] = (() => $"Key Attributes: <No Attributes>\n{Pkcs8()}", null),
        ["its lines joined by spaces, as a console makes them"] = (() => Pkcs8().Replace("\n", " "), null),
        ["behind its parameters"] = (() => $"{Parameters}\n{Pkcs8()}", null),
        ["before its certificate"] = (() => $"{Pkcs8()}\n{Pem("CERTIFICATE", [48, 0])}", null),
        ["nothing"] = (() => "", "it is empty"),
        ["blanks"] = (() => " \t\r\n\u200b", "it is empty"),
        ["a password"] = (() => "correct horse battery staple", "it is no private key in PEM"),
        ["its Base64 alone"] = (() => Convert.ToBase64String(Key().ExportPkcs8PrivateKey()), "it is no private key in PEM"),
        ["cut in the middle"] = (() => Pkcs8()[..120], "it is no private key in PEM"),
        ["its line ends written out"] = (() => Pkcs8().Replace("\n", "\\n"), "it is no private key in PEM"),
        ["SEC1"] = (() => Key().ExportECPrivateKeyPem(), "it is an EC key in SEC1"),
        ["parameters and SEC1, as openssl ecparam makes them"] =
            (() => $"{Parameters}\n{Key().ExportECPrivateKeyPem()}", "it is an EC key in SEC1"),
        ["encrypted"] = (
            () => Key().ExportEncryptedPkcs8PrivateKeyPem("passphrase", new(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1)),
            "it is encrypted with a passphrase"),
        ["the public key"] = (() => Key().ExportSubjectPublicKeyInfoPem(), "it has the public key only"),
        ["a certificate"] = (() => Pem("CERTIFICATE", [48, 0]), "it has the public key only"),
        ["P-384"] = (() => Key(ECCurve.NamedCurves.nistP384).ExportPkcs8PrivateKeyPem(), "it is an EC key of another curve than P-256"),
        ["P-521"] = (() => Key(ECCurve.NamedCurves.nistP521).ExportPkcs8PrivateKeyPem(), "it is an EC key of another curve than P-256"),
        ["secp256k1"] = (
            () => Key(ECCurve.CreateFromValue("1.3.132.0.10")).ExportPkcs8PrivateKeyPem(), "it is an EC key of another curve than P-256"),
        ["RSA in PKCS#8"] = (() => Rsa().ExportPkcs8PrivateKeyPem(), "it is no EC private key in PKCS#8"),
        ["RSA in PKCS#1"] = (() => Rsa().ExportRSAPrivateKeyPem(), "it is an RSA key"),
        ["PKCS#8 of something else"] = (() => Pem("PRIVATE KEY", [48, 3, 2, 1, 0]), "it is no EC private key in PKCS#8"),
        ["PKCS#8 with bytes behind it"] =
            (() => Pem("PRIVATE KEY", [.. Key().ExportPkcs8PrivateKey(), 0]), "it has something behind the key"),
        ["PKCS#8 that is cut"] = (() => Pem("PRIVATE KEY", Key().ExportPkcs8PrivateKey()[..^40]), "it is no EC private key in PKCS#8"),
        ["PKCS#8 whose public key is of another"] = (() => OfTwo(), "it is no EC private key in PKCS#8"),
        ["a PKCS#12"] = (() => "MIIKYQIBAzCCCicGCSqGSIb3DQEHAaCCChgEggoU", "it is no private key in PEM"),
        ["a JWK"] = (() => """{"kty":"EC","crv":"P-256","x":"f83O","y":"x_FE","d":"jpsQ"}""", "it is no private key in PEM"),
    };

    private static string Parameters => Pem("EC PARAMETERS", [6, 8, 42, 134, 72, 206, 61, 3, 1, 7]);

    public static TheoryData<string> Names => [.. Rows.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_stored_is_a_key_or_a_fault_that_shows_nothing_of_it(string name)
    {
        var stored = Rows[name].Stored();

        var (key, fault) = SigningKey.Read(stored);

        Assert.Equal(Rows[name].Fault is null, key is not null);
        Assert.StartsWith(Rows[name].Fault ?? "", fault ?? "", StringComparison.Ordinal);
        Assert.Equal(fault is null, Rows[name].Fault is null);
        Assert.DoesNotContain(
            stored.Split(' ', '\r', '\n').Where(word => word.Length > 12),
            word => fault?.Contains(word, StringComparison.Ordinal) ?? false);
    }

    [Fact]
    public void The_id_of_a_key_is_its_thumbprint_the_same_everywhere()
    {
        using var key = ECDsa.Create(Known);
        var (x, y) = (Base64Url.EncodeToString(Known.Q.X), Base64Url.EncodeToString(Known.Q.Y));

        // RFC 7638, 3: the required members in the order of their names, without white space.
        var thumbprint = SHA256.HashData(Encoding.UTF8.GetBytes($$"""{"crv":"P-256","kty":"EC","x":"{{x}}","y":"{{y}}"}"""));

        Assert.Equal(Base64Url.EncodeToString(thumbprint), SigningKey.Read(key.ExportPkcs8PrivateKeyPem()).Key!.Id);
    }

    [Fact]
    public void Its_JWK_has_the_public_members_and_no_other()
    {
        var keys = new SigningKeys([new(new("v1", DateTimeOffset.UnixEpoch), SigningKey.Read(SigningSecret.Create()).Key, null)]);

        var jwk = JsonSerializer.Deserialize<JsonElement>(keys.Json.Span).GetProperty("keys").EnumerateArray().Single();

        Assert.Equal(["kty", "crv", "x", "y", "kid", "use", "alg"], jwk.EnumerateObject().Select(member => member.Name));
        Assert.Equal((43, 43), (jwk.GetProperty("x").GetString()!.Length, jwk.GetProperty("y").GetString()!.Length));
    }

    [Fact]
    public void A_key_and_a_session_are_not_shown_by_ToString()
    {
        Assert.Equal("***", SigningKey.Read(SigningSecret.Create()).Key!.ToString());
        Assert.Equal("***", new Session("token", default).ToString());
    }

    private static string Pkcs8() => SigningSecret.Create();

    private static ECDsa Key(ECCurve? curve = null) => ECDsa.Create(curve ?? ECCurve.NamedCurves.nistP256);

    private static RSA Rsa() => RSA.Create(2048);

    private static string Pem(string label, byte[] content) => PemEncoding.WriteString(label, content);

    /// <summary>A private key with the public key of another, 64 bytes at the end.</summary>
    private static string OfTwo() => Pem("PRIVATE KEY", [.. Key().ExportPkcs8PrivateKey()[..^64], .. Key().ExportPkcs8PrivateKey()[^64..]]);
}
