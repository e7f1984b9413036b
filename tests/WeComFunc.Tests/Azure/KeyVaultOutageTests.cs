using Azure;
using Azure.Security.KeyVault.Secrets;
using Microsoft.Extensions.Logging;
using WeComFunc.Azure;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What a log line says of a vault that gives no secret; that of the table is among the renewals.</summary>
public sealed class KeyVaultOutageTests
{
    [Theory]
    [InlineData(0, null, "is out of reach for the secret wecom-corpsecret: no connection.")]
    [InlineData(502, null, "is out of reach for the secret wecom-corpsecret: HTTP status 502.")]
    [InlineData(429, "Throttled", "is out of reach for the secret wecom-corpsecret: HTTP status 429, Throttled.")]
    [InlineData(400, null, "gives no secret wecom-corpsecret: HTTP status 400.")]
    [InlineData(403, "Forbidden", "gives no secret wecom-corpsecret: HTTP status 403, Forbidden.")]
    public async Task What_the_vault_failed_with_stands_in_the_log_and_nothing_that_it_did_not_say(int status, string? code, string expected)
    {
        using var log = new LogLines();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
        var store = new KeyVaultSecretStore(new FailingVault(new(status, "no", code, null)), loggers.CreateLogger<KeyVaultSecretStore>());

        await store.ReadAsync("wecom-corpsecret", CancellationToken.None);

        Assert.Contains($"Key Vault {expected}", Assert.Single(log.All), StringComparison.Ordinal);
    }

    private sealed class FailingVault(RequestFailedException failure) : SecretClient
    {
        public override Task<Response<KeyVaultSecret>> GetSecretAsync(
            string name, string? version, SecretContentType? outContentType, CancellationToken cancellationToken) => throw failure;
    }
}
