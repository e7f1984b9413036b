using System.Text;
using System.Text.Json;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>What is read from an answer, as tables: a member that is missing, of another type, or there twice.</summary>
public sealed class AnswerTests
{
    [Theory]
    [InlineData("7200", 7200)]
    [InlineData("\"7200\"", 7200)]
    [InlineData("\" 7200 \"", 7200)]
    [InlineData("7200.0", 7200)]
    [InlineData("7.2e3", 7200)]
    [InlineData("1", 1)]
    [InlineData("2147483647", int.MaxValue)]
    [InlineData("0", null)]
    [InlineData("-1", null)]
    [InlineData("2147483648", null)]
    [InlineData("1e30", null)]
    [InlineData("1e400", null)]
    [InlineData("0.5", null)]
    [InlineData("7200.5", null)]
    [InlineData("\"7200 s\"", null)]
    [InlineData("\"\"", null)]
    [InlineData("true", null)]
    [InlineData("null", null)]
    [InlineData("[7200]", null)]
    public void The_life_of_a_token_is_a_whole_number_of_seconds_however_it_is_written(string expiresIn, int? seconds)
    {
        var answer = Answers.OfGetToken(Bytes($$"""{"errcode":0,"access_token":"a-token","expires_in":{{expiresIn}}}"""));

        Assert.Equal(
            (0, null, seconds is { } life ? new IssuedToken("a-token", TimeSpan.FromSeconds(life)) : null),
            (answer.Errcode, answer.Errmsg, answer.Value));
    }

    [Theory]
    [InlineData("""{"errcode":0,"access_token":"a","expires_in":1}""", 0, null, "a")]
    [InlineData("""{"access_token":"a","expires_in":1}""", 0, null, "a")]
    [InlineData("""{"errcode":0,"errmsg":"ok","access_token":"a"}""", 0, null, null)]
    [InlineData("""{"errmsg":"ok","expires_in":1}""", null, null, null)]
    [InlineData("""{}""", null, null, null)]
    [InlineData("""{"access_token":"","expires_in":1}""", null, null, null)]
    [InlineData("""{"access_token":7,"expires_in":1}""", null, null, null)]
    [InlineData("""{"access_token":null,"expires_in":1}""", null, null, null)]
    [InlineData("""{"access_token":"a\ufffd","expires_in":1}""", null, null, null)]
    [InlineData("""{"access_token":"a","access_token":"b","expires_in":1}""", null, null, null)]
    [InlineData("""{"access_token":"a","access_token":"a","expires_in":1}""", 0, null, "a")]
    [InlineData("""{"access_token":"a","x":"b","expires_in":1}""", 0, null, "a")]
    [InlineData("""{"errcode":40001,"errmsg":"no","access_token":"a","expires_in":1}""", 40001, "no", null)]
    [InlineData("""{"errcode":"-1","access_token":"a","expires_in":1}""", -1, null, null)]
    [InlineData("""{"errcode":40001,"errmsg":""}""", 40001, null, null)]
    [InlineData("""{"errcode":40001,"errmsg":{"a":1}}""", 40001, null, null)]
    public void A_token_is_one_text_and_an_errcode_is_no_success(string json, int? errcode, string? errmsg, string? token)
    {
        var answer = Answers.OfGetToken(Bytes(json));

        Assert.Equal((errcode, errmsg, token), (answer.Errcode, answer.Errmsg, answer.Value?.Value));
    }

    [Theory]
    [InlineData("""{"errcode":0,"corpid":"ww1","userid":"u","session_key":7}""", "ww1", "u")]
    [InlineData("""{"corpid":"ww1","userid":"\u5f20"}""", "ww1", "张")]
    [InlineData("""{"corpid":"ww1"}""", null, null)]
    [InlineData("""{"userid":"u"}""", null, null)]
    [InlineData("""{"corpid":"ww1","userid":""}""", null, null)]
    [InlineData("""{"corpid":"","userid":"u"}""", null, null)]
    [InlineData("""{"corpid":"ww1","userid":7}""", null, null)]
    [InlineData("""{"corpid":["ww1"],"userid":"u"}""", null, null)]
    [InlineData("""{"corpid":"ww1","userid":"u","userid":"v"}""", null, null)]
    [InlineData("""{"corpid":"ww2","userid":"u","corpid":"ww1"}""", null, null)]
    [InlineData("""{"corpid":"ww1","userid":"u","userid":null}""", null, null)]
    public void A_member_is_one_corpid_and_one_userid(string json, string? corpId, string? userId) =>
        Assert.Equal(
            corpId is null ? null : new Member(corpId, userId!), Answers.OfExchange(Bytes(json), withSessionKey: false).Value);

