using System.Threading.RateLimiting;

namespace WeComFunc.Http;

/// <summary>Limits the logins of one caller address, by the settings <c>Limits__…</c>; each process counts for itself.</summary>
internal sealed class CallerLimiter : IDisposable
{
    private readonly PartitionedRateLimiter<string>? _limiter;
    private readonly int _trustedProxies;

    public CallerLimiter(LimitSettings settings)
    {
        _trustedProxies = settings.TrustedProxies;
        if (settings.LoginsPerSecond == 0)
        {
            return;
        }

        // One delegate for all: the ready-made partition makes two for every request.
        Func<string, RateLimiter> create = _ => new TokenBucketRateLimiter(new()
        {
            TokenLimit = settings.Burst,
            TokensPerPeriod = 1,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1 / settings.LoginsPerSecond),
            AutoReplenishment = false,
        });
        _limiter = PartitionedRateLimiter.Create<string, string>(address => RateLimitPartition.Get(address, create));
    }

    /// <summary>The address that a login is counted for; empty where nobody knows it.</summary>
    public string AddressOf(HttpCall call) => CallerAddress.Of(call.ForwardedFor, call.Peer, _trustedProxies) ?? "";

    /// <summary>Asks for one login.</summary>
    /// <returns>Null when it may go on; otherwise when to try again.</returns>
    public TimeSpan? Refuse(string address)
    {
        if (_limiter is null)
        {
            return null;
        }

        using var lease = Acquire(_limiter, address);
        return lease.IsAcquired ? null : lease.TryGetMetadata(MetadataName.RetryAfter, out var pause) ? pause : TimeSpan.FromSeconds(1);
    }

    public void Dispose() => _limiter?.Dispose();

    /// <summary>The limiter disposes of what it keeps of an idle address, also between finding and asking it (dotnet/runtime #99865): asked again, it has a new one.</summary>
    internal static RateLimitLease Acquire(PartitionedRateLimiter<string> limiter, string address)
    {
        try
        {
            return limiter.AttemptAcquire(address);
        }
        catch (ObjectDisposedException)
        {
            return limiter.AttemptAcquire(address);
        }
    }
}
