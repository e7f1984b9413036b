using System.Net;

namespace WeComFunc.Login;

/// <summary>What a host hands over of a <c>POST /api/login</c>, whatever host it is.</summary>
/// <param name="ContentType">Its Content-Type; null when it has none.</param>
/// <param name="ForwardedFor">Its X-Forwarded-For, all lines of it.</param>
/// <param name="Peer">The other end of the connection; null where the host's front end has appended it to <paramref name="ForwardedFor"/>.</param>
/// <param name="Body">Its body.</param>
/// <param name="TraceParent">The trace it is part of, as W3C's <c>traceparent</c>; what is no such thing counts as none.</param>
/// <param name="LostEncoding">Its Transfer-Encoding, where the host hands on no body that came with one; null on a host that does.</param>
public readonly record struct LoginCall(string? ContentType, string? ForwardedFor, IPAddress? Peer, Stream Body, string? TraceParent, string? LostEncoding = null);
