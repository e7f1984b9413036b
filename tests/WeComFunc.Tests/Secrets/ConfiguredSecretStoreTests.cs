using Microsoft.Extensions.Logging.Abstractions;
using WeComFunc.Secrets;

namespace WeComFunc.Tests;

/// <summary>Corpsecrets of settings, in Development.</summary>
public sealed class ConfiguredSecretStoreTests
{
    private static readonly Dictionary<string, (string Setting, string Secret)> Configured = new()
    {
        ["wecom-corpsecret"] = ("WeCom__CorpSecret", "a-corpsecret-of-the-settings-00000000000001"),
    };

    [Theory]
    [InlineData("wecom-corpsecret", "a-corpsecret-of-the-settings-00000000000001")]
    [InlineData("wecom-corpsecret-sales", "the one of wecom-corpsecret-sales")]
    public async Task What_no_setting_has_is_the_vaults(string name, string expected)
    {
        var read = await Store(new Vault()).ReadAsync(name, CancellationToken.None);

        Assert.Equal(expected, read.TryGet(out var secret) ? secret.Value : null);
    }

    [Fact]
    public async Task Without_a_vault_what_no_setting_has_is_missing()
    {
        var read = await Store(vault: null).ReadAsync("wecom-corpsecret-sales", CancellationToken.None);

        Assert.Equal(FailureKind.Misconfigured, read.Failure?.Kind);
    }

    private static ConfiguredSecretStore Store(ICorpSecretStore? vault) =>
        new(Configured, vault, NullLogger<ConfiguredSecretStore>.Instance);

    private sealed class Vault : ICorpSecretStore
    {
        public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) =>
            Task.FromResult<Result<CorpSecret>>(new CorpSecret($"the one of {name}"));
    }
}
