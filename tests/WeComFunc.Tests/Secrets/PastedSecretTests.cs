using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Corpsecrets as people paste them, into the vault or into the setting of the Development environment.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class PastedSecretTests(Azurite azurite) : FleetTest(azurite, new())
{
    private KeyVault _vault = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _vault = Ends(await KeyVault.CreateAsync());
    }

    [Theory]
    [InlineData(true, "\ufeff", "")]
    [InlineData(false, "\ufeff", "")]
    [InlineData(true, "", "\u200b")]
    [InlineData(false, "", "\u200b")]
    [InlineData(true, "\u00a0 \u3000", "\u00a0\r\n\u2028")]
    [InlineData(true, "\t\u2060\u00ad\u202a", "\u0000\u202c\ufe0f\u3164")]
    [InlineData(true, "\U000e0001", "\U000e0100")]
    [InlineData(true, "\"", "\"\r\n")]
    [InlineData(false, "\u201c", "\u201d")]
    public async Task What_cannot_belong_to_a_corpsecret_is_cut_off_at_both_ends(bool isInVault, string before, string after)
    {
        await using var host = await StartAsync(isInVault, before + WeCom.CorpSecret + after);

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.True(answer.Status == 200, answer.Text);
    }

    [Theory]
    [InlineData(true, "\u200b", "U+200B")]
    [InlineData(false, "\u200b", "U+200B")]
    [InlineData(true, "\ufeff", "U+FEFF")]
    [InlineData(true, "\u00a0", "U+00A0")]
    [InlineData(true, "\n", "U+000A")]
    [InlineData(true, " ", "U+0020")]
    [InlineData(true, "\uff21", "U+FF21")]
    [InlineData(true, "\u2014", "U+2014")]
    [InlineData(true, "\U000e0041", "U+E0041")]
    public async Task One_that_no_corpsecret_has_inside_is_told_by_place_and_code_point_and_WeCom_is_not_asked(
        bool isInVault, string inside, string codePoint)
    {
        await using var host = await StartAsync(isInVault, "\ufeff" + WeCom.CorpSecret.Insert(17, inside));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((500, "misconfigured"), (answer.Status, answer["code"]));
        Assert.Equal(0, WeCom[Api.GetToken].Calls.Arrived);
        Assert.Equal(
            $"Error What {(isInVault ? "wecom-corpsecret" : "WeCom__CorpSecret")} holds is no corpsecret: it has {codePoint} at position "
            + "18. "
            + "Copy it from WeCom's admin console and store it again",
            Assert.Single(host.Log.All, line => line.StartsWith("Error What ", StringComparison.Ordinal)));
        Assert.DoesNotContain(host.Log.All, line => line.Contains(WeCom.CorpSecret[..17], StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_full_width_letter_at_its_end_stands_for_one_of_its_own_and_is_not_cut_off()
    {
        await using var host = await StartAsync(isInVault: true, WeCom.CorpSecret + "\uff21");

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal("misconfigured", answer["code"]);
        Assert.Equal(0, WeCom[Api.GetToken].Calls.Arrived);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\ufeff \u200b")]
    [InlineData("\"\"")]
    public async Task One_without_anything_to_see_is_empty(string pasted)
    {
        await using var host = await StartAsync(isInVault: true, pasted);

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal("misconfigured", answer["code"]);
        Assert.Contains(
            host.Log.All,
            line => line.StartsWith("Error What wecom-corpsecret holds is no corpsecret: it is empty.", StringComparison.Ordinal));
    }

    private Task<LoginHost> StartAsync(bool isInVault, string pasted)
    {
        _vault.Set("wecom-corpsecret", pasted);
        return LoginHost.StartAsync(
            Simulator,
            Azurite,
            Clock,
            vault: isInVault ? _vault : null,
            settings: isInVault ? null : new() { ["WeCom__CorpSecret"] = pasted });
    }
}
