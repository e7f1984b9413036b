using Microsoft.Extensions.Logging;

namespace WeComFunc.Secrets;

/// <summary>The corpsecret of one app.</summary>
internal sealed partial class CorpSecretSource(
    WeComApp app, ICorpSecretStore store, TimeProvider time, ILogger<CorpSecretSource> logger) : KeptValue<CorpSecret>(time)
{
    /// <inheritdoc />
    protected override async Task<Result<CorpSecret>> ReadVaultAsync(CorpSecret? kept, CancellationToken limit)
    {
        var read = await store.ReadAsync(app.SecretName, limit);
        if (!read.TryGet(out var secret))
        {
            return read;
        }

        if (secret.Fingerprint == kept?.Fingerprint)
        {
            return kept;
        }

        LogRead(logger, app.SecretPlace, secret.Fingerprint);
        return secret;
    }

    [LoggerMessage(201, LogLevel.Information, "The corpsecret was read from {SecretName}; its fingerprint is {Fingerprint}")]
    private static partial void LogRead(ILogger logger, string secretName, string fingerprint);
}
