namespace WeComFunc.Benchmarks;

/// <summary>What ours must reach.</summary>
/// <param name="Limit">A ratio against the floor, without one against the first of the others, or a number.</param>
/// <param name="IsRatio">Which of the two.</param>
internal sealed record Goal(double Limit, bool IsRatio = true);
