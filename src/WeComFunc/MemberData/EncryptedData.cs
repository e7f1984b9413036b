using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Unicode;

namespace WeComFunc.MemberData;

/// <summary>
/// What <c>wx.qy.getMobile</c> and its like give a mini program (document 96974): AES-128-CBC with the session_key, PKCS#7, in Base64.
/// Nothing here tells in which way data is wrong, neither in what it returns nor, within reason, in how long it takes: whoever could learn
/// that of the padding could decrypt without the key.
/// </summary>
internal sealed class EncryptedData
{
    private const int LargestText = 32 * 1024;
    private const int Block = 16;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private static readonly SearchValues<byte> Base64Digits =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="u8);

    private readonly byte[] _cipher;
    private readonly byte[] _iv;

    private EncryptedData(byte[] cipher, byte[] iv) => (_cipher, _iv) = (cipher, iv);

    /// <summary>Reads the members <c>encryptedData</c> and <c>iv</c> of a request; others are ignored.</summary>
    /// <param name="reader">The request, behind the beginning of its object.</param>
    /// <param name="state">Nothing.</param>
    /// <param name="data">What it has.</param>
    /// <returns>Whether each of them is there, once, as Base64 of its length.</returns>
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="InvalidOperationException">A text in it is no text.</exception>
    public static bool TryRead(ref Utf8JsonReader reader, object? state, [NotNullWhen(true)] out EncryptedData? data)
    {
        data = null;
        byte[]? cipher = null, iv = null;
        while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
        {
            var (isCipher, isIv) = (reader.ValueTextEquals("encryptedData"u8), reader.ValueTextEquals("iv"u8));
            reader.Read();
            if ((isCipher && (cipher is not null || (cipher = Bytes(ref reader)) is null))
                || (isIv && (iv is not null || (iv = Bytes(ref reader)) is null)))
            {
                return false;
            }

            reader.Skip();
        }

        data = cipher is { Length: > 0 } && cipher.Length % Block == 0 && iv is { Length: Block } ? new(cipher, iv) : null;
        return data is not null;
    }

    /// <summary>Decrypts it, and judges what comes of it.</summary>
    /// <param name="key">The session_key of the member.</param>
    /// <param name="app">The app that the member logged in with.</param>
    /// <param name="userId">The member.</param>
    /// <param name="now">The time.</param>
    /// <param name="opened"><c>{"data":{…}}</c>, every member as it came but <c>watermark</c>.</param>
    /// <returns>Whether it is the data of this mini program, of now, and, where it says whose it is, of this member.</returns>
    public bool TryOpen(SessionKey key, WeComApp app, string userId, DateTimeOffset now, out ReadOnlyMemory<byte> opened)
    {
        opened = default;
        using var aes = Aes.Create();
        aes.SetKey(key.Bytes);
        var plain = aes.DecryptCbc(_cipher, _iv, PaddingMode.None);
        var isPadded = TryUnpad(plain, out var length);
        try
        {
            var json = plain.AsMemory(0, length);
            using var document = JsonDocument.Parse(json, Strict);
            var data = document.RootElement;
            if (isPadded & Utf8.IsValid(json.Span) && IsOf(data, app, userId) && IsOfNow(data, now))
            {
                opened = Compose(data);
                return true;
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            // As wrong as any other.
        }

        return false;
    }

    /// <summary>The bytes of a Base64 text that has nothing else in it; null where it is none, or too long.</summary>
    private static byte[]? Bytes(ref Utf8JsonReader value)
    {
        if (value.TokenType is not JsonTokenType.String)
        {
            return null;
        }

        var text = ArrayPool<byte>.Shared.Rent(value.ValueSpan.Length);
        try
        {
            var written = text.AsSpan(0, value.CopyString(text));
            var bytes = new byte[Base64.GetMaxDecodedFromUtf8Length(written.Length)];
            return written.Length <= LargestText
                && !written.ContainsAnyExcept(Base64Digits)
                && Base64.DecodeFromUtf8(written, bytes, out _, out var length) is OperationStatus.Done
                ? bytes[..length]
                : null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(text);
        }
    }

    /// <summary>
    /// Where a text ends whose padding is PKCS#7 (RFC 5652, 6.3), at its own end otherwise. The framework's own throws, which takes so much
    /// longer that it can be seen from afar.
    /// </summary>
    private static bool TryUnpad(ReadOnlySpan<byte> plain, out int length)
    {
        int count = plain[^1];
        var difference = count is > 0 and <= Block ? 0 : 1;
        for (var i = 1; i <= Block; i++)
        {
            difference |= i <= count ? plain[^i] ^ count : 0;
        }

        length = difference == 0 ? plain.Length - count : plain.Length;
        return difference == 0;
    }

    private static bool IsOf(JsonElement data, WeComApp app, string userId) =>
        data.GetProperty("watermark"u8).GetProperty("appid"u8).ValueEquals(app.MiniProgramAppId)
        && (!data.TryGetProperty("corpid"u8, out var corp) || (corp.GetString() is { } corpId && app.IsOfCorp(corpId)))
        && (!data.TryGetProperty("userid"u8, out var user)
            || string.Equals(user.GetString(), userId, StringComparison.OrdinalIgnoreCase));

    /// <summary>Its timestamp is in seconds, as a number or, as WeCom sends numbers, as a text of it.</summary>
    private static bool IsOfNow(JsonElement data, DateTimeOffset now)
    {
        var text = JsonMarshal.GetRawUtf8Value(data.GetProperty("watermark"u8).GetProperty("timestamp"u8)).Trim((byte)'"');
        return Utf8Parser.TryParse(text, out decimal seconds, out var length) && length == text.Length
            && seconds >= (now - MemberDataRules.DataAge).ToUnixTimeSeconds()
            && seconds <= (now + MemberDataRules.DataAge).ToUnixTimeSeconds();
    }

    private static ReadOnlyMemory<byte> Compose(JsonElement data)
    {
        var answer = new ArrayBufferWriter<byte>(JsonMarshal.GetRawUtf8Value(data).Length + 16);
        answer.Write("{\"data\":{"u8);
        var isFirst = true;
        foreach (var member in data.EnumerateObject().Where(member => !member.NameEquals("watermark"u8)))
        {
            answer.Write(isFirst ? "\""u8 : ",\""u8);
            answer.Write(JsonMarshal.GetRawUtf8PropertyName(member));
            answer.Write("\":"u8);
            answer.Write(JsonMarshal.GetRawUtf8Value(member.Value));
            isFirst = false;
        }

        answer.Write("}}"u8);
        return answer.WrittenMemory;
    }
}
