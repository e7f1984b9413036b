using Microsoft.Extensions.Logging;
using WeComFunc.WeCom;

namespace WeComFunc.AccessTokens;

/// <summary>Where corpsecrets are kept.</summary>
public interface ICorpSecretStore
{
    /// <summary>Reads a corpsecret.</summary>
    /// <returns>The secret; <see cref="FailureKind.Misconfigured"/> when the store refuses it or has none, <see cref="FailureKind.Busy"/> when it is out of reach.</returns>
    Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken);
}

/// <summary>The corpsecret of one app, kept for an hour and asked for again when there is reason to (rule T8).</summary>
internal sealed partial class CorpSecretSource(WeComApp app, ICorpSecretStore store, TimeProvider time, ILogger<CorpSecretSource> logger) : IDisposable
{
    private readonly SemaphoreSlim _reading = new(1);
    private CorpSecret? _kept;
    private Failure? _failure;
    private long? _readAt;
    private long? _rereadAt;

    /// <summary>What came of the last reading of the vault: null when it was a secret, or when nobody has asked yet.</summary>
    public Failure? Failure => _failure;

    /// <summary>The corpsecret: the kept one within the hour, also beyond while the vault is out of reach; otherwise the vault's.</summary>
    public Task<Result<CorpSecret>> GetAsync() => ReadAsync(isReread: false, CancellationToken.None);

    /// <summary>Asks the vault again, once a minute at most, because the corpsecret seems to have changed.</summary>
    /// <param name="cancellationToken">A time limit beside the one that a reading has anyway.</param>
    /// <returns>The corpsecret that counts from now on, changed or not.</returns>
    public Task<Result<CorpSecret>> RereadAsync(CancellationToken cancellationToken) => ReadAsync(isReread: true, cancellationToken);

    public void Dispose() => _reading.Dispose();

    private async Task<Result<CorpSecret>> ReadAsync(bool isReread, CancellationToken cancellationToken)
    {
        if (!IsDue(isReread))
        {
            return Latest();
        }

        await _reading.WaitAsync(CancellationToken.None);
        try
        {
            if (!IsDue(isReread))
            {
                return Latest();
            }

            using var limit = new CancellationTokenSource(TokenRules.VaultLimit, time);
            using var caller = cancellationToken.UnsafeRegister(static limit => ((CancellationTokenSource)limit!).Cancel(), limit);
            var read = await store.ReadAsync(app.SecretName, limit.Token);
            _readAt = time.GetTimestamp();
            _rereadAt = isReread ? _readAt : _rereadAt;
            _failure = read.Failure;
            if (read.Failure is null && read.Value.Fingerprint != _kept?.Fingerprint)
            {
                LogRead(logger, app.SecretName, read.Value.Fingerprint);
                _kept = read.Value;
            }

            return Latest();
        }
        finally
        {
            _reading.Release();
        }
    }

    private bool IsDue(bool isReread)
    {
        var pause = _kept is null ? TokenRules.VaultPause : isReread || _failure is not null ? TokenRules.SecretReread : TokenRules.SecretKept;
        return (isReread && _kept is not null ? _rereadAt : _readAt) is not { } last || time.GetElapsedTime(last) >= pause;
    }

    private Result<CorpSecret> Latest() => _kept is not null ? _kept : _failure!;

    [LoggerMessage(201, LogLevel.Information, "The corpsecret was read from {SecretName}; its fingerprint is {Fingerprint}")]
    private static partial void LogRead(ILogger logger, string secretName, string fingerprint);
}
