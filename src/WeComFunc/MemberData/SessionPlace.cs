using System.Globalization;

namespace WeComFunc.MemberData;

/// <summary>
/// Where the row of a session is. A partition is ten minutes of ends of sessions, so that what is over is deleted in whole partitions; and
/// one of sixteen, as all logins of a moment end together, and a partition takes 2,000 operations a second: a million logins a day are 12 a
/// second, and 1,000 at their peak, each with a writing and perhaps a reading. The sixteenth comes first: the ten minutes that are being
/// written are not neighbours, which one server would have to serve.
/// </summary>
/// <param name="Partition">The partition key: the first digit of the id, and when the ten minutes begin, in UTC.</param>
/// <param name="Id">The row key: the <c>jti</c> of the session's token.</param>
internal readonly record struct SessionPlace(string Partition, string Id)
{
    /// <summary>The first digits that an id can have.</summary>
    public const string Shards = "0123456789abcdef";

    /// <summary>Whether a <c>jti</c> is one of ours: 128 bits in hexadecimal.</summary>
    public static bool IsId(string id) => id.Length == 32 && id.All(char.IsAsciiHexDigitLower);

    /// <summary>The place of a session.</summary>
    /// <param name="id">Its id, which is one of ours.</param>
    /// <param name="expiresAt">When it ends.</param>
    public static SessionPlace Of(string id, DateTimeOffset expiresAt) => new(PartitionOf(id[0], expiresAt), id);

    /// <summary>The partitions of one sixteenth that end before an instant: from the first on, up to and without the second.</summary>
    public static (string From, string Before) PartitionsBefore(char shard, DateTimeOffset instant) =>
        ($"{shard}-", PartitionOf(shard, instant));

    private static string PartitionOf(char shard, DateTimeOffset instant) => string.Create(
        CultureInfo.InvariantCulture,
        $"{shard}-{new DateTime(instant.UtcTicks - (instant.UtcTicks % MemberDataRules.Span.Ticks), DateTimeKind.Utc):yyyyMMddHHmm}");
}
