using System.Collections.Concurrent;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// The calls that are under way beside a clock that is moved. What such a call takes is real time, which no limit of that clock may be
/// held against: it stands still until every call has its answer, or waits for the clock or for the test.
/// </summary>
public sealed class CallsUnderWay
{
    private readonly ConcurrentDictionary<Call, Func<bool?>> _calls = new();
    private long _changes;

    /// <summary>Whether there is none that goes on by itself.</summary>
    public bool AllWait => _calls.Values.All(waits => waits() is not false);

    /// <summary>Whether there is one that waits.</summary>
    public bool AnyWaits => _calls.Values.Any(waits => waits() is true);

    /// <summary>Grows with each call that begins or ends.</summary>
    public long Changes => Interlocked.Read(ref _changes);

    /// <summary>Begins a call; it ends when the result is disposed.</summary>
    /// <param name="waits">
    /// Whether it waits for the clock or for the test now; null where that is for another call to say, which it waits for.
    /// </param>
    public IDisposable Begin(Func<bool?> waits)
    {
        var call = new Call(this);
        _calls[call] = waits;
        Interlocked.Increment(ref _changes);
        return call;
    }

    /// <summary>Does something that waits for the clock or for the test all the time.</summary>
    public async Task WaitAsync(Task waiting)
    {
        using var call = Begin(() => true);
        await waiting;
    }

    public override string ToString() =>
        $"{_calls.Count} calls are under way, {_calls.Values.Count(waits => waits() is true)} of them wait";

    private sealed class Call(CallsUnderWay calls) : IDisposable
    {
        public void Dispose()
        {
            calls._calls.TryRemove(this, out _);
            Interlocked.Increment(ref calls._changes);
        }
    }
}

/// <summary>
/// Counts each request as under way until its answer begins, and gives it a name by which a server can say that it waits. A connection has
/// no limit of real time.
/// </summary>
/// <param name="calls">Where it is counted; nowhere while that is null.</param>
/// <param name="waits">Whether the request of a name waits at the server.</param>
/// <param name="inner">What sends it.</param>
internal sealed class CountingHandler(Func<CallsUnderWay?> calls, Func<string, bool> waits, HttpMessageHandler inner)
    : DelegatingHandler(Unlimited(inner))
{
    private static long _names;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var name = $"{Interlocked.Increment(ref _names)}";
        request.Headers.TryAddWithoutValidation(Simulator.SimulatorState.CallHeader, name);
        using var call = calls()?.Begin(() => waits(name));
        return await base.SendAsync(request, cancellationToken);
    }

    private static HttpMessageHandler Unlimited(HttpMessageHandler handler)
    {
        if (handler is SocketsHttpHandler sockets)
        {
            sockets.ConnectTimeout = Timeout.InfiniteTimeSpan;
        }

        return handler;
    }
}
