namespace WeComFunc.Fleet;

/// <summary>
/// Virtual time on one thread: what is due next happens next, and everything that awaits goes on here, in the order it became ready. So a
/// run depends on nothing but its seed.
/// </summary>
internal sealed class World(int seed) : SynchronizationContext
{
    private static readonly DateTimeOffset Epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly PriorityQueue<Action, (TimeSpan At, long Number)> _due = new();
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _ready = new();
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _number;

    public Random Random { get; } = new(seed);

    /// <summary>Since the beginning.</summary>
    public TimeSpan Now { get; private set; }

    public DateTimeOffset UtcNow => Epoch + Now;

    public override void Post(SendOrPostCallback d, object? state)
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            throw new InvalidOperationException("Something left the one thread of the simulation: a run could not be replayed.");
        }

        _ready.Enqueue((d, state));
    }

    public void After(TimeSpan delay, Action action) =>
        _due.Enqueue(action, (Now + (delay > TimeSpan.Zero ? delay : TimeSpan.Zero), _number++));

    /// <summary>Starts something asynchronous.</summary>
    public void Start(Func<Task> action) => Post(static action => ((Func<Task>)action!)(), action);

    public Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken = default) =>
        Task.Delay(delay, new Clock(this, TimeSpan.Zero), cancellationToken);

    public TimeSpan Between(double leastMilliseconds, double mostMilliseconds) =>
        TimeSpan.FromMilliseconds(leastMilliseconds + (Random.NextDouble() * (mostMilliseconds - leastMilliseconds)));

    /// <summary>A waiting time for something that happens every <paramref name="mean"/> on average (exponentially distributed).</summary>
    public TimeSpan Sometime(TimeSpan mean) => mean * -Math.Log(1 - Random.NextDouble());

    public void Run(TimeSpan until)
    {
        while (true)
        {
            while (_ready.TryDequeue(out var ready))
            {
                SetSynchronizationContext(this);
                ready.Callback(ready.State);
            }

            // What happens here completes tasks: without a context, the framework's own continuations run at once instead of on the thread
            // pool.
            SetSynchronizationContext(null);
            if (!_due.TryDequeue(out var next, out var when) || when.At > until)
            {
                return;
            }

            Now = when.At;
            next();
        }
    }

    /// <summary>The world's time as one process sees it.</summary>
    internal sealed class Clock(World world, TimeSpan skew) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override DateTimeOffset GetUtcNow() => world.UtcNow + skew;

        public override long GetTimestamp() => world.Now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new Timer(world, callback, state);
            timer.Change(dueTime, period);
            return timer;
        }
    }

    private sealed class Timer(World world, TimerCallback callback, object? state) : ITimer
    {
        private int _setting;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var setting = ++_setting;
            if (dueTime != Timeout.InfiniteTimeSpan)
            {
                world.After(dueTime, () =>
                {
                    if (setting == _setting)
                    {
                        callback(state);
                    }
                });
            }

            return true;
        }

        public void Dispose() => _setting++;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }
}
