using System.Globalization;
using System.Text.Json;
using WeComFunc.Sessions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Which version of the secret signs, and which verify.</summary>
public sealed class SigningKeysTests
{
    private static readonly DateTimeOffset Now = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>
    /// The versions, <c>name age-in-hours [from=hours] [until=hours] [bad|as=name]</c>, from and until counted from now; and the one that
    /// signs.
    /// </summary>
    [Theory]
    [InlineData("", null)]
    [InlineData("a 0", "a")]
    [InlineData("a 23.99", "a")]
    [InlineData("a 10000", "a")]
    [InlineData("a 48; b 1", "a")]
    [InlineData("a 48; b 23.999", "a")]
    [InlineData("a 48; b 24", "b")]
    [InlineData("b 24; a 48", "b")]
    [InlineData("a 72; b 48; c 25", "c")]
    [InlineData("a 72; b 48; c 2", "b")]
    [InlineData("a 3; b 2; c 1", "a")]
    [InlineData("b 48; a 48", "b")]
    [InlineData("a 3; b 3", "a")]
    [InlineData("b 3; a 3", "a")]
    [InlineData("c 1; b 2; a 3", "a")]
    [InlineData("a 48 bad; b 1", "b")]
    [InlineData("a 48; b 30 bad", "a")]
    [InlineData("a 48 bad", null)]
    [InlineData("a 48 bad; b 25 bad", null)]
    [InlineData("a -1", "a")]
    [InlineData("a 48; b -30", "a")]
    [InlineData("a 48; b 30 from=1", "a")]
    [InlineData("a 48; b 30 from=0", "b")]
    [InlineData("a 48; b 30 from=-1", "b")]
    [InlineData("a 48; b 2 from=-1", "a")]
    [InlineData("a 48 from=1", null)]
    [InlineData("a 48 from=1; b 2", "b")]
    [InlineData("a 48; b 30 until=1", "b")]
    [InlineData("a 48; b 30 until=0", "a")]
    [InlineData("a 48 until=-1; b 2", "b")]
    [InlineData("a 48 until=-1; b 3; c 2", "b")]
    [InlineData("a 48 until=-1", null)]
    [InlineData("a 48 until=0.001", "a")]
    [InlineData("a 48 from=-2 until=2", "a")]
    [InlineData("a 48; b 30 as=a", "a")]
    [InlineData("a 48 until=-1; b 2 as=a", "a")]
    public void The_newest_that_has_been_there_for_a_day_signs_and_otherwise_the_oldest(string versions, string? signing)
    {
        var (keys, names) = Read(versions);

        Assert.Equal(signing, keys.ForSigning(Now) is { } key ? names[key.Id] : null);
    }

    [Fact]
    public void The_choice_is_made_at_the_moment_of_signing()
    {
        var (keys, names) = Read("a 48; b 0");

        Assert.Equal("a", names[keys.ForSigning(Now.AddHours(24).AddTicks(-1))!.Id]);
        Assert.Equal("b", names[keys.ForSigning(Now.AddHours(24))!.Id]);
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("a 48; b 1", "a b")]
    [InlineData("a 48 until=-1; b 30 from=5; c 1", "a b c")]
    [InlineData("a 48 bad; b 1", "b")]
    [InlineData("a 48; b 30 as=a; c 1", "a c")]
    public void Every_good_version_verifies_each_key_once(string versions, string verifying)
    {
        var (keys, names) = Read(versions);

        Assert.Equal(verifying, string.Join(' ', keys.All.Select(key => names[key.KeyId])));
        Assert.Equal(
            keys.All.Select(key => key.KeyId),
            JsonSerializer.Deserialize<JsonElement>(keys.Json.Span).GetProperty("keys").EnumerateArray().Select(
                key => key.GetProperty("kid").GetString()));
    }

    [Theory]
    [InlineData("", "there is no such secret, or it has no enabled version")]
    [InlineData("a 48 bad", "version a: it is empty")]
    [InlineData("a 48 bad; b 1 from=2; c 0 until=-1",
        "version c: it expired on 2026-06-01T11:00:00Z; version b: its activation date is 2026-06-01T14:00:00Z; version a: it is empty")]
    [InlineData("a 5 bad; b 4 bad; c 3 bad; d 2 bad", "version d: it is empty; version c: it is empty; version b: it is empty")]
    public void Without_a_key_that_signs_it_says_of_which_version_what_is_wrong(string versions, string why) =>
        Assert.Equal(why, Read(versions).Keys.WhyNone(Now));

    private static (SigningKeys Keys, Dictionary<string, string> Names) Read(string versions)
    {
        var keys = new Dictionary<string, SigningKey>();
        var read = new List<KeyVersion>();
        foreach (var words in versions.Split("; ", StringSplitOptions.RemoveEmptyEntries).Select(version => version.Split(' ')))
        {
            var isBad = words.Contains("bad");
            var key = isBad ? null
                : Find("as") is { } other ? keys[other]
                : keys[words[0]] = SigningKey.Read(SigningSecret.Create()).Key!;
            read.Add(new(
                new(words[0], Now - Hours(words[1]), Find("from") is { } from ? Now + Hours(from) : null, Find("until") is { } until
                    ? Now + Hours(until)
                    : null),
                key,
                isBad ? "it is empty" : null));

            string? Find(string name) =>
                words.FirstOrDefault(word => word.StartsWith($"{name}=", StringComparison.Ordinal))?[(name.Length + 1)..];
        }

        return (new(read), keys.ToDictionary(key => key.Value.Id, key => key.Key));
    }

    private static TimeSpan Hours(string text) => TimeSpan.FromHours(double.Parse(text, CultureInfo.InvariantCulture));
}
