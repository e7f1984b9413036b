namespace WeComFunc.Tests.Doubles;

public sealed class ManualTimeProviderTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly ManualTimeProvider _clock = new();

    [Fact]
    public void Moves_wall_clock_and_timestamps_together()
    {
        var (utc, timestamp) = (_clock.GetUtcNow(), _clock.GetTimestamp());

        _clock.Advance(Minute);

        Assert.Equal(Minute, _clock.GetUtcNow() - utc);
        Assert.Equal(Minute, _clock.GetElapsedTime(timestamp));
    }

    [Fact]
    public void Starts_at_the_given_wall_clock()
    {
        var start = new DateTimeOffset(2030, 5, 6, 7, 8, 9, TimeSpan.FromHours(8));

        Assert.Equal(start, new ManualTimeProvider(start).GetUtcNow());
        Assert.Equal(TimeSpan.Zero, new ManualTimeProvider(start).GetUtcNow().Offset);
    }

    [Theory]
    [InlineData(3600)]
    [InlineData(-3600)]
    public async Task Adjusts_the_wall_clock_without_touching_timestamps_and_timers(int seconds)
    {
        var (utc, timestamp) = (_clock.GetUtcNow(), _clock.GetTimestamp());
        var delay = Task.Delay(Second, _clock);

        _clock.AdjustWallClock(TimeSpan.FromSeconds(seconds));

        Assert.Equal(utc.AddSeconds(seconds), _clock.GetUtcNow());
        Assert.Equal(timestamp, _clock.GetTimestamp());
        Assert.False(delay.IsCompleted);

        _clock.Advance(Second);

        await delay;
    }

    [Fact]
    public void Does_not_go_back() => Assert.Throws<ArgumentOutOfRangeException>(() => _clock.Advance(TimeSpan.FromTicks(-1)));

    [Fact]
    public void Ends_a_delay_at_its_due_time_and_not_before()
    {
        var delay = Task.Delay(Minute, _clock);

        _clock.Advance(Minute - TimeSpan.FromTicks(1));
        Assert.False(delay.IsCompleted);

        _clock.Advance(TimeSpan.FromTicks(1));
        Assert.True(delay.IsCompletedSuccessfully);
        Assert.Equal(0, _clock.ActiveTimers);
    }

    [Fact]
    public void Cancels_a_source_with_a_delay()
    {
        using var source = new CancellationTokenSource(Minute, _clock);

        _clock.Advance(Minute);

        Assert.True(source.IsCancellationRequested);
    }

    [Fact]
    public void Moves_the_deadline_of_a_source()
    {
        using var source = new CancellationTokenSource(Minute, _clock);
        source.CancelAfter(2 * Minute);

        _clock.Advance(Minute);
        Assert.False(source.IsCancellationRequested);

        _clock.Advance(Minute);
        Assert.True(source.IsCancellationRequested);
    }

    [Fact]
    public async Task Ticks_a_periodic_timer()
    {
        using var timer = new PeriodicTimer(Minute, _clock);

        for (var i = 0; i < 3; i++)
        {
            var tick = timer.WaitForNextTickAsync();
            Assert.False(tick.IsCompleted);
            _clock.Advance(Minute);
            Assert.True(await tick);
        }
    }

    [Fact]
    public async Task Times_out_a_wait()
    {
        var wait = new TaskCompletionSource().Task.WaitAsync(Minute, _clock);

        _clock.Advance(Minute);

        await Assert.ThrowsAsync<TimeoutException>(() => wait);
    }

    [Fact]
    public void Fires_in_due_order_at_the_due_time()
    {
        var start = _clock.GetTimestamp();
        var fired = new List<(string Name, TimeSpan At)>();
        using var late = Timer("late", 3 * Second);
        using var periodic = Timer("periodic", 2 * Second, 2 * Second);
        using var early = Timer("early", Second);
        using var asLate = Timer("as late", 3 * Second);

        _clock.Advance(5 * Second);

        Assert.Equal(
            [("early", Second), ("periodic", 2 * Second), ("late", 3 * Second), ("as late", 3 * Second), ("periodic", 4 * Second)],
            fired);
        Assert.Equal(5 * Second, _clock.GetElapsedTime(start));

        ITimer Timer(string name, TimeSpan due, TimeSpan? period = null) => _clock.CreateTimer(
            _ => fired.Add((name, _clock.GetElapsedTime(start))), null, due, period ?? Timeout.InfiniteTimeSpan);
    }

    [Fact]
    public void Fires_a_timer_that_a_callback_made_in_the_same_advance()
    {
        Task? second = null;
        using var first = _clock.CreateTimer(_ => second = Task.Delay(Second, _clock), null, Second, Timeout.InfiniteTimeSpan);

        _clock.Advance(2 * Second);

        Assert.True(second!.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task Fires_a_timer_due_at_once_without_being_moved()
    {
        var fired = new TaskCompletionSource();
        using var timer = _clock.CreateTimer(_ => fired.SetResult(), null, TimeSpan.Zero, Timeout.InfiniteTimeSpan);

        await fired.Task.WaitAsync(Minute);
    }

    [Fact]
    public void Changes_stops_and_disposes_a_timer()
    {
        var fired = 0;
        using var timer = _clock.CreateTimer(_ => fired++, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Assert.Equal(0, _clock.ActiveTimers);

        Assert.True(timer.Change(Second, Second));
        _clock.Advance(3 * Second);
        Assert.Equal(3, fired);

        Assert.True(timer.Change(Timeout.InfiniteTimeSpan, Second));
        _clock.Advance(Minute);
        Assert.Equal(3, fired);

        Assert.True(timer.Change(Second, TimeSpan.Zero));
        _clock.Advance(Minute);
        Assert.Equal(4, fired);

        timer.Dispose();
        Assert.False(timer.Change(Second, Second));
        Assert.Equal(0, _clock.ActiveTimers);
    }

    [Fact]
    public void Runs_callbacks_outside_its_lock()
    {
        var readElsewhere = false;
        using var timer = _clock.CreateTimer(
            _ => readElsewhere = Task.Run(_clock.GetUtcNow).Wait(Minute), null, Second, Timeout.InfiniteTimeSpan);

        _clock.Advance(Second);

        Assert.True(readElsewhere);
    }

    [Fact]
    public void Runs_callbacks_in_the_context_they_were_made_in()
    {
        var local = new AsyncLocal<string>();
        string? seen = null;
        local.Value = "maker";
        using var timer = _clock.CreateTimer(_ => seen = local.Value, null, Second, Timeout.InfiniteTimeSpan);
        local.Value = "mover";

        _clock.Advance(Second);

        Assert.Equal("maker", seen);
    }

    [Fact]
    public void Adds_up_concurrent_advances()
    {
        var start = _clock.GetTimestamp();
        var ticks = 0;
        using var timer = _clock.CreateTimer(_ => Interlocked.Increment(ref ticks), null, Second, Second);

        Parallel.For(0, 100, _ => _clock.Advance(Second));

        Assert.Equal(100 * Second, _clock.GetElapsedTime(start));
        Assert.Equal(100, ticks);
    }

    [Fact]
    public async Task Waits_for_timers()
    {
        var two = _clock.WaitForTimersAsync(2);
        var first = Task.Delay(Second, _clock);
        Assert.False(two.IsCompleted);

        var second = Task.Delay(Second, _clock);

        await two;
        _clock.Advance(Second);
        await Task.WhenAll(first, second, _clock.WaitForTimersAsync(0));
    }

    [Fact]
    public async Task Runs_until_a_task_has_its_result_from_one_pause_to_the_next()
    {
        var start = _clock.GetTimestamp();

        var result = await _clock.RunUntilAsync(DelaysAsync(), Minute);

        Assert.Equal("done", result);
        Assert.Equal(20 * Second, _clock.GetElapsedTime(start));

        async Task<string> DelaysAsync()
        {
            await Task.Delay(10 * Second, _clock);
            await Task.Run(Thread.Yield);
            using var limit = new CancellationTokenSource(Minute, _clock);
            await Task.Delay(10 * Second, _clock, limit.Token);
            return "done";
        }
    }

    [Fact]
    public async Task Runs_until_a_task_fails() =>
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => _clock.RunUntilAsync(Task.FromException(new InvalidOperationException()), Minute));

    [Fact]
    public async Task Stops_at_the_limit_and_says_so()
    {
        var start = _clock.GetTimestamp();

        var e = await Assert.ThrowsAsync<TimeoutException>(
            () => _clock.RunUntilAsync(Task.Delay(Minute, _clock), 10 * Second, patience: TimeSpan.Zero));

        Assert.Contains("(1 timers are active, 0 calls are under way, 0 of them wait)", e.Message, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.Zero, _clock.GetElapsedTime(start));
    }

    [Fact]
    public void Does_not_move_to_a_limit_while_nothing_waits_for_it()
    {
        using var limit = new CancellationTokenSource(Second, _clock);
        var wait = new TaskCompletionSource().Task.WaitAsync(Second, _clock);

        Assert.False(_clock.MoveToNext(long.MaxValue));

        using var call = _clock.Calls.Begin(() => true);
        Assert.True(_clock.MoveToNext(long.MaxValue));
        Assert.Equal((true, true), (limit.IsCancellationRequested, wait.IsFaulted));
    }

    [Fact]
    public void Does_not_move_at_all_while_a_call_goes_on_by_itself()
    {
        var pause = Task.Delay(Second, _clock);
        var waits = false;
        using var waiting = _clock.Calls.Begin(() => true);
        using (_clock.Calls.Begin(() => waits))
        {
            Assert.False(_clock.MoveToNext(long.MaxValue));
            waits = true;
            Assert.True(_clock.MoveToNext(long.MaxValue));
        }

        Assert.True(pause.IsCompleted);
    }

    [Fact]
    public void Moves_to_what_is_due_next_and_no_further()
    {
        var (first, second) = (Task.Delay(Second, _clock), Task.Delay(2 * Second, _clock));
        var end = _clock.GetTimestamp() + Second.Ticks;

        Assert.True(_clock.MoveToNext(end));
        Assert.Equal((true, false), (first.IsCompleted, second.IsCompleted));
        Assert.False(_clock.MoveToNext(end));
    }
}
