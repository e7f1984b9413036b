using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>
/// What passes through of an answer of <c>user/get</c>, as tables; <see cref="ProfileReadingTests"/> shows the same through logins.
/// </summary>
public sealed class ProfileTableTests
{
    [Theory]
    [InlineData("""{"errcode":0,"errmsg":"ok","userid":"u","name":"张三"}""", """{"userid":"u","name":"张三"}""")]
    [InlineData("""{"userid":"u"}""", """{"userid":"u"}""")]
    [InlineData("""{"userid":"u","a":"123456789012"}""", """{"userid":"u","a":"123456789012"}""")]
    [InlineData("""{ "a" : 1 , "userid":"u" , "b":[ 1, {"c" : null} ] }""", """{"a" : 1,"userid":"u","b":[ 1, {"c" : null} ]}""")]
    [InlineData("""{"userid":"u","big":12345678901234567890.50,"e":{}}""", """{"userid":"u","big":12345678901234567890.50,"e":{}}""")]
    [InlineData("""{"errcode":"0","userid":"u","errmsg":{"errcode":7},"z":1}""", """{"userid":"u","z":1}""")]
    [InlineData("""{"errmsg":["x"],"userid":"u","errcode":0.0}""", """{"userid":"u"}""")]
    [InlineData("""{"userid":"u","userid":7}""", """{"userid":"u","userid":7}""")]
    [InlineData("""{"userid":7,"userid":"u"}""", """{"userid":7,"userid":"u"}""")]
    [InlineData("{\"userid\":\"u\"} \r\n\t", """{"userid":"u"}""")]
    public void A_member_passes_through_as_it_came(string answer, string profile)
    {
        var read = Read(answer);

        Assert.Equal((0, profile), (read.Errcode, read.Profile));
    }

    [Theory]
    [InlineData("name", """{"name":1}""")]
    [InlineData("name,x", """{"name":1,"x":3}""")]
    [InlineData("userid", """{"userid":"u"}""")]
    [InlineData("nobody", """{}""")]
    [InlineData("errcode,errmsg", """{}""")]
    [InlineData("session_key", """{}""")]
    public void Only_what_the_settings_ask_for_passes_through(string fields, string profile) => Assert.Equal(
        profile.Replace("name", "na\\u006de"),
        Read("""{"errcode":0,"errmsg":"ok","userid":"u","na\u006de":1,"session_key":2,"x":3}""", fields.Split(',')).Profile);

    [Theory]
    [InlineData("""{"errcode":0,"name":1}""", 0, null)]
    [InlineData("""{"name":1}""", null, null)]
    [InlineData("""{"userid":7}""", null, null)]
    [InlineData("""{"inner":{"userid":"u"}}""", null, null)]
    [InlineData("""{}""", null, null)]
    [InlineData("""{"errcode":60111,"errmsg":"not found"}""", 60111, "not found")]
    [InlineData("""{"errmsg":7,"errcode":"60111"}""", 60111, null)]
    [InlineData("""{"errcode":60111,"errmsg":"not found","userid":7}""", 60111, "not found")]
    public void Without_a_userid_there_is_no_profile(string answer, int? errcode, string? errmsg)
    {
        var read = Profile.Read(Encoding.UTF8.GetBytes(answer), "u", []);

        Assert.Equal((errcode, errmsg, null), (read.Errcode, read.Errmsg, read.Value));
    }

    [Theory]
    [InlineData("u", true)]
    [InlineData("U", true)]
    [InlineData("\\u0075", true)]
    [InlineData("\\u0055", true)]
    [InlineData("v", false)]
    [InlineData("", false)]
    [InlineData("uu", false)]
    public void A_profile_is_that_of_the_member_who_was_asked_for(string userId, bool isSame)
    {
        string[] answers =
        [
            $$"""{"errcode":0,"userid":"{{userId}}"}""",
            $$"""{"userid":"{{userId}}"}""",
            $$"""{"userid":"u","userid":"{{userId}}"}""",
            $$"""{"userid":"{{userId}}","userid":"u"}""",
            $$"""{"userid":"{{userId}}","userid":"{{userId}}"}""",
        ];

        Assert.All(
            answers,
            answer => Assert.Equal(
                isSame ? null : "it is the profile of another member",
                (Record.Exception(() => Read(answer)) as UnfitAnswerException)?.Message));
    }

    [Fact]
    public void A_refusal_is_one_whomever_it_names() =>
        Assert.Equal(60111, Profile.Read("""{"errcode":60111,"userid":"v"}"""u8, "u", []).Errcode);

