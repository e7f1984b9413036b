namespace WeComFunc.Tests;

/// <summary>What counts as nothing to be seen, where people paste.</summary>
public sealed class PastedTextTests
{
    [Theory]
    [InlineData(0x0000)]
    [InlineData(0x0009)]
    [InlineData(0x0085)]
    [InlineData(0x00a0)]
    [InlineData(0x00ad)]
    [InlineData(0x034f)]
    [InlineData(0x115f)]
    [InlineData(0x1160)]
    [InlineData(0x200b)]
    [InlineData(0x2028)]
    [InlineData(0x202e)]
    [InlineData(0x2800)]
    [InlineData(0x3000)]
    [InlineData(0x3164)]
    [InlineData(0xfe00)]
    [InlineData(0xfe0f)]
    [InlineData(0xfeff)]
    [InlineData(0xffa0)]
    [InlineData(0xe0041)]
    [InlineData(0xe0100)]
    [InlineData(0xe01ef)]
    public void Nothing_is_to_be_seen_of_it(int codePoint)
    {
        var text = char.ConvertFromUtf32(codePoint);

        Assert.Equal($"U+{codePoint:X4} at position 2", PastedText.FindUnseen($"a{text}b"));
        Assert.Equal("a", PastedText.TrimSecret($"{text}a{text}{text}"));
        Assert.Equal("", PastedText.TrimSecret(text));
    }

    /// <summary>The neighbours of those, and what every text has.</summary>
    [Theory]
    [InlineData(0x0020)]
    [InlineData(0x007e)]
    [InlineData(0x034e)]
    [InlineData(0x0350)]
    [InlineData(0x115e)]
    [InlineData(0x1161)]
    [InlineData(0x27ff)]
    [InlineData(0x2801)]
    [InlineData(0x3163)]
    [InlineData(0x3165)]
    [InlineData(0xfdfc)]
    [InlineData(0xfe10)]
    [InlineData(0xff9f)]
    [InlineData(0xffa1)]
    [InlineData(0x1f600)]
    [InlineData(0xe01f0)]
    public void Something_is_to_be_seen_of_it_or_it_belongs_there(int codePoint) =>
        Assert.Null(PastedText.FindUnseen($"a{char.ConvertFromUtf32(codePoint)}b"));

    [Theory]
    [InlineData("!a~", null)]
    [InlineData("a b", "U+0020 at position 2")]
    [InlineData("ab\u007f", "U+007F at position 3")]
    [InlineData("\U0001f600a", "U+1F600 at position 1")]
    [InlineData("\U0001f600", "U+1F600 at position 1")]
    [InlineData("a\ud83d", "U+FFFD at position 2")]
    public void What_no_secret_has_is_told_by_its_place(string text, string? place) =>
        Assert.Equal(place, PastedText.FindForeign(text, lowest: '!'));
}
