using WeComFunc.AccessTokens;

namespace WeComFunc;

/// <summary>A pause that doubles with every failure in a row.</summary>
/// <param name="First">After the first failure.</param>
/// <param name="Most">The longest; jitter of up to a fifth comes on top.</param>
/// <param name="Kept">A longer one cannot have been meant.</param>
internal readonly record struct Pause(TimeSpan First, TimeSpan Most, TimeSpan Kept = default)
{
    /// <summary>The pause after the <paramref name="failures"/>-th failure in a row, with jitter that only lengthens it, so that a bound on the number of tries holds.</summary>
    /// <param name="failures">1 or more.</param>
    /// <param name="random">Where the jitter comes from.</param>
    public TimeSpan After(int failures, Random random)
    {
        var doubled = First * Math.Pow(2, Math.Min(failures - 1, 30));
        return (doubled < Most ? doubled : Most) * (1 + (random.NextDouble() / 5));
    }

    /// <summary>
    /// What is left of a pause here and now. Clocks of processes may be minutes apart, so by the clock it holds only as long as it was meant to; and
    /// whoever knows that it was written after an earlier look at the row keeps it by that, whatever the clocks say.
    /// </summary>
    /// <param name="until">When it ends, by the clock of the process that wrote it; null when there is none.</param>
    /// <param name="seconds">How long it was meant to be.</param>
    /// <param name="sight">How long this process has known of it.</param>
    /// <param name="now">The time.</param>
    /// <returns>More than nothing; null when it holds no more, or never did.</returns>
    public TimeSpan? Left(DateTimeOffset? until, double? seconds, Sight sight, DateTimeOffset now)
    {
        if (until is not { } end)
        {
            return null;
        }

        // Where the row says how long it was meant to be, a clock that is ahead makes it no longer; where it does not, such a pause is not kept.
        var (length, limit) = seconds is { } meant and >= 0 && meant <= Kept.TotalSeconds ? (TimeSpan.FromSeconds(meant), TokenRules.LongestPause) : (Kept, Kept);
        var byClock = end - now < limit ? Least(end - now, length - sight.Since) : TimeSpan.Zero;
        var left = sight.Before is { } before && length - before > byClock ? length - before : byClock;
        return left > TimeSpan.Zero ? left : null;
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