    /// <summary>A name, and whether it is one that no response may hold.</summary>
    [Theory]
    [InlineData("session_key", true)]
    [InlineData("access_token", true)]
    [InlineData("SESSION_key", true)]
    [InlineData("Access_Token", true)]
    [InlineData("session\\u005fkey", true)]
    [InlineData("\\u0061\\u0063\\u0063\\u0065\\u0073\\u0073\\u005f\\u0074\\u006f\\u006b\\u0065\\u006e", true)]
    [InlineData("session_ke", false)]
    [InlineData("session_keys", false)]
    [InlineData("access_tokens", false)]
    [InlineData("session-key", false)]
    [InlineData("\\u0061\\u0063\\u0063\\u0065\\u0073\\u0073\\u005f\\u0074\\u006f\\u006b\\u0065\\u006ex", false)]
    [InlineData("a_name_that_is_much_longer_than_that_of_any_member_that_there_is_or_ever_may_be_1", false)]
    public void A_member_with_such_a_name_anywhere_in_it_is_left_out(string name, bool isSecret)
    {
        string[] members =
        [
            $$"""  "{{name}}":1""",
            $$"""  "{{name}}":{"b":[1]}""",
            $$"""  "a":{"{{name}}":1}""",
            $$"""  "a":{"b":1,"{{name}}":1,"c":2}""",
            $$"""  "a":{"{{name}}":1,"{{name}}":2}""",
            $$"""  "a":[1,{"b":[[{"c":[],"{{name}}":{} }],2]},3]""",
        ];

        Assert.All(members.Select(member => member.Trim()), member => Assert.Equal(
            isSecret ? """{"userid":"u","z":[{"y":1}]}""" : $$"""{"userid":"u",{{member}},"z":[{"y":1}]}""",
            Read($$"""{"userid":"u",{{member}},"z":[{"y":1}]}""").Profile));
    }

    [Fact]
    public void Such_a_word_that_is_no_name_passes_through() => Assert.Equal(
        """{"userid":"u","a":"session_key","b":["access_token"]}""",
        Read("""{"userid":"u","a":"session_key","b":["access_token"]}""").Profile);

    [Theory]
    [InlineData("")]
    [InlineData("""{"userid":"u"}x""")]
    [InlineData("""{"userid":"u"}{}""")]
    [InlineData("""{"userid":"u",}""")]
    [InlineData("""{"userid":"u""")]
    [InlineData("""{"userid":"u","a":{"b":1}""")]
    public void What_is_no_JSON_cannot_be_read(string answer) => Assert.ThrowsAny<JsonException>(() => Read(answer));

    [Theory]
    [InlineData("""{"userid":"u","\ud800":1}""")]
    [InlineData("""{"userid":"u","d\ud800partment":1}""")]
    public void A_name_that_is_no_text_cannot_be_read(string answer) =>
        Assert.Throws<InvalidOperationException>(() => Read(answer));

    [Fact]
    public void What_is_not_UTF8_cannot_be_read() =>
        Assert.Throws<JsonException>(() => Profile.Read([.. "{\"userid\":\"u\",\"a\":\""u8, 0xff, .. "\"}"u8], "u", []));

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"u\"")]
    public void What_is_no_object_cannot_be_used(string answer)
    {
        var unfit = Assert.Throws<UnfitAnswerException>(() => Read(answer));

        Assert.Equal("it is not an object", unfit.Message);
    }

    [Theory]
    [InlineData("a", """{"a":{"b":1}}""")]
    [InlineData("b,c", """{"c":[ 1 ],"b":2}""")]
    [InlineData("c,a,b", """{"a":{"b":1},"c":[ 1 ],"b":2}""")]
    [InlineData("d", "{}")]
    public void Of_a_profile_some_members_can_be_taken(string fields, string expected)
    {
        using var narrow = Profile.Narrow("""{"a":{"b":1},"c":[ 1 ],"b":2}"""u8, fields.Split(','));

        Assert.Equal(expected, Encoding.UTF8.GetString(narrow.Span));
    }

    [Fact]
    public void Bytes_that_are_given_back_serve_the_next_answer()
    {
        var first = new RentedBytes(5000);
        first.Write("a"u8);
        ref readonly var place = ref MemoryMarshal.GetReference(first.Span);
        first.Dispose();
        using var next = new RentedBytes(5000);
        next.Write("bc"u8);
        next.Write("d"u8);

        Assert.True(Unsafe.AreSame(in place, in MemoryMarshal.GetReference(next.Span)));
        Assert.Equal((3, "bcd"), (next.Length, Encoding.ASCII.GetString(next.Span)));
    }

    private static (int? Errcode, string? Profile) Read(string answer, params string[] fields)
    {
        var read = Profile.Read(Encoding.UTF8.GetBytes(answer), "u", fields);
        using var profile = read.Value;
        return (read.Errcode, profile is null ? null : Encoding.UTF8.GetString(profile.Span));
    }
}
