using Microsoft.Extensions.Logging;
using WeComFunc.Apps;
using WeComFunc.Secrets;
using WeComFunc.Sessions;
using WeComFunc.WeCom;

namespace WeComFunc.MemberData;

/// <summary>
/// Keeps the session_key of a login for as long as its session lasts: sealed, in a row that the session's token leads to, and nowhere in
/// this process.
/// </summary>
internal sealed partial class SessionKeys(CorpApps apps, ISessionKeyStore store, TimeProvider time, ILogger<SessionKeys> logger)
{
    private int _untold;
    private long _tellNext;

    /// <summary>Writes the session_key of a login. It never throws, and takes a second at most.</summary>
    /// <param name="app">The app that the member logged in with.</param>
    /// <param name="member">The member, as the exchange of the code told it.</param>
    /// <param name="session">The session that the login will give.</param>
    /// <param name="left">The time that the login has left.</param>
    /// <returns>Whether it is written.</returns>
    public async Task<bool> KeepAsync(CorpApp app, Member member, SessionTerm session, TimeSpan left)
    {
        try
        {
            using var limit = new CancellationTokenSource(left < MemberDataRules.KeepLimit ? left : MemberDataRules.KeepLimit, time);
            if (!SessionKey.IsOne(member.SessionKey))
            {
                Tell("written", "WeCom gave none that is one");
                return false;
            }

            if (!(await app.Secrets.GetAsync().WaitAsync(limit.Token)).TryGet(out var secret))
            {
                Tell("written", "there is no corpsecret to encrypt it with");
                return false;
            }

            var place = SessionPlace.Of(session.Id, session.ExpiresAt);
            var sealedKey = SessionKey.Seal(member.SessionKey, secret, app.App, member.UserId, place);
            using var activity = Telemetry.StartPart("session write");
            activity?.SetTag("outcome", "unreachable");
            await store.WriteAsync(place, sealedKey, limit.Token).WaitAsync(limit.Token);
            activity?.SetTag("outcome", "ok");
            return true;
        }
        catch (Exception exception)
        {
            Tell("written", ForeignText.Explain(exception));
            return false;
        }
    }

    /// <summary>Finds the session_key of a session, and the app that it is of.</summary>
    /// <param name="session">What its token says.</param>
    /// <returns>
    /// <see cref="FailureKind.InvalidSession"/> where there is none that opens for this session; <see cref="FailureKind.Busy"/> while the
    /// table is out of reach.
    /// </returns>
    public async Task<Result<(CorpApp App, SessionKey Key)>> FindAsync(SessionClaims session)
    {
        if (apps.Find(session.App) is not { } app || !app.App.IsOfCorp(session.CorpId) || !SessionPlace.IsId(session.Id))
        {
            return new Failure(FailureKind.InvalidSession);
        }

        if (!(await app.Secrets.GetAsync()).TryGet(out var secret, out var noSecret))
        {
            return noSecret;
        }

        var place = SessionPlace.Of(session.Id, session.ExpiresAt);
        if (!(await ReadAsync(place)).TryGet(out var row, out var unread))
        {
            return unread;
        }

        var key = Open(secret);
        if (key is null && row is not null && (await app.Secrets.RereadAsync(CancellationToken.None)).TryGet(out var changed)
            && changed.Fingerprint != secret.Fingerprint)
        {
            // Another process has the new corpsecret already, and has sealed the row with it.
            key = Open(changed);
        }

        return key is null ? new Failure(FailureKind.InvalidSession) : (app, key);

        SessionKey? Open(CorpSecret corpSecret) => SessionKey.Open(row, corpSecret, app.App, session.UserId, place);
    }

    /// <summary>Writes a row as if of a session that is over, reads and deletes it.</summary>
    /// <returns>What kept it from that; null when nothing did.</returns>
    public async Task<string?> ProbeAsync()
    {
        try
        {
            using var limit = new CancellationTokenSource(MemberDataRules.ProbeLimit, time);
            var place = SessionPlace.Of(Guid.NewGuid().ToString("N"), time.GetUtcNow() - MemberDataRules.Grace);
            await store.WriteAsync(place, "", limit.Token).WaitAsync(limit.Token);
            await store.ReadAsync(place, limit.Token).WaitAsync(limit.Token);
            await store.DeleteAsync([place], limit.Token).WaitAsync(limit.Token);
            return null;
        }
        catch (Exception exception)
        {
            return ForeignText.Explain(exception);
        }
    }

    private async Task<Result<string?>> ReadAsync(SessionPlace place)
    {
        try
        {
            using var limit = new CancellationTokenSource(MemberDataRules.ReadLimit, time);
            using var activity = Telemetry.StartPart("session read");
            activity?.SetTag("outcome", "unreachable");
            var row = await store.ReadAsync(place, limit.Token).WaitAsync(limit.Token);
            activity?.SetTag("outcome", "ok");
            return row;
        }
        catch (Exception exception)
        {
            Tell("read", ForeignText.Explain(exception));
            return new Failure(FailureKind.Busy);
        }
    }

    /// <summary>Every login may meet with the same trouble: it has one line a minute.</summary>
    private void Tell(string done, string reason)
    {
        Interlocked.Increment(ref _untold);
        var (now, due) = (time.GetTimestamp(), Volatile.Read(ref _tellNext));
        var pause = (long)(MemberDataRules.LinePause.TotalSeconds * time.TimestampFrequency);
        if (now >= due && Interlocked.CompareExchange(ref _tellNext, now + pause, due) == due)
        {
            LogTrouble(logger, Interlocked.Exchange(ref _untold, 0), done, reason);
        }
    }

    [LoggerMessage(
        601, LogLevel.Warning,
        "Session_keys that could not be written or read since the last such line: {Count}; the last one could not be {Done}: {Reason}. "
        + $"Logins go on without member data; {MemberDataRules.TableAdvice}")]
    private static partial void LogTrouble(ILogger logger, int count, string done, string reason);
}
