using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>What operators are told to do names the settings and the corpsecret of the app.</summary>
public sealed class WeComAppTests
{
    private static readonly WeComApp Default = new("ww1", "wecom-corpsecret");

    private static readonly WeComApp Sales = new("ww2", "wecom-corpsecret-sales", "sales") { SettingsPrefix = "WeCom__Apps__sales__" };

    public static TheoryData<int> MisconfiguredErrcodes => [.. Errcodes.All
        .Where(errcode => errcode.Kind is FailureKind.Misconfigured or FailureKind.TokenRejected)
        .Select(errcode => errcode.Number)
        .Append(0)];

    [Theory]
    [MemberData(nameof(MisconfiguredErrcodes))]
    public void Where_the_corpsecret_is_a_setting_no_vault_is_spoken_of(int errcode)
    {
        var advice = Advice(errcode, Sales with { HasSecretInSettings = true });

        Assert.DoesNotContain("Key Vault", advice, StringComparison.Ordinal);
        Assert.DoesNotContain("no restart", advice, StringComparison.Ordinal);
        Assert.Equal(
            Advice(errcode, Default).Contains("Key Vault", StringComparison.Ordinal),
            advice.Contains("WeCom__Apps__sales__CorpSecret", StringComparison.Ordinal));
    }

    [Fact]
    public void A_wrong_corpsecret_is_to_be_mended_where_it_is()
    {
        Assert.EndsWith("into the Key Vault secret; no restart is needed.", Advice(40001, Default));
        Assert.EndsWith("into the Key Vault secret wecom-corpsecret-sales; no restart is needed.", Advice(40001, Sales));
        Assert.EndsWith(
            "from WeCom's admin console into WeCom__CorpSecret, and start again.",
            Advice(40001, Default with { HasSecretInSettings = true }));
        Assert.Equal(
            "Check that WeCom__CorpSecret is the app's corpsecret, and nothing else.",
            Advice(0, Default with { HasSecretInSettings = true }));
    }

    [Fact]
    public void A_wrong_corpid_is_to_be_mended_where_it_is()
    {
        Assert.Contains("set WeCom__CorpId to", Advice(40013, Default));
        Assert.Contains("set WeCom__Apps__sales__CorpId to", Advice(40013, Sales));
        Assert.Contains("set WeCom__Apps__sales__CorpId to", Advice(40013, Sales with { HasSecretInSettings = true }));
    }

    private static string Advice(int errcode, WeComApp app) =>
        Errcodes.Advice(new Failure(FailureKind.Misconfigured, errcode == 0 ? null : errcode), app);
}
