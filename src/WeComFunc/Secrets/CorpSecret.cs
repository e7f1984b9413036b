using System.Security.Cryptography;
using System.Text;

namespace WeComFunc.Secrets;

/// <summary>What is encrypted with a key of the corpsecret.</summary>
public enum SealPurpose
{
    /// <summary>The access_token in its row.</summary>
    AccessToken,

    /// <summary>A member's session_key in the row of a session.</summary>
    SessionKey,
}

/// <summary>A corpsecret, with what is derived from it (HKDF-SHA256, RFC 5869).</summary>
public sealed class CorpSecret(string value)
{
    private const int NonceLength = 12;
    private const int TagLength = 16;
    private const int HeadLength = NonceLength + TagLength;
    private const int KeyLength = 32;

    /// <summary>The corpsecret itself; never for a log, a trace, an exception or a response.</summary>
    public string Value { get; } = value;

    /// <summary>Tells two corpsecrets apart without telling either: 64 bits of a key derivation, in hexadecimal.</summary>
    public string Fingerprint { get; } = Convert.ToHexStringLower(Derive(value, "wecomfunc corpsecret fingerprint", 8));

    /// <summary>Encrypts a text (AES-256-GCM, rule T9): nonce, tag and ciphertext in Base64.</summary>
    /// <param name="purpose">What it is; each kind has a key of its own.</param>
    /// <param name="text">The text.</param>
    /// <param name="place">The row it is for; it opens nowhere else.</param>
    public string Seal(SealPurpose purpose, string text, string place)
    {
        var plain = Encoding.UTF8.GetBytes(text);
        var box = new byte[HeadLength + plain.Length];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceLength));
        using var aes = new AesGcm(KeyOf(purpose), TagLength);
        aes.Encrypt(
            box.AsSpan(0, NonceLength), plain, box.AsSpan(HeadLength), box.AsSpan(NonceLength, TagLength), Encoding.UTF8.GetBytes(place));
        return Convert.ToBase64String(box);
    }

    /// <summary>
    /// Decrypts what <see cref="Seal"/> made; null for anything else: another secret, purpose or row, a changed or cut value.
    /// </summary>
    public string? Open(SealPurpose purpose, string? text, string place)
    {
        var box = new byte[(text ?? "").Length];
        if (!Convert.TryFromBase64String(text ?? "", box, out var length) || length <= HeadLength)
        {
            return null;
        }

        var plain = new byte[length - HeadLength];
        try
        {
            using var aes = new AesGcm(KeyOf(purpose), TagLength);
            aes.Decrypt(
                box.AsSpan(0, NonceLength),
                box.AsSpan(HeadLength, plain.Length),
                box.AsSpan(NonceLength, TagLength),
                plain,
                Encoding.UTF8.GetBytes(place));
            return Encoding.UTF8.GetString(plain);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    /// <summary><c>***</c></summary>
    public override string ToString() => "***";

    private byte[] KeyOf(SealPurpose purpose) => Derive(
        Value,
        purpose switch
        {
            SealPurpose.AccessToken => "wecomfunc access_token encryption",
            _ => "wecomfunc session_key encryption",
        },
        KeyLength);

    private static byte[] Derive(string secret, string purpose, int length) =>
        HKDF.DeriveKey(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret), length, salt: [], info: Encoding.UTF8.GetBytes(purpose));
}
