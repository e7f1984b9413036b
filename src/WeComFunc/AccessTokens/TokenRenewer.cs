using Microsoft.Extensions.Logging;
using WeComFunc.Secrets;
using WeComFunc.WeCom;

namespace WeComFunc.AccessTokens;

/// <summary>
/// Renews the token of one app, one renewal at a time: reads the row, takes the lease, calls <c>gettoken</c>, writes the row
/// (rules T3 to T10). Where the table is out of reach, it goes by what this process last knew of the row.
/// </summary>
internal sealed partial class TokenRenewer(
    WeComApp app,
    WeComClient client,
    CorpSecretSource secrets,
    ITokenStore store,
    TimeProvider time,
    Random random,
    ILogger<TokenRenewer> logger)
{
    private string? _sealedByAnother;
    private int _hasTold;
    private readonly SharedRow _row = new(app, store, time, logger);

    /// <summary>Runs one renewal. It is nobody's to cancel and ends by its own limits (rule T11).</summary>
    /// <returns>What it came to, as soon as that is known, which is before the row is written.</returns>
    public async Task<RenewalResult> RunAsync(RenewalRequest request)
    {
        var lease = new RenewalLease(time);
        Deadline? deadline = null;
        try
        {
            var isUnanswered = false;
            while (true)
            {
                var view = await LookAsync();
                var now = time.GetUtcNow();
                var usable = view.Usable(request, now);
                if (RenewalDecision.IsWithoutCall(view, request, usable, now, out var result, out var secret))
                {
                    return result with { Written = view.IsShared ? _row.FlushAsync() : Task.CompletedTask };
                }

                if (!view.IsShared)
                {
                    return await FetchAloneAsync(view, secret, request, usable);
                }

                var state = lease.StateOf(view.Row, now);
                if (state is LeaseState.Mine && deadline is { IsOver: false })
                {
                    return await FetchAsHolderAsync(view, secret, request, usable, deadline);
                }

                if (state is LeaseState.Held)
                {
                    if (usable is { } meanwhile)
                    {
                        return new(meanwhile, RenewalOutcome.LeasedByAnother);
                    }

                    await Task.Delay(TokenRules.LeasePoll * (0.8 + (random.NextDouble() * 0.4)), time);
                    continue;
                }

                if (state is LeaseState.Dead)
                {
                    LogTakenOver(logger, app.CorpId);
                }

                // Others watch the lease from the moment the table has it, which may be long before its answer is here.
                deadline?.Dispose();
                deadline = new Deadline(TokenRules.FetchLimit, time);
                var (leased, isBeaten) = await _row.LeaseAsync(view.Row.Leased(lease.Id, now));
                if (leased is not null)
                {
                    return await FetchAsHolderAsync(view with { Row = leased }, secret, request, usable, deadline);
                }

                // A writing without an answer may have arrived all the same, which the next look shows. The second one, or one that lost
                // twice on the same row, was refused: the table takes no writes now, and this process goes on by itself.
                if (isBeaten ? lease.HasLostOn(view.Row.ETag) : isUnanswered)
                {
                    return await FetchAloneAsync(view, secret, request, usable);
                }

                isUnanswered |= !isBeaten;
            }
        }
        finally
        {
            deadline?.Dispose();
        }
    }

    /// <summary>Tells the fleet that a token has served a login from beginning to end (rules T6, T14).</summary>
    /// <returns>When to say so again; null when there is no need to.</returns>
    public async Task<DateTimeOffset?> ConfirmAsync(AccessToken token)
    {
        var view = await LookAsync();
        var now = time.GetUtcNow();
        if (view.Stored?.Value != token.Value || (!view.Stored.OnProbation && _row.IsWritten))
        {
            return null;
        }

        // The row belongs to whoever is renewing the token: another ETag would lose that renewal.
        if (view.IsShared && view.Row.HasLease(now))
        {
            return now + TokenRules.LeaseWatched;
        }

        // A process with a login every few hours has never watched a token for long: there the clocks tell, less what they may be apart.
        var (watched, byClock) = (view.Sight.Token.Since, now - view.Stored.ObtainedAt - TokenRules.ClockDifference);
        var age = watched > byClock ? watched : byClock;
        var confirmed = view.Row.AfterLogin(age);
        if (!view.IsShared)
        {
            _row.Keep(confirmed);
        }
        else
        {
            await (confirmed == view.Row ? _row.FlushAsync() : _row.SaveAsync(confirmed));
        }

        return !_row.IsWritten ? now + TokenRules.WritePause
            : confirmed.Rejections == 0 ? null
            : now + TokenRules.TokenTrial - age;
    }

    /// <summary>Reads the row and the corpsecret, side by side.</summary>
    public async Task<FleetView> LookAsync()
    {
        var reading = _row.ReadAsync();
        var secret = await secrets.GetAsync();
        var (row, isShared) = await reading;
        if (secret.TryGet(out var kept)
            && ((row.SealedWith ?? kept.Fingerprint) != kept.Fingerprint || row.HasRefused(kept) || row.LastRejection(kept) is not null))
        {
            secret = await secrets.RereadAsync(CancellationToken.None);
        }

        var stored = secret.TryGet(out var counting) ? row.Open(counting) : null;
        if (counting is not null && row.SealedWith is { } sealedWith && sealedWith != counting.Fingerprint)
        {
            TellOfAnother(row.SealedToken);
        }

        return new(row, _row.Sight, isShared, _row.IsWritable, secret, secrets.Failure, stored);
    }

    /// <summary>
    /// As <see cref="LookAsync"/>, and writes the row, unchanged, to see whether that can be done: not while somebody is renewing the
    /// token, whose row it is then.
    /// </summary>
    public async Task<FleetView> ProbeAsync()
    {
        var view = await LookAsync();
        if (view.IsShared && !view.Row.HasLease(time.GetUtcNow()))
        {
            await _row.TryWriteAsync(view.Row);
        }

        return view with { IsWritable = _row.IsWritable };
    }

    private async Task<RenewalResult> FetchAsHolderAsync(
        FleetView view, CorpSecret secret, RenewalRequest request, TokenUse? usable, Deadline deadline)
    {
        var (next, fetched) = await FetchAsync(view, secret, request, usable, deadline);
        return fetched with { Written = _row.SaveAsync(next) };
    }

    /// <summary>Asks the vault again, once a minute at most (rule T8).</summary>
    /// <returns>The fingerprint of the corpsecret that counts from now on; null when there is none.</returns>
    public async Task<string?> RereadSecretAsync() =>
        (await secrets.RereadAsync(CancellationToken.None)).TryGet(out var secret) ? secret.Fingerprint : null;

    /// <summary>
    /// Says once that somebody else's corpsecret seals the row; a first time, it may be a rotation that has not arrived here.
    /// </summary>
    private void TellOfAnother(string? sealedToken)
    {
        if (Interlocked.Exchange(ref _sealedByAnother, sealedToken) is { } before
            && before != sealedToken
            && Interlocked.Exchange(ref _hasTold, 1) == 0)
        {
            LogAnother(logger, app.CorpId, app.Name);
        }
    }

    /// <summary>Without the table: what comes of it counts in this process.</summary>
    private async Task<RenewalResult> FetchAloneAsync(FleetView view, CorpSecret secret, RenewalRequest request, TokenUse? usable)
    {
        using var deadline = new Deadline(TokenRules.FetchLimit, time);
        var (next, fetched) = await FetchAsync(view, secret, request, usable, deadline);
        _row.Keep(next);
        return fetched;
    }

    private async Task<(TokenRow Next, RenewalResult Result)> FetchAsync(
        FleetView view, CorpSecret secret, RenewalRequest request, TokenUse? usable, Deadline deadline)
    {
        var sentAt = time.GetUtcNow();
        var fetched = await client.GetTokenAsync(secret.Value, deadline, isTriedOnce: view.Row.HasRefused(secret));
        if (Errcodes.IsAboutSecret(fetched.Failure?.Errcode)
            && (await secrets.RereadAsync(deadline.ForAll())).TryGet(out var reread) && reread.Fingerprint != secret.Fingerprint)
        {
            secret = reread;
            sentAt = time.GetUtcNow();
            fetched = await client.GetTokenAsync(secret.Value, deadline);
        }

        var now = time.GetUtcNow();
        if (!fetched.TryGet(out var issued, out var failure))
        {
            var failed = view.Row.AfterFailure(failure, secret, now, random);
            return (failed, RenewalDecision.Fail(failure with { RetryAfter = failed.RetryAt - now }, RenewalOutcome.Failed, usable));
        }

        var same = new[] { view.Stored, request.InMemory }.FirstOrDefault(token => token?.Value == issued.Value && token.ExpiresAt > now);
        var renewed = view.Row.AfterRenewal(issued, sentAt, same, secret, request, now, random);
        return (renewed, new(
            new TokenUse(renewed.Open(secret)!, TokenSource.WeCom, request.Reason),
            same is null ? RenewalOutcome.Renewed : RenewalOutcome.SameToken));
    }

    [LoggerMessage(
        305, LogLevel.Warning,
        "Another corpsecret keeps overwriting the token row of {CorpId}, {AppName}: two deployments share the table, each fetching tokens "
        + "for itself. Give one of them another WeCom__AppName, or store the same corpsecret for both")]
    private static partial void LogAnother(ILogger logger, string corpId, string appName);

    [LoggerMessage(
        303, LogLevel.Warning, "The process that was renewing the access_token of {CorpId} did not finish: its lease is taken over")]
    private static partial void LogTakenOver(ILogger logger, string corpId);
}
