namespace WeComFunc.Health;

/// <summary>What came of one step of a <see cref="StartupCheck"/>.</summary>
/// <param name="Outcome">How it ended.</param>
/// <param name="Text">What was found, and where something is wrong, what to do: one line, without a secret.</param>
public sealed record Finding(FindingOutcome Outcome, string Text)
{
    /// <summary>The line to print.</summary>
    public override string ToString() => Outcome switch
    {
        FindingOutcome.Ok => $"ok   {Text}",
        FindingOutcome.Skipped => $"skip {Text}",
        _ => $"FAIL {Text}",
    };
}

/// <summary>How a step ended.</summary>
public enum FindingOutcome
{
    /// <summary>All is well.</summary>
    Ok,

    /// <summary>Somebody has to do something.</summary>
    Failed,

    /// <summary>It was left out, as one before it failed.</summary>
    Skipped,
}
