using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace WeComFunc.Sessions;

/// <summary>A private key on the curve P-256, which signs by ES256 (RFC 7518, 3.4).</summary>
internal sealed class SigningKey
{
    private const string P256 = "1.2.840.10045.3.1.7";

    private readonly ECPoint _point;

    private SigningKey(ECDsa key, ECPoint point)
    {
        _point = point;
        var security = new ECDsaSecurityKey(key);
        security.KeyId = Base64Url.EncodeToString(security.ComputeJwkThumbprint());
        Credentials = new(security, SecurityAlgorithms.EcdsaSha256);
    }

    /// <summary>Its <c>kid</c>: the thumbprint of the public key (RFC 7638), the same in every process.</summary>
    public string Id => Credentials.Key.KeyId;

    /// <summary>What signs.</summary>
    public SigningCredentials Credentials { get; }

    /// <summary>
    /// Reads a key as somebody has stored it: PKCS#8 in PEM, not encrypted. Anything else is a fault, told without its content.
    /// </summary>
    public static (SigningKey? Key, string? Fault) Read(string stored)
    {
        var text = PastedText.Trim(stored);
        string? other = null;
        for (var rest = text.AsSpan(); PemEncoding.TryFind(rest, out var block); rest = rest[block.Location.End..])
        {
            if (rest[block.Label] is "PRIVATE KEY")
            {
                return Import(rest[block.Base64Data], block.DecodedDataLength);
            }

            other ??= rest[block.Label].ToString();
        }

        return (null, other switch
        {
            "EC PRIVATE KEY" or "EC PARAMETERS" =>
                "it is an EC key in SEC1, not in PKCS#8, which openssl pkcs8 -topk8 -nocrypt makes of it",
            "RSA PRIVATE KEY" => "it is an RSA key",
            "ENCRYPTED PRIVATE KEY" => "it is encrypted with a passphrase",
            "PUBLIC KEY" or "CERTIFICATE" => "it has the public key only",
            _ when text.Length == 0 => "it is empty",
            _ => "it is no private key in PEM",
        });
    }

    /// <summary>Writes the public key as a JWK (RFC 7517).</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("kty"u8, "EC"u8);
        json.WriteString("crv"u8, "P-256"u8);
        json.WriteString("x"u8, Base64Url.EncodeToString(_point.X));
        json.WriteString("y"u8, Base64Url.EncodeToString(_point.Y));
        json.WriteString("kid"u8, Id);
        json.WriteString("use"u8, "sig"u8);
        json.WriteString("alg"u8, "ES256"u8);
        json.WriteEndObject();
    }

    /// <summary><c>***</c></summary>
    public override string ToString() => "***";

    private static (SigningKey? Key, string? Fault) Import(ReadOnlySpan<char> base64, int length)
    {
        var pkcs8 = new byte[length];
        var key = ECDsa.Create();
        try
        {
            Convert.TryFromBase64Chars(base64, pkcs8, out _);
            key.ImportPkcs8PrivateKey(pkcs8, out var read);
            var point = key.ExportParameters(includePrivateParameters: false);
            return read < length ? Refuse("it has something behind the key")
                : point.Curve is { IsNamed: true, Oid.Value: P256 } ? (new SigningKey(key, point.Q), null)
                : Refuse("it is an EC key of another curve than P-256");
        }
        catch (Exception exception) when (exception is CryptographicException or PlatformNotSupportedException)
        {
            return Refuse("it is no EC private key in PKCS#8");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(pkcs8);
        }

        (SigningKey?, string) Refuse(string fault)
        {
            key.Dispose();
            return (null, fault);
        }
    }
}
