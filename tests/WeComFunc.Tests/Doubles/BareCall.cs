using System.Net;
using WeComFunc.Http;

namespace WeComFunc.Tests.Doubles;

/// <summary>A request, by default with a body of JSON, handed to an endpoint without a host in between.</summary>
/// <param name="body">Its body; empty without one.</param>
/// <param name="forwardedFor">
/// What the platform's front end says of the caller; without it, the caller is the other end of the connection.
/// </param>
/// <param name="contentType">Its Content-Type.</param>
/// <param name="traceParent">The trace it is part of.</param>
/// <param name="lostEncoding">The Transfer-Encoding of a body that its host did not hand on.</param>
internal sealed class BareCall(
    Stream? body = null,
    string? forwardedFor = null,
    string? contentType = "application/json",
    string? traceParent = null,
    string? lostEncoding = null) : HttpCall
{
    public override string? ContentType => contentType;

    public override string? ForwardedFor => forwardedFor;

    public override IPAddress? Peer { get; } = forwardedFor is null ? IPAddress.Parse("203.0.113.7") : null;

    public override Stream Body { get; } = body ?? Stream.Null;

    public override string? TraceParent => traceParent;

    public override string? LostEncoding => lostEncoding;
}
