using Azure;
using Azure.Core;
using Azure.Identity;
using Azure.Security.KeyVault.Secrets;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.WeCom;

namespace WeComFunc.Azure;

/// <summary>Corpsecrets in Azure Key Vault.</summary>
internal sealed partial class KeyVaultSecretStore(SecretClient vault, ILogger<KeyVaultSecretStore> logger) : ICorpSecretStore
{
    /// <summary>A client as the rules need it: a reading has three seconds in all, so one quick retry is what fits.</summary>
    public static SecretClient CreateClient(Uri vault, TokenCredential credential, SecretClientOptions? options = null)
    {
        options ??= new SecretClientOptions();
        options.Retry.MaxRetries = 1;
        options.Retry.Delay = TimeSpan.FromMilliseconds(200);
        options.Retry.NetworkTimeout = TokenRules.VaultLimit;

        // The client's traces have the text of its exceptions, which may quote the secret.
        options.Diagnostics.IsDistributedTracingEnabled = false;
        return new SecretClient(vault, credential, options);
    }

    /// <inheritdoc />
    public async Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            var secret = await vault.GetSecretAsync(name, cancellationToken: cancellationToken).WaitAsync(cancellationToken);
            if (!string.IsNullOrWhiteSpace(secret.Value.Value))
            {
                return new CorpSecret(secret.Value.Value.Trim());
            }

            LogRefused(logger, name, "it is empty");
            return new Failure(FailureKind.Misconfigured);
        }
        catch (RequestFailedException exception) when (exception.Status is 400 or 401 or 403 or 404)
        {
            LogRefused(logger, name, ForeignText.Explain(exception));
            return new Failure(FailureKind.Misconfigured);
        }
        catch (AuthenticationFailedException exception) when (!cancellationToken.IsCancellationRequested)
        {
            LogRefused(logger, name, $"no identity: {ForeignText.Explain(exception)}");
            return new Failure(FailureKind.Misconfigured);
        }
        catch (Exception exception)
        {
            // Whatever it is: the client throws of itself what it makes of a foreign answer, and what its credential throws.
            LogOutOfReach(logger, name, ForeignText.Explain(exception));
            return new Failure(FailureKind.Busy);
        }
    }

    [LoggerMessage(211, LogLevel.Error, "Key Vault gives no secret {SecretName}: {Reason}. Check that the secret exists, is enabled and not empty, and that the app's identity has the role Key Vault Secrets User on it")]
    private static partial void LogRefused(ILogger logger, string secretName, string reason);

    [LoggerMessage(212, LogLevel.Warning, "Key Vault is out of reach for the secret {SecretName}: {Reason}. A corpsecret that was read before goes on; check the vault's network")]
    private static partial void LogOutOfReach(ILogger logger, string secretName, string reason);
}

/// <summary>The corpsecret of the setting <c>WeCom__CorpSecret</c>, in Development.</summary>
internal sealed class ConfiguredSecretStore(string secret) : ICorpSecretStore
{
    private readonly CorpSecret _secret = new(secret);

    /// <inheritdoc />
    public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) => Task.FromResult<Result<CorpSecret>>(_secret);
}
