using System.Security.Cryptography;

namespace WeComFunc.Simulator;

/// <summary>What a <see cref="MemberDataCall"/> gives: AES-128-CBC with PKCS#7, in Base64.</summary>
public sealed record EncryptedMemberData(string EncryptedData, string Iv)
{
    /// <param name="plain">What is encrypted.</param>
    /// <param name="sessionKey">With which session_key.</param>
    /// <param name="padding">None for bytes that are padded already, rightly or wrongly.</param>
    public static EncryptedMemberData Of(ReadOnlySpan<byte> plain, string sessionKey, PaddingMode padding = PaddingMode.PKCS7)
    {
        using var aes = Aes.Create();
        aes.Key = Convert.FromBase64String(sessionKey);
        var iv = RandomNumberGenerator.GetBytes(16);
        return new(Convert.ToBase64String(aes.EncryptCbc(plain, iv, padding)), Convert.ToBase64String(iv));
    }
}
