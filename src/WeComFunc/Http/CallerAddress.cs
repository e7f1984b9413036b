using System.Net;
using System.Net.Sockets;

namespace WeComFunc.Http;

/// <summary>Which address a login is counted for.</summary>
public static class CallerAddress
{
    private const int LongestText = 64;

    /// <summary>
    /// The address that the outermost of the trusted proxies saw; without such proxies the one that the platform's front end appended to
    /// <c>X-Forwarded-For</c>, or that of the connection. Everything before it may be made up by the caller.
    /// </summary>
    /// <param name="forwardedFor">The header, <c>address[:port], address[:port], …</c>, several lines of it joined by commas.</param>
    /// <param name="peer">The other end of the connection; null where the host's front end has appended it to the header.</param>
    /// <param name="trustedProxies">How many proxies of the operator's are in front, <c>Limits__TrustedProxies</c>.</param>
    /// <returns>The address, an IPv6 one by its /64, which one caller has whole; null where there is none.</returns>
    public static string? Of(string? forwardedFor, IPAddress? peer, int trustedProxies)
    {
        if (peer is not null && trustedProxies == 0)
        {
            return Normal(peer);
        }

        string[] hops =
            [.. forwardedFor?.Split(',', StringSplitOptions.TrimEntries) ?? [], .. peer is null ? (string[])[] : [peer.ToString()]];
        return hops.Length == 0 || hops[Math.Max(0, hops.Length - 1 - trustedProxies)] is not { Length: > 0 } hop ? null
            : IPEndPoint.TryParse(hop, out var endpoint) ? Normal(endpoint.Address)
            : hop[..Math.Min(hop.Length, LongestText)];
    }

    private static string Normal(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4().ToString();
        }

        if (address.AddressFamily is not AddressFamily.InterNetworkV6)
        {
            return address.ToString();
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return $"{new IPAddress(bytes)}/64";
    }
}
