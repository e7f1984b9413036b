namespace WeComFunc.AccessTokens;

/// <summary>The times of the access token rules, together, each with its reason.</summary>
internal static class TokenRules
{
    /// <summary>The timer renews under this: with a run every 5 min there are eight tries before the token expires (T4).</summary>
    public static readonly TimeSpan TimerWindow = TimeSpan.FromMinutes(40);

    /// <summary>A login renews behind its back under this: the timer has failed or stopped by then (T4).</summary>
    public static readonly TimeSpan AheadWindow = TimeSpan.FromMinutes(10);

    /// <summary>A renewal that is merely ahead of time happens at most this often in the whole fleet (T4).</summary>
    public static readonly TimeSpan AheadPause = TimeSpan.FromMinutes(1);

    /// <summary>
    /// The holder of the lease calls <c>gettoken</c> within this; with <see cref="TableLimit"/> for the write it is done in 5 s (T5).
    /// </summary>
    public static readonly TimeSpan FetchLimit = TimeSpan.FromSeconds(3);

    /// <summary>One operation on the table (T10).</summary>
    public static readonly TimeSpan TableLimit = TimeSpan.FromSeconds(2);

    /// <summary>How often a process without a token looks again while another holds the lease (T5).</summary>
    public static readonly TimeSpan LeasePoll = TimeSpan.FromMilliseconds(250);

    /// <summary>A lease watched for this long without a change is taken over: its holder is dead, as it gives up within 5 s (T5).</summary>
    public static readonly TimeSpan LeaseWatched = TimeSpan.FromSeconds(6);

    /// <summary>A lease this old is dead at sight, whatever the clocks (T5).</summary>
    public static readonly TimeSpan LeaseDead = TimeSpan.FromMinutes(5);

    /// <summary>How far the clocks of two processes may be apart, in either direction.</summary>
    public static readonly TimeSpan ClockDifference = TimeSpan.FromMinutes(5);

    /// <summary>
    /// An instant that lies further ahead was written by a wrong clock: the longest pause, and how far clocks may be apart.
    /// </summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(17);

    /// <summary>After a failure that passes by itself (T7).</summary>
    public static readonly SharedPause TransientPause = new(
        new(TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1)), Kept: TimeSpan.FromSeconds(72));

    /// <summary>After a failure that an operator has to put right: at most 14 calls an hour, and WeCom bans at 30 (T7).</summary>
    public static readonly SharedPause ConfigurationPause = new(
        new(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(10)), Kept: TimeSpan.FromMinutes(15));

    /// <summary>
    /// Between renewals for rejected tokens, once the corpsecret has served a login: strangers' codes must not hold up honest ones (T14).
    /// </summary>
    public static readonly SharedPause ProvenPause = new(
        new(TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(1)), Kept: TimeSpan.FromSeconds(72));

    /// <summary>So many rejected tokens in a row are replaced without a pause, as long as each of them has served a login (T6).</summary>
    public const int ForgivenRejections = 5;

    /// <summary>A token that still works after this was no passing one: the rejections before it are forgotten (T6).</summary>
    public static readonly TimeSpan TokenTrial = TimeSpan.FromMinutes(1);

    /// <summary>How often at most a process tries to write what the table did not take (T10).</summary>
    public static readonly TimeSpan WritePause = TimeSpan.FromMinutes(1);

    /// <summary>How long a host that stops waits for a renewal: its holder is done in five seconds (T5).</summary>
    public static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(5);
}
