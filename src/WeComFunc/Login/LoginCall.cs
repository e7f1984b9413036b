namespace WeComFunc.Login;

/// <summary>What a host hands over of a <c>POST /api/login</c>, whatever host it is.</summary>
/// <param name="ContentType">Its Content-Type; null when it has none.</param>
/// <param name="CallerAddress">The address the limiter counts by; null where the host does not know it.</param>
/// <param name="Body">Its body.</param>
/// <param name="TraceParent">The trace it is part of, as W3C's <c>traceparent</c>; what is no such thing counts as none.</param>
/// <param name="LostEncoding">Its Transfer-Encoding, where the host hands on no body that came with one; null on a host that does.</param>
public readonly record struct LoginCall(string? ContentType, string? CallerAddress, Stream Body, string? TraceParent, string? LostEncoding = null);
