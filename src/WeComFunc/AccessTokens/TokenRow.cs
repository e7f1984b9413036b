using Azure;
using WeComFunc.Secrets;
using WeComFunc.WeCom;

namespace WeComFunc.AccessTokens;

/// <summary>
/// The row that the fleet shares: one per app, partition key = corpid, row key = the app's name. An operator may read all of it; the
/// token is encrypted. All times are UTC, of the clock of the process that wrote them. It is only ever written by compare-and-swap on its
/// ETag, at three occasions:
/// <list type="number">
/// <item>whoever is about to call <c>gettoken</c> takes the lease: Lease, LeasedAt, RenewableAt;</item>
/// <item>the same process gives it back with what came of it: the token and its times, or the failure and its pause;</item>
/// <item>whoever sees its token serve a login from beginning to end says so, but not while somebody holds the lease: ServedLogin,
/// ProvenSecret, Rejections, RejectionErrcode, RejectionRetryAt.</item>
/// </list>
/// To have the fleet begin anew, delete the row.
/// </summary>
public sealed record TokenRow
{
    /// <summary>The version of this layout; a row with a higher one is left alone.</summary>
    public const int CurrentVersion = 1;

    /// <summary>So many refused corpsecrets are remembered at once: nobody stores more within the hour that an old one is kept.</summary>
    private const int MostRefused = 4;

    /// <summary>As many failures as make a pause of 40 s.</summary>
    private const int MostBeforeChange = 4;

    /// <summary>corpid.</summary>
    public string PartitionKey { get; set; } = "";

    /// <summary>Name of the app within the corp.</summary>
    public string RowKey { get; set; } = "";

    /// <summary>Changes with every write; <c>default</c> for a row that is not in the table yet.</summary>
    public ETag ETag { get; set; }

    /// <summary>Layout of the row, see <see cref="CurrentVersion"/>.</summary>
    public int Version { get; set; } = CurrentVersion;

    /// <summary>The access_token, encrypted with a key derived from the corpsecret (rule T9); null before the first.</summary>
    public string? SealedToken { get; set; }

    /// <summary>Fingerprint of the corpsecret that <see cref="SealedToken"/> is encrypted with.</summary>
    public string? SealedWith { get; set; }

    /// <summary>When the token was first obtained; since it was last rejected, where WeCom gave the same one again.</summary>
    public DateTimeOffset? ObtainedAt { get; set; }

    /// <summary>When the token expires (rules T2, T3).</summary>
    public DateTimeOffset? ExpiresAt { get; set; }

    /// <summary>When the token may be renewed ahead of time at the earliest (rule T4).</summary>
    public DateTimeOffset? RenewableAt { get; set; }

    /// <summary>Who is calling <c>gettoken</c> now: a random id; null when nobody is (rule T5).</summary>
    public string? Lease { get; set; }

    /// <summary>When the lease was taken.</summary>
    public DateTimeOffset? LeasedAt { get; set; }

    /// <summary>Failed renewals in a row, whatever their kinds; 0 after a success (rule T7).</summary>
    public int Failures { get; set; }

    /// <summary>Class of the last failure: Busy, Misconfigured or Unexpected.</summary>
    public string? FailureKind { get; set; }

    /// <summary>WeCom's errcode of the last failure.</summary>
    public int? FailureErrcode { get; set; }

    /// <summary>
    /// Fingerprints of the corpsecrets that WeCom has refused in this row of failures, the last one first; null when it has refused none
    /// (rule T7). They are several where a process could not read the changed one yet.
    /// </summary>
    public string? RefusedSecret { get; set; }

    /// <summary>No renewal before this instant, whoever asks (rule T7).</summary>
    public DateTimeOffset? RetryAt { get; set; }

    /// <summary>
    /// How long the pause until <see cref="RetryAt"/> is, in seconds: it says so to processes whose clocks are others (rule T7).
    /// </summary>
    public double? RetrySeconds { get; set; }

    /// <summary>Renewals in a row because WeCom rejected the token, without one since that worked for a minute (rule T6).</summary>
    public int Rejections { get; set; }

    /// <summary>errcode of the last rejection.</summary>
    public int? RejectionErrcode { get; set; }

    /// <summary>No renewal because of a rejection before this instant (rule T6).</summary>
    public DateTimeOffset? RejectionRetryAt { get; set; }

    /// <summary>How long the pause until <see cref="RejectionRetryAt"/> is, in seconds (rule T6).</summary>
    public double? RejectionRetrySeconds { get; set; }

    /// <summary>Whether the token has served a login from beginning to end, where the one before was rejected (rule T6).</summary>
    public bool ServedLogin { get; set; }

    /// <summary>Fingerprint of the corpsecret whose tokens have served a login; null when none has (rule T14).</summary>
    public string? ProvenSecret { get; set; }

