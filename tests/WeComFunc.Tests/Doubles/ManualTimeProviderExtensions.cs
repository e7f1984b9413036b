namespace WeComFunc.Tests.Doubles;

public static class ManualTimeProviderExtensions
{
    // Real time, between two looks at what is under way: what a busy machine may take between two calls of one flow.
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// Moves the clock from one timer to the next until the task has completed, and gives its result or throws its exception. It moves
    /// only while nothing goes on by itself (<see cref="ManualTimeProvider.Calls"/>): to the end of a pause, or, while a call waits, to
    /// whatever is next. So how long anything takes in real time is of no account.
    /// </summary>
    /// <param name="clock">The clock that the task waits on.</param>
    /// <param name="task">What is to complete.</param>
    /// <param name="limit">How far to move altogether. The clock never passes it.</param>
    /// <param name="patience">Real time that the task has once the clock stands still; by default that of all tests.</param>
    /// <exception cref="TimeoutException">The task has not completed by then.</exception>
    public static async Task<T> RunUntilAsync<T>(
        this ManualTimeProvider clock, Task<T> task, TimeSpan limit, TimeSpan? patience = null)
    {
        await clock.RunUntilAsync((Task)task, limit, patience).ConfigureAwait(false);
        return await task.ConfigureAwait(false);
    }

    /// <inheritdoc cref="RunUntilAsync{T}"/>
    public static async Task RunUntilAsync(this ManualTimeProvider clock, Task task, TimeSpan limit, TimeSpan? patience = null)
    {
        var started = clock.GetTimestamp();
        var end = started + limit.Ticks;
        using var impatient = new CancellationTokenSource(patience ?? Patience.Limit);
        for (var seen = -1L; !task.IsCompleted; seen = clock.Calls.Changes)
        {
            await Task.WhenAny(task, Task.Delay(Look)).ConfigureAwait(false);

            // What is seen once may be the moment between two calls of one flow.
            if (seen == clock.Calls.Changes && clock.MoveToNext(end))
            {
                impatient.CancelAfter(patience ?? Patience.Limit);
            }
            else if (impatient.IsCancellationRequested)
            {
                throw new TimeoutException(
                    $"The task has not completed after {clock.GetElapsedTime(started)} on the clock of the test ({clock.ActiveTimers} "
                    + $"timers are active, {clock.Calls}).");
            }
        }

        await task.ConfigureAwait(false);
    }
}
