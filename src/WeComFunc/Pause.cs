namespace WeComFunc;

/// <summary>A pause that doubles with every failure in a row.</summary>
/// <param name="First">After the first failure.</param>
/// <param name="Most">The longest; jitter of up to a fifth comes on top.</param>
internal readonly record struct Pause(TimeSpan First, TimeSpan Most)
{
    /// <summary>
    /// The pause after the <paramref name="failures"/>-th failure in a row, with jitter that only lengthens it, so that a bound on the
    /// number of tries holds.
    /// </summary>
    /// <param name="failures">1 or more.</param>
    /// <param name="random">Where the jitter comes from.</param>
    public TimeSpan After(int failures, Random random)
    {
        var doubled = First * Math.Pow(2, Math.Min(failures - 1, 30));
        return (doubled < Most ? doubled : Most) * (1 + (random.NextDouble() / 5));
    }
}
