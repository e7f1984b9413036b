using System.Globalization;
using System.Text;

namespace WeComFunc;

/// <summary>
/// Values that people paste. Consoles, chats and documents put around and into them what nobody sees: a BOM, a zero-width space, a no-break
/// space, line ends.
/// </summary>
internal static class PastedText
{
    private const string Quotes = "\"'`\u2018\u2019\u201c\u201d\uff02\uff07";

    /// <summary>The text without what cannot be seen at both its ends.</summary>
    public static string Trim(string text) => Trim(text, IsUnseen);

    /// <summary>The text without what cannot belong to a corpsecret at both its ends: what cannot be seen, and quotes.</summary>
    public static string TrimSecret(string text) =>
        Trim(text, static rune => IsUnseen(rune) || Quotes.Contains(rune.ToString(), StringComparison.Ordinal));

    /// <summary>
    /// The first character that cannot be seen, but for a space, as <c>U+200B at position 7</c>; null when there is none.
    /// </summary>
    public static string? FindUnseen(string text) => Find(text, static rune => rune.Value != ' ' && IsUnseen(rune));

    /// <summary>
    /// The first character outside of ASCII from <paramref name="lowest"/> to <c>~</c>, as <c>U+FF41 at position 7</c>; null when there is
    /// none.
    /// </summary>
    public static string? FindForeign(string text, char lowest) => Find(text, rune => rune.Value < lowest || rune.Value > '~');

    private static string Trim(string text, Predicate<Rune> isCut)
    {
        var (start, end) = (0, text.Length);
        while (start < end && RuneAt(text, start) is var first && isCut(first))
        {
            start += first.Utf16SequenceLength;
        }

        while (start < end && RuneBefore(text, end) is var last && isCut(last))
        {
            end -= last.Utf16SequenceLength;
        }

        return text[start..end];
    }

    /// <summary>Code point and position of a character, counted from 1 in characters as people count them.</summary>
    private static string? Find(string text, Predicate<Rune> isLookedFor)
    {
        var position = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            position++;
            if (isLookedFor(rune))
            {
                return string.Create(CultureInfo.InvariantCulture, $"U+{rune.Value:X4} at position {position}");
            }
        }

        return null;
    }

    private static bool IsUnseen(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.SpaceSeparator or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        || IsBlank(rune.Value);

    /// <summary>
    /// Letters and marks by their category, but with nothing to see: joiners, fillers, the empty Braille cell, variation selectors.
    /// </summary>
    private static bool IsBlank(int codePoint) =>
        codePoint is 0x034f or 0x115f or 0x1160 or 0x2800 or 0x3164 or 0xffa0 or (>= 0xfe00 and <= 0xfe0f) or (>= 0xe0100 and <= 0xe01ef);

    private static Rune RuneAt(string text, int index) => Rune.TryGetRuneAt(text, index, out var rune) ? rune : Rune.ReplacementChar;

    private static Rune RuneBefore(string text, int end) =>
        end > 1 && char.IsSurrogatePair(text[end - 2], text[end - 1]) ? new Rune(text[end - 2], text[end - 1]) : RuneAt(text, end - 1);
}
