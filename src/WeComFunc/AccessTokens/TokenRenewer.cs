using Azure;
using Microsoft.Extensions.Logging;
using WeComFunc.WeCom;

namespace WeComFunc.AccessTokens;

/// <summary>Why a renewal is asked for, and what the process knows.</summary>
/// <param name="Reason">Why.</param>
/// <param name="Held">The token in memory.</param>
/// <param name="Rejected">The token that WeCom rejected, when that is the reason.</param>
/// <param name="Errcode">What WeCom rejected it with.</param>
internal sealed record RenewalRequest(RenewalReason Reason, AccessToken? Held, AccessToken? Rejected = null, int? Errcode = null);

/// <summary>What a renewal came to.</summary>
/// <param name="Result">A token that is valid by the clock, or why there is none.</param>
/// <param name="Outcome">How that came about.</param>
/// <param name="LookAgainAt">When this process looks for a token ahead of time again: where WeCom repeats the same token, not before that ends.</param>
/// <param name="Failure">What went wrong, also where an older token is still valid.</param>
internal sealed record RenewalAnswer(Result<TokenUse> Result, RenewalOutcome Outcome, DateTimeOffset LookAgainAt, Failure? Failure = null);

/// <summary>How a renewal ended, for logs and metrics.</summary>
internal enum RenewalOutcome
{
    /// <summary>WeCom gave a new token.</summary>
    Renewed,

    /// <summary>WeCom gave the same token again.</summary>
    SameToken,

    /// <summary>The row held a better token: somebody else had renewed it.</summary>
    FromTable,

    /// <summary>The token in use does for now.</summary>
    NotDue,

    /// <summary>Somebody else is renewing, and the token in use does meanwhile.</summary>
    Elsewhere,

    /// <summary>An earlier failure keeps the fleet from trying for a while.</summary>
    HeldOff,

    /// <summary>It failed.</summary>
    Failed,
}

/// <summary>What a process knows of the fleet's token.</summary>
/// <param name="Row">The row.</param>
/// <param name="IsShared">Whether that is the table's row now, or only what this process last knew of it (rule T10).</param>
/// <param name="Secret">The corpsecret, or why there is none.</param>
/// <param name="Vault">The last failure of the vault, also while a corpsecret that was read before goes on; null when it gave one.</param>
/// <param name="Stored">The token of the row; null when there is none, or none that this corpsecret opens.</param>
internal sealed record Knowledge(TokenRow Row, bool IsShared, Result<CorpSecret> Secret, Failure? Vault, AccessToken? Stored);