    [Theory]
    [InlineData("""{"corpid":"ww1","userid":"u","session_key":"k"}""", true, "k")]
    [InlineData("""{"corpid":"ww1","userid":"u","session_key":"k"}""", false, null)]
    [InlineData("""{"corpid":"ww1","userid":"u","session_key":"k","session_key":"l"}""", true, null)]
    [InlineData("""{"corpid":"ww1","userid":"u","session_key":7}""", true, null)]
    [InlineData("""{"corpid":"ww1","userid":"u"}""", true, null)]
    public void The_session_key_is_read_where_it_is_asked_for(string json, bool withSessionKey, string? sessionKey) =>
        Assert.Equal(new Member("ww1", "u", sessionKey), Answers.OfExchange(Bytes(json), withSessionKey).Value);

    [Theory]
    [InlineData("""{"corpid":"ww1","session_key":"k"}""")]
    [InlineData("""{"userid":"u","session_key":"k"}""")]
    public void A_session_key_makes_no_member(string json) =>
        Assert.Null(Answers.OfExchange(Bytes(json), withSessionKey: true).Value);

    [Theory]
    [InlineData("""{"errcode":0,"department":{"id":7,"name":"n","name_en":"e"}}""", "n", "e")]
    [InlineData("""{"department":{"name":"n","name_en":""}}""", "n", null)]
    [InlineData("""{"department":{"name":"n"}}""", "n", null)]
    [InlineData("""{"department":{"name_en":"e"}}""", null, null)]
    [InlineData("""{"department":{"name":""}}""", null, null)]
    [InlineData("""{"department":[{"name":"n"}]}""", null, null)]
    [InlineData("""{"department":"n"}""", null, null)]
    [InlineData("""{"name":"n"}""", null, null)]
    public void A_department_has_a_name_and_perhaps_another(string json, string? name, string? english) =>
        Assert.Equal(
            name is null ? null : new Department(5, name, english), Answers.OfGetDepartment(Bytes(json), 5).Value);

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("""{"errcode":0}{}""")]
    public void What_is_no_JSON_cannot_be_read(string json) =>
        Assert.ThrowsAny<JsonException>(() => Answers.OfExchange(Bytes(json), withSessionKey: false));

    [Theory]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"ok\"")]
    public void What_is_no_object_cannot_be_read(string json) =>
        Assert.Throws<InvalidOperationException>(() => Answers.OfExchange(Bytes(json), withSessionKey: false));

    [Theory]
    [InlineData("\"ok\"")]
    [InlineData("\"\"")]
    [InlineData("null")]
    [InlineData("0.5")]
    [InlineData("2147483648")]
    [InlineData("-2147483649")]
    [InlineData("{}")]
    public void An_errcode_that_is_no_whole_number_of_32_bits_decides_nothing(string errcode)
    {
        var unfit = Assert.Throws<UnfitAnswerException>(
            () => Answers.OfExchange(Bytes($$"""{"errcode":{{errcode}},"corpid":"ww1","userid":"u"}"""), withSessionKey: false));

        Assert.Equal("its errcode is no whole number of 32 bits", unfit.Message);
    }

    [Theory]
    [InlineData("2147483647", int.MaxValue)]
    [InlineData("-2147483648", int.MinValue)]
    [InlineData("\" 40029.00 \"", 40029)]
    public void An_errcode_may_have_32_bits(string written, int errcode) => Assert.Equal(errcode, Answers.Errcode(Bytes(written).Span));

    [Theory]
    [InlineData("""{"errcode":40029,"errmsg":"inv""", 40029)]
    [InlineData("""{"errcode":"40029","errmsg":"inv""", 40029)]
    [InlineData("""{"errmsg":"x","errcode":40029,x""", 40029)]
    [InlineData("""{"errmsg":{"errcode":1},"a":[{"errcode":2}],"errcode":3,""", 3)]
    [InlineData("""{"errcode":7,"errcode":8,""", 7)]
    [InlineData("""{"errcode":40029""", null)]
    [InlineData("""{"errcode":""", null)]
    [InlineData("""{"errcode""", null)]
    [InlineData("""{"errcode":[40029],""", null)]
    [InlineData("""{"errcode":null,""", null)]
    [InlineData("""{"errcodes":40029,""", null)]
    [InlineData("""{"errmsg":{"errcode":40029,""", null)]
    [InlineData("""{"errmsg":"x""", null)]
    [InlineData("""{"errmsg":x,"errcode":40029,""", null)]
    [InlineData("""["errcode",40029,""", null)]
    [InlineData("""40029 """, null)]
    [InlineData("""{}""", null)]
    [InlineData("", null)]
    [InlineData("x", null)]
    public void The_errcode_ahead_of_what_cannot_be_read_counts(string json, int? errcode) =>
        Assert.Equal(errcode, Answers.ErrcodeAhead(Bytes(json).Span));

    private static ReadOnlyMemory<byte> Bytes(string json) => Encoding.UTF8.GetBytes(json);
}
