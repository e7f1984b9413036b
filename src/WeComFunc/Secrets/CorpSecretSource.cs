using Microsoft.Extensions.Logging;

namespace WeComFunc.Secrets;

/// <summary>The corpsecret of one app, kept for an hour and asked for again when there is reason to (rule T8).</summary>
internal sealed partial class CorpSecretSource(
    WeComApp app, ICorpSecretStore store, TimeProvider time, ILogger<CorpSecretSource> logger) : IDisposable
{
    private readonly SemaphoreSlim _reading = new(1);
    private Reading? _last;

    /// <summary>What came of the last reading of the vault: null when it was a secret, or when nobody has asked yet.</summary>
    public Failure? Failure => Volatile.Read(ref _last)?.Failure;

    /// <summary>The corpsecret: the kept one within the hour, also beyond while the vault is out of reach; otherwise the vault's.</summary>
    public Task<Result<CorpSecret>> GetAsync() => ReadAsync(isReread: false, CancellationToken.None);

    /// <summary>Asks the vault again, once a minute at most, because the corpsecret seems to have changed.</summary>
    /// <param name="cancellationToken">Ends the waiting of this caller, never the reading it waits for.</param>
    /// <returns>The corpsecret that counts from now on, changed or not; to a caller that gives up, the one that counts meanwhile.</returns>
    public Task<Result<CorpSecret>> RereadAsync(CancellationToken cancellationToken) => ReadAsync(isReread: true, cancellationToken);

    public void Dispose() => _reading.Dispose();

    private async Task<Result<CorpSecret>> ReadAsync(bool isReread, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _last) is { } last && !IsDue(last, isReread))
        {
            return last.Result;
        }

        try
        {
            return await ReadVaultAsync(isReread).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The reading goes on: what comes of it is the vault's doing, and serves all others (rule T11).
            return Volatile.Read(ref _last) is { } known ? known.Result : new Failure(FailureKind.Busy);
        }
    }

    private async Task<Result<CorpSecret>> ReadVaultAsync(bool isReread)
    {
        await _reading.WaitAsync();
        try
        {
            if (_last is { } meanwhile && !IsDue(meanwhile, isReread))
            {
                return meanwhile.Result;
            }

            using var limit = new CancellationTokenSource(SecretRules.ReadLimit, time);
            var read = await store.ReadAsync(app.SecretName, limit.Token);
            var (kept, now) = (_last?.Kept, time.GetTimestamp());
            if (read.TryGet(out var secret) && secret.Fingerprint != kept?.Fingerprint)
            {
                kept = secret;
                LogRead(logger, app.SecretName, kept.Fingerprint);
            }

            var reading = new Reading(kept, read.Failure, now, isReread ? now : _last?.RereadAt);
            Volatile.Write(ref _last, reading);
            return reading.Result;
        }
        finally
        {
            _reading.Release();
        }
    }

    private bool IsDue(Reading last, bool isReread)
    {
        var pause = last.Kept is null
            ? SecretRules.FirstReadPause
            : isReread || last.Failure is not null ? SecretRules.RereadPause
            : SecretRules.Kept;
        return (isReread && last.Kept is not null ? last.RereadAt : last.At) is not { } at || time.GetElapsedTime(at) >= pause;
    }

    [LoggerMessage(201, LogLevel.Information, "The corpsecret was read from {SecretName}; its fingerprint is {Fingerprint}")]
    private static partial void LogRead(ILogger logger, string secretName, string fingerprint);

    /// <summary>The state after a reading of the vault, exchanged as a whole: logins look at it side by side.</summary>
    /// <param name="Kept">The corpsecret that counts; null when there has been none yet.</param>
    /// <param name="Failure">What the reading failed with.</param>
    /// <param name="At">When it ended.</param>
    /// <param name="RereadAt">When the last one ended that was made because the corpsecret seemed to have changed.</param>
    private sealed record Reading(CorpSecret? Kept, Failure? Failure, long At, long? RereadAt)
    {
        public Result<CorpSecret> Result => Kept is not null ? Kept : Failure!;
    }
}
