using WeComFunc.Secrets;

namespace WeComFunc.Tests;

/// <summary>What a corpsecret seals, and what opens it.</summary>
public sealed class CorpSecretTests
{
    private const string Place = "a place";

    private static readonly CorpSecret Secret = new("a-corpsecret-of-forty-three-characters-0001");

    public static TheoryData<SealPurpose> Purposes => [.. Enum.GetValues<SealPurpose>()];

    [Theory]
    [MemberData(nameof(Purposes))]
    public void What_it_seals_opens_for_the_same_purpose_and_place_only(SealPurpose purpose)
    {
        var box = Secret.Seal(purpose, "a text, 文本", Place);

        Assert.Equal("a text, 文本", Secret.Open(purpose, box, Place));
        Assert.Null(Secret.Open(purpose, box, "another place"));
        Assert.All(Enum.GetValues<SealPurpose>(), other => Assert.Equal(other == purpose, Secret.Open(other, box, Place) is not null));
        Assert.Null(new CorpSecret("a-corpsecret-of-forty-three-characters-0002").Open(purpose, box, Place));
    }

    /// <summary>A nonce that comes twice would tell what two texts have in common, and the key of the tags.</summary>
    [Theory]
    [MemberData(nameof(Purposes))]
    public void No_nonce_is_used_twice(SealPurpose purpose)
    {
        var nonces = Enumerable.Range(0, 100).Select(_ => Convert.FromBase64String(Secret.Seal(purpose, "a text", Place)))
            .Select(box => Convert.ToHexString(box.AsSpan(0, 12))).ToList();

        Assert.Equal(nonces.Count, nonces.Distinct().Count());
    }

    /// <summary>Made by other software: nonce, tag and ciphertext, by a key of HKDF-SHA256 without salt.</summary>
    [Theory]
    [InlineData(SealPurpose.AccessToken, "AAECAwQFBgcICQoLa1ewZ21xgENsfDXm+Pj0biU8Vv8vVXk=", "a token")]
    [InlineData(SealPurpose.SessionKey, "AAECAwQFBgcICQoLBPWv2FH9zxVIspyRGEOeB0DbuBTtHSzoD0nmbdw=", "a session_key")]
    public void What_an_earlier_release_sealed_opens(SealPurpose purpose, string box, string text) =>
        Assert.Equal(text, Secret.Open(purpose, box, Place));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("no Base64!")]
    [InlineData("AAECAwQFBgcICQoLa1ewZ21xgENsfDXm+Pj0biU8Vv8vVXk")]
    [InlineData("AAECAwQFBgcICQoLa1ewZ21xgENsfDXm+Pj0biU8Vv8vVQ==")]
    [InlineData("AAECAwQFBgcICQoLa1ewZ21xgENsfDXm+Pj0bg==")]
    [InlineData("AAECAwQFBgcICQoLa1ewZ21xgENsfDXm+Pj0")]
    [InlineData("AAEC")]
    public void What_is_cut_or_nothing_of_the_kind_does_not_open(string? box) =>
        Assert.Null(Secret.Open(SealPurpose.AccessToken, box, Place));

    [Fact]
    public void Every_changed_byte_is_noticed()
    {
        var box = Convert.FromBase64String(Secret.Seal(SealPurpose.SessionKey, "a text", Place));

        Assert.All(Enumerable.Range(0, box.Length), i =>
        {
            var changed = box.ToArray();
            changed[i] ^= 1;
            Assert.Null(Secret.Open(SealPurpose.SessionKey, Convert.ToBase64String(changed), Place));
        });
    }

    [Fact]
    public void Its_fingerprint_is_the_same_in_every_release_and_its_text_tells_nothing() =>
        Assert.Equal(("20ceff3b70933e23", "***"), (Secret.Fingerprint, Secret.ToString()));
}
