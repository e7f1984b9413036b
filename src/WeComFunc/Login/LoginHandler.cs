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
    /// <summary>The token in hand, the one in the row, a fresh one: there is nothing to try after that.</summary>
    private const int TokensPerCall = 3;

    private static readonly TimeSpan LoginLimit = TimeSpan.FromSeconds(10);
    private static readonly JsonWriterOptions Verbatim = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly ConcurrentDictionary<string, Task<LoginOutcome>> _underWay = new(StringComparer.Ordinal);

    private delegate Task<Result<T>> DataCall<T>(WeComClient client, AccessToken token, string argument, CancellationToken cancellationToken);

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
        return outcome;
    }

    private async Task<LoginOutcome> ExchangeAsync(string code)
    {
        using var limit = new CancellationTokenSource(LoginLimit, time);
        var (session, token) = await CallAsync(static (client, token, code, limit) => client.GetSessionAsync(token, code, limit), code, limit.Token);
        if (session.Failure is { } failure)
        {
            return new(failure, token);
        }

        if (session.Value.CorpId != settings.App.CorpId)
        {
            return new(new Failure(FailureKind.CorpMismatch), token);
        }

        var (profile, later) = await CallAsync(static (client, token, userId, limit) => client.GetProfileAsync(token, userId, limit), session.Value.UserId, limit.Token);
        token = later.Reason is RenewalReason.Rejected ? later : token;
        return profile.Failure is { } unseen && (settings.RequireProfile || unseen.Kind is not FailureKind.MemberNotVisible)
            ? new(unseen, token)
            : new(Compose(session.Value, profile), token);
    }

    /// <summary>Makes a data call; when WeCom rejects its token, again with another one (rule T6).</summary>
    private async Task<(Result<T> Result, TokenUse Token)> CallAsync<T>(DataCall<T> call, string argument, CancellationToken limit)
    {
        var use = await tokens.GetAsync(limit);
        for (var tried = 1; ; tried++)
        {
            if (use.Failure is { } none)
            {
                return (none, default);
            }

            var (token, source, reason) = use.Value;
            telemetry.TokenUsed(source, reason);
            var result = await call(client, token, argument, limit);
            if (result.Failure is not { Kind: FailureKind.TokenRejected } rejected)
            {
                if (result.Failure is null)
                {
                    tokens.Confirm(token);
                }

                return (result, use.Value);
            }

            if (tried == TokensPerCall)
            {
                return (rejected with { Kind = FailureKind.Misconfigured }, use.Value);
            }

            use = await tokens.ReplaceAsync(token, rejected.Errcode, limit);
        }
    }

    private static ReadOnlyMemory<byte> Compose(Session session, Result<ArrayBufferWriter<byte>> profile)
    {
        var buffer = new ArrayBufferWriter<byte>(256 + (profile.Failure is null ? profile.Value.WrittenCount : 0));
        using var json = new Utf8JsonWriter(buffer, Verbatim);
        json.WriteStartObject();
        json.WriteString("userid"u8, session.UserId);
        json.WriteString("corpid"u8, session.CorpId);
        json.WritePropertyName("profile"u8);
        if (profile.Failure is { } failure)
        {
            json.WriteNullValue();
            json.WriteStartObject("profileError"u8);
            json.WriteString("code"u8, Problem.Of(failure.Kind).Code);
            json.WriteNumber("errcode"u8, failure.Errcode ?? 0);
            json.WriteEndObject();
        }
        else
        {
            json.WriteRawValue(profile.Value.WrittenSpan, skipInputValidation: true);
        }

        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}
