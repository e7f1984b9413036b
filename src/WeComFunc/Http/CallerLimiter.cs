using System.Threading.RateLimiting;

namespace WeComFunc.Http;

/// <summary>
/// Limits the logins of one caller address, and those of all that are under way, by the settings <c>Limits__…</c>; each process counts for
/// itself. A limit is kept for each of <see cref="Partitions"/> groups of addresses, which chance makes anew in every process: there is no
/// end of addresses, and there is one of memory.
/// </summary>
internal sealed class CallerLimiter : IDisposable
{
    /// <summary>So many that hardly two of those who call at the same time share one; all of them together take some 30 MB.</summary>
    internal const int Partitions = 32_768;

    private readonly ConcurrencyLimiter _underWay;
    private readonly PartitionedRateLimiter<string>? _limiter;
    private readonly int _concurrentLogins;
    private readonly int _trustedProxies;

    public CallerLimiter(LimitSettings settings)
    {
        _trustedProxies = settings.TrustedProxies;
        _concurrentLogins = settings.ConcurrentLogins;
        _underWay = new ConcurrencyLimiter(new() { PermitLimit = _concurrentLogins, QueueLimit = _concurrentLogins });
        if (settings.LoginsPerSecond == 0)
        {
            return;
        }

        // One delegate for all: the ready-made partition makes two for every request.
        Func<int, RateLimiter> create = _ => new TokenBucketRateLimiter(new()
        {
            TokenLimit = settings.Burst,
            TokensPerPeriod = 1,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1 / settings.LoginsPerSecond),
            AutoReplenishment = false,
        });
        _limiter = PartitionedRateLimiter.Create<string, int>(address => RateLimitPartition.Get(PartitionOf(address), create));
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

    /// <summary>Asks for a place among the logins that are under way.</summary>
    /// <returns>The place, if there was one; whoever has it gives it back by disposing of it.</returns>
    public RateLimitLease Begin() => _underWay.AttemptAcquire();

    /// <summary>Waits for the logins that are under way; there is no place for another from now on.</summary>
    /// <returns>Whether there was one to wait for.</returns>
    /// <exception cref="OperationCanceledException">They have not ended yet.</exception>
    public async Task<bool> EndAsync(CancellationToken cancellationToken)
    {
        // All places together: who waits for them is first in the queue, and they are never given back.
        var all = _underWay.AcquireAsync(_concurrentLogins, cancellationToken);
        var isWaiting = !all.IsCompleted;
        await all;
        return isWaiting;
    }

    public void Dispose()
    {
        _underWay.Dispose();
        _limiter?.Dispose();
    }

    /// <summary>
    /// Which group an address is in. The hash of a text is another in each process, so nobody can choose whose limits to share.
    /// </summary>
    internal static int PartitionOf(string address) => (int)((uint)address.GetHashCode(StringComparison.Ordinal) % Partitions);

    /// <summary>
    /// The limiter disposes of what it keeps of an idle address, also between finding and asking it (dotnet/runtime #99865): asked again,
    /// it has a new one.
    /// </summary>
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