    /// <summary>An empty row for an app.</summary>
    public static TokenRow For(WeComApp app) => new() { PartitionKey = app.CorpId, RowKey = app.Name };

    /// <summary>The token; null when there is none, or none that this corpsecret opens.</summary>
    internal AccessToken? Open(CorpSecret secret) =>
        ObtainedAt is { } obtainedAt && ExpiresAt is { } expiresAt && secret.Open(SealPurpose.AccessToken, SealedToken, Place) is { } token
            ? new AccessToken(token, obtainedAt, expiresAt, onProbation: Rejections > 0 || ProvenSecret != SealedWith, secret.Fingerprint)
            : null;

    /// <summary>What the last renewal failed with; null when it succeeded, or when it was another corpsecret that WeCom refused.</summary>
    internal Failure? LastFailure(CorpSecret secret) =>
        Failures > 0 && (RefusedSecret is null || HasRefused(secret))
            ? new(
                Enum.TryParse<FailureKind>(FailureKind, out var kind)
                    && kind is WeComFunc.FailureKind.Busy or WeComFunc.FailureKind.Unexpected
                    ? kind
                    : WeComFunc.FailureKind.Misconfigured,
                FailureErrcode)
            : null;

    /// <summary>
    /// The rejection that lasts: two tokens or more in a row were rejected, and the one here has not served a login yet (rule T6). Once the
    /// corpsecret has served one, it may be strangers' codes that they were rejected for (rule T14).
    /// </summary>
    internal Failure? LastRejection(CorpSecret secret) =>
        Rejections > 1 && !ServedLogin && IsOf(secret) && ProvenSecret != secret.Fingerprint
            ? new(WeComFunc.FailureKind.Misconfigured, RejectionErrcode)
            : null;

    /// <summary>
    /// The failure that keeps the whole fleet from calling <c>gettoken</c> for this reason now (rules T6, T7); null when none does.
    /// </summary>
    /// <param name="reason">Why it would be called.</param>
    /// <param name="secret">The corpsecret it would be called with.</param>
    /// <param name="sight">How long this process has known of the pauses.</param>
    /// <param name="now">The time.</param>
    internal Failure? BackOff(RenewalReason reason, CorpSecret secret, RowSight sight, DateTimeOffset now) =>
        LastFailure(secret) is { } failure
            && FailurePause(failure.Kind, RefusedSecret).Left(RetryAt, RetrySeconds, sight.Retry, now) is { } left
            ? failure with { RetryAfter = left }
        : reason is RenewalReason.Rejected
            && IsOf(secret)
            && RejectionPause(secret).Left(RejectionRetryAt, RejectionRetrySeconds, sight.Rejection, now) is { } rest
            ? new(WeComFunc.FailureKind.Misconfigured, RejectionErrcode, rest)
        : null;

    /// <summary>
    /// Whether somebody may be renewing the token now: a lease that is five minutes away by anybody's clock is dead at sight (rule T5).
    /// </summary>
    internal bool HasLease(DateTimeOffset now) =>
        Lease is not null && (now - LeasedAt.GetValueOrDefault()).Duration() < TokenRules.LeaseDead;

    /// <summary>The row while <c>gettoken</c> is called (rule T5).</summary>
    internal TokenRow Leased(string lease, DateTimeOffset now) =>
        this with { Lease = lease, LeasedAt = now, RenewableAt = now + TokenRules.AheadPause };

    /// <summary>
    /// The row after a failed <c>gettoken</c>: the token stays, the next try waits, the longer the more failures came in a row (rule T7).
    /// </summary>
    internal TokenRow AfterFailure(Failure failure, CorpSecret secret, DateTimeOffset now, Random random)
    {
        // A refused corpsecret stays refused through whatever else comes in between: WeCom counts its calls and bans the address for an
        // hour. Nor does another corpsecret begin anew: it is tried at once, but two that are in use and fail in turn must not reset each
        // other's pauses.
        var refused = HasRefused(secret) ? RefusedSecret
            : !Errcodes.IsAboutSecret(failure.Errcode) ? null
            : string.Join(' ', $"{secret.Fingerprint} {RefusedSecret}".Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(MostRefused));

        // A changed one that is refused, too, may be about to be set in WeCom's console: it is tried again within a minute (rule T8).
        var isChanged = refused is not null && RefusedSecret is not null && !HasRefused(secret);
        var failures = isChanged ? Math.Min(Failures + 1, MostBeforeChange) : Failures + 1;
        var limits = FailurePause(failure.Kind, refused);
        var pause = limits.Pause.After(failures, random);
        var asked = failure.RetryAfter < limits.Pause.Most
            ? failure.RetryAfter.Value
            : failure.RetryAfter is null ? TimeSpan.Zero
            : limits.Pause.Most;
        pause = asked > pause ? asked : pause;
        return this with
        {
            Lease = null,
            LeasedAt = null,
            Failures = failures,
            FailureKind = failure.Kind.ToString(),
            FailureErrcode = failure.Errcode,
            RefusedSecret = refused,
            RetryAt = now + pause,
            RetrySeconds = pause.TotalSeconds,
        };
    }

