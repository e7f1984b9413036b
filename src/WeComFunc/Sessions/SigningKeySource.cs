using Microsoft.Extensions.Logging;
using WeComFunc.Secrets;

namespace WeComFunc.Sessions;

/// <summary>The keys of sessions: all enabled versions of the secret <c>Session__KeySecretName</c>.</summary>
internal sealed partial class SigningKeySource(
    SessionSettings settings, ISigningKeyStore store, TimeProvider time, ILogger<SigningKeySource> logger) : KeptValue<SigningKeys>(time)
{
    /// <summary>So long before the last key expires, a line says so.</summary>
    private static readonly TimeSpan Warned = TimeSpan.FromDays(14);

    private readonly TimeProvider _time = time;

    /// <inheritdoc />
    protected override async Task<Result<SigningKeys>> ReadVaultAsync(SigningKeys? kept, CancellationToken limit)
    {
        if (!(await store.ListAsync(settings.KeySecretName, limit)).TryGet(out var listed, out var failure))
        {
            return failure;
        }

        var versions = new List<KeyVersion>(listed.Length);
        foreach (var reading in await Task.WhenAll(listed.Select(version => ReadVersionAsync(version, kept, limit))))
        {
            if (!reading.TryGet(out var version, out var unread))
            {
                return unread;
            }

            versions.Add(version);
        }

        var keys = new SigningKeys(versions);
        Tell(keys, kept);
        return keys;
    }

    /// <summary>Without a key, the vault is asked again as soon as somebody may have stored one.</summary>
    protected override TimeSpan TimeOf(SigningKeys value) =>
        value.ForSigning(_time.GetUtcNow()) is null ? SecretRules.RereadPause : SecretRules.Kept;

    /// <summary>
    /// Reads a version, unless it held a key before: what one holds never changes, but what was wrong may have been the answer.
    /// </summary>
    private async Task<Result<KeyVersion>> ReadVersionAsync(SecretVersion version, SigningKeys? kept, CancellationToken limit)
    {
        if (kept?.Versions.FirstOrDefault(known => known.Version.Id == version.Id) is { Key: not null } known)
        {
            return known with { Version = version };
        }

        if (!(await store.ReadAsync(settings.KeySecretName, version.Id, limit)).TryGet(out var stored, out var failure))
        {
            return failure;
        }

        var (key, fault) = SigningKey.Read(stored);
        return new KeyVersion(version, key, fault);
    }

    private void Tell(SigningKeys keys, SigningKeys? before)
    {
        var now = _time.GetUtcNow();
        if (keys.ForSigning(now) is not { } signing)
        {
            LogNone(logger, settings.KeySecretName, keys.WhyNone(now));
            return;
        }

        foreach (var version in keys.Versions)
        {
            if (version.Fault is { } fault)
            {
                LogLeftOut(logger, settings.KeySecretName, version.Version.Id, fault);
            }
        }

        if (keys.ForSigning(now + Warned) is null)
        {
            LogEnding(logger, settings.KeySecretName, Warned.Days);
        }

        if (before is null || !keys.All.Select(key => key.KeyId).SequenceEqual(before.All.Select(key => key.KeyId)))
        {
            LogRead(logger, settings.KeySecretName, keys.All.Count, signing.Id);
        }
    }

    [LoggerMessage(
        221, LogLevel.Information, "The signing keys were read from {SecretName}: {Count} that verify, and {KeyId} is the one that signs")]
    private static partial void LogRead(ILogger logger, string secretName, int count, string keyId);

    [LoggerMessage(
        222, LogLevel.Warning,
        "Version {Version} of {SecretName} is left out of the signing keys, and others go on: {Reason}. Disable it, or store a P-256 "
        + "private key in PKCS#8 PEM as a new version")]
    private static partial void LogLeftOut(ILogger logger, string secretName, string version, string reason);

    [LoggerMessage(
        223, LogLevel.Error,
        "{SecretName} has no key to sign sessions with, so nobody can log in: {Reason}. Store a P-256 private key in PKCS#8 PEM as a new "
        + "version of it")]
    private static partial void LogNone(ILogger logger, string secretName, string reason);

    [LoggerMessage(
        224, LogLevel.Warning,
        "The last signing key in {SecretName} expires within {Days} days, and then nobody can log in: store a new version now, or give it "
        + "a later expiration date")]
    private static partial void LogEnding(ILogger logger, string secretName, int days);
}
