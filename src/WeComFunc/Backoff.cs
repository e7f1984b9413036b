namespace WeComFunc;

/// <summary>Pauses that double, with jitter that only lengthens them, so that a bound on the number of tries holds.</summary>
internal static class Backoff
{
    /// <summary>What jitter makes of a pause at most.</summary>
    public const double LongestJitter = 1.2;

    /// <summary>The pause after the <paramref name="failures"/>-th failure in a row.</summary>
    /// <param name="failures">1 or more.</param>
    /// <param name="pause">The pause after the first failure, and the longest one; jitter of up to a fifth comes on top.</param>
    /// <param name="random">Where the jitter comes from.</param>
    public static TimeSpan After(int failures, (TimeSpan First, TimeSpan Most) pause, Random random)
    {
        var doubled = pause.First * Math.Pow(2, Math.Min(failures - 1, 30));
        return (doubled < pause.Most ? doubled : pause.Most) * (1 + ((LongestJitter - 1) * random.NextDouble()));
    }
}
