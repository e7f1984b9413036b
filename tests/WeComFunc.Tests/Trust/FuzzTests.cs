using System.Collections.Concurrent;
using System.Globalization;
using WeComFunc.Fuzz;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// Whatever callers, WeCom and the table's writers send, broken by FsCheck: no exception, no 500, no hang, and no identity that WeCom did
/// not name. The inputs are the same in every run; <c>tests/fuzz.sh</c> tries others, by the million.
/// </summary>
[Trait("Speed", "Slow")]
public sealed class FuzzTests
{
    private const int Inputs = 100_000;
    private const ulong Seed = 20261125;

    [Fact]
    public async Task No_input_breaks_a_promise()
    {
        var targets = Target.All;
        var left = new ConcurrentQueue<Target>(targets);
        // On threads of their own: those of the pool are for the tests beside this one.
        await Task.WhenAll(Enumerable.Range(0, Environment.ProcessorCount).Select(
            _ => Task.Factory.StartNew(TryAll, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
        Figures.Write(
            "2-fuzzing",
            [string.Create(
                CultureInfo.InvariantCulture, $"Fuzzing: {Inputs} inputs, {targets.Count} parsers, seed {Seed}")]);
        Assert.Contains(
            string.Create(CultureInfo.InvariantCulture, $"Fuzzing: {Inputs:N0} inputs on {targets.Count} parsers in the suite"),
            Repository.Read("docs/security.md"),
            StringComparison.Ordinal);

        void TryAll()
        {
            while (left.TryDequeue(out var target))
            {
                WeComFunc.Fuzz.Inputs.Try(target, Inputs / targets.Count, Seed);
            }
        }
    }

    [Fact]
    public void A_broken_promise_is_told_with_the_input_and_what_replays_it()
    {
        var target = new Target(
            "any", ["""{"code":"a"}"""u8.ToArray()], input => BrokenPromiseException.Unless(input.Length < 20, "It is too long."));

        var told = Assert.ThrowsAny<Exception>(() => WeComFunc.Fuzz.Inputs.Try(target, 1000, Seed)).ToString();

        Assert.Contains("It is too long.", told);
        Assert.Contains($"({Seed},1", told);
    }

    [Fact]
    public void Every_corpus_is_in_order() => Assert.All(Target.All, target => Assert.All(target.Corpus, target.Try));
}
