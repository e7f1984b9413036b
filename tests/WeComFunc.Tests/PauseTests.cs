using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>How long nobody tries again after failures in a row.</summary>
public sealed class PauseTests
{
    private static readonly Pause Pause = new(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10));

    [Theory]
    [InlineData(1, 5)]
    [InlineData(2, 10)]
    [InlineData(7, 320)]
    [InlineData(8, 600)]
    [InlineData(31, 600)]
    [InlineData(int.MaxValue, 600)]
    public void It_doubles_until_it_is_the_longest(int failures, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Pause.After(failures, new FixedChance()));

    [Theory]
    [InlineData(1, 5.5)]
    [InlineData(8, 660)]
    public void Chance_makes_it_longer_by_up_to_a_fifth(int failures, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), Pause.After(failures, new FixedChance { Value = 0.5 }));
}
