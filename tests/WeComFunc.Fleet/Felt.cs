namespace WeComFunc.Fleet;

/// <summary>How long what is over may still be felt: nothing is excused for longer.</summary>
internal static class Felt
{
    /// <summary>The longest pause after a failure that passes by itself, with its jitter (rule T7).</summary>
    public static readonly TimeSpan TransientPause = TimeSpan.FromSeconds(72);

    /// <summary>The longest pause after a failure that an operator puts right (rules T6, T7), in the eyes of whoever may keep it.</summary>
    public static readonly TimeSpan LastingPause = TimeSpan.FromMinutes(15);

    /// <summary>A failure of <c>gettoken</c> that passes by itself.</summary>
    public static readonly TimeSpan Transient = TransientPause + ClocksApart;

    /// <summary>One that an operator puts right, and tokens that were rejected.</summary>
    public static readonly TimeSpan Lasting = TimeSpan.FromMinutes(12) + ClocksApart;

    /// <summary>A reading of the vault that failed: it, and the pause after it.</summary>
    public static readonly TimeSpan Vault = TimeSpan.FromSeconds(4);

    /// <summary>What an operator stores is in use within a minute (rule T8), the reading included.</summary>
    public static readonly TimeSpan Secret = TimeSpan.FromSeconds(65);

    /// <summary>
    /// A token is known to work, by processes that log in seldom too: its minute, what clocks may be apart, and what they are (rule T6).
    /// </summary>
    public static readonly TimeSpan Trial = TimeSpan.FromMinutes(6) + ClocksApart;

    /// <summary>
    /// Good tokens were rejected, but the corpsecret has served a login: that is forgotten by then, or the pause is over (rule T14).
    /// </summary>
    public static readonly TimeSpan Rejection = Trial + TransientPause;

    /// <summary>A table out of order: what was begun before it was well again has ended by then.</summary>
    public static readonly TimeSpan Table = TimeSpan.FromSeconds(10);

    /// <summary>The holder of a lease is done within this (rule T5).</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);

    /// <summary>
    /// What a pause lasts longer for whoever meets it first and has another clock than its writer, and the call that met the failure.
    /// </summary>
    private static TimeSpan ClocksApart => TimeSpan.FromMinutes(4) + TimeSpan.FromSeconds(4);
}
