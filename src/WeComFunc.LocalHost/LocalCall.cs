using System.Net;
using WeComFunc.Http;

namespace WeComFunc.LocalHost;

/// <summary>A request as Kestrel hands it over: who called is the other end of the connection.</summary>
internal sealed class LocalCall(HttpContext context) : HttpCall
{
    public override string? ContentType => context.Request.ContentType;

    public override string? Authorization => context.Request.Headers.Authorization.ToString();

    public override string? ForwardedFor => context.Request.Headers["X-Forwarded-For"].ToString();

    public override IPAddress? Peer => context.Connection.RemoteIpAddress;

    public override Stream Body => context.Request.Body;

    public override string? TraceParent => context.Request.Headers.TraceParent;
}
