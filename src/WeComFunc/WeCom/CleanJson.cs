using System.Buffers;
using System.Globalization;
using System.Text;

namespace WeComFunc.WeCom;

/// <summary>
/// Makes JSON of answers that are none for the sake of a few bytes, as WeCom and gateways before it send them: a byte order mark in front,
/// raw control characters in a text, bytes that are not UTF-8 (GBK, a character that was cut), half a surrogate pair. What JSON has an
/// escape for becomes that, anything else U+FFFD. What lacks a quote or a brace stays as it is.
/// </summary>
internal static class CleanJson
{
    private const int EscapeLength = 6;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xef, 0xbb, 0xbf];

    /// <summary>The answer as JSON.</summary>
    public static byte[] Of(ReadOnlySpan<byte> dirty)
    {
        var clean = new ArrayBufferWriter<byte>(dirty.Length + 64);
        var rest = dirty.StartsWith(ByteOrderMark) ? dirty[ByteOrderMark.Length..] : dirty;
        var isText = false;
        while (!rest.IsEmpty)
        {
            var (next, length) = (rest[0], 1);
            if (next >= 0x80)
            {
                var isUtf8 = Rune.DecodeFromUtf8(rest, out var rune, out length) is OperationStatus.Done;
                Write(rune, clean);
                length += !isUtf8 && isText && BeginsWithHalfCharacter(rest[length..]) ? 1 : 0;
            }
            else if (isText && next < ' ')
            {
                clean.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\\u{next:x4}")));
            }
            else if (isText && next == '\\')
            {
                length = CopyEscape(rest, clean);
            }
            else
            {
                isText ^= next == '"';
                clean.Write([next < ' ' ? (byte)' ' : next]);
            }

            rest = rest[length..];
        }

        return clean.WrittenSpan.ToArray();
    }

    private static void Write(Rune rune, ArrayBufferWriter<byte> clean) => clean.Advance(rune.EncodeToUtf8(clean.GetSpan(4)));

    /// <summary>
    /// Whether a backslash is the second byte of a character of GBK whose first one lies behind: the quote after it ends the text then, as
    /// only what follows a text follows it.
    /// </summary>
    private static bool BeginsWithHalfCharacter(ReadOnlySpan<byte> rest) =>
        rest.StartsWith("\\\""u8) && (rest[2..].TrimStart(" \t\r\n"u8) is [] or [(byte)',' or (byte)':' or (byte)'}' or (byte)']', ..]);

    /// <summary>Copies an escape, or makes one of a backslash that begins none.</summary>
    /// <returns>How many bytes of the text that was.</returns>
    private static int CopyEscape(ReadOnlySpan<byte> rest, ArrayBufferWriter<byte> clean)
    {
        if (rest.Length > 1 && "\"\\/bfnrt"u8.Contains(rest[1]))
        {
            clean.Write(rest[..2]);
            return 2;
        }

        if (Utf16Of(rest) is not { } unit)
        {
            clean.Write("\\\\"u8);
            return 1;
        }

        if (char.IsHighSurrogate(unit) && Utf16Of(rest[EscapeLength..]) is { } low && char.IsLowSurrogate(low))
        {
            clean.Write(rest[..(2 * EscapeLength)]);
            return 2 * EscapeLength;
        }

        clean.Write(char.IsSurrogate(unit) ? "\\ufffd"u8 : rest[..EscapeLength]);
        return EscapeLength;
    }

    /// <summary>What <c>\u0000</c> stands for; null where there is no such escape.</summary>
    private static char? Utf16Of(ReadOnlySpan<byte> rest) =>
        rest.Length >= EscapeLength && rest.StartsWith("\\u"u8)
        && ushort.TryParse(rest[2..EscapeLength], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit)
            ? (char)unit
            : null;
}