    /// <summary>The row after <c>gettoken</c> gave a token.</summary>
    /// <param name="issued">What it gave.</param>
    /// <param name="sentAt">The instant before it was sent (rule T2).</param>
    /// <param name="same">
    /// The same token, where it was known before and is valid still: its expiry stands (rule T3), and the next try ahead of time waits for
    /// half of its life (rule T4).
    /// </param>
    /// <param name="secret">The corpsecret it was sent with.</param>
    /// <param name="request">Why it was sent.</param>
    /// <param name="now">The time.</param>
    /// <param name="random">Where the jitter comes from.</param>
    internal TokenRow AfterRenewal(
        IssuedToken issued,
        DateTimeOffset sentAt,
        AccessToken? same,
        CorpSecret secret,
        RenewalRequest request,
        DateTimeOffset now,
        Random random)
    {
        var expiresAt = sentAt + issued.ExpiresIn;
        var half = TimeSpan.Zero;
        if (same is not null)
        {
            expiresAt = same.ExpiresAt < expiresAt ? same.ExpiresAt : expiresAt;
            half = (expiresAt - now) / 2;
        }

        var isRejected = request.Reason is RenewalReason.Rejected && IsOf(secret);
        var renewed = (IsOf(secret) ? this : WithoutRejections()) with
        {
            Lease = null,
            LeasedAt = null,
            SealedToken = secret.Seal(SealPurpose.AccessToken, issued.Value, Place),
            SealedWith = secret.Fingerprint,
            ObtainedAt = isRejected ? sentAt : same?.ObtainedAt ?? sentAt,
            ExpiresAt = expiresAt,
            RenewableAt = now + (half > TokenRules.AheadPause ? half : TokenRules.AheadPause),
            Failures = 0,
            FailureKind = null,
            FailureErrcode = null,
            RefusedSecret = null,
            RetryAt = null,
            RetrySeconds = null,
            ServedLogin = false,
        };
        if (!isRejected)
        {
            return renewed;
        }

        var pause = RejectionPause(secret).Pause.After(Rejections + 1, random);
        return renewed with
        {
            Rejections = Rejections + 1,
            RejectionErrcode = request.Errcode,
            RejectionRetryAt = now + pause,
            RejectionRetrySeconds = pause.TotalSeconds,
        };
    }

    /// <summary>
    /// The row after its token served a login from beginning to end: its corpsecret is proven (rule T14). A rejection is forgiven at once,
    /// as long as there were few, so that honest revocations seconds apart cost no login; it is forgotten when the token has lived for a
    /// minute, so that tokens which kill each other after a login or two are not fetched without end (rule T6).
    /// </summary>
    /// <param name="age">How old the token is at least.</param>
    internal TokenRow AfterLogin(TimeSpan age)
    {
        var proven = this with { ProvenSecret = SealedWith };
        return Rejections == 0 ? proven
            : age >= TokenRules.TokenTrial ? proven.WithoutRejections() with { ServedLogin = false }
            : Rejections <= TokenRules.ForgivenRejections
                ? proven with { ServedLogin = true, RejectionRetryAt = null, RejectionRetrySeconds = null }
            : proven with { ServedLogin = true };
    }

    /// <summary>Whether WeCom has refused this corpsecret in this row of failures.</summary>
    internal bool HasRefused(CorpSecret secret) => RefusedSecret?.Contains(secret.Fingerprint, StringComparison.Ordinal) is true;

    private TokenRow WithoutRejections() => this with
    {
        Rejections = 0,
        RejectionErrcode = null,
        RejectionRetryAt = null,
        RejectionRetrySeconds = null,
    };

    private string Place => $"{PartitionKey}\n{RowKey}";

    /// <summary>Whether what the row says of its token is about this corpsecret: another one begins anew (rule T8).</summary>
    private bool IsOf(CorpSecret secret) => SealedWith is null || SealedWith == secret.Fingerprint;

    private static SharedPause FailurePause(FailureKind kind, string? refusedSecret) =>
        kind is WeComFunc.FailureKind.Busy && refusedSecret is null ? TokenRules.TransientPause : TokenRules.ConfigurationPause;

    private SharedPause RejectionPause(CorpSecret secret) =>
        ProvenSecret == secret.Fingerprint ? TokenRules.ProvenPause : TokenRules.ConfigurationPause;
}
