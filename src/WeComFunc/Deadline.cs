namespace WeComFunc;

/// <summary>
/// The time that a login or a renewal has in all, and each of its attempts within: one timer for everything, so it serves one attempt at a
/// time.
/// </summary>
/// <param name="limit">The time in all.</param>
/// <param name="time">The clock.</param>
internal sealed class Deadline(TimeSpan limit, TimeProvider time) : IDisposable
{
    private readonly long _started = time.GetTimestamp();
    private CancellationTokenSource _source = new(limit, time);

    /// <summary>Whether no time is left.</summary>
    public bool IsOver => Left == TimeSpan.Zero;

    /// <summary>The time that is left.</summary>
    public TimeSpan Left => limit - time.GetElapsedTime(_started) is { Ticks: > 0 } left ? left : TimeSpan.Zero;

    /// <summary>A token for what may take all the time that is left.</summary>
    public CancellationToken ForAll() => For(limit);

    /// <summary>
    /// A token for one attempt: it ends after <paramref name="attempt"/>, or when no time is left. The tokens before it end with it.
    /// </summary>
    public CancellationToken For(TimeSpan attempt)
    {
        var left = Left;
        if (_source.IsCancellationRequested && left > TimeSpan.Zero)
        {
            _source.Dispose();
            _source = new(left, time);
        }

        _source.CancelAfter(attempt < left ? attempt : left);
        return _source.Token;
    }

    public void Dispose() => _source.Dispose();
}
