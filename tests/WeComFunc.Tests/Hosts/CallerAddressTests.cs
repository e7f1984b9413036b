using System.Net;
using WeComFunc.Http;

namespace WeComFunc.Tests;

/// <summary>By which address a caller is known.</summary>
public sealed class CallerAddressTests
{
    [Theory]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("::ffff:203.0.113.7", "203.0.113.7")]
    [InlineData("2001:db8::7", "2001:db8::/64")]
    public void A_caller_is_the_same_by_IPv4_and_by_IPv4_within_IPv6(string connection, string caller) =>
        Assert.Equal(caller, CallerAddress.Of("192.0.2.1", IPAddress.Parse(connection), trustedProxies: 0));

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("203.0.113.7:50123", "203.0.113.7")]
    [InlineData("198.51.100.1, 203.0.113.7:50123", "203.0.113.7")]
    [InlineData("unknown,  203.0.113.7 ", "203.0.113.7")]
    [InlineData("2001:db8::7", "2001:db8::/64")]
    [InlineData("[2001:DB8::7]", "2001:db8::/64")]
    [InlineData("[2001:db8:1:2:3:4:5:6]:443", "2001:db8:1:2::/64")]
    [InlineData("::ffff:203.0.113.7", "203.0.113.7")]
    [InlineData("[::ffff:cb00:7107]:443", "203.0.113.7")]
    [InlineData("203.0.113.7,", null)]
    [InlineData("203.0.113.7, unknown", "unknown")]
    public void The_caller_is_the_last_address_of_the_forwarded_ones_without_its_port(string? forwardedFor, string? caller) =>
        Assert.Equal(caller, CallerAddress.Of(forwardedFor, null, trustedProxies: 0));

    [Theory]
    [InlineData("203.0.113.7, 198.51.100.1:443", 1, "203.0.113.7")]
    [InlineData("192.0.2.1, 203.0.113.7, 198.51.100.1:443", 1, "203.0.113.7")]
    [InlineData("192.0.2.1, 203.0.113.7, 198.51.100.2, 198.51.100.1:443", 2, "203.0.113.7")]
    [InlineData("198.51.100.1:443", 1, "198.51.100.1")]
    [InlineData("203.0.113.7, 198.51.100.1:443", 5, "203.0.113.7")]
    [InlineData(null, 1, null)]
    [InlineData("", 1, null)]
    public void Behind_trusted_proxies_the_caller_is_whom_the_outermost_saw(string? forwardedFor, int trustedProxies, string? caller) =>
        Assert.Equal(caller, CallerAddress.Of(forwardedFor, null, trustedProxies));

    [Theory]
    [InlineData("192.0.2.1", 0, "198.51.100.1")]
    [InlineData("192.0.2.1, 203.0.113.7", 1, "203.0.113.7")]
    [InlineData("203.0.113.7, 198.51.100.2", 2, "203.0.113.7")]
    [InlineData(null, 1, "198.51.100.1")]
    public void On_a_host_without_a_front_end_the_connection_is_the_last_hop(string? forwardedFor, int trustedProxies, string caller) =>
        Assert.Equal(caller, CallerAddress.Of(forwardedFor, IPAddress.Parse("198.51.100.1"), trustedProxies));
}
