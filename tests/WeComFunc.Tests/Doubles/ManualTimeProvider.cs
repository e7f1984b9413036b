using Microsoft.Extensions.Time.Testing;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// A clock that only the test moves. <see cref="Advance"/> moves wall clock, timestamps and timers together;
/// <see cref="AdjustWallClock"/> moves the wall clock alone, as a correction by NTP does.
/// </summary>
/// <param name="start">Wall clock at the beginning; by default 2026-01-01T00:00:00Z.</param>
public sealed class ManualTimeProvider(DateTimeOffset? start = null)
    : FakeTimeProvider(start?.ToUniversalTime() ?? new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero))
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(50);

    // A timer is either made before a step or after it, never within: a callback must not block on a thread that makes one.
    private readonly Lock _steps = new();
    private readonly HashSet<CountedTimer> _timers = [];
    private readonly AwaitableCount _active = new("active timers");
    private long _correction;

    /// <summary>The calls of whoever goes by this clock.</summary>
    public CallsUnderWay Calls { get; } = new();

    /// <summary>Timers that are waiting to fire.</summary>
    public int ActiveTimers => _active.Value;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow().AddTicks(Interlocked.Read(ref _correction));

    public override long GetTimestamp() => base.GetUtcNow().Ticks;

    /// <summary>
    /// Moves time forward and fires what becomes due on the way, in due order, on the calling thread. Each callback sees the time at
    /// which it was due, or up to 50 ms later. Concurrent calls add up.
    /// </summary>
    public new void Advance(TimeSpan delta)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delta, TimeSpan.Zero);
        var caller = SynchronizationContext.Current;

        // Real timers have none; a test's own would turn inline continuations into queued ones.
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            for (var left = delta; left > TimeSpan.Zero; left -= Step)
            {
                lock (_steps)
                {
                    base.Advance(left < Step ? left : Step);
                }
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(caller);
        }
    }

    /// <summary>
    /// Moves to the timer that is due next, if it is due by <paramref name="end"/>, and if all that is under way waits: then the end of a
    /// pause may come at any time, that of a limit only where a call waits for it.
    /// </summary>
    /// <param name="end">A timestamp.</param>
    /// <returns>Whether it has moved.</returns>
    public bool MoveToNext(long end)
    {
        var (allWait, anyWaits) = (Calls.AllWait, Calls.AnyWaits);
        long due;
        bool isPause;
        lock (_steps)
        {
            due = _timers.Count == 0 ? long.MaxValue : _timers.Min(timer => timer.Due);
            isPause = _timers.Any(timer => timer.IsPause && timer.Due == due);
        }

        if (due > end || !allWait || !(anyWaits || isPause))
        {
            return false;
        }

        Advance(TimeSpan.FromTicks(Math.Max(0, due - GetTimestamp())));
        return true;
    }

    /// <summary>Moves the wall clock forward or back; timestamps and timers do not notice.</summary>
    public void AdjustWallClock(TimeSpan delta) => Interlocked.Add(ref _correction, delta.Ticks);

    /// <summary>Completes once at least so many timers wait to fire; fails when patience ends.</summary>
    public Task WaitForTimersAsync(int atLeast) => _active.WaitAsync(atLeast);

    /// <summary>A callback that is due at once runs on the thread pool, as with a real timer, and not inside this call.</summary>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var isPause = state?.GetType().Name.StartsWith("DelayPromise", StringComparison.Ordinal) is true;
        var timer = new CountedTimer(this, callback) { IsPause = isPause };
        timer.Inner = base.CreateTimer(timer.Fire, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>A timer that counts as active for as long as it is to fire.</summary>
    private sealed class CountedTimer(ManualTimeProvider clock, TimerCallback callback) : ITimer
    {
        private readonly ExecutionContext? _context = ExecutionContext.Capture();
        private bool _isActive;
        private bool _isPeriodic;
        private TimeSpan _period;

        public ITimer Inner { get; set; } = null!;

        /// <summary>Whether it ends a <see cref="Task.Delay(TimeSpan, TimeProvider)"/>, and not a limit.</summary>
        public bool IsPause { get; init; }

        /// <summary>The timestamp at which it is to fire.</summary>
        public long Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._steps)
            {
                _isPeriodic = period > TimeSpan.Zero;
                _period = period;
                Due = clock.GetTimestamp() + dueTime.Ticks;
                var isAtOnce = dueTime == TimeSpan.Zero;
                var changed = Inner.Change(isAtOnce ? Timeout.InfiniteTimeSpan : dueTime, period);
                SetActive(changed && (isAtOnce ? _isPeriodic : dueTime > TimeSpan.Zero));
                if (changed && isAtOnce)
                {
                    ThreadPool.QueueUserWorkItem(_ => Inner.Change(dueTime, period));
                }

                return changed;
            }
        }

        public void Fire(object? state)
        {
            lock (clock._steps)
            {
                Due += _period.Ticks;
                SetActive(_isPeriodic);
            }

            if (_context is null)
            {
                callback(state);
            }
            else
            {
                ExecutionContext.Run(_context, callback.Invoke, state);
            }
        }

        public void Dispose()
        {
            lock (clock._steps)
            {
                Inner.Dispose();
                SetActive(false);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void SetActive(bool value)
        {
            if (_isActive != value)
            {
                _isActive = value;
                _ = value ? clock._timers.Add(this) : clock._timers.Remove(this);
                clock._active.Value += value ? 1 : -1;
            }
        }
    }
}
