using System.Net;
using WeComFunc.Http;

namespace WeComFunc.Tests.Doubles;

/// <summary>A request with a body of JSON, handed to an endpoint without a host in between.</summary>
internal sealed class BareCall(Stream? body = null) : HttpCall
{
    public override string ContentType => "application/json";

    public override string? ForwardedFor => null;

    public override IPAddress Peer { get; } = IPAddress.Parse("203.0.113.7");

    public override Stream Body { get; } = body ?? Stream.Null;

    public override string? TraceParent => null;
}
