using System.Collections.Concurrent;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.MemberData;
using WeComFunc.Sessions;
using WeComFunc.WeCom;

namespace WeComFunc.Login;

/// <summary>What a login came to.</summary>
/// <param name="Body">The body of the answer, or why there is none.</param>
/// <param name="Token">
/// The token it took, its replacement where WeCom rejected it, the rejected one where that could not be had; <c>default</c> where there was
/// none.
/// </param>
/// <param name="Unseen">Why a login that succeeded has no profile; null where it has one.</param>
/// <param name="IsTaken">Whether WeCom took the code.</param>
internal readonly record struct LoginOutcome(
    Result<ReadOnlyMemory<byte>> Body, TokenUse Token, Failure? Unseen = null, bool IsTaken = false)
{
    /// <summary>
    /// Whether WeCom's answer was about a code of another mini program, and the corpsecret is known to be right (rule T14).
    /// </summary>
    public bool IsOfForeignCode =>
        Body.Failure is { Kind: FailureKind.InvalidCode, Errcode: var errcode } && Errcodes.IsOfForeignCodes(errcode);
}

/// <summary>One login: exchanges the code for the userid and reads the profile (rules L2 to L5, T6, T14).</summary>
internal sealed class LoginHandler(
    CorpApps apps,
    LoginSettings settings,
    TimeProvider time,
    Telemetry telemetry,
    DepartmentNames? departments = null,
    SessionTokens? sessions = null,
    SessionKeys? sessionKeys = null)
{
    /// <summary>
    /// After the token in hand, the one in the row and a fresh one: there is nothing to try after that, in one login, whichever call
    /// rejected them.
    /// </summary>
    private const int Replacements = 2;

    private static readonly TimeSpan LoginLimit = TimeSpan.FromSeconds(10);

    /// <summary>The members of the profile that are read: those that the session wants are not all shown.</summary>
    private readonly LoginSettings _read = settings with
    {
        ProfileFields =
            settings.ProfileFields.Count == 0 ? [] : settings.ProfileFields.Union(sessions?.Claims ?? []).ToHashSet(StringComparer.Ordinal),
    };

    private readonly ConcurrentDictionary<(CorpApp App, string Code), Task<LoginOutcome>> _underWay = new();

    private delegate Task<Result<T>> DataCall<T>(
        CorpApp app, LoginSettings settings, string accessToken, string argument, Deadline deadline);

    /// <summary>Logs in. Whoever posts a code that is being exchanged already waits for that exchange (rule L5).</summary>
    /// <param name="app">The app it is for: its corpsecret and no other is tried on the code.</param>
    /// <param name="code">The js_code from <c>wx.qy.login</c>.</param>
    /// <param name="caller">The address of the caller, as the limiter counts it.</param>
    /// <param name="cancellationToken">
    /// Ends the waiting of a caller that shares another's exchange; an exchange once begun is finished.
    /// </param>
    public async Task<LoginOutcome> LoginAsync(CorpApp app, string code, string caller, CancellationToken cancellationToken)
    {
        var own = new TaskCompletionSource<LoginOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        var underWay = _underWay.GetOrAdd((app, code), own.Task);
        if (underWay != own.Task)
        {
            return await underWay.WaitAsync(cancellationToken);
        }

        var started = time.GetTimestamp();
        var exchange = ExchangeAsync(app, code, caller);
        await ((Task)exchange).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _underWay.TryRemove((app, code), out _);
        own.SetFromTask(exchange);
        var outcome = await exchange;
        Note(app, outcome);
        if ((outcome.Body.Failure ?? outcome.Unseen) is { Kind: FailureKind.Misconfigured })
        {
            // Who is told of a failure finds a changed corpsecret in use at his next try, but waits no longer than a login may take.
            var doubt = app.Tokens.DoubtAsync();
            var left = outcome.Unseen is null ? LoginLimit - time.GetElapsedTime(started) : TimeSpan.Zero;
            await doubt.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, CancellationToken.None).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        return outcome;
    }

    /// <summary>
    /// Notes for health what a login says about those after it. One that never had a token says nothing, as the status of the token does.
    /// </summary>
    private static void Note(CorpApp app, LoginOutcome outcome)
    {
        var (seen, failure) = (app.Trouble, outcome.Body.Failure);
        if (failure is not { Kind: FailureKind.Misconfigured })
        {
            app.Replace(seen, seen?.After(failure, outcome.IsTaken));
        }
        else if (outcome.Token is { Token: { } token, IsRejected: var isRejected })
        {
            app.Replace(seen, new(failure, token, isRejected, outcome.IsTaken));
        }
    }

    private async Task<LoginOutcome> ExchangeAsync(CorpApp app, string code, string caller)
    {
        using var deadline = new Deadline(LoginLimit, time);
        var asksForKey = sessions?.FindKeyAsync();
        if (!(await app.Tokens.GetAsync(deadline.ForAll())).TryGet(out var use, out var noToken))
        {
            return new(noToken, default);
        }

        // Before the code is spent: without a session the login would be of no use to its member.
        SigningKey? key = null;
        if (asksForKey is not null && !(await asksForKey).TryGet(out key, out var noKey))
        {
            return new(noKey, use);
        }

        var replacements = Replacements;
        telemetry.TokenUsed(use, app.App);
        var exchanged = await app.Client.ExchangeCodeAsync(use.Token.Value, code, deadline);
        if (exchanged.Failure is { Kind: FailureKind.TokenRejected } rejected)
        {
            (exchanged, use, replacements) = await CallAgainAsync(
                static (app, _, accessToken, code, deadline) => app.Client.ExchangeCodeAsync(accessToken, code, deadline),
                app, code, use, rejected, replacements, deadline);
        }

        if (!exchanged.TryGet(out var member, out var failure))
        {
            return await BlameAsync(app, failure, use, caller, deadline);
        }

        app.ForeignCodes.Forget();
        if (!app.App.IsOfCorp(member.CorpId))
        {
            app.Tokens.Confirm(use.Token);
            return new(
                apps.OfCorp(member.CorpId) is { } other
                    ? new Failure(FailureKind.OtherApp, App: other.App.Name)
                    : new Failure(FailureKind.CorpMismatch),
                use,
                IsTaken: true);
        }

        var term = sessions?.Begin();
        var asked = GetProfileAsync(app, _read, use.Token.Value, member.UserId, deadline);
        var kept = sessionKeys?.KeepAsync(app, member, term!, deadline.Left);
        var profile = await asked;
        bool? hasMemberData = kept is null ? null : await kept;
        if (profile.Failure is { Kind: FailureKind.TokenRejected } revoked)
        {
            (profile, use, _) = await CallAgainAsync<RentedBytes>(
                GetProfileAsync, app, member.UserId, use, revoked, replacements, deadline);
        }

        // A token works when every call has accepted it: whatever else WeCom says of a member is an answer, too.
        if (!use.IsRejected && (profile.Failure is null or { Errcode: not null }) && !IsRejectionOrBusy(profile.Failure?.Errcode))
        {
            app.Tokens.Confirm(use.Token);
        }

        if (profile.Failure is { } unseen && settings.RequireProfile)
        {
            return new(unseen, use, IsTaken: true);
        }

        using var bytes = profile.TryGet(out var read) ? read : null;
        var session = key is null ? null : sessions!.Issue(key, term!, app.App, member.UserId, bytes);
        using var narrow = bytes is not null && _read.ProfileFields.Count > settings.ProfileFields.Count
            ? Profile.Narrow(bytes.Span, settings.ProfileFields)
            : null;
        var shown = narrow ?? bytes;
        var named = departments is not null && shown is not null && !use.IsRejected
            ? await departments.GetAsync(app, use.Token.Value, DepartmentNames.IdsIn(shown.Span), deadline.Left)
            : null;
        return new(
            LoginAnswer.Compose(member.UserId, app.App.CorpId, shown, profile.Failure, named, session, hasMemberData),
            use,
            profile.Failure,
            IsTaken: true);
    }

    /// <summary>
    /// Whose fault it is that WeCom did not take a code. It answers one of another mini program as it answers a token of the wrong app:
    /// where the corpsecret has served a login, it is the code, unless several callers in a row meet with it (rule T14).
    /// </summary>
    /// <param name="app">The app it was for.</param>
    /// <param name="failure">What came of the exchange.</param>
    /// <param name="use">Its token; the one that was rejected, where none took its place.</param>
    /// <param name="caller">Who posted the code.</param>
    /// <param name="deadline">The time that the login has.</param>
    private static async ValueTask<LoginOutcome> BlameAsync(
        CorpApp app, Failure failure, TokenUse use, string caller, Deadline deadline)
    {
        var isToldOfCode = use.IsRejected ? failure.Errcode == Errcodes.InvalidAccessToken : Errcodes.IsOfForeignCodes(failure.Errcode);
        if (failure.Kind is not FailureKind.Misconfigured
            || !(isToldOfCode || Errcodes.IsOfForeignCodes(use.Rejection))
            || !await IsProvenAsync(app, use.IsRejected ? null : use.Token, deadline)
            || !app.ForeignCodes.AreCallersFault(caller))
        {
            return new(failure, use);
        }

        // It may be of another mini program, and it is gettoken that refuses: that says nothing about logins with a token that is out.
        return isToldOfCode ? new(new Failure(FailureKind.InvalidCode, failure.Errcode), use) : new(failure, default);
    }

    /// <summary>Whether the corpsecret of a token has served a login; where this process does not know, the row says so.</summary>
    private static async ValueTask<bool> IsProvenAsync(CorpApp app, AccessToken? token, Deadline deadline)
    {
        try
        {
            return token is { OnProbation: false } || (await app.Tokens.LookAsync().WaitAsync(deadline.ForAll())).IsProven(token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Makes a data call again whose token WeCom rejected, with another one (rule T6).</summary>
    /// <returns>What came of it, with which token, and how many replacements the login has left.</returns>
    private async Task<(Result<T> Result, TokenUse Token, int Replacements)> CallAgainAsync<T>(
        DataCall<T> call, CorpApp app, string argument, TokenUse use, Failure rejected, int replacements, Deadline deadline)
    {
        while (replacements > 0)
        {
            replacements--;
            if (!(await app.Tokens.ReplaceAsync(use.Token, rejected.Errcode, deadline.ForAll())).TryGet(
                out var replacement, out var noToken))
            {
                return (noToken, use with { Rejection = rejected.Errcode ?? 0 }, replacements);
            }

            use = replacement;
            telemetry.TokenUsed(use, app.App);
            var result = await call(app, _read, use.Token.Value, argument, deadline);
            if (result.Failure is not { Kind: FailureKind.TokenRejected } rejection)
            {
                return (result, use, replacements);
            }

            rejected = rejection;
        }

        return (rejected with { Kind = FailureKind.Misconfigured }, use, replacements);
    }

    private static Task<Result<RentedBytes>> GetProfileAsync(
        CorpApp app, LoginSettings settings, string accessToken, string userId, Deadline deadline) =>
        app.Client.GetProfileAsync(accessToken, userId, settings.ProfileFields, deadline);

    private static bool IsRejectionOrBusy(int? errcode) =>
        errcode is { } number && Errcodes.OfDataCall(number) is FailureKind.TokenRejected or FailureKind.Busy;
}
