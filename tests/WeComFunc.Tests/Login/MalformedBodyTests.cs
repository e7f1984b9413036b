using System.Text;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>A body that is not the documented request is refused before any call goes out (rule L1).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class MalformedBodyTests(Azurite azurite) : LoginTest(azurite)
{
    private static readonly Dictionary<string, byte[]> InvalidBodies = new()
    {
        ["nothing"] = [],
        ["white space"] = " \r\n\t"u8.ToArray(),
        ["a word"] = "code"u8.ToArray(),
        ["a form"] = "code=0123456789abcdef"u8.ToArray(),
        ["XML"] = "<code>0123456789abcdef</code>"u8.ToArray(),
        ["an array"] = "[]"u8.ToArray(),
        ["an array of an object"] = """[{"code":"0123456789abcdef"}]"""u8.ToArray(),
        ["a string"] = "\"0123456789abcdef\""u8.ToArray(),
        ["a number"] = "1"u8.ToArray(),
        ["true"] = "true"u8.ToArray(),
        ["null"] = "null"u8.ToArray(),
        ["NaN"] = "NaN"u8.ToArray(),
        ["an opening brace"] = "{"u8.ToArray(),
        ["cut behind the name"] = "{\"code\""u8.ToArray(),
        ["cut behind the colon"] = "{\"code\":"u8.ToArray(),
        ["cut within the code"] = "{\"code\":\"0123"u8.ToArray(),
        ["cut within an escape"] = "{\"code\":\"0123\\u00"u8.ToArray(),
        ["cut behind the code"] = "{\"code\":\"0123456789abcdef\""u8.ToArray(),
        ["cut behind a comma"] = "{\"code\":\"0123456789abcdef\","u8.ToArray(),
        ["cut within another member"] = "{\"code\":\"0123456789abcdef\",\"a\":[1"u8.ToArray(),
        ["a comma too many"] = """{"code":"0123456789abcdef",}"""u8.ToArray(),
        ["a word behind the object"] = """{"code":"0123456789abcdef"} x"""u8.ToArray(),
        ["a brace behind the object"] = """{"code":"0123456789abcdef"}}"""u8.ToArray(),
        ["two objects"] = """{"code":"0123456789abcdef"}{"code":"0123456789abcdef"}"""u8.ToArray(),
        ["two objects on two lines"] = "{\"code\":\"0123456789abcdef\"}\n{}"u8.ToArray(),
        ["NUL behind the object"] = "{\"code\":\"0123456789abcdef\"}\0"u8.ToArray(),
        ["a block comment"] = """{/* js_code */"code":"0123456789abcdef"}"""u8.ToArray(),
        ["a line comment"] = "{\"code\":\"0123456789abcdef\"} // js_code"u8.ToArray(),
        ["single quotes"] = "{'code':'0123456789abcdef'}"u8.ToArray(),
        ["a name without quotes"] = """{code:"0123456789abcdef"}"""u8.ToArray(),
        ["a code without quotes"] = """{"code":abcdef}"""u8.ToArray(),
        ["an unknown escape"] = """{"code":"01234567\x41"}"""u8.ToArray(),
        ["a line break in the code"] = "{\"code\":\"01234567\n89abcdef\"}"u8.ToArray(),
        ["an empty object"] = "{}"u8.ToArray(),
        ["no code"] = """{"js_code":"0123456789abcdef"}"""u8.ToArray(),
        ["Code in capitals"] = """{"Code":"0123456789abcdef"}"""u8.ToArray(),
        ["CODE in capitals"] = """{"CODE":"0123456789abcdef"}"""u8.ToArray(),
        ["a code with a space in its name"] = """{"code ":"0123456789abcdef"}"""u8.ToArray(),
        ["a code further down"] = """{"data":{"code":"0123456789abcdef"}}"""u8.ToArray(),
        ["the code twice"] = """{"code":"0123456789abcdef","code":"0123456789abcdef"}"""u8.ToArray(),
        ["the code and an empty one"] = """{"code":"0123456789abcdef","code":""}"""u8.ToArray(),
        ["the code and null"] = """{"code":"0123456789abcdef","code":null}"""u8.ToArray(),
        ["an empty code and the code"] = """{"code":"","code":"0123456789abcdef"}"""u8.ToArray(),
        ["the code twice, once escaped"] = """{"code":"0123456789abcdef","\u0063ode":"0123456789abcdef"}"""u8.ToArray(),
        ["code null"] = """{"code":null}"""u8.ToArray(),
        ["code a number"] = """{"code":1234567890123456}"""u8.ToArray(),
        ["code true"] = """{"code":true}"""u8.ToArray(),
        ["code false"] = """{"code":false}"""u8.ToArray(),
        ["code an object"] = """{"code":{"code":"0123456789abcdef"}}"""u8.ToArray(),
        ["code an array"] = """{"code":["0123456789abcdef"]}"""u8.ToArray(),
        ["code empty"] = """{"code":""}"""u8.ToArray(),
        ["code blank"] = """{"code":"   "}"""u8.ToArray(),
        ["code of 513 characters"] = OfCode(new string('a', 513)),
        ["code of 513 escaped characters"] = OfCode(string.Concat(Enumerable.Repeat("\\u0061", 513))),
        ["code with a tab"] = OfCode("01234567\\t89abcdef"),
        ["code with a line break"] = OfCode("01234567\\r\\n89abcdef"),
        ["code with NUL"] = OfCode("01234567\\u000089abcdef"),
        ["code with a control character"] = OfCode("01234567\\u001f89abcdef"),
        ["code with DEL"] = OfCode("01234567\u007f89abcdef"),
        ["code with DEL, escaped"] = OfCode("01234567\\u007f89abcdef"),
        ["code with a C1 control character"] = OfCode("01234567\\u008589abcdef"),
        ["code with a no-break space"] = OfCode("01234567\u00a089abcdef"),
        ["code with é"] = OfCode("01234567é89abcdef"),
        ["code in Chinese"] = OfCode("零一二三四五六七八九"),
        ["code with full-width digits"] = OfCode("０１２３４５６７８９"),
        ["code with an emoji"] = OfCode("01234567🐉89abcdef"),
        ["code with an emoji, escaped"] = OfCode("01234567\\ud83d\\udc0989abcdef"),
        ["code with half a surrogate pair"] = OfCode("01234567\\ud83d89abcdef"),
        ["code with the other half"] = OfCode("01234567\\udc0989abcdef"),
        ["code with a byte order mark"] = OfCode("\ufeff0123456789abcdef"),
        ["invalid UTF-8 in the code"] = [.. "{\"code\":\"01234567"u8, 0xff, 0xfe, .. "\"}"u8],
        ["invalid UTF-8 in another member"] = [.. "{\"code\":\"0123456789abcdef\",\"a\":\""u8, 0xc3, 0x28, .. "\"}"u8],
        ["invalid UTF-8 in another member's name"] = [.. "{\"code\":\"0123456789abcdef\",\""u8, 0xf0, 0x9f, .. "\":1}"u8],
        ["UTF-8 with overlong characters"] = [.. "{\"code\":\"01234567"u8, 0xc1, 0xa1, .. "89abcdef\"}"u8],
        ["UTF-8 of half a surrogate pair"] = [.. "{\"code\":\"01234567"u8, 0xed, 0xa0, 0x80, .. "89abcdef\"}"u8],
        ["two byte order marks"] = [0xef, 0xbb, 0xbf, 0xef, 0xbb, 0xbf, .. OfCode("0123456789abcdef")],
        ["a byte order mark behind white space"] = [(byte)' ', 0xef, 0xbb, 0xbf, .. OfCode("0123456789abcdef")],
        ["nothing but a byte order mark"] = [0xef, 0xbb, 0xbf],
        ["UTF-16"] = Encoding.Unicode.GetBytes("{\"code\":\"0123456789abcdef\"}"),
        ["UTF-16, big-endian"] = Encoding.BigEndianUnicode.GetBytes("{\"code\":\"0123456789abcdef\"}"),
        ["UTF-16 with a byte order mark"] = [0xff, 0xfe, .. Encoding.Unicode.GetBytes("{\"code\":\"0123456789abcdef\"}")],
        ["UTF-32"] = Encoding.UTF32.GetBytes("{\"code\":\"0123456789abcdef\"}"),
        ["gzip"] = [0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03],
        ["a thousand arrays in one another"] = Encoding.ASCII.GetBytes(
            $$"""{"code":"0123456789abcdef","a":{{new string('[', 1000)}}{{new string(']', 1000)}}}"""),
        ["a thousand objects in one another"] = Encoding.ASCII.GetBytes(
            $$"""{"code":"0123456789abcdef","a":{{string.Concat(Enumerable.Repeat("{\"a\":", 1000))}}1{{new string('}', 1001)}}"""),
        ["eight thousand opening brackets"] = Encoding.ASCII.GetBytes(new string('[', 8000)),
    };

    public static TheoryData<string> InvalidBodyNames => [.. InvalidBodies.Keys];

    [Theory]
    [MemberData(nameof(InvalidBodyNames))]
    public async Task A_malformed_body_is_invalid_request(string body)
    {
        var host = await StartAsync();
        using var content = new ByteArrayContent(InvalidBodies[body]);
        content.Headers.ContentType = new("application/json");

        var answer = await host.PostAsync(content);

        AssertProblem(host, answer, 400, "invalid_request");
        Assert.Equal(new(0, 0, 0), Calls);
    }

    private static byte[] OfCode(string code) => Encoding.UTF8.GetBytes($$"""{"code":"{{code}}"}""");
}
