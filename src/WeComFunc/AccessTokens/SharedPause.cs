namespace WeComFunc.AccessTokens;

/// <summary>A pause that stands in the row, where the whole fleet keeps it (rules T6, T7).</summary>
/// <param name="Pause">How long it is.</param>
/// <param name="Kept">A longer one cannot have been meant.</param>
internal readonly record struct SharedPause(Pause Pause, TimeSpan Kept)
{
    /// <summary>
    /// What is left of a pause here and now. Clocks of processes may be minutes apart, so by the clock it holds only as long as it was
    /// meant to; and whoever knows that it was written after an earlier look at the row keeps it by that, whatever the clocks say.
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

        // Where the row says how long it was meant to be, a clock that is ahead makes it no longer; where it does not, such a pause is not
        // kept.
        var (length, limit) = seconds is { } meant and >= 0 && meant <= Kept.TotalSeconds
            ? (TimeSpan.FromSeconds(meant), TokenRules.LongestPause)
            : (Kept, Kept);
        var byClock = end - now < limit ? Least(end - now, length - sight.Since) : TimeSpan.Zero;
        var left = sight.Before is { } before && length - before > byClock ? length - before : byClock;
        return left > TimeSpan.Zero ? left : null;
    }

    private static TimeSpan Least(TimeSpan one, TimeSpan other) => one < other ? one : other;
}
