using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Encodings.Web;
using System.Text.Json;
using WeComFunc.AccessTokens;
using WeComFunc.Http;
using WeComFunc.WeCom;

namespace WeComFunc.Login;

/// <summary>What a login came to.</summary>
/// <param name="Body">The body of the answer, or why there is none.</param>
/// <param name="Token">The token it took, its replacement where WeCom rejected it; <c>default</c> where there was none.</param>
/// <param name="Unseen">Why a login that succeeded has no profile; null where it has one.</param>
internal readonly record struct LoginOutcome(Result<ReadOnlyMemory<byte>> Body, TokenUse Token, Failure? Unseen = null)
{
    /// <summary>Whether WeCom's answer was about a code of another mini program, and the corpsecret is known to be right (rule T14).</summary>
    public bool IsOfForeignCode => Body.Failure is { Kind: FailureKind.InvalidCode, Errcode: var errcode } && Errcodes.IsOfForeignCodes(errcode);
}

/// <summary>One login: exchanges the code for the userid and reads the profile (rules L2 to L5, T6, T14).</summary>
internal sealed class LoginHandler(WeComApp app, LoginSettings settings, AccessTokenSource tokens, WeComClient client, TimeProvider time, Telemetry telemetry)
{
    /// <summary>After the token in hand, the one in the row and a fresh one: there is nothing to try after that, in one login, whichever call rejected them.</summary>
    private const int Replacements = 2;

    private static readonly TimeSpan LoginLimit = TimeSpan.FromSeconds(10);
    private static readonly JsonWriterOptions Verbatim = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly ConcurrentDictionary<string, Task<LoginOutcome>> _underWay = new(StringComparer.Ordinal);
    private readonly ForeignCodes _foreignCodes = new();

    private delegate Task<Result<T>> DataCall<T>(LoginHandler login, string accessToken, string argument, Deadline deadline);

    /// <summary>What the last exchange of this process failed with; null when it succeeded. The code of another mini program changes nothing here.</summary>
    public Failure? LastFailure { get; private set; }

    /// <summary>Logs in. Whoever posts a code that is being exchanged already waits for that exchange (rule L5).</summary>
    /// <param name="code">The js_code from <c>wx.qy.login</c>.</param>
    /// <param name="caller">The address of the caller, as the limiter counts it.</param>
    /// <param name="cancellationToken">Ends the waiting of a caller that shares another's exchange; an exchange once begun is finished.</param>
    public async Task<LoginOutcome> LoginAsync(string code, string caller, CancellationToken cancellationToken)
    {
        var own = new TaskCompletionSource<LoginOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        var underWay = _underWay.GetOrAdd(code, own.Task);
        if (underWay != own.Task)
        {
            return await underWay.WaitAsync(cancellationToken);
        }

        var exchange = ExchangeAsync(code, caller);
        await ((Task)exchange).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _underWay.TryRemove(code, out _);
        own.SetFromTask(exchange);
        var outcome = await exchange;
        LastFailure = outcome.IsOfForeignCode ? LastFailure : outcome.Body.Failure;
        if (outcome.Body.Failure is { Kind: FailureKind.Misconfigured })
        {
            await tokens.DoubtAsync();
        }
        else if (outcome.Unseen is { Kind: FailureKind.Misconfigured })
        {
            _ = tokens.DoubtAsync();
        }

        return outcome;
    }

    private async Task<LoginOutcome> ExchangeAsync(string code, string caller)
    {
        using var deadline = new Deadline(LoginLimit, time);
        if (!(await tokens.GetAsync(deadline.ForAll())).TryGet(out var use, out var noToken))
        {
            return new(noToken, default);
        }

        var replacements = Replacements;
        telemetry.TokenUsed(use);
        var exchanged = await client.ExchangeCodeAsync(use.Token.Value, code, deadline);
        if (exchanged.Failure is { Kind: FailureKind.TokenRejected } rejected)
        {
            (exchanged, use, replacements) = await CallAgainAsync(
                static (login, accessToken, code, deadline) => login.ExchangeCodeAsync(accessToken, code, deadline), code, use, rejected, replacements, deadline);
        }

        if (!exchanged.TryGet(out var member, out var failure))
        {
            return new(await BlameAsync(failure, use.Token, caller, deadline), use);
        }

        _foreignCodes.Forget();
        if (!app.IsOfCorp(member.CorpId))
        {
            tokens.Confirm(use.Token);
            return new(new Failure(FailureKind.CorpMismatch), use);
        }

        var profile = await GetProfileAsync(use.Token.Value, member.UserId, deadline);
        if (profile.Failure is { Kind: FailureKind.TokenRejected } revoked)
        {
            (profile, use, _) = await CallAgainAsync(
                static (login, accessToken, userId, deadline) => login.GetProfileAsync(accessToken, userId, deadline), member.UserId, use, revoked, replacements, deadline);
        }

        // A token works when every call has accepted it: whatever else WeCom says of a member is an answer, too.
        if (use.Token is not null && (profile.Failure is null or { Errcode: not null }) && !IsRejectionOrBusy(profile.Failure?.Errcode))
        {
            tokens.Confirm(use.Token);
        }

        return profile.Failure is { } unseen && settings.RequireProfile
            ? new(unseen, use)
            : new(Compose(member.UserId, profile), use, profile.Failure);
    }

