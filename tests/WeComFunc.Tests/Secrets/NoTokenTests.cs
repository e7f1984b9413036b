using Azure;
using Azure.Identity;
using Microsoft.Identity.Client;
using WeComFunc.Azure;

namespace WeComFunc.Tests;

/// <summary>Which failures of an identity pass by themselves: those are <c>wecom_busy</c>, the others an operator's.</summary>
public sealed class NoTokenTests
{
    [Theory]
    [InlineData(0, true)]
    [InlineData(400, false)]
    [InlineData(401, false)]
    [InlineData(404, false)]
    [InlineData(408, true)]
    [InlineData(410, false)]
    [InlineData(429, true)]
    [InlineData(499, false)]
    [InlineData(500, true)]
    [InlineData(503, true)]
    public void An_endpoint_says_it_by_its_status(int status, bool mayPass)
    {
        Assert.Equal(mayPass, MayPass(new AuthenticationFailedException("any", new RequestFailedException(status, "any"))));
        Assert.Equal(
            status != 0 && mayPass, MayPass(new AuthenticationFailedException("any", new MsalServiceException("any", "any", status))));
        Assert.Equal(
            mayPass, MayPass(new AuthenticationFailedException("any", new IOException("any", new RequestFailedException(status, "any")))));
    }

    [Fact]
    public void An_identity_that_is_not_there_does_not_come_by_itself()
    {
        Assert.False(MayPass(new CredentialUnavailableException("any")));
        Assert.False(MayPass(new CredentialUnavailableException("any", new RequestFailedException(503, "any"))));
        Assert.False(MayPass(new AuthenticationFailedException("any")));
        Assert.False(MayPass(new AuthenticationFailedException("any", new FormatException())));
    }

    [Fact]
    public void What_took_too_long_or_broke_may_be_better_the_next_time()
    {
        Assert.True(MayPass(new AuthenticationFailedException("any", new OperationCanceledException())));
        Assert.True(MayPass(new TaskCanceledException()));
        Assert.True(MayPass(new IOException()));
    }

    private static bool MayPass(Exception cause) => new NoTokenException(cause).MayPass;
}
