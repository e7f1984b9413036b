using System.Net;

namespace WeComFunc.Login;

/// <summary>Which address a login is counted for.</summary>
public static class CallerAddress
{
    /// <summary>The address of a connection; the same for IPv4 as such and IPv4 in an IPv6 address.</summary>
    public static string? Of(IPAddress? address) => (address is { IsIPv4MappedToIPv6: true } ? address.MapToIPv4() : address)?.ToString();

    /// <summary>
    /// The address that the platform's front end appended to <c>X-Forwarded-For</c>: the last one, as everything before it may be made up
    /// by the caller. Null when there is none.
    /// </summary>
    /// <param name="forwardedFor">The header, <c>address[:port], address[:port], …</c>.</param>
    public static string? OfForwardedFor(string? forwardedFor) =>
        forwardedFor?.Split(',', StringSplitOptions.TrimEntries)[^1] is { Length: > 0 } last
            ? IPEndPoint.TryParse(last, out var endpoint) ? Of(endpoint.Address) : last
            : null;
}