    /// <summary>
    /// Whose fault it is that WeCom did not take a code. It answers one of another mini program as it answers a token of the wrong app: where
    /// the corpsecret has served a login, it is the code, unless several callers in a row meet with it (rule T14).
    /// </summary>
    /// <param name="failure">What came of the exchange.</param>
    /// <param name="token">Its token; null where the last one was rejected, and none took its place.</param>
    /// <param name="caller">Who posted the code.</param>
    /// <param name="deadline">The time that the login has.</param>
    private async ValueTask<Failure> BlameAsync(Failure failure, AccessToken? token, string caller, Deadline deadline)
    {
        var mayBeForeign = failure.Kind is FailureKind.Misconfigured
            && (token is null ? failure.Errcode == Errcodes.InvalidAccessToken : Errcodes.IsOfForeignCodes(failure.Errcode));
        return mayBeForeign && await IsProvenAsync(token, deadline) && _foreignCodes.AreCallersFault(caller)
            ? new(FailureKind.InvalidCode, failure.Errcode)
            : failure;
    }

    /// <summary>Whether the corpsecret of a token has served a login; where this process does not know, the row says so.</summary>
    private async ValueTask<bool> IsProvenAsync(AccessToken? token, Deadline deadline)
    {
        try
        {
            return token is { OnProbation: false } || (await tokens.LookAsync().WaitAsync(deadline.ForAll())).IsProven(token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Makes a data call again whose token WeCom rejected, with another one (rule T6).</summary>
    /// <returns>What came of it, with which token, and how many replacements the login has left.</returns>
    private async Task<(Result<T> Result, TokenUse Token, int Replacements)> CallAgainAsync<T>(
        DataCall<T> call, string argument, TokenUse use, Failure rejected, int replacements, Deadline deadline)
    {
        while (replacements > 0)
        {
            replacements--;
            if (!(await tokens.ReplaceAsync(use.Token, rejected.Errcode, deadline.ForAll())).TryGet(out var replacement, out var noToken))
            {
                return (noToken, default, replacements);
            }

            use = replacement;
            telemetry.TokenUsed(use);
            var result = await call(this, use.Token.Value, argument, deadline);
            if (result.Failure is not { Kind: FailureKind.TokenRejected } rejection)
            {
                return (result, use, replacements);
            }

            rejected = rejection;
        }

        return (rejected with { Kind = FailureKind.Misconfigured }, use, replacements);
    }

    private Task<Result<Member>> ExchangeCodeAsync(string accessToken, string code, Deadline deadline) => client.ExchangeCodeAsync(accessToken, code, deadline);

    private Task<Result<RentedBytes>> GetProfileAsync(string accessToken, string userId, Deadline deadline) =>
        client.GetProfileAsync(accessToken, userId, settings.ProfileFields, deadline);

    private static bool IsRejectionOrBusy(int? errcode) =>
        errcode is { } number && Errcodes.OfDataCall(number) is FailureKind.TokenRejected or FailureKind.Busy;

    /// <summary>The answer; the corp has the one spelling in it that the settings give it.</summary>
    private ReadOnlyMemory<byte> Compose(string userId, Result<RentedBytes> read)
    {
        using var profile = read.TryGet(out var bytes) ? bytes : null;
        var buffer = new ArrayBufferWriter<byte>(256 + (profile?.Length ?? 0));
        using var json = new Utf8JsonWriter(buffer, Verbatim);
        json.WriteStartObject();
        json.WriteString("userid"u8, userId);
        json.WriteString("corpid"u8, app.CorpId);
        json.WritePropertyName("profile"u8);
        if (profile is not null)
        {
            json.WriteRawValue(profile.Span, skipInputValidation: true);
        }
        else if (read.Failure is { } unseen)
        {
            json.WriteNullValue();
            json.WriteStartObject("profileError"u8);
            json.WriteString("code"u8, Problem.Of(unseen.Kind).Code);
            if (unseen.Errcode is { } errcode)
            {
                json.WriteNumber("errcode"u8, errcode);
            }

            // The code is spent, and who it is is known: there is nothing to try again.
            json.WriteBoolean("retryable"u8, false);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}
