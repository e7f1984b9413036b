using Azure;
using Azure.Security.KeyVault.Secrets;
using Microsoft.Extensions.Logging;
using WeComFunc.Secrets;
using WeComFunc.Sessions;

namespace WeComFunc.Azure;

/// <summary>Corpsecrets and signing keys in Azure Key Vault.</summary>
internal sealed partial class KeyVaultSecretStore(SecretClient vault, ILogger<KeyVaultSecretStore> logger)
    : ICorpSecretStore, ISigningKeyStore
{
    private static readonly Purpose CorpSecrets = new("corpsecret", "WeCom__CorpSecretName", "get");

    private static readonly Purpose SigningKeys = new("signing key", "Session__KeySecretName", "get and list");

    /// <summary>A client as the rules need it: a reading has three seconds in all, so one quick retry is what fits.</summary>
    public static SecretClient CreateClient(Uri vault, AppIdentity identity, SecretClientOptions? options = null) => new(
        vault, identity, LimitedTransport.Guard(options ?? new(), TimeSpan.FromMilliseconds(200), SecretRules.ReadLimit));

    /// <inheritdoc />
    public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) => AskAsync(name, CorpSecrets, async () =>
    {
        var secret = await vault.GetSecretAsync(name, cancellationToken: cancellationToken);
        return StoredSecret.Read(name, secret.Value.Value, logger);
    });

    /// <inheritdoc />
    public Task<Result<SecretVersion[]>> ListAsync(string name, CancellationToken cancellationToken) =>
        AskAsync(name, SigningKeys, () => ListEnabledAsync(name, cancellationToken));

    /// <inheritdoc />
    public Task<Result<string>> ReadAsync(string name, string version, CancellationToken cancellationToken) =>
        AskAsync(name, SigningKeys, async () =>
        {
            var secret = await vault.GetSecretAsync(name, version, cancellationToken);
            return (Result<string>)(secret.Value.Value ?? "");
        });

    private async Task<Result<SecretVersion[]>> ListEnabledAsync(string name, CancellationToken cancellationToken)
    {
        var versions = new List<SecretVersion>();
        try
        {
            await foreach (var version in vault.GetPropertiesOfSecretVersionsAsync(name, cancellationToken))
            {
                if (version.Enabled is not false)
                {
                    versions.Add(new(
                        version.Version, version.CreatedOn ?? DateTimeOffset.MinValue, version.NotBefore, version.ExpiresOn));
                }
            }
        }
        catch (RequestFailedException exception) when (exception.Status == 404)
        {
            // There is no such secret, so there are no versions of it.
        }

        return versions.ToArray();
    }

    /// <summary>Asks the vault; what it may fail with is told, and is a value.</summary>
    private async Task<Result<T>> AskAsync<T>(string name, Purpose purpose, Func<Task<Result<T>>> ask)
    {
        try
        {
            return await ask();
        }
        catch (NoTokenException exception) when (exception.MayPass)
        {
            LogNoTokenYet(logger, name, ForeignText.Explain(exception.InnerException!), purpose.What);
            return new Failure(FailureKind.Busy);
        }
        catch (NoTokenException exception)
        {
            LogNoToken(logger, name, ForeignText.Explain(exception.InnerException!));
            return new Failure(FailureKind.Misconfigured);
        }
        catch (RequestFailedException exception) when (exception.Status is 400 or 401 or 403 or 404)
        {
            LogRefused(logger, name, ForeignText.Explain(exception), Remedy(exception, purpose));
            return new Failure(FailureKind.Misconfigured);
        }
        catch (Exception exception)
        {
            // Whatever it is: the client throws of itself what it makes of a foreign answer.
            LogOutOfReach(logger, name, ForeignText.Explain(exception), purpose.What);
            return new Failure(FailureKind.Busy);
        }
    }

    /// <summary>What an operator does about a refusal, by Key Vault's inner error code.</summary>
    private static string Remedy(RequestFailedException refusal, Purpose of) => (ForeignText.InnerCode(refusal) ?? refusal.ErrorCode) switch
    {
        "ForbiddenByFirewall" => "The vault's firewall keeps the app out, no role is missing: let the app's outbound address or subnet in, "
            + "under Networking of the vault",
        "ForbiddenByConnection" =>
            "The vault takes calls through its private endpoint only, no role is missing: connect the app's network with it",
        "ForbiddenByRbac" => "Give the app's identity the role Key Vault Secrets User on the secret; a new role counts after some minutes",
        "ForbiddenByPolicy" or "AccessDenied" => $"Let the app's identity {of.Permissions} secrets, in the access policies of the vault",
        "SecretDisabled" => $"Enable the newest version of the secret, or store the {of.What} as a new one",
        "SecretNotFound" => $"Store the {of.What} under this name in this vault, recover the secret if it was deleted, or correct "
            + $"{of.Setting} or KeyVault__Uri",
        _ =>
            "Check that the secret exists, is enabled and not empty, and that the app's identity has the role Key Vault Secrets User on it",
    };

    [LoggerMessage(211, LogLevel.Error, "Key Vault gives no secret {SecretName}: {Reason}. {Remedy}")]
    private static partial void LogRefused(ILogger logger, string secretName, string reason, string remedy);

    [LoggerMessage(
        212, LogLevel.Warning,
        "Key Vault is out of reach for the secret {SecretName}: {Reason}. A {What} that was read before goes on; check the vault's "
        + "network")]
    private static partial void LogOutOfReach(ILogger logger, string secretName, string reason, string what);

    [LoggerMessage(
        213, LogLevel.Error,
        "The identity gave no token for the secret {SecretName}: {Reason}. On Azure, check that the app has its identity and that "
        + "AZURE_CLIENT_ID is the client id of it; in Development, log in with az login")]
    private static partial void LogNoToken(ILogger logger, string secretName, string reason);

    [LoggerMessage(
        214, LogLevel.Warning,
        "The identity gave no token for the secret {SecretName} yet: {Reason}. A {What} that was read before goes on; the identity is "
        + "asked again")]
    private static partial void LogNoTokenYet(ILogger logger, string secretName, string reason, string what);

    /// <summary>What a secret is for.</summary>
    /// <param name="What">What it holds.</param>
    /// <param name="Setting">The setting with its name.</param>
    /// <param name="Permissions">What access policies have to allow.</param>
    private sealed record Purpose(string What, string Setting, string Permissions);
}
