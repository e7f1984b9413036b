using System.Net;

namespace WeComFunc.LocalHost;

/// <summary>
/// Whether a request comes from a person at this machine. Neither a page of another site that this person's browser shows, nor a name of
/// that site that suddenly means this machine (DNS rebinding), nor a proxy that hands on what strangers ask counts as that.
/// </summary>
internal static class OwnCaller
{
    /// <summary>What a page of this host puts on a request that changes something; a page of another site has to ask first.</summary>
    public const string Header = "X-Console";

    private static readonly string[] OfProxies = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"];

    /// <summary>Whether the other end is this machine, asks for it by its own name, and speaks for itself.</summary>
    public static bool IsOnThisMachine(HttpContext context) =>
        context.Connection.RemoteIpAddress is { } peer && IsLoopback(peer)
            && (context.Request.Host.Host is "localhost"
                || (IPAddress.TryParse(context.Request.Host.Host, out var named) && IsLoopback(named)))
            && !OfProxies.Any(context.Request.Headers.ContainsKey);

    /// <summary>Whether it is that, and a page of this host asks, or no page at all.</summary>
    public static bool IsOwnPage(HttpContext context)
    {
        var (request, headers) = (context.Request, context.Request.Headers);
        return IsOnThisMachine(context)
            && headers["Sec-Fetch-Site"].ToString() is "" or "same-origin"
            && (headers.Origin.Count == 0 || headers.Origin == $"{request.Scheme}://{request.Host}")
            && (HttpMethods.IsGet(request.Method) || headers.ContainsKey(Header));
    }

    private static bool IsLoopback(IPAddress address) =>
        IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
}
