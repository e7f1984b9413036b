using System.Runtime.InteropServices;
using System.Text.Json.Serialization;

namespace WeComFunc.Simulator;

/// <summary>The endpoints of qyapi that exist here; on the wire by the end of their path.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Api>))]
public enum Api
{
    [JsonStringEnumMemberName("gettoken")]
    GetToken,

    [JsonStringEnumMemberName("jscode2session")]
    JsCode2Session,

    [JsonStringEnumMemberName("user/get")]
    UserGet,

    [JsonStringEnumMemberName("department/get")]
    DepartmentGet,
}

/// <summary>What happens to a call instead of, before or after its normal treatment. An empty fault is a normal call.</summary>
public record Fault
{
    /// <summary>How many calls it meets; <c>null</c>: all, until cleared.</summary>
    public int? Times { get; init; } = 1;

    /// <summary>The call takes effect (code consumed, token issued) before anything else here happens.</summary>
    public bool TakesEffect { get; init; }

    /// <summary>Delay by the <see cref="TimeProvider"/> that the simulator was started with.</summary>
    public double DelaySeconds { get; init; }

    /// <summary>The call waits until <see cref="ApiTraffic.Release"/>.</summary>
    public bool Hold { get; init; }

    public int? Errcode { get; init; }

    /// <summary>HTTP status; without <see cref="Body"/> or <see cref="Errcode"/> the answer is empty.</summary>
    public int? Status { get; init; }

    /// <summary>The body, verbatim.</summary>
    public string? Body { get; init; }

    /// <summary>The connection is reset instead of an answer.</summary>
    public bool Abort { get; init; }
}

/// <summary>Counters; <c>WithoutErrcode</c> are the calls that ended with a HTTP status, a foreign body or a lost connection.</summary>
public sealed record ApiCalls(
    int Arrived, int InFlight, int MaxInFlight, IReadOnlyDictionary<int, int> Errcodes, int WithoutErrcode);

/// <summary>The calls of one endpoint: counters, limits and faults.</summary>
public sealed class ApiTraffic(Func<DateTimeOffset> utcNow)
{
    // Real time, and only to end a test that would hang otherwise.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly List<Fault> _faults = [];
    private readonly List<TaskCompletionSource> _held = [];
    private readonly List<(Func<bool> Reached, TaskCompletionSource Waiter)> _waiters = [];
    private readonly Dictionary<int, int> _errcodes = [];
    private int _arrived;
    private int _inFlight;
    private int _maxInFlight;
    private int _withoutErrcode;
    private int _maxPerMinute = int.MaxValue;
    private int _maxConcurrent = int.MaxValue;
    private DateTimeOffset _minuteStart;
    private int _thisMinute;

    public ApiCalls Calls
    {
        get
        {
            lock (_lock)
            {
                return new(_arrived, _inFlight, _maxInFlight, new Dictionary<int, int>(_errcodes), _withoutErrcode);
            }
        }
    }

    /// <summary>Completes when the call number <paramref name="count"/> since the last reset has arrived, answered or not.</summary>
    /// <exception cref="TimeoutException">It did not come to that within five minutes of real time.</exception>
    public Task WaitForCallsAsync(int count) => WaitUntilAsync(() => _arrived >= count);

    /// <summary>Completes when no call is in flight.</summary>
    public Task WaitForIdleAsync() => WaitUntilAsync(() => _inFlight == 0);

    public void ResetCalls()
    {
        lock (_lock)
        {
            (_arrived, _maxInFlight, _withoutErrcode) = (0, _inFlight, 0);
            _errcodes.Clear();
        }
    }

    /// <summary>Over <paramref name="maxPerMinute"/>: 45009 for the next 60 s. Over <paramref name="maxConcurrent"/>: 45033.</summary>
    public void SetLimits(int? maxPerMinute = null, int? maxConcurrent = null)
    {
        lock (_lock)
        {
            _maxPerMinute = maxPerMinute ?? int.MaxValue;
            _maxConcurrent = maxConcurrent ?? int.MaxValue;
            (_minuteStart, _thisMinute) = (utcNow(), 0);
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
        }

        Release();
    }

    /// <summary>Lets the first <paramref name="count"/> held calls go on; without it all, and drops queued holds.</summary>
    /// <returns>How many calls went on.</returns>
    public int Release(int? count = null)
    {
        lock (_lock)
        {
            if (count is null)
            {
                _faults.RemoveAll(fault => fault.Hold);
            }

            var released = Math.Min(count ?? _held.Count, _held.Count);
            _held[..released].ForEach(held => held.TrySetResult());
            _held.RemoveRange(0, released);
            return released;
        }
    }

    internal Arrival Arrive()
    {
        lock (_lock)
        {
            _arrived++;
            _inFlight++;
            _maxInFlight = Math.Max(_maxInFlight, _inFlight);
            WakeWaiters();
            if (_inFlight > _maxConcurrent)
            {
                return new(Refusal: 45033);
            }

            return IsOverRate() ? new(Refusal: 45009) : TakeFault();
        }
    }

    internal void Leave(Arrival arrival, int? errcode)
    {
        lock (_lock)
        {
            _inFlight--;
            if (arrival.Held is { } held)
            {
                _held.Remove(held);
            }

            if (errcode is { } code)
            {
                CollectionsMarshal.GetValueRefOrAddDefault(_errcodes, code, out _)++;
            }
            else
            {
                _withoutErrcode++;
            }

            WakeWaiters();
        }
    }

    private Task WaitUntilAsync(Func<bool> reached)
    {
        lock (_lock)
        {
            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiters.Add((reached, waiter));
            WakeWaiters();
            return waiter.Task.WaitAsync(Patience);
        }
    }

    private void WakeWaiters() => _waiters.RemoveAll(entry => entry.Reached() && entry.Waiter.TrySetResult());

    private bool IsOverRate()
    {
        if (_maxPerMinute == int.MaxValue)
        {
            return false;
        }

        var now = utcNow();
        if (now - _minuteStart >= TimeSpan.FromMinutes(1))
        {
            (_minuteStart, _thisMinute) = (now, 0);
        }

        _thisMinute++;
        if (_thisMinute == _maxPerMinute + 1)
        {
            // WeCom blocks for 60 s from the call that was one too many (document 90454).
            _minuteStart = now;
        }

        return _thisMinute > _maxPerMinute;
    }

    private Arrival TakeFault()
    {
        if (_faults.Count == 0)
        {
            return default;
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

        if (!fault.Hold)
        {
            return new(Fault: fault);
        }

        // Held from the moment it arrives, so that a test may release it as soon as WaitForCallsAsync has completed.
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _held.Add(held);
        return new(Fault: fault, Held: held);
    }
}

/// <summary>A call at the door; <c>Refusal</c> is the errcode of the limit that it ran into.</summary>
internal readonly record struct Arrival(int? Refusal = null, Fault? Fault = null, TaskCompletionSource? Held = null);
