using WeComFunc.MemberData;
using WeComFunc.Secrets;

namespace WeComFunc.Tests;

/// <summary>What a sealed session_key is bound to, and where its row is.</summary>
public sealed class SessionKeyTests
{
    private const string Text = "kJtdi6RF+Dv67QkbLlPGjw==";
    private const string Id = "0123456789abcdef0123456789abcdef";

    private static readonly CorpSecret Secret = new("a-corpsecret-of-forty-three-characters-0001");
    private static readonly WeComApp App = new("ww1234567890abcdef", "wecom-corpsecret", "default");
    private static readonly SessionPlace Place = SessionPlace.Of(Id, new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));

    [Fact]
    public void It_opens_for_the_member_the_app_and_the_row_that_it_was_sealed_for() => Assert.Equal(
        Convert.FromBase64String(Text),
        SessionKey.Open(SessionKey.Seal(Text, Secret, App, "zhangsan", Place), Secret, App, "zhangsan", Place)!.Bytes);

    [Fact]
    public void It_opens_for_nothing_else()
    {
        var sealedKey = SessionKey.Seal(Text, Secret, App, "zhangsan", Place);

        Assert.All(
            (SessionKey?[])[
                SessionKey.Open(sealedKey, Secret, App, "lisi", Place),
                SessionKey.Open(sealedKey, Secret, App, "san", Place),
                SessionKey.Open(sealedKey, Secret, App with { CorpId = "wwother" }, "zhangsan", Place),
                SessionKey.Open(sealedKey, Secret, App with { Name = "sales" }, "zhangsan", Place),
                SessionKey.Open(sealedKey, Secret, App, "zhangsan", Place with { Partition = "0-202601011210" }),
                SessionKey.Open(sealedKey, Secret, App, "zhangsan", Place with { Id = Id.Replace('0', '1') }),
                SessionKey.Open(sealedKey, new CorpSecret("another-corpsecret-of-forty-three-chars-002"), App, "zhangsan", Place),
                SessionKey.Open(sealedKey[..^4], Secret, App, "zhangsan", Place),
                SessionKey.Open(SessionKey.Seal("dG9vIHNob3J0", Secret, App, "zhangsan", Place), Secret, App, "zhangsan", Place),
                SessionKey.Open(null, Secret, App, "zhangsan", Place),
            ],
            Assert.Null);
    }

    [Theory]
    [InlineData(Id, true)]
    [InlineData("0123456789abcdef0123456789abcde", false)]
    [InlineData("0123456789abcdef0123456789abcdef0", false)]
    [InlineData("0123456789ABCDEF0123456789ABCDEF", false)]
    [InlineData("0123456789abcdef0123456789abcdeg", false)]
    [InlineData("g123456789abcdef0123456789abcdef", false)]
    [InlineData("", false)]
    public void An_id_is_128_bits_in_hexadecimal(string id, bool isOne) => Assert.Equal(isOne, SessionPlace.IsId(id));
}
