namespace WeComFunc.MemberData;

/// <summary>The times of member data, together, each with its reason.</summary>
internal static class MemberDataRules
{
    /// <summary>What an operator can do about the table.</summary>
    public const string TableAdvice =
        "check the network of the table MemberData__TableName and the role Storage Table Data Contributor";

    /// <summary>The keeping of a session_key has this long, side by side with <c>user/get</c>: no login waits for it longer.</summary>
    public static readonly TimeSpan KeepLimit = TimeSpan.FromSeconds(1);

    /// <summary>One reading of the table, as for access_tokens (rule T10).</summary>
    public static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(2);

    /// <summary>So far from our clock may the instant be at which WeCom encrypted the data.</summary>
    public static readonly TimeSpan DataAge = TimeSpan.FromMinutes(10);

    /// <summary>Sessions that end within the same such time share partitions.</summary>
    public static readonly TimeSpan Span = TimeSpan.FromMinutes(10);

    /// <summary>
    /// A partition is deleted so long after its last session has ended: a token is good for a minute longer, by clocks that may be minutes
    /// apart.
    /// </summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(6);

    /// <summary>One run of the timer deletes for so long, after it has renewed the access_tokens; the next run goes on.</summary>
    public static readonly TimeSpan SweepLimit = TimeSpan.FromMinutes(1);

    /// <summary>Writing, reading and deleting a row to see whether that can be done.</summary>
    public static readonly TimeSpan ProbeLimit = 3 * ReadLimit;

    /// <summary>What goes wrong with every login has one line in this time.</summary>
    public static readonly TimeSpan LinePause = TimeSpan.FromMinutes(1);
}
