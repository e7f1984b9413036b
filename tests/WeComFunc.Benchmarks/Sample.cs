namespace WeComFunc.Benchmarks;

/// <summary>What one round of load cost a contender.</summary>
/// <param name="Load">What the load generator saw.</param>
/// <param name="Cpu">In µs a login.</param>
/// <param name="Bytes">Allocated by a login; 0 where that is not observed.</param>
internal sealed record Sample(Load Load, double Cpu, double Bytes);
