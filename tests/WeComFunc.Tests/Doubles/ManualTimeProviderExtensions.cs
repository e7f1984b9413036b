namespace WeComFunc.Tests.Doubles;

public static class ManualTimeProviderExtensions
{
    private static readonly TimeSpan DefaultPause = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromMinutes(1);

    /// <summary>Advances the clock step by step until the task has completed, and gives its result or throws its exception.</summary>
    /// <param name="clock">The clock that the task waits on.</param>
    /// <param name="task">What is to complete.</param>
    /// <param name="step">
    /// How far to move at a time. Real I/O gets <paramref name="pause"/> per step, so with real I/O behind a timeout on this clock the
    /// step should be a small part of that timeout.
    /// </param>
    /// <param name="limit">How far to move altogether. The clock never passes it.</param>
    /// <param name="pause">Real time between steps for continuations and I/O; by default 15 ms.</param>
    /// <param name="patience">Real time that the task has to complete once the limit is reached; by default a minute.</param>
    /// <exception cref="TimeoutException">The task has not completed by then.</exception>
    public static async Task<T> RunUntilAsync<T>(
        this ManualTimeProvider clock, Task<T> task, TimeSpan step, TimeSpan limit, TimeSpan? pause = null, TimeSpan? patience = null)
    {
        await clock.RunUntilAsync((Task)task, step, limit, pause, patience).ConfigureAwait(false);
        return await task.ConfigureAwait(false);
    }

    /// <inheritdoc cref="RunUntilAsync{T}"/>
    public static async Task RunUntilAsync(
        this ManualTimeProvider clock, Task task, TimeSpan step, TimeSpan limit, TimeSpan? pause = null, TimeSpan? patience = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(step, TimeSpan.Zero);
        var moved = TimeSpan.Zero;
        while (!await CompletesWithinAsync(task, moved < limit ? pause ?? DefaultPause : patience ?? DefaultPatience).ConfigureAwait(false))
        {
            if (moved >= limit)
            {
                throw new TimeoutException(
                    $"The task has not completed after {moved} on the clock of the test ({clock.ActiveTimers} timers are active).");
            }

            var next = step < limit - moved ? step : limit - moved;
            clock.Advance(next);
            moved += next;
        }

        await task.ConfigureAwait(false);
    }

    private static async Task<bool> CompletesWithinAsync(Task task, TimeSpan realTime)
    {
        if (!task.IsCompleted)
        {
            using var done = new CancellationTokenSource();
            await Task.WhenAny(task, Task.Delay(realTime, done.Token)).ConfigureAwait(false);
            await done.CancelAsync().ConfigureAwait(false);
        }

        return task.IsCompleted;
    }
}
