using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;

namespace WeComFunc.WeCom;

/// <summary>
/// The three calls of WeCom's server API behind a login. Failures are values. -1, HTTP 5xx, lost connections and time-outs are tried
/// three times in all; every other errcode is final (rule L2). No secret leaves it: not in a log line, a trace or an exception.
/// </summary>
internal sealed partial class WeComClient(
    HttpMessageInvoker http, Settings settings, TimeProvider time, Random random, Telemetry telemetry, ILogger<WeComClient> logger)
{
    private const int Attempts = 3;
    private const int LargestAnswer = 1024 * 1024;
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(3);

    private static readonly Pause AttemptPause = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(1));

    private readonly string _baseUrl = settings.BaseUrl.AbsoluteUri;

    private readonly Func<ReadOnlyMemory<byte>, Answer<RentedBytes>> _readProfile = json => Profile.Read(json.Span, settings.ProfileFields);

    /// <summary>The handler that the calls need: it follows changes of DNS and no redirects, and no diagnostics see the queries.</summary>
    public static SocketsHttpHandler CreateHandler() => new()
    {
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        ConnectTimeout = AttemptLimit,
        AllowAutoRedirect = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
    };

    /// <summary><c>gettoken</c> (document 91039).</summary>
    /// <param name="corpId">企业ID.</param>
    /// <param name="secret">The corpsecret of the app.</param>
    /// <param name="deadline">The time for all attempts: when it is over, the failure is <see cref="FailureKind.Busy"/>.</param>
    /// <param name="isTriedOnce">Makes one attempt and no more: where WeCom has refused the corpsecret, it counts them (rule T7).</param>
    public Task<Result<IssuedToken>> GetTokenAsync(string corpId, CorpSecret secret, Deadline deadline, bool isTriedOnce = false) =>
        SendAsync(
            new Call("gettoken", $"{_baseUrl}cgi-bin/gettoken?corpid={Uri.EscapeDataString(corpId)}&corpsecret={Uri.EscapeDataString(secret.Value)}", secret.Value, ""),
            Answers.OfGetToken,
            deadline,
            isTriedOnce ? Attempts : 1);

    /// <summary><c>miniprogram/jscode2session</c> (document 96959).</summary>
    /// <inheritdoc cref="GetTokenAsync" path="/param[@name='deadline']" />
    public Task<Result<Session>> GetSessionAsync(AccessToken token, string code, Deadline deadline) =>
        SendAsync(
            new Call(
                "jscode2session",
                $"{_baseUrl}cgi-bin/miniprogram/jscode2session?access_token={token.Escaped}&js_code={Uri.EscapeDataString(code)}&grant_type=authorization_code",
                token.Value,
                code),
            Answers.OfGetSession,
            deadline);

    /// <summary><c>user/get</c> (document 96255): the member's profile as a JSON object, only with the members asked for in the settings.</summary>
    /// <inheritdoc cref="GetTokenAsync" path="/param[@name='deadline']" />
    public Task<Result<RentedBytes>> GetProfileAsync(AccessToken token, string userId, Deadline deadline) =>
        SendAsync(
            new Call("user/get", $"{_baseUrl}cgi-bin/user/get?access_token={token.Escaped}&userid={Uri.EscapeDataString(userId)}", token.Value, ""),
            _readProfile,
            deadline);

    private async Task<Result<T>> SendAsync<T>(Call call, Func<ReadOnlyMemory<byte>, Answer<T>> read, Deadline deadline, int attempt = 1)
        where T : class
    {
        var activity = Telemetry.Source.StartActivity(call.Api, ActivityKind.Client);
        var started = time.GetTimestamp();
        int? errcode = null;
        Failure failure;
        try
        {
            var limit = deadline.For(AttemptLimit);
            using var request = new HttpRequestMessage(HttpMethod.Get, call.Url);
            using var response = await http.SendAsync(request, limit);
            if (response.StatusCode == HttpStatusCode.OK)
            {
                var (buffer, length) = await ReadAsync(response.Content, limit);
                Answer<T> answer;
                try
                {
                    answer = read(buffer.AsMemory(0, length));
                }
                finally
                {
                    ArrayPool<byte>.Shared.Return(buffer);
                }

                errcode = answer.Errcode;
                if (errcode is 0 && answer.Value is { } value)
                {
                    return value;
                }

                failure = Explain(call, answer.Errcode, answer.Errmsg);
            }
            else
            {
                LogStatus(logger, call.Api, (int)response.StatusCode);
                failure = new((int)response.StatusCode >= 500 ? FailureKind.Busy : FailureKind.Unexpected);
            }
        }
        catch (Exception exception) when (exception is JsonException or FormatException or InvalidOperationException or InvalidDataException)
        {
            LogMalformed(logger, call.Api, exception.Message);
            failure = new(FailureKind.Unexpected);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            LogUnreachable(logger, call.Api, exception is OperationCanceledException ? "no answer in time" : exception.Message);
            failure = new(FailureKind.Busy);
        }
        finally
        {
            var outcome = Telemetry.Label(errcode);
            activity?.SetTag("wecom.errcode", outcome);
            activity?.Dispose();
            telemetry.Call(call.Api, outcome, time.GetElapsedTime(started));
        }

        var isWorthAnother = failure is { Kind: FailureKind.Busy, Errcode: null or Errcodes.SystemBusy } && attempt < Attempts && !deadline.IsOver;
        return isWorthAnother ? await SendAgainAsync(call, read, deadline, attempt) : failure;
    }

    private async Task<Result<T>> SendAgainAsync<T>(Call call, Func<ReadOnlyMemory<byte>, Answer<T>> read, Deadline deadline, int attempt)
        where T : class
    {
        await Task.Delay(AttemptPause.After(attempt, random), time, deadline.ForAll()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return await SendAsync(call, read, deadline, attempt + 1);
    }

    private Failure Explain(Call call, int? errcode, string? errmsg)
    {
        if (errcode is not { } code || code == 0)
        {
            LogMalformed(logger, call.Api, "a documented member is missing");
            return new Failure(FailureKind.Unexpected);
        }

        var kind = call.Api == "gettoken" ? Errcodes.OfGetToken(code) : Errcodes.OfDataCall(code);
        var level = kind is FailureKind.InvalidCode or FailureKind.MemberNotVisible ? LogLevel.Information : LogLevel.Warning;
        LogErrcode(logger, level, call.Api, code, call.Redact(errmsg));
        return new Failure(kind, code, code == Errcodes.FrequencyLimit ? TimeSpan.FromMinutes(1) : null);
    }

    private static async ValueTask<(byte[] Buffer, int Length)> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        var stream = await content.ReadAsStreamAsync(cancellationToken);
        var buffer = ArrayPool<byte>.Shared.Rent(4096);
        for (var length = 0; ;)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
            if (read == 0)
            {
                return (buffer, length);
            }

            length += read;
            if (length > LargestAnswer)
            {
                throw new InvalidDataException("it is larger than 1 MiB");
            }

            if (length == buffer.Length)
            {
                var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                buffer.CopyTo(larger, 0);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }
        }
    }

    [LoggerMessage(101, LogLevel.Warning, "WeCom {Api}: HTTP status {Status}")]
    private static partial void LogStatus(ILogger logger, string api, int status);

    [LoggerMessage(102, LogLevel.Warning, "WeCom {Api}: the answer is not the documented JSON: {Reason}")]
    private static partial void LogMalformed(ILogger logger, string api, string reason);

    [LoggerMessage(103, LogLevel.Warning, "WeCom {Api}: out of reach: {Reason}")]
    private static partial void LogUnreachable(ILogger logger, string api, string reason);

    [LoggerMessage(EventId = 104, Message = "WeCom {Api}: errcode {Errcode}, errmsg {Errmsg}")]
    private static partial void LogErrcode(ILogger logger, LogLevel level, string api, int errcode, string errmsg);

    /// <summary>One call: what is sent, and which parts of it are secret.</summary>
    private readonly record struct Call(string Api, string Url, string Secret, string OtherSecret)
    {
        public override string ToString() => Api;

        /// <summary>errmsg as it may be logged: one line, not endless, and without what was secret in the call, should WeCom repeat it.</summary>
        public string Redact(string? errmsg)
        {
            var text = Hide(Hide(errmsg ?? "", Secret), OtherSecret).ReplaceLineEndings(" ");
            return text.Length <= 500 ? text : text[..500];
        }

        private static string Hide(string text, string secret) => secret.Length == 0
            ? text
            : text.Replace(secret, "***", StringComparison.Ordinal).Replace(Uri.EscapeDataString(secret), "***", StringComparison.Ordinal);
    }
}
