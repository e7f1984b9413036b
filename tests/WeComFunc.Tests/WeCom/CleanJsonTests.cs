using System.Text;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>
/// What becomes of each byte of an answer that is no JSON, as tables; <see cref="DirtyAnswerTests"/> shows the same through logins.
/// </summary>
public sealed class CleanJsonTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("""{"a":[1,true,null,"x\"y\\"]}""", """{"a":[1,true,null,"x\"y\\"]}""")]
    [InlineData("{\"a\" :\t1,\r\n\"b\":2}", "{\"a\" : 1,  \"b\":2}")]
    [InlineData("\0{\u001f}\u007f", " { }\u007f")]
    [InlineData("\"\t\r\n\0\u001f \u007f\"", "\"\\u0009\\u000d\\u000a\\u0000\\u001f \u007f\"")]
    [InlineData("\"a\" \t \"\t\"\t", "\"a\"   \"\\u0009\" ")]
    [InlineData("张\"张😀\"", "张\"张😀\"")]
    [InlineData("\ufeff{\"a\":\"\ufeff\"}", "{\"a\":\"\ufeff\"}")]
    [InlineData("\ufeff\ufeff{}", "\ufeff{}")]
    [InlineData("{\\\t\\\"\t", "{\\ \\\"\\u0009")]
    public void Control_characters_are_escaped_inside_of_texts_and_spaces_elsewhere(string dirty, string clean) =>
        Assert.Equal(clean, Clean(Encoding.UTF8.GetBytes(dirty)));

    /// <summary>What a text holds, without the quote at its end.</summary>
    [Theory]
    [InlineData("""\"\\\/\b\f\n\r\t""", """\"\\\/\b\f\n\r\t""")]
    [InlineData("""\""", """\\""")]
    [InlineData("""C:\dir\users\x""", """C:\\dir\\users\\x""")]
    [InlineData("""\u0041""", """\u0041""")]
    [InlineData("""\u00Aa1""", """\u00Aa1""")]
    [InlineData("""\u004""", """\\u004""")]
    [InlineData("""\U0041""", """\\U0041""")]
    [InlineData("""\u00g1""", """\\u00g1""")]
    [InlineData("""\u 041""", """\\u 041""")]
    [InlineData("""\u""", """\\u""")]
    [InlineData("""\ud83d\ude00""", """\ud83d\ude00""")]
    [InlineData("""\ud83d\ude00x""", """\ud83d\ude00x""")]
    [InlineData("""\ud83d""", """\ufffd""")]
    [InlineData("""\ude00""", """\ufffd""")]
    [InlineData("""\ud83d\ude0""", """\ufffd\\ude0""")]
    [InlineData("""\ud83dx\ude00""", """\ufffdx\ufffd""")]
    [InlineData("""\ud83d\u0041""", """\ufffd\u0041""")]
    [InlineData("""\ud83d\ud83d\ude00""", """\ufffd\ud83d\ude00""")]
    [InlineData("""\ude00\ud83d""", """\ufffd\ufffd""")]
    [InlineData("""\u0041\ude00""", """\u0041\ufffd""")]
    public void An_escape_that_is_none_becomes_one(string text, string clean) =>
        Assert.Equal($"\"{clean}", Clean(Encoding.UTF8.GetBytes($"\"{text}")));

    /// <summary>Bytes as Latin-1 letters: 0xd5 0x5c is a character of GBK, and 0x5c a backslash.</summary>
    [Theory]
    [InlineData("\xff", "\ufffd")]
    [InlineData("\x80", "\ufffd")]
    [InlineData("\xf0\x9f\x98", "\ufffd")]
    [InlineData("\"\xd5\xc5\xc8\xfd\"", "\"\ufffd\ufffd\ufffd\ufffd\"")]
    [InlineData("\"\xf0\x9f\"", "\"\ufffd\"")]
    [InlineData("\"\xd5\\\"", "\"\ufffd\"")]
    [InlineData("\"\xd5\\\",1", "\"\ufffd\",1")]
    [InlineData("\"\xd5\\\":1", "\"\ufffd\":1")]
    [InlineData("\"\xd5\\\"}", "\"\ufffd\"}")]
    [InlineData("\"\xd5\\\"]", "\"\ufffd\"]")]
    [InlineData("\"\xd5\\\" }", "\"\ufffd\" }")]
    [InlineData("\"\xd5\\\"\t}", "\"\ufffd\" }")]
    [InlineData("\"\xd5\\\"\r\n}", "\"\ufffd\"  }")]
    [InlineData("\"\xd5\\\"x\"", "\"\ufffd\\\"x\"")]
    [InlineData("\"\xd5\\\" x\"", "\"\ufffd\\\" x\"")]
    [InlineData("\"\xd5\\x\"", "\"\ufffd\\\\x\"")]
    [InlineData("\"\xe5\xbc\xa0\\\",1", "\"张\\\",1")]
    [InlineData("\xd5\\\",1", "\ufffd\\\",1")]
    public void A_byte_that_is_not_UTF8_is_replaced_and_a_backslash_that_is_half_a_character_goes_with_it(string dirty, string clean) =>
        Assert.Equal(clean, Clean(Encoding.Latin1.GetBytes(dirty)));

    [Fact]
    public void What_is_longer_than_it_was_is_there_to_its_end() =>
        Assert.Equal($"\"{string.Concat(Enumerable.Repeat("\\u0000", 500))}\"", Clean([(byte)'"', .. new byte[500], (byte)'"']));

    private static string Clean(byte[] dirty) => Encoding.UTF8.GetString(CleanJson.Of(dirty));
}
