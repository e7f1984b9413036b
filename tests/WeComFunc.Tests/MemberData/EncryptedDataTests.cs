using System.Text;
using System.Text.Json;
using WeComFunc.MemberData;
using WeComFunc.Simulator;

namespace WeComFunc.Tests;

/// <summary>What is opened, and as what; the many ways in which data is wrong are <see cref="WrongMemberDataTests"/>.</summary>
public sealed class EncryptedDataTests
{
    private const string Key = "tiihtNczf5v6AKRyjwEUhQ==";
    private const string UserId = "zhangsan";
    private const string Watermark = "\"watermark\":{\"timestamp\":1477314187,\"appid\":\"wx4f4bc4dec97d474b\"}";

    // The example of the page on signatures and encryption of WeChat's documentation, to which WeCom's pages refer.
    private const string Example =
        "CiyLU1Aw2KjvrjMdj8YKliAjtP4gsMZMQmRzooG2xrDcvSnxIMXFufNstNGTyaGS9uT5geRa0W4oTOb1WT7fJlAC+oNPdbB+3hVbJSRgv+4lGO"
        + "ETKUQz6OYStslQ142dNCuabNPGBzlooOmB231qMM85d2/fV6ChevvXvQP8Hkue1poOFtnEtpyxVLW1zAo6/1Xx1COxFvrc2d7UL/lmHInNlxua"
        + "cJXwu0fjpXfz/YqYzBIBzD6WUfTIF9GRHpOn/Hz7saL8xz+W//FRAUid1OksQaQx4CMs8LOddcQhULW4ucetDf96JcR3g0gfRK4PC7E/r7Z6xN"
        + "rXd2UIeorGj5Ef7b1pJAYB6Y5anaHqZ9J6nKEBvB4DnNLIVWSgARns/8wR2SiRS7MNACwTyrGvt9ts8p12PKFdlqYTopNHR1Vf7XjfhQlVsAJd"
        + "NiKdYmYVoKlaRv85IfVunYzO0IKXsyl7JCUjCpoG20f0a04COwfneQAGGwd5oa+T8yO5hzuyDb/XcxxmK01EpqOyuxINew==";

    private static readonly WeComApp App = new("ww1234567890abcdef", "wecom-corpsecret") { MiniProgramAppId = "wx4f4bc4dec97d474b" };
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1477314187);

    [Fact]
    public void The_documented_example_is_opened()
    {
        var opened = Open(new(Example, "r7BXXKkLb8qrSNn05n0qiA=="), Now);

        Assert.Equal(
            """{"data":{"openId":"oGZUI0egBJY1zhBYw2KhdUfwVJJE","nickName":"Band","gender":1,"language":"zh_CN","city":"Guang"""
            + """zhou","province":"Guangdong","country":"CN","avatarUrl":"http://wx.qlogo.cn/mmopen/vi_32/aSKcBBPpibyKNicHNTM"""
            + """M0qJVh8Kjgiak2AHWr8MHM4WgMEm7GFhsf8OYrySdbvAMvTsw3mo8ibKicsnfN5pRjl1p8HQ/0","unionId":"ocMvos6NjeKLIBqg5Mr"""
            + """9QjxrP1FA"}}""",
            opened);
    }

    [Theory]
    [InlineData("-00:10:00", true)]
    [InlineData("-00:10:01", false)]
    [InlineData("00:10:00", true)]
    [InlineData("00:10:01", false)]
    public void It_is_opened_for_ten_minutes_by_whichever_clock_is_ahead(string difference, bool isOpened) =>
        Assert.Equal(
            isOpened,
            Open(new(Example, "r7BXXKkLb8qrSNn05n0qiA=="), Now + TimeSpan.Parse(difference, null)) is not null);

    [Theory]
    [InlineData("""{"mobile":"13800000000",WATERMARK}""", """{"mobile":"13800000000"}""")]
    [InlineData("""{WATERMARK}""", "{}")]
    [InlineData("""{ "a" : 1 , WATERMARK , "b" : [ 1.50, -0, 1e400, 12345678901234567890 ] }""",
        """{"a":1,"b":[ 1.50, -0, 1e400, 12345678901234567890 ]}""")]
    [InlineData("""{"\u0061\/":"caf\u00e9 \"\/\" 张三",WATERMARK}""", """{"\u0061\/":"caf\u00e9 \"\/\" 张三"}""")]
    [InlineData("""{"inner":{"watermark":7},WATERMARK,"Watermark":null}""", """{"inner":{"watermark":7},"Watermark":null}""")]
    [InlineData("""{"userid":"ZhangSan","corpid":"WW1234567890ABCDEF",WATERMARK}""",
        """{"userid":"ZhangSan","corpid":"WW1234567890ABCDEF"}""")]
    [InlineData("""{"a":1,"\u0077atermark":{"appid":"wx4f4bc4dec97d474b","timestamp":"1477314187"}}""", """{"a":1}""")]
    [InlineData("""{"watermark":{"timestamp":1477314187.0,"more":[],"appid":"wx4f4bc4dec97d474b"},"a":1}""", """{"a":1}""")]
    public void Every_member_but_the_watermark_is_given_as_it_came(string plain, string data)
    {
        var json = plain.Replace("WATERMARK", Watermark, StringComparison.Ordinal);

        var opened = Open(EncryptedMemberData.Of(Encoding.UTF8.GetBytes(json), Key), Now);

        Assert.Equal($$"""{"data":{{data}}}""", opened);
    }

    [Fact]
    public void It_is_opened_whatever_its_length_in_a_block()
    {
        for (var length = 1; length <= 40; length++)
        {
            var plain = $$"""{"a":"{{new string('a', length)}}",{{Watermark}}}""";

            Assert.NotNull(Open(EncryptedMemberData.Of(Encoding.UTF8.GetBytes(plain), Key), Now));
        }
    }

    private static string? Open(EncryptedMemberData data, DateTimeOffset now)
    {
        var reader = new Utf8JsonReader(JsonSerializer.SerializeToUtf8Bytes(new { encryptedData = data.EncryptedData, iv = data.Iv }));
        reader.Read();
        Assert.True(EncryptedData.TryRead(ref reader, null, out var encrypted));
        return encrypted.TryOpen(new SessionKey(Convert.FromBase64String(Key)), App, UserId, now, out var opened)
            ? Encoding.UTF8.GetString(opened.Span)
            : null;
    }
}
