namespace WeComFunc.Simulator;

/// <summary>What happens to a call instead of, before or after its normal treatment. An empty fault is a normal call.</summary>
public record Fault
{
    /// <summary>How many calls it meets; <c>null</c>: all, until cleared.</summary>
    public int? Times { get; init; } = 1;

    /// <summary>The call takes effect (code consumed, token issued) before anything else here happens.</summary>
    public bool TakesEffect { get; init; }

    /// <summary>Delay by the <see cref="TimeProvider"/> that the simulator was started with.</summary>
    public double DelaySeconds { get; init; }

    /// <summary>The call waits until <see cref="ApiTraffic.Release"/>.</summary>
    public bool Hold { get; init; }

    public int? Errcode { get; init; }

    /// <summary>HTTP status; without <see cref="Body"/> or <see cref="Errcode"/> the answer is empty.</summary>
    public int? Status { get; init; }

    /// <summary>The body, verbatim.</summary>
    public string? Body { get; init; }

    /// <summary>The connection is reset instead of an answer.</summary>
    public bool Abort { get; init; }
}
