using System.Diagnostics;
using WeComFunc.FunctionsHost.Rpc;

namespace WeComFunc.FunctionsHost;

/// <summary>The trace that an invocation belongs to, as W3C's <c>traceparent</c> and <c>tracestate</c>.</summary>
internal static class TraceContext
{
    /// <summary>A span of its own in the caller's trace; where that is absent or malformed, in a new one.</summary>
    public static RpcTraceContext Of(string? traceParent, string? traceState)
    {
        var isKnown = ActivityContext.TryParse(traceParent, traceState, out var caller);
        var traceId = isKnown ? caller.TraceId : ActivityTraceId.CreateRandom();
        var flags = isKnown ? caller.TraceFlags : ActivityTraceFlags.Recorded;
        var span = ActivitySpanId.CreateRandom();
        return new() { TraceParent = $"00-{traceId}-{span}-{(int)flags:x2}", TraceState = caller.TraceState ?? "" };
    }
}
