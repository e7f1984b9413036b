using Microsoft.Extensions.Logging;
using WeComFunc.WeCom;

namespace WeComFunc.AccessTokens;

/// <summary>
/// Renews the token of one app, one renewal at a time: reads the row, takes the lease, calls <c>gettoken</c>, writes the row
/// (rules T3 to T10). Where the table is out of reach, it goes by what this process last knew of the row.
/// </summary>
internal sealed partial class TokenRenewer(
    WeComApp app, WeComClient client, CorpSecretSource secrets, ITokenStore store, TimeProvider time, Random random, ILogger<TokenRenewer> logger)
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
                var known = await ReadAsync();
                var now = time.GetUtcNow();
                var usable = known.Usable(request, now);
                if (RenewalDecision.WithoutCall(known, request, usable, now) is { } answer)
                {
                    return answer with { Written = known.IsShared ? _row.FlushAsync() : Task.CompletedTask };
                }

                if (!known.IsShared)
                {
                    return await FetchAloneAsync(known, request, usable);
                }

                var state = lease.StateOf(known.Row, now);
                if (state is LeaseState.Mine && deadline is { IsOver: false })
                {
                    return await FetchAsHolderAsync(known, request, usable, deadline);
                }

                if (state is LeaseState.Held && usable is { } meanwhile)
                {
                    return new(meanwhile, RenewalOutcome.Elsewhere, now + TokenRules.LeaseWatched);
                }

                if (state is LeaseState.Held)
                {
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
                var (leased, isBeaten) = await _row.LeaseAsync(known.Row.Leased(lease.Id, now));
                if (leased is not null)
                {
                    return await FetchAsHolderAsync(known with { Row = leased }, request, usable, deadline);
                }

                // A writing without an answer may have arrived all the same, which the next look shows. The second one, or one that lost twice on
                // the same row, was refused: the table takes no writes now, and this process goes on by itself.
                if (isBeaten ? lease.HasLostOn(known.Row.ETag) : isUnanswered)
                {
                    return await FetchAloneAsync(known, request, usable);
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
        var known = await ReadAsync();
        var now = time.GetUtcNow();
        if (known.Stored?.Value != token.Value || (!known.Stored.OnProbation && _row.IsWritten))
        {
            return null;
        }

        // The row belongs to whoever is renewing the token: another ETag would lose that renewal.
        if (known.IsShared && known.Row.HasLease(now))
        {
            return now + TokenRules.LeaseWatched;
        }

        // A process with a login every few hours has never watched a token for long: there the clocks tell, less what they may be apart.
        var (watched, byClock) = (known.Sight.Token.Since, now - known.Stored.ObtainedAt - TokenRules.ClockDifference);
        var age = watched > byClock ? watched : byClock;
        var confirmed = known.Row.AfterLogin(age);
        if (!known.IsShared)
        {
            _row.Keep(confirmed);
        }
        else
        {
            await (confirmed == known.Row ? _row.FlushAsync() : _row.SaveAsync(confirmed));
        }

        return !_row.IsWritten ? now + TokenRules.WritePause
            : confirmed.Rejections == 0 ? null
            : now + TokenRules.TokenTrial - age;
    }

    /// <summary>Reads the row and the corpsecret, side by side.</summary>
    public async Task<Knowledge> ReadAsync()
    {
        var reading = _row.ReadAsync();
        var secret = await secrets.GetAsync();
        var (row, isShared) = await reading;
        if (secret.Failure is null
            && ((row.SealedWith ?? secret.Value.Fingerprint) != secret.Value.Fingerprint
                || row.HasRefused(secret.Value)
                || row.LastRejection(secret.Value) is not null))
        {
            secret = await secrets.RereadAsync(CancellationToken.None);
        }

        if (secret.Failure is null && row.SealedWith is { } sealedWith && sealedWith != secret.Value.Fingerprint)
        {
            TellOfAnother(row.SealedToken);
        }

        return new(row, _row.Sight, isShared, _row.IsWritable, secret, secrets.Failure, secret.Failure is null ? row.Open(secret.Value) : null);
    }

    private async Task<RenewalResult> FetchAsHolderAsync(Knowledge known, RenewalRequest request, TokenUse? usable, Deadline deadline)
    {
        var (next, fetched) = await FetchAsync(known, request, usable, deadline);
        return fetched with { Written = _row.SaveAsync(next) };
    }

    /// <summary>Asks the vault again, once a minute at most (rule T8).</summary>
    /// <returns>The fingerprint of the corpsecret that counts from now on; null when there is none.</returns>
    public async Task<string?> RereadSecretAsync() => await secrets.RereadAsync(CancellationToken.None) is { Failure: null } secret ? secret.Value.Fingerprint : null;

    /// <summary>Says once that somebody else's corpsecret seals the row; a first time, it may be a rotation that has not arrived here.</summary>
    private void TellOfAnother(string? sealedToken)
    {
        if (Interlocked.Exchange(ref _sealedByAnother, sealedToken) is { } before && before != sealedToken && Interlocked.Exchange(ref _hasTold, 1) == 0)
        {
            LogAnother(logger, app.CorpId, app.Name);
        }
    }

    /// <summary>Without the table: what comes of it counts in this process.</summary>
    private async Task<RenewalResult> FetchAloneAsync(Knowledge known, RenewalRequest request, TokenUse? usable)
    {
        using var deadline = new Deadline(TokenRules.FetchLimit, time);
        var (next, fetched) = await FetchAsync(known, request, usable, deadline);
        _row.Keep(next);
        return fetched;
    }

    private async Task<(TokenRow Next, RenewalResult Result)> FetchAsync(Knowledge known, RenewalRequest request, TokenUse? usable, Deadline deadline)
    {
        var secret = known.Secret.Value;
        var sentAt = time.GetUtcNow();
        var issued = await client.GetTokenAsync(app.CorpId, secret, deadline, isTriedOnce: known.Row.HasRefused(secret));
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
            return (failed, RenewalDecision.Fail(failure with { RetryAfter = failed.RetryAt - now }, RenewalOutcome.Failed, usable, now));
        }

        var same = new[] { known.Stored, request.Held }.FirstOrDefault(token => token?.Value == issued.Value.Value && token.ExpiresAt > now);
        var renewed = known.Row.AfterRenewal(issued.Value, sentAt, same, secret, request, now, random);
        var token = renewed.Open(secret)!;
        return (renewed, new(
            new TokenUse(token, TokenSource.WeCom, request.Reason),
            same is null ? RenewalOutcome.Renewed : RenewalOutcome.SameToken,
            same is null ? renewed.RenewableAt!.Value : token.ExpiresAt));
    }

    [LoggerMessage(305, LogLevel.Warning, "Another corpsecret keeps overwriting the token row of {CorpId}, {AppName}: two deployments share the table, each fetching tokens for itself. Give one of them another WeCom__AppName, or store the same corpsecret for both")]
    private static partial void LogAnother(ILogger logger, string corpId, string appName);

    [LoggerMessage(303, LogLevel.Warning, "The process that was renewing the access_token of {CorpId} did not finish: its lease is taken over")]
    private static partial void LogTakenOver(ILogger logger, string corpId);
}
