using WeComFunc.AccessTokens;

namespace WeComFunc.Tests;

/// <summary>What is left of a pause that another process wrote, as a table (rules T6, T7).</summary>
public sealed class SharedPauseTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    /// <summary>A pause of up to 72 s, the longest that can be: when it ends and how long it was meant to be, in seconds.</summary>
    [Theory]
    [InlineData(null, null, null)]
    [InlineData(null, 60.0, null)]
    [InlineData(30.0, 60.0, 30.0)]
    [InlineData(60.0, 60.0, 60.0)]
    [InlineData(61.0, 60.0, 60.0)]
    [InlineData(1.0, 60.0, 1.0)]
    [InlineData(0.0, 60.0, null)]
    [InlineData(-1.0, 60.0, null)]
    [InlineData(30.0, 0.0, null)]
    [InlineData(100.0, 72.0, 72.0)]
    [InlineData(1019.9, 72.0, 72.0)]
    [InlineData(1020.0, 72.0, null)]
    [InlineData(30.0, null, 30.0)]
    [InlineData(71.9, null, 71.9)]
    [InlineData(72.0, null, null)]
    [InlineData(71.0, 72.1, 71.0)]
    [InlineData(100.0, 72.1, null)]
    [InlineData(71.0, -0.1, 71.0)]
    [InlineData(100.0, -0.1, null)]
    public void By_the_clock_it_lasts_no_longer_than_it_was_meant_to(double? until, double? seconds, double? left) =>
        Assert.Equal(left, Left(until, seconds, since: 0, before: null));

    /// <summary>How long ago it was seen first, and how long ago the row was seen without it, in seconds.</summary>
    [Theory]
    [InlineData(50.0, 20, null, 40.0)]
    [InlineData(50.0, 10, null, 50.0)]
    [InlineData(50.0, 59.9, null, 0.1)]
    [InlineData(50.0, 60, null, null)]
    [InlineData(10.0, 0, 20.0, 40.0)]
    [InlineData(10.0, 0, 50.0, 10.0)]
    [InlineData(10.0, 0, 55.0, 10.0)]
    [InlineData(50.0, 20, 30.0, 40.0)]
    [InlineData(-300.0, 0, 20.0, 40.0)]
    [InlineData(1020.0, 0, 20.0, 40.0)]
    [InlineData(-300.0, 0, 60.0, null)]
    [InlineData(-300.0, 60, 70.0, null)]
    public void Whoever_saw_the_row_without_it_keeps_it_by_that(double until, double since, double? before, double? left) =>
        Assert.Equal(left, Left(until, 60, since, before));

    private static double? Left(double? until, double? seconds, double since, double? before) =>
        TokenRules.TransientPause.Left(
            until is { } end ? Now.AddSeconds(end) : null,
            seconds,
            new(TimeSpan.FromSeconds(since), before is { } ago ? TimeSpan.FromSeconds(ago) : null),
            Now)?.TotalSeconds;
}
