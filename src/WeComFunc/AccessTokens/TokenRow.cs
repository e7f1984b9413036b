using Azure;
using WeComFunc.WeCom;

namespace WeComFunc.AccessTokens;

/// <summary>
/// The row that the fleet shares: one per app, partition key = corpid, row key = the app's name. An operator may read all of it; the
/// token is encrypted. All times are UTC, of the clock of the process that wrote them. It is only ever written by compare-and-swap on its
/// ETag, at three occasions:
/// <list type="number">
/// <item>whoever is about to call <c>gettoken</c> takes the lease: Lease, LeasedAt, RenewableAt;</item>
/// <item>the same process gives it back with what came of it: the token and its times, or the failure and its pause;</item>
/// <item>whoever sees a token work that replaced a rejected one forgets the rejections: Rejections, RejectionErrcode, RejectionRetryAt.</item>
/// </list>
/// To have the fleet begin anew, delete the row.
/// </summary>
public sealed record TokenRow
{
    /// <summary>The version of this layout; a row with a higher one is left alone.</summary>
    public const int CurrentVersion = 1;

    /// <summary>corpid.</summary>
    public string PartitionKey { get; set; } = "";

    /// <summary>Name of the app within the corp.</summary>
    public string RowKey { get; set; } = "";

    /// <summary>When the table last wrote the row, by its own clock.</summary>
    public DateTimeOffset? Timestamp { get; set; }

    /// <summary>Changes with every write; <c>default</c> for a row that is not in the table yet.</summary>
    public ETag ETag { get; set; }

    /// <summary>Layout of the row, see <see cref="CurrentVersion"/>.</summary>
    public int Version { get; set; } = CurrentVersion;

    /// <summary>The access_token, encrypted with a key derived from the corpsecret (rule T9); null before the first.</summary>
    public string? SealedToken { get; set; }

    /// <summary>Fingerprint of the corpsecret that <see cref="SealedToken"/> is encrypted with.</summary>
    public string? SealedWith { get; set; }

    /// <summary>When the token was first obtained.</summary>
    public DateTimeOffset? ObtainedAt { get; set; }

    /// <summary>When the token expires (rules T2, T3).</summary>
    public DateTimeOffset? ExpiresAt { get; set; }

    /// <summary>When the token may be renewed ahead of time at the earliest (rule T4).</summary>
    public DateTimeOffset? RenewableAt { get; set; }

    /// <summary>Who is calling <c>gettoken</c> now: a random id; null when nobody is (rule T5).</summary>
    public string? Lease { get; set; }

    /// <summary>When the lease was taken.</summary>
    public DateTimeOffset? LeasedAt { get; set; }

    /// <summary>Failed renewals in a row; 0 after a success (rule T7).</summary>
    public int Failures { get; set; }

    /// <summary>Class of the last failure: Busy, Misconfigured or Unexpected.</summary>
    public string? FailureKind { get; set; }

    /// <summary>WeCom's errcode of the last failure.</summary>
    public int? FailureErrcode { get; set; }

    /// <summary>Fingerprint of the corpsecret that WeCom refused; null when the failure was of another kind.</summary>
    public string? RefusedSecret { get; set; }

    /// <summary>No renewal before this instant, whoever asks (rule T7).</summary>
    public DateTimeOffset? RetryAt { get; set; }

    /// <summary>Renewals in a row because WeCom rejected the token, without one that worked since (rule T6).</summary>
    public int Rejections { get; set; }

    /// <summary>errcode of the last rejection.</summary>
    public int? RejectionErrcode { get; set; }

    /// <summary>No renewal because of a rejection before this instant (rule T6).</summary>
    public DateTimeOffset? RejectionRetryAt { get; set; }

    /// <summary>An empty row for an app.</summary>
    public static TokenRow For(WeComApp app) => new() { PartitionKey = app.CorpId, RowKey = app.Name };

    /// <summary>The token; null when there is none, or none that this corpsecret opens.</summary>
    internal AccessToken? Open(CorpSecret secret) =>
        ObtainedAt is { } obtainedAt && ExpiresAt is { } expiresAt && secret.Open(SealedToken, Place) is { } token
            ? new AccessToken(token, obtainedAt, expiresAt, onProbation: Rejections > 0)
            : null;

    /// <summary>What the last renewal failed with; null when it succeeded, or when it was another corpsecret that WeCom refused.</summary>
    internal Failure? LastFailure(CorpSecret secret, DateTimeOffset now) =>
        Failures > 0 && (RefusedSecret is null || RefusedSecret == secret.Fingerprint)
            ? new(Enum.TryParse<FailureKind>(FailureKind, out var kind) ? kind : WeCom.FailureKind.Misconfigured, FailureErrcode, RetryAt - now)
            : null;

