using System.Net;

namespace WeComFunc.Http;

/// <summary>A request as its host hands it over, whatever host it is.</summary>
public abstract class HttpCall
{
    /// <summary>Its Content-Type; null when it has none.</summary>
    public abstract string? ContentType { get; }

    /// <summary>Its Authorization, all lines of it joined by commas; null or empty when it has none.</summary>
    public virtual string? Authorization => null;

    /// <summary>Its X-Forwarded-For, all lines of it joined by commas; null or empty when it has none.</summary>
    public abstract string? ForwardedFor { get; }

    /// <summary>The other end of the connection; null where the host's front end has appended it to <see cref="ForwardedFor"/>.</summary>
    public virtual IPAddress? Peer => null;

    /// <summary>Its body.</summary>
    public abstract Stream Body { get; }

    /// <summary>The trace it is part of, as W3C's <c>traceparent</c>; what is no such thing counts as none.</summary>
    public abstract string? TraceParent { get; }

    /// <summary>Its Transfer-Encoding, where the host hands on no body that came with one; null on a host that does.</summary>
    public virtual string? LostEncoding => null;
}
