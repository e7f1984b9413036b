using Azure;

namespace WeComFunc.AccessTokens;

/// <summary>
/// The lease of one renewal, and the watching of another's (rule T5). Clocks are never compared: what is watched is watched by this
/// process's own.
/// </summary>
internal sealed class RenewalLease(TimeProvider time)
{
    private ETag? _lost;
    private ETag? _watched;
    private long _watchedSince;

    /// <summary>What this renewal writes into the row to hold the lease.</summary>
    public string Id { get; } = Guid.NewGuid().ToString("N");

    /// <summary>To be told of a lost race for the lease.</summary>
    /// <returns>Whether one was lost on this very row before: then nobody was faster, and the table refuses.</returns>
    public bool HasLostOn(ETag etag)
    {
        var isAgain = _lost == etag;
        _lost = etag;
        return isAgain;
    }

    /// <summary>How the lease in a row looks from here.</summary>
    public LeaseState StateOf(TokenRow row, DateTimeOffset now)
    {
        if (row.Lease is null)
        {
            return LeaseState.Free;
        }

        if (row.Lease == Id)
        {
            return LeaseState.Mine;
        }

        if (!row.HasLease(now))
        {
            return LeaseState.Dead;
        }

        if (_watched != row.ETag)
        {
            (_watched, _watchedSince) = (row.ETag, time.GetTimestamp());
        }

        return time.GetElapsedTime(_watchedSince) < TokenRules.LeaseWatched ? LeaseState.Held : LeaseState.Dead;
    }
}

/// <summary>How a lease looks to somebody who wants it.</summary>
internal enum LeaseState
{
    /// <summary>Nobody has it.</summary>
    Free,

    /// <summary>This renewal has it: the answer to its writing was lost.</summary>
    Mine,

    /// <summary>Somebody else has it who may be alive.</summary>
    Held,

    /// <summary>
    /// It is five minutes old by anybody's clock, or has been watched for six seconds without a change: its holder has died.
    /// </summary>
    Dead,
}