    /// <summary>The failure that keeps the whole fleet from calling <c>gettoken</c> for this reason now (rules T6, T7); null when none does.</summary>
    internal Failure? HeldOff(RenewalReason reason, CorpSecret secret, DateTimeOffset now) =>
        Holds(RetryAt, now) && LastFailure(secret, now) is { } failure ? failure
        : reason is RenewalReason.Rejected && Holds(RejectionRetryAt, now) ? new(WeCom.FailureKind.Misconfigured, RejectionErrcode, RejectionRetryAt - now)
        : null;

    /// <summary>The row after a failed <c>gettoken</c>: the token stays, the next try waits (rule T7).</summary>
    internal TokenRow AfterFailure(Failure failure, CorpSecret secret, DateTimeOffset now, Random random)
    {
        var failures = FailureKind == failure.Kind.ToString() ? Failures + 1 : 1;
        var pause = Backoff.After(failures, failure.Kind is WeCom.FailureKind.Busy ? TokenRules.TransientPause : TokenRules.ConfigurationPause, random);
        return this with
        {
            Lease = null,
            LeasedAt = null,
            Failures = failures,
            FailureKind = failure.Kind.ToString(),
            FailureErrcode = failure.Errcode,
            RefusedSecret = Errcodes.IsAboutSecret(failure.Errcode) ? secret.Fingerprint : null,
            RetryAt = now + (failure.RetryAfter > pause ? failure.RetryAfter.Value : pause),
        };
    }

    /// <summary>The row after <c>gettoken</c> gave a token.</summary>
    /// <param name="issued">What it gave.</param>
    /// <param name="sentAt">The instant before it was sent (rule T2).</param>
    /// <param name="same">The same token, where it was known before and is valid still: its expiry stands (rule T3), and the next try ahead of time waits for half of its life (rule T4).</param>
    /// <param name="secret">The corpsecret it was sent with.</param>
    /// <param name="request">Why it was sent.</param>
    /// <param name="now">The time.</param>
    /// <param name="random">Where the jitter comes from.</param>
    internal TokenRow AfterRenewal(
        IssuedToken issued, DateTimeOffset sentAt, AccessToken? same, CorpSecret secret, RenewalRequest request, DateTimeOffset now, Random random)
    {
        var expiresAt = sentAt + issued.ExpiresIn;
        var half = TimeSpan.Zero;
        if (same is not null)
        {
            expiresAt = same.ExpiresAt < expiresAt ? same.ExpiresAt : expiresAt;
            half = (expiresAt - now) / 2;
        }

        var renewed = this with
        {
            Lease = null,
            LeasedAt = null,
            SealedToken = secret.Seal(issued.Value, Place),
            SealedWith = secret.Fingerprint,
            ObtainedAt = same?.ObtainedAt ?? sentAt,
            ExpiresAt = expiresAt,
            RenewableAt = now + (half > TokenRules.AheadPause ? half : TokenRules.AheadPause),
            Failures = 0,
            FailureKind = null,
            FailureErrcode = null,
            RefusedSecret = null,
            RetryAt = null,
        };
        return request.Reason is not RenewalReason.Rejected ? renewed : renewed with
        {
            Rejections = Rejections + 1,
            RejectionErrcode = request.Errcode,
            RejectionRetryAt = now + Backoff.After(Rejections + 1, TokenRules.ConfigurationPause, random),
        };
    }

    private string Place => $"{PartitionKey}\n{RowKey}";

    /// <summary>Whether an instant lies ahead, and not so far that only a wrong clock can have written it.</summary>
    private static bool Holds(DateTimeOffset? until, DateTimeOffset now) => until > now && until - now < TokenRules.LongestPause;
}

/// <summary>Where the fleet keeps its rows. Whatever it throws counts as out of reach.</summary>
public interface ITokenStore
{
    /// <summary>Reads the row of an app; null when there is none.</summary>
    Task<TokenRow?> ReadAsync(WeComApp app, CancellationToken cancellationToken);

    /// <summary>Writes a row if nobody else has since it was read: inserts it when its ETag is <c>default</c>, replaces it otherwise.</summary>
    /// <returns>The new ETag; null when somebody else was faster.</returns>
    Task<ETag?> WriteAsync(TokenRow row, CancellationToken cancellationToken);
}
