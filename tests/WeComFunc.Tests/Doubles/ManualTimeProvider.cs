namespace WeComFunc.Tests.Doubles;

/// <summary>
/// A clock that only the test moves. <see cref="Advance"/> moves wall clock, timestamps and timers together;
/// <see cref="AdjustWallClock"/> moves the wall clock alone, as a correction by NTP does.
/// </summary>
public sealed class ManualTimeProvider : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly SortedSet<ManualTimer> _active =
        new(Comparer<ManualTimer>.Create((x, y) => (x.Due, x.Sequence).CompareTo((y.Due, y.Sequence))));
    private readonly AwaitableCount _activeCount = new("active timers");
    private DateTimeOffset _wallClockAtZero;

    // Not zero: code that takes a timestamp of zero for "never" must not pass by accident.
    private TimeSpan _now = TimeSpan.FromDays(1);
    private TimeSpan _target = TimeSpan.FromDays(1);
    private long _sequence;

    /// <param name="start">Wall clock at the beginning; by default 2026-01-01T00:00:00Z.</param>
    public ManualTimeProvider(DateTimeOffset? start = null) =>
        _wallClockAtZero = (start ?? new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)).ToUniversalTime() - _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <summary>Timers that are waiting to fire.</summary>
    public int ActiveTimers => _activeCount.Value;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock)
        {
            return _wallClockAtZero + _now;
        }
    }

    public override long GetTimestamp()
    {
        lock (_lock)
        {
            return _now.Ticks;
        }
    }

    /// <summary>
    /// Moves time forward and fires what becomes due on the way, in due order, on the calling thread. Each callback sees the time at
    /// which it was due. Concurrent calls add up.
    /// </summary>
    public void Advance(TimeSpan delta)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delta, TimeSpan.Zero);
        TimeSpan target;
        lock (_lock)
        {
            target = _target += delta;
        }

        FireUntil(target);
    }

    /// <summary>Moves the wall clock forward or back; timestamps and timers do not notice.</summary>
    public void AdjustWallClock(TimeSpan delta)
    {
        lock (_lock)
        {
            _wallClockAtZero += delta;
        }
    }

    /// <summary>Completes once at least so many timers wait to fire; fails after a minute of real time.</summary>
    public Task WaitForTimersAsync(int atLeast) => _activeCount.WaitAsync(atLeast);

    /// <summary>A callback that is due at once runs on the thread pool, as with a real timer, and not inside this call.</summary>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private void FireUntil(TimeSpan target)
    {
        while (TakeDue(target) is { } timer)
        {
            timer.Fire();
        }
    }

    private ManualTimer? TakeDue(TimeSpan target)
    {
        lock (_lock)
        {
            if (_active.Min is not { } timer || timer.Due > target)
            {
                _now = Later(_now, target);
                return null;
            }

            _now = Later(_now, timer.Due);
            Deactivate(timer);
            if (timer.Period > TimeSpan.Zero)
            {
                Activate(timer, timer.Due + timer.Period);
            }

            return timer;
        }
    }

    private void Schedule(ManualTimer timer, TimeSpan dueTime, TimeSpan period)
    {
        Deactivate(timer);
        timer.Period = period;
        if (dueTime < TimeSpan.Zero)
        {
            return;
        }

        Activate(timer, _now + dueTime);
        if (dueTime == TimeSpan.Zero)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static x => x.Clock.FireUntil(x.Now), (Clock: this, Now: _now), preferLocal: false);
        }
    }

    private void Activate(ManualTimer timer, TimeSpan due)
    {
        timer.Due = due;
        timer.Sequence = ++_sequence;
        _active.Add(timer);
        _activeCount.Value = _active.Count;
    }

    private void Deactivate(ManualTimer timer)
    {
        _active.Remove(timer);
        _activeCount.Value = _active.Count;
    }

    private static TimeSpan Later(TimeSpan x, TimeSpan y) => x > y ? x : y;

    private sealed class ManualTimer(ManualTimeProvider clock, TimerCallback callback, object? state) : ITimer
    {
        private readonly ExecutionContext? _context = ExecutionContext.Capture();
        private bool _disposed;

        public TimeSpan Due { get; set; }

        public TimeSpan Period { get; set; }

        public long Sequence { get; set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(dueTime, Timeout.InfiniteTimeSpan);
            ArgumentOutOfRangeException.ThrowIfLessThan(period, Timeout.InfiniteTimeSpan);
            lock (clock._lock)
            {
                if (_disposed)
                {
                    return false;
                }

                clock.Schedule(this, dueTime, period);
                return true;
            }
        }

        public void Fire()
        {
            var caller = SynchronizationContext.Current;

            // Real timers have none; a test's own would turn inline continuations into queued ones.
            SynchronizationContext.SetSynchronizationContext(null);
            try
            {
                if (_context is null)
                {
                    callback(state);
                }
                else
                {
                    ExecutionContext.Run(_context, _ => callback(state), null);
                }
            }
            finally
            {
                SynchronizationContext.SetSynchronizationContext(caller);
            }
        }

        public void Dispose()
        {
            lock (clock._lock)
            {
                _disposed = true;
                clock.Deactivate(this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
