using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Encodings.Web;
using System.Text.Json;
using WeComFunc.AccessTokens;
using WeComFunc.WeCom;

namespace WeComFunc.Login;

/// <summary>What a login came to.</summary>
/// <param name="Answer">The body of the answer, or why there is none.</param>
/// <param name="Token">The token it took, its replacement where WeCom rejected it; <c>default</c> where there was none.</param>
internal readonly record struct LoginOutcome(Result<ReadOnlyMemory<byte>> Answer, TokenUse Token);

/// <summary>One login: exchanges the code for the userid and reads the profile (rules L2 to L5, T6).</summary>
internal sealed class LoginHandler(Settings settings, AccessTokenSource tokens, WeComClient client, TimeProvider time, Telemetry telemetry)
{
    /// <summary>After the token in hand, the one in the row and a fresh one: there is nothing to try after that, in one login, whichever call rejected them.</summary>
    private const int Replacements = 2;

    private static readonly TimeSpan LoginLimit = TimeSpan.FromSeconds(10);
    private static readonly JsonWriterOptions Verbatim = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly ConcurrentDictionary<string, Task<LoginOutcome>> _underWay = new(StringComparer.Ordinal);

    private delegate Task<Result<T>> DataCall<T>(WeComClient client, AccessToken token, string argument, Deadline deadline);

    /// <summary>What the last exchange of this process failed with; null when it succeeded. A code that WeCom did not take is no failure of ours.</summary>
    public Failure? LastFailure { get; private set; }

    /// <summary>Logs in. Whoever posts a code that is being exchanged already waits for that exchange (rule L5).</summary>
    /// <param name="code">The js_code from <c>wx.qy.login</c>.</param>
    /// <param name="cancellationToken">Ends the waiting of a caller that shares another's exchange; an exchange once begun is finished.</param>
    public async Task<LoginOutcome> LoginAsync(string code, CancellationToken cancellationToken)
    {
        var own = new TaskCompletionSource<LoginOutcome>(TaskCreationOptions.RunContinuationsAsynchronously);
        var underWay = _underWay.GetOrAdd(code, own.Task);
        if (underWay != own.Task)
        {
            return await underWay.WaitAsync(cancellationToken);
        }

        var exchange = ExchangeAsync(code);
        await ((Task)exchange).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        _underWay.TryRemove(code, out _);
        own.SetFromTask(exchange);
        var outcome = await exchange;
        LastFailure = outcome.Answer.Failure;
        if (LastFailure is { Kind: FailureKind.Misconfigured })
        {
            await tokens.DoubtAsync();
        }

        return outcome;
    }

    private async Task<LoginOutcome> ExchangeAsync(string code)
    {
        using var deadline = new Deadline(LoginLimit, time);
        var taken = await tokens.GetAsync(deadline.ForAll());
        if (taken.Failure is { } none)
        {
            return new(none, default);
        }

        var (use, replacements) = (taken.Value, Replacements);
        telemetry.TokenUsed(use);
        var session = await client.GetSessionAsync(use.Token, code, deadline);
        if (session.Failure is { Kind: FailureKind.TokenRejected } rejected)
        {
            (session, use, replacements) = await CallAgainAsync(
                static (client, token, code, deadline) => client.GetSessionAsync(token, code, deadline), code, use, rejected, replacements, deadline);
        }

        if (session.Failure is { } failure)
        {
            return new(failure, use);
        }

        if (session.Value.CorpId != settings.App.CorpId)
        {
            tokens.Confirm(use.Token);
            return new(new Failure(FailureKind.CorpMismatch), use);
        }

        var profile = await client.GetProfileAsync(use.Token, session.Value.UserId, deadline);
        if (profile.Failure is { Kind: FailureKind.TokenRejected } revoked)
        {
            (profile, use, _) = await CallAgainAsync(
                static (client, token, userId, deadline) => client.GetProfileAsync(token, userId, deadline), session.Value.UserId, use, revoked, replacements, deadline);
        }

        // A token works when every call has accepted it: a member who is not visible is an answer, too.
        if (profile.Failure is null or { Kind: FailureKind.MemberNotVisible })
        {
            tokens.Confirm(use.Token);
        }

        if (profile.Failure is { } unseen && (settings.RequireProfile || unseen.Kind is not (FailureKind.MemberNotVisible or FailureKind.OtherMember)))
        {
            return new(unseen, use);
        }

        return new(Compose(session.Value, profile), use);
    }

    /// <summary>Makes a data call again whose token WeCom rejected, with another one (rule T6).</summary>
    /// <returns>What came of it, with which token, and how many replacements the login has left.</returns>
    private async Task<(Result<T> Result, TokenUse Token, int Replacements)> CallAgainAsync<T>(
        DataCall<T> call, string argument, TokenUse use, Failure rejected, int replacements, Deadline deadline)
    {
        while (replacements > 0)
        {
            replacements--;
            var replacement = await tokens.ReplaceAsync(use.Token, rejected.Errcode, deadline.ForAll());
            if (replacement.Failure is { } none)
            {
                return (none, default, replacements);
            }

            use = replacement.Value;
            telemetry.TokenUsed(use);
            var result = await call(client, use.Token, argument, deadline);
            if (result.Failure is not { Kind: FailureKind.TokenRejected } again)
            {
                return (result, use, replacements);
            }

            rejected = again;
        }

        return (rejected with { Kind = FailureKind.Misconfigured }, use, replacements);
    }

    private static ReadOnlyMemory<byte> Compose(Session session, Result<RentedBytes> read)
    {
        using var profile = read.Failure is null ? read.Value : null;
        var buffer = new ArrayBufferWriter<byte>(256 + (profile?.Length ?? 0));
        using var json = new Utf8JsonWriter(buffer, Verbatim);
        json.WriteStartObject();
        json.WriteString("userid"u8, session.UserId);
        json.WriteString("corpid"u8, session.CorpId);
        json.WritePropertyName("profile"u8);
        if (profile is not null)
        {
            json.WriteRawValue(profile.Span, skipInputValidation: true);
        }
        else if (read.Failure is { } unseen)
        {
            var problem = Problem.Of(unseen.Kind);
            json.WriteNullValue();
            json.WriteStartObject("profileError"u8);
            json.WriteString("code"u8, problem.Code);
            if (unseen.Errcode is { } errcode)
            {
                json.WriteNumber("errcode"u8, errcode);
            }

            json.WriteBoolean("retryable"u8, problem.IsRetryable);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}
