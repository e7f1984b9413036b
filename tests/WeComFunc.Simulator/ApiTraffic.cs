using System.Runtime.InteropServices;

namespace WeComFunc.Simulator;

/// <summary>The calls of one endpoint: counters and faults.</summary>
public sealed class ApiTraffic
{
    // Real time, and only to end a test that would hang otherwise.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly List<Fault> _faults = [];
    private readonly List<(int Count, TaskCompletionSource Waiter)> _waiters = [];
    private readonly Dictionary<int, int> _errcodes = [];
    private TaskCompletionSource _release = New();
    private int _arrived;
    private int _inFlight;
    private int _withoutErrcode;

    public ApiCalls Calls
    {
        get
        {
            lock (_lock)
            {
                return new(_arrived, _inFlight, new Dictionary<int, int>(_errcodes), _withoutErrcode);
            }
        }
    }

    /// <summary>Completes when the call number <paramref name="count"/> since the last reset has arrived, answered or not.</summary>
    /// <exception cref="TimeoutException">It did not come to that within five minutes of real time.</exception>
    public Task WaitForCallsAsync(int count)
    {
        lock (_lock)
        {
            var waiter = New();
            _waiters.Add((count, waiter));
            WakeWaiters();
            return waiter.Task.WaitAsync(Patience);
        }
    }

    public void ResetCalls()
    {
        lock (_lock)
        {
            (_arrived, _withoutErrcode) = (0, 0);
            _errcodes.Clear();
        }
    }

    /// <summary>Faults queue up: one is used up before the next begins.</summary>
    public void AddFault(Fault fault)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(fault.Times ?? 1, 1, nameof(fault.Times));
        ArgumentOutOfRangeException.ThrowIfNegative(fault.DelaySeconds);
        lock (_lock)
        {
            _faults.Add(fault);
        }
    }

    /// <summary>Drops the queued faults and lets held calls go on.</summary>
    public void ClearFaults()
    {
        lock (_lock)
        {
            _faults.Clear();
            Release();
        }
    }

    /// <summary>Lets held calls go on, and drops queued holds.</summary>
    public void Release()
    {
        lock (_lock)
        {
            _faults.RemoveAll(fault => fault.Hold);
            _release.SetResult();
            _release = New();
        }
    }

    /// <returns>The fault that meets the call, and what it waits for if it is held.</returns>
    internal (Fault? Fault, Task? Held) Arrive()
    {
        lock (_lock)
        {
            _arrived++;
            _inFlight++;
            WakeWaiters();
            var fault = TakeFault();

            // Held from the moment it arrives, so that a test may release it as soon as WaitForCallsAsync has completed.
            return (fault, fault is { Hold: true } ? _release.Task : null);
        }
    }

    internal void Leave(int? errcode)
    {
        lock (_lock)
        {
            _inFlight--;
            if (errcode is { } code)
            {
                CollectionsMarshal.GetValueRefOrAddDefault(_errcodes, code, out _)++;
            }
            else
            {
                _withoutErrcode++;
            }
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void WakeWaiters() => _waiters.RemoveAll(entry => _arrived >= entry.Count && entry.Waiter.TrySetResult());

    private Fault? TakeFault()
    {
        if (_faults.Count == 0)
        {
            return null;
        }

        var fault = _faults[0];
        if (fault.Times == 1)
        {
            _faults.RemoveAt(0);
        }
        else
        {
            _faults[0] = fault with { Times = fault.Times - 1 };
        }

        return fault;
    }
}
