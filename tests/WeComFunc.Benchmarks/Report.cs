using System.Globalization;
using System.Text;

namespace WeComFunc.Benchmarks;

/// <summary>Markdown tables: medians, and medians of the ratios within each round.</summary>
internal sealed class Report
{
    private readonly StringBuilder _text = new();
    private string[] _others = [];

    public void Say(FormattableString line) => _text.AppendLine(line.ToString(CultureInfo.InvariantCulture));

    /// <summary>Begins a table.</summary>
    /// <param name="others">Whom ours is compared with.</param>
    public void Head(params string[] others)
    {
        _others = others;
        Say($"");
        Row(["measure", .. others, "ours", .. others.Select(other => $"ours / {other}"), "goal", "result"]);
        Row(["---", .. Enumerable.Repeat("---:", (2 * others.Length) + 1), "---", "---"]);
    }

    /// <param name="measure">What was measured.</param>
    /// <param name="format">How a number is written.</param>
    /// <param name="samples">A number of each contender for every round; null for what a contender cannot do.</param>
    /// <param name="goal">What ours must reach.</param>
    /// <param name="isMoreBetter">Whether the larger number is the better one.</param>
    public void Add(string measure, string format, Func<string, double[]?> samples, Goal? goal = null, bool isMoreBetter = false)
    {
        var ours = samples("ours")!;
        var ratios = _others.ToDictionary(other => other, other => Ratio(ours, samples(other)));
        var reached = goal is null ? 0 : goal.IsRatio ? ratios[_others.Contains("floor") ? "floor" : _others[0]]!.Value : Median(ours);
        Row(
        [
            measure,
            .. _others.Select(other => Number(samples(other), format)),
            Number(ours, format),
            .. _others.Select(other => ratios[other] is { } ratio ? Number([ratio], "0.00") : ""),
            goal is null ? "" : goal.IsRatio ? Number([goal.Limit], isMoreBetter ? "≥ 0.00" : "≤ 0.00") : Number([goal.Limit], "0"),
            goal is null ? "" : (isMoreBetter ? reached >= goal.Limit : reached <= goal.Limit) ? "met" : "missed",
        ]);
    }

    public override string ToString() => _text.ToString();

    private void Row(IEnumerable<string> cells) => _text.AppendLine($"| {string.Join(" | ", cells)} |");

    private static string Number(double[]? values, string format) =>
        values is null ? "–" : Median(values).ToString(format, CultureInfo.InvariantCulture);

    private static double? Ratio(double[] values, double[]? others) =>
        others is null ? null : Median([.. values.Zip(others, (value, other) => value == other ? 1 : value / other)]);

    private static double Median(double[] values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
