namespace WeComFunc.AccessTokens;

/// <summary>What a process knows, by its own monotonic clock, of when something in the row was written.</summary>
/// <param name="Since">How long ago it saw it first.</param>
/// <param name="Before">How long ago it saw the row without it; null when it never did.</param>
internal readonly record struct Sight(TimeSpan Since, TimeSpan? Before);

/// <summary>What a process knows of the age of what is in the row.</summary>
/// <param name="Retry">Of the pause after a failure.</param>
/// <param name="Rejection">Of the pause after a rejection.</param>
/// <param name="Token">Of the token.</param>
internal readonly record struct RowSight(Sight Retry, Sight Rejection, Sight Token);

/// <summary>Watches one value of the row.</summary>
internal sealed class Watch<T>(TimeProvider time)
{
    private T? _value;
    private long _seenAt = time.GetTimestamp();
    private long? _before;
    private long? _lookedAt;

    /// <summary>To be told of every look at the row.</summary>
    /// <param name="value">The value.</param>
    /// <param name="isOwn">Whether this process has just written it.</param>
    public void See(T? value, bool isOwn)
    {
        var now = time.GetTimestamp();
        if (!EqualityComparer<T>.Default.Equals(value, _value))
        {
            (_value, _seenAt, _before) = (value, now, isOwn ? now : _lookedAt);
        }

        _lookedAt = now;
    }

    public Sight Sight => new(time.GetElapsedTime(_seenAt), _before is { } before ? time.GetElapsedTime(before) : null);
}