/// <summary>
/// Renews the token of one app, one renewal at a time: reads the row, takes the lease, calls <c>gettoken</c>, writes the row
/// (rules T3 to T10). Where the table is out of reach, it goes by what this process last knew of the row.
/// </summary>
internal sealed partial class TokenRenewer(
    WeComApp app, WeComClient client, CorpSecretSource secrets, ITokenStore store, TimeProvider time, Random random, ILogger<TokenRenewer> logger)
{
    private TokenRow _lastRow = TokenRow.For(app);

    /// <summary>Runs one renewal. It is nobody's to cancel and ends by its own limits (rule T11).</summary>
    /// <param name="request">Why, and what is known.</param>
    /// <param name="answer">Receives the answer as soon as it is known, which is before the row is written.</param>
    public async Task RunAsync(RenewalRequest request, Action<RenewalAnswer> answer)
    {
        var lease = new Lease(time);
        ETag? lost = null;
        while (true)
        {
            var known = await ReadAsync();
            var now = time.GetUtcNow();
            var usable = Usable(known.Stored, request, now);
            if (Settle(known, request, usable, now) is { } settled)
            {
                answer(settled);
                return;
            }

            var row = known.Row;
            if (known.IsShared && row.Lease != lease.Id)
            {
                if (lease.IsHeldElsewhere(row, now))
                {
                    if (usable is not null)
                    {
                        answer(new(Use(usable, known, request), RenewalOutcome.Elsewhere, now + TokenRules.LeaseWatched));
                        return;
                    }

                    await Task.Delay(TokenRules.LeasePoll * (0.8 + (random.NextDouble() * 0.4)), time);
                    continue;
                }

                if (row.Lease is not null)
                {
                    LogTakenOver(logger, app.CorpId);
                }

                row = row with { Lease = lease.Id, LeasedAt = now, RenewableAt = now + TokenRules.AheadPause };
                var etag = await WriteAsync(row);
                if (etag is null && lost != known.Row.ETag)
                {
                    lost = known.Row.ETag;
                    continue;
                }

                // Not written although nobody else was faster: the table takes no writes now, so this process goes on by itself.
                known = known with { IsShared = etag is not null };
                row = row with { ETag = etag ?? default };
            }

            var (next, fetched) = await FetchAsync(known with { Row = row }, request, usable);
            _lastRow = next;
            answer(fetched);
            if (known.IsShared)
            {
                await WriteAsync(next);
            }

            return;
        }
    }

    /// <summary>Forgets the rejections, because <paramref name="token"/> was seen to work (rule T6).</summary>
    public async Task ConfirmAsync(AccessToken token)
    {
        var known = await ReadAsync();
        if (known.Row.Rejections > 0 && known.Stored?.Value == token.Value)
        {
            _lastRow = known.Row with { Rejections = 0, RejectionErrcode = null, RejectionRetryAt = null };
            if (known.IsShared)
            {
                await WriteAsync(_lastRow);
            }
        }
    }

    /// <summary>Reads the row and the corpsecret, side by side.</summary>
    public async Task<Knowledge> ReadAsync()
    {
        var reading = ReadRowAsync();
        var secret = await secrets.GetAsync();
        var (row, isShared) = await reading;
        if (secret.Failure is null && ((row.SealedWith ?? secret.Value.Fingerprint) != secret.Value.Fingerprint || row.RefusedSecret == secret.Value.Fingerprint))
        {
            secret = await secrets.RereadAsync(CancellationToken.None);
        }

        return new(row, isShared, secret, secrets.Failure, secret.Failure is null ? row.Open(secret.Value) : null);
    }

    /// <summary>The answer where there is no need, or no leave, to call <c>gettoken</c>; null where it has to be called.</summary>
    private static RenewalAnswer? Settle(Knowledge known, RenewalRequest request, AccessToken? usable, DateTimeOffset now)
    {
        if (known.Secret.Failure is { } vault)
        {
            return Held(vault, RenewalOutcome.Failed);
        }

        // A login whose token in memory is rejected waits for this renewal: what the row has serves it at once, and the next login sees to the rest.
        var isBetter = request.Reason is RenewalReason.Ahead && usable?.Value != request.Held?.Value;
        var isDue = usable is null || usable.ExpiresAt - now < Window(request.Reason);
        if (usable is not null && (!isDue || isBetter))
        {
            return new(
                Use(usable, known, request), usable == known.Stored && request.Reason is not RenewalReason.Timer ? RenewalOutcome.FromTable : RenewalOutcome.NotDue, isDue ? now : now + TokenRules.AheadPause);
        }

        if (known.Row.HeldOff(request.Reason, known.Secret.Value, now) is { } heldOff)
        {
            return Held(heldOff, RenewalOutcome.HeldOff);
        }

        return usable is not null && known.Row.RenewableAt is { } renewableAt && renewableAt > now
            ? new(Use(usable, known, request), RenewalOutcome.NotDue, renewableAt - now > TokenRules.AheadPause ? usable.ExpiresAt : renewableAt)
            : null;

        RenewalAnswer Held(Failure failure, RenewalOutcome outcome) =>
            new(usable is null ? failure : Use(usable, known, request), outcome, now + (failure.RetryAfter ?? TokenRules.AheadPause), failure);
    }

    private async Task<(TokenRow Next, RenewalAnswer Answer)> FetchAsync(Knowledge known, RenewalRequest request, AccessToken? usable)
    {
        using var deadline = new Deadline(TokenRules.FetchLimit, time);
        var secret = known.Secret.Value;
        var sentAt = time.GetUtcNow();
        var issued = await client.GetTokenAsync(app.CorpId, secret, deadline);
        if (Errcodes.IsAboutSecret(issued.Failure?.Errcode)
            && await secrets.RereadAsync(deadline.ForAll()) is { Failure: null } reread && reread.Value.Fingerprint != secret.Fingerprint)
        {
            secret = reread.Value;
            sentAt = time.GetUtcNow();
            issued = await client.GetTokenAsync(app.CorpId, secret, deadline);
        }

        var now = time.GetUtcNow();
        if (issued.Failure is { } failure)
        {
            var failed = known.Row.AfterFailure(failure, secret, now, random);
            failure = failure with { RetryAfter = failed.RetryAt - now };
            return (failed, new(usable is null ? failure : Use(usable, known, request), RenewalOutcome.Failed, failed.RetryAt!.Value, failure));
        }

        var same = new[] { known.Stored, request.Held }.FirstOrDefault(token => token?.Value == issued.Value.Value && token.ExpiresAt > now);
        var renewed = known.Row.AfterRenewal(issued.Value, sentAt, same, secret, request, now, random);
        var token = renewed.Open(secret)!;
        return (renewed, new(
            new TokenUse(token, TokenSource.WeCom, request.Reason),
            same is null ? RenewalOutcome.Renewed : RenewalOutcome.SameToken,
            same is null ? renewed.RenewableAt!.Value : token.ExpiresAt));
    }

    /// <summary>
    /// The better of the token in the row and the one in memory: the later one that is valid by the clock and not the rejected one; of two
    /// that are closer than clocks are, the row's.
    /// </summary>
    private static AccessToken? Usable(AccessToken? stored, RenewalRequest request, DateTimeOffset now) =>
        new[] { stored, request.Held }
            .Where(token => token is not null && token.ExpiresAt > now && token.Value != request.Rejected?.Value)
            .MaxBy(token => token!.ObtainedAt + (token == stored ? TokenRules.ClockDifference : TimeSpan.Zero));

    private static TokenUse Use(AccessToken token, Knowledge known, RenewalRequest request) =>
        new(token, token == known.Stored ? TokenSource.Table : TokenSource.Memory, request.Reason);

    /// <summary>How much time a token must have left for a renewal not to be due.</summary>
    private static TimeSpan Window(RenewalReason reason) => reason switch
    {
        RenewalReason.Timer => TokenRules.TimerWindow,
        RenewalReason.Ahead => TokenRules.AheadWindow,
        _ => TimeSpan.Zero,
    };

    private async Task<(TokenRow Row, bool IsShared)> ReadRowAsync()
    {
        using var limit = new CancellationTokenSource(TokenRules.TableLimit, time);
        try
        {
            var row = await store.ReadAsync(app, limit.Token).WaitAsync(limit.Token) ?? TokenRow.For(app);
            if (row.Version <= TokenRow.CurrentVersion)
            {
                _lastRow = row;
                return (row, true);
            }

            LogNewerVersion(logger, row.Version, TokenRow.CurrentVersion);
        }
        catch (Exception exception)
        {
            LogOutOfReach(logger, "read", Explain(exception));
        }

        return (_lastRow with { Lease = null }, false);
    }

    /// <returns>The new ETag; null when the row could not be written, because somebody else was faster or the table is out of reach.</returns>
    private async Task<ETag?> WriteAsync(TokenRow row)
    {
        using var limit = new CancellationTokenSource(TokenRules.TableLimit, time);
        try
        {
            return await store.WriteAsync(row, limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception exception)
        {
            LogOutOfReach(logger, "written", Explain(exception));
            return null;
        }
    }

    private static string Explain(Exception exception) => exception switch
    {
        OperationCanceledException => "no answer in time",
        RequestFailedException failed => failed.Reason(),
        _ => $"{exception.GetType().Name}: {exception.Message}",
    };

    [LoggerMessage(301, LogLevel.Warning, "The token row could not be {Done}: {Reason}. Logins go on by what this process holds; check the table's network and the role Storage Table Data Contributor")]
    private static partial void LogOutOfReach(ILogger logger, string done, string reason);

    [LoggerMessage(302, LogLevel.Warning, "The token row is of version {Version}, this software knows version {Known}: it is left alone, and this process fetches a token for itself; update the software")]
    private static partial void LogNewerVersion(ILogger logger, int version, int known);

    [LoggerMessage(303, LogLevel.Warning, "The process that was renewing the access_token of {CorpId} did not finish: its lease is taken over")]
    private static partial void LogTakenOver(ILogger logger, string corpId);

    /// <summary>The lease of one renewal, and the watching of another's (rule T5).</summary>
    private sealed class Lease(TimeProvider time)
    {
        private ETag? _watched;
        private long _watchedSince;

        /// <summary>What this renewal writes into the row to hold the lease.</summary>
        public string Id { get; } = Guid.NewGuid().ToString("N");

        /// <summary>Whether somebody else holds the lease who may still be alive: not for five minutes, and not unchanged for six seconds of watching.</summary>
        public bool IsHeldElsewhere(TokenRow row, DateTimeOffset now)
        {
            if (row.Lease is null || (now - row.LeasedAt.GetValueOrDefault()).Duration() >= TokenRules.LeaseDead)
            {
                return false;
            }

            if (_watched != row.ETag)
            {
                (_watched, _watchedSince) = (row.ETag, time.GetTimestamp());
            }

            return time.GetElapsedTime(_watchedSince) < TokenRules.LeaseWatched;
        }
    }
}
