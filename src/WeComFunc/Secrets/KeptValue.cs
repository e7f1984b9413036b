namespace WeComFunc.Secrets;

/// <summary>Something of the vault, kept for a while and asked for again when there is reason to (rule T8).</summary>
/// <param name="time">The clock.</param>
internal abstract class KeptValue<T>(TimeProvider time) : IDisposable
    where T : class
{
    private readonly SemaphoreSlim _reading = new(1);
    private Reading? _last;

    /// <summary>What came of the last reading of the vault: null when it was a value, or when nobody has asked yet.</summary>
    public Failure? Failure => Volatile.Read(ref _last)?.Failure;

    /// <summary>The value: the kept one within its time, also beyond while the vault is out of reach; otherwise the vault's.</summary>
    public Task<Result<T>> GetAsync() => ReadAsync(isReread: false, CancellationToken.None);

    /// <summary>Asks the vault again, once a minute at most, because the value seems to have changed.</summary>
    /// <param name="cancellationToken">Ends the waiting of this caller, never the reading it waits for.</param>
    /// <returns>The value that counts from now on, changed or not; to a caller that gives up, the one that counts meanwhile.</returns>
    public Task<Result<T>> RereadAsync(CancellationToken cancellationToken) => ReadAsync(isReread: true, cancellationToken);

    public void Dispose() => _reading.Dispose();

    /// <summary>Reads the vault.</summary>
    /// <param name="kept">The value that counts; null when there has been none yet.</param>
    /// <param name="limit">That its time is over.</param>
    protected abstract Task<Result<T>> ReadVaultAsync(T? kept, CancellationToken limit);

    /// <summary>How long a value is used before the vault is asked again.</summary>
    protected virtual TimeSpan TimeOf(T value) => SecretRules.Kept;

    private async Task<Result<T>> ReadAsync(bool isReread, CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _last) is { } last && !IsDue(last, isReread))
        {
            return last.Result;
        }

        try
        {
            return await ReadOnceAsync(isReread).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The reading goes on: what comes of it is the vault's doing, and serves all others (rule T11).
            return Volatile.Read(ref _last) is { } known ? known.Result : new Failure(FailureKind.Busy);
        }
    }

    private async Task<Result<T>> ReadOnceAsync(bool isReread)
    {
        await _reading.WaitAsync();
        try
        {
            if (_last is { } meanwhile && !IsDue(meanwhile, isReread))
            {
                return meanwhile.Result;
            }

            using var activity = Telemetry.StartPart("secret read");
            using var limit = new CancellationTokenSource(SecretRules.ReadLimit, time);
            var read = await ReadVaultAsync(_last?.Kept, limit.Token);
            activity?.SetTag("outcome", read.Failure is null ? "ok" : read.Failure.Kind is FailureKind.Busy ? "unreachable" : "refused");
            var now = time.GetTimestamp();
            var reading = new Reading(
                read.TryGet(out var value) ? value : _last?.Kept, read.Failure, now, isReread ? now : _last?.RereadAt);
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
            : TimeOf(last.Kept);
        return (isReread && last.Kept is not null ? last.RereadAt : last.At) is not { } at || time.GetElapsedTime(at) >= pause;
    }

    /// <summary>The state after a reading of the vault, exchanged as a whole: logins look at it side by side.</summary>
    /// <param name="Kept">The value that counts; null when there has been none yet.</param>
    /// <param name="Failure">What the reading failed with.</param>
    /// <param name="At">When it ended.</param>
    /// <param name="RereadAt">When the last one ended that was made because the value seemed to have changed.</param>
    private sealed record Reading(T? Kept, Failure? Failure, long At, long? RereadAt)
    {
        public Result<T> Result => Kept is not null ? Kept : Failure!;
    }
}
