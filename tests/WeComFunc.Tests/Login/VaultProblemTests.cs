using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What becomes of a first login when Key Vault does not give the corpsecret.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class VaultProblemTests(Azurite azurite) : LoginTest(azurite)
{
    private const string SecretName = "wecom-corpsecret";

    private static readonly Dictionary<string, Action<KeyVault>> Refusals = new()
    {
        ["it gives the app no access"] = vault => vault.Mode = KeyVaultMode.Forbidden,
        ["the secret is missing"] = vault => vault.Remove(SecretName),
        ["the secret is disabled"] = vault => vault.Disable(SecretName),
        ["the secret is blank"] = vault => vault.Set(SecretName, " \t"),
    };

    private KeyVault _vault = null!;
    private LoginHost _host = null!;

    public static TheoryData<string> RefusalNames => [.. Refusals.Keys];

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _vault = Ends(await KeyVault.CreateAsync());
        _vault.Set(SecretName, WeCom.CorpSecret);
        _host = await StartAsync(_vault);
    }

    [Theory]
    [MemberData(nameof(RefusalNames))]
    public async Task A_vault_that_refuses_is_misconfigured(string because)
    {
        Refusals[because](_vault);

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(_host, answer, 500, "misconfigured");
    }

    [Theory]
    [InlineData(KeyVaultMode.InternalError)]
    [InlineData(KeyVaultMode.Unavailable)]
    public async Task A_vault_that_is_out_of_order_passes_by_itself(KeyVaultMode mode)
    {
        _vault.Mode = mode;

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(_host, answer, 503, "wecom_busy");
    }

    [Fact]
    public async Task A_vault_that_cannot_be_reached_passes_by_itself()
    {
        await _vault.StopAsync();

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(_host, answer, 503, "wecom_busy");
    }

    [Fact]
    public async Task A_vault_that_does_not_answer_passes_by_itself()
    {
        _vault.Mode = KeyVaultMode.Hang;

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _vault.WaitForReadsAsync(1);
        var answer = await Clock.RunUntilAsync(login, LoginLimit);

        AssertProblem(_host, answer, 503, "wecom_busy");
    }
}
