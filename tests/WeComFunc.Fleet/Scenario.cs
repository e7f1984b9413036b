namespace WeComFunc.Fleet;

/// <summary>What a fleet is like and what befalls it.</summary>
/// <param name="Seed">The source of all chance.</param>
/// <param name="Instances">Processes at any time.</param>
/// <param name="Duration">How long it is watched.</param>
/// <param name="Logins">Logins in that time.</param>
/// <param name="Semantics">What <c>gettoken</c> does.</param>
/// <param name="TroubleEvery">
/// The time between troubles, on average: outages, revocations, deaths and clocks that differ; null when all is well.
/// </param>
/// <param name="HasTimer">Whether the timer runs.</param>
internal sealed record Scenario(
    int Seed, int Instances, TimeSpan Duration, int Logins, Semantics Semantics, TimeSpan? TroubleEvery, bool HasTimer)
{
    /// <summary>Apps that it serves, of two corps; they share the logins.</summary>
    public int Apps { get; init; } = 1;

    public bool IsTroubled => TroubleEvery is not null;

    /// <summary>
    /// In turn a week of a large fleet; half a day of a few busy processes whose troubles come thick and fast, as a back-off shows only
    /// where somebody would call; and four weeks of a few processes that serve a login every few hours, as what they have to forget shows
    /// only there.
    /// </summary>
    public static Scenario OfTrouble(int seed)
    {
        var (semantics, few) = ((Semantics)(seed % 3), 2 + (seed / 9 % 4));
        return (seed / 3 % 3) switch
        {
            0 => new(seed, 1000, TimeSpan.FromDays(7), 60_000, semantics, TimeSpan.FromHours(10), HasTimer: true),
            1 => new(
                seed, few, TimeSpan.FromHours(12), 40_000, semantics, TimeSpan.FromMinutes(seed / 36 % 2 == 0 ? 60 : 20), HasTimer: true),
            _ => new(seed, few, TimeSpan.FromDays(28), 2_000, semantics, TimeSpan.FromHours(10), HasTimer: true),
        };
    }

    /// <summary>A quiet day on which each member logs in once, to count what it costs.</summary>
    public static Scenario OfCost(int instances, int members, Semantics semantics, bool hasTimer) =>
        new(1, instances, TimeSpan.FromDays(1), members, semantics, TroubleEvery: null, hasTimer);
}

/// <summary>What it cost, and which promises were broken.</summary>
internal sealed record Report(
    int Logins,
    int GetToken,
    int TableReads,
    int TableWrites,
    int SecretReads,
    int Tokens,
    int MostReadsOfOne,
    int Rejections,
    IReadOnlyList<string> Violations)
{
    public override string ToString() =>
        $"{Logins} logins, {GetToken} gettoken for {Tokens} tokens, {TableReads} table reads, {TableWrites} writes, {SecretReads} Key "
        + $"Vault reads, {Violations.Count} promises broken"
        + string.Concat(Violations.Select(violation => $"{Environment.NewLine}  {violation}"));
}
