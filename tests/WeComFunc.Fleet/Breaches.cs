using System.Globalization;

namespace WeComFunc.Fleet;

/// <summary>The promises that were broken, each with what it takes to understand it.</summary>
internal sealed class Breaches(World world, Troubles troubles, TableModel table)
{
    /// <summary>How often the same promise is shown as broken.</summary>
    private const int Shown = 3;

    private readonly List<string> _all = [];
    private readonly Dictionary<string, int> _times = [];

    public IReadOnlyList<string> All => _all;

    public void Add(string promise, string how)
    {
        if ((_times[promise] = _times.GetValueOrDefault(promise) + 1) <= Shown)
        {
            _all.Add(string.Create(
                CultureInfo.InvariantCulture,
                $"at {world.Now}: {promise}: {how}; trouble: {troubles.Since(world.Now - Felt.Lasting)}; row: {table.Row?.ETag}, lease of "
                + $"{table.Row?.LeasedAt - world.UtcNow}, {table.Row?.Rejections} rejections, {table.Row?.Failures} failures, next try in "
                + $"{table.Row?.RetryAt - world.UtcNow}"));
        }
    }
}
