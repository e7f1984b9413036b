namespace WeComFunc.Tests.Doubles;

/// <summary>A count that tests can wait for without polling.</summary>
/// <param name="what">What is counted, for the message of a wait in vain.</param>
internal sealed class AwaitableCount(string what)
{
    private readonly Lock _lock = new();
    private readonly List<(int AtLeast, TaskCompletionSource Reached)> _waiting = [];
    private int _value;

    public int Value
    {
        get
        {
            lock (_lock)
            {
                return _value;
            }
        }

        set
        {
            lock (_lock)
            {
                _value = value;
                foreach (var (_, reached) in _waiting.Where(w => w.AtLeast <= value))
                {
                    reached.TrySetResult();
                }

                _waiting.RemoveAll(w => w.Reached.Task.IsCompleted);
            }
        }
    }

    public void Increment()
    {
        lock (_lock)
        {
            Value++;
        }
    }

    /// <summary>Completes once the count is or was at least so high; fails when patience ends.</summary>
    public async Task WaitAsync(int atLeast)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            if (_value >= atLeast)
            {
                return;
            }

            _waiting.Add((atLeast, reached));
        }

        try
        {
            await reached.Task.WaitAsync(Patience.Limit).ConfigureAwait(false);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{Value} {what} after {Patience.Limit}, expected at least {atLeast}.", e);
        }
    }
}
