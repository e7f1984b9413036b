using Microsoft.Extensions.Logging;

namespace WeComFunc.Secrets;

/// <summary>Corpsecrets that stand in settings, in Development; those that do not are the vault's.</summary>
/// <param name="configured">By the name of the secret that each stands for, the setting and its value.</param>
/// <param name="vault">Where the others are; null where there are none.</param>
/// <param name="logger">Where one that is none is told.</param>
internal sealed class ConfiguredSecretStore(
    IReadOnlyDictionary<string, (string Setting, string Secret)> configured,
    ICorpSecretStore? vault,
    ILogger<ConfiguredSecretStore> logger) : ICorpSecretStore
{
    /// <inheritdoc />
    public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) =>
        configured.TryGetValue(name, out var value) ? Task.FromResult(StoredSecret.Read(value.Setting, value.Secret, logger))
        : vault is not null ? vault.ReadAsync(name, cancellationToken)
        : Task.FromResult<Result<CorpSecret>>(new Failure(FailureKind.Misconfigured));
}
