using System.Globalization;
using System.Text;

namespace WeComFunc.Benchmarks;

/// <summary>What ours must reach.</summary>
/// <param name="Limit">A ratio against the floor, or a number.</param>
/// <param name="IsRatio">Which of the two.</param>
internal sealed record Goal(double Limit, bool IsRatio = true);

/// <summary>The Markdown table: medians, and medians of the ratios within each round.</summary>
internal sealed class Report
{
    private readonly StringBuilder _text = new();

    public void Say(FormattableString line) => _text.AppendLine(line.ToString(CultureInfo.InvariantCulture));

    public void Head() => _text.AppendLine().AppendLine("""
        | measure | floor | typical | ours | ours / floor | ours / typical | goal | result | against typical |
        | --- | ---: | ---: | ---: | ---: | ---: | --- | --- | --- |
        """);

    /// <param name="measure">What was measured.</param>
    /// <param name="format">How a number is written.</param>
    /// <param name="samples">A number of each contender for every round; null for what a contender cannot do.</param>
    /// <param name="goal">What ours must reach; null for no more than to be ahead of typical.</param>
    /// <param name="isMoreBetter">Whether the larger number is the better one.</param>
    public void Add(string measure, string format, Func<string, double[]?> samples, Goal? goal = null, bool isMoreBetter = false)
    {
        var (floor, typical, ours) = (samples("floor"), samples("typical"), samples("ours")!);
        var (toFloor, toTypical) = (Ratio(ours, floor), Ratio(ours, typical));
        var wanted = goal is null ? "" : goal.IsRatio ? $"{(isMoreBetter ? "≥" : "≤")} {goal.Limit:0.00}" : $"{goal.Limit:0}";
        var result = goal is null ? "" : IsReached(goal.IsRatio ? toFloor!.Value : Median(ours), goal.Limit) ? "met" : "missed";
        var place = IsReached(toTypical!.Value, 1) ? "ahead" : "behind";
        Say($"| {measure} | {Number(floor)} | {Number(typical)} | {Number(ours)} | {toFloor:0.00} | {toTypical:0.00} | {wanted} | {result} | {place} |");

        bool IsReached(double value, double limit) => isMoreBetter ? value >= limit : value <= limit;
        string Number(double[]? values) => values is null ? "–" : Median(values).ToString(format, CultureInfo.InvariantCulture);
    }

    public override string ToString() => _text.ToString();

    private static double? Ratio(double[] values, double[]? others) => others is null ? null : Median([.. values.Zip(others, (value, other) => value == other ? 1 : value / other)]);

    private static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
