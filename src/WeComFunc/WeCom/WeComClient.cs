using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Runtime.ExceptionServices;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace WeComFunc.WeCom;

/// <summary>
/// The calls of WeCom's server API behind a login, for one app. Failures are values. -1, 6000, HTTP 408, 429 and 5xx, lost connections and
/// time-outs are tried three times in all; every other errcode is final (rule L2). No secret leaves it: not in a log line, a trace or an
/// exception.
/// </summary>
internal sealed partial class WeComClient(
    HttpMessageInvoker http, Uri baseUrl, WeComApp app, TimeProvider time, Random random, Telemetry telemetry, ILogger<WeComClient> logger)
{
    private const int Attempts = 3;
    private const int LargestAnswer = 1024 * 1024;
    private const int LongestErrmsg = 500;
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(3);

    // As long as WeCom's own blocks are at most, but for that of a month (document 90454).
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromDays(1);

    private static readonly Pause AttemptPause = new(TimeSpan.FromMilliseconds(200), TimeSpan.FromSeconds(1));

    private readonly string _baseUrl = baseUrl.AbsoluteUri;

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
    /// <param name="corpSecret">The corpsecret of the app.</param>
    /// <param name="deadline">The time for all attempts: when it is over, the failure is <see cref="FailureKind.Busy"/>.</param>
    /// <param name="isTriedOnce">Makes one attempt and no more: where WeCom has refused the corpsecret, it counts them (rule T7).</param>
    public Task<Result<IssuedToken>> GetTokenAsync(string corpSecret, Deadline deadline, bool isTriedOnce = false) =>
        SendAsync(
            new Call(
                "gettoken",
                $"{_baseUrl}cgi-bin/gettoken?corpid={Uri.EscapeDataString(app.CorpId)}&corpsecret={Uri.EscapeDataString(corpSecret)}",
                corpSecret,
                ""),
            static (_, json) => Answers.OfGetToken(json),
            deadline,
            isTriedOnce ? Attempts : 1);

    /// <summary><c>miniprogram/jscode2session</c> (document 96959).</summary>
    /// <param name="accessToken">The access_token of the app.</param>
    /// <param name="code">The js_code from <c>wx.qy.login</c>.</param>
    /// <param name="deadline">The time for all attempts: when it is over, the failure is <see cref="FailureKind.Busy"/>.</param>
    public Task<Result<Member>> ExchangeCodeAsync(string accessToken, string code, Deadline deadline) =>
        SendAsync(
            new Call(
                "jscode2session",
                $"{_baseUrl}cgi-bin/miniprogram/jscode2session?access_token={Uri.EscapeDataString(accessToken)}"
                    + $"&js_code={Uri.EscapeDataString(code)}&grant_type=authorization_code",
                accessToken,
                code)
            {
                IsOnceOnly = true,
                WantsSessionKey = app.MiniProgramAppId is not null,
            },
            static (call, json) => Answers.OfExchange(json, call.WantsSessionKey),
            deadline);

    /// <summary><c>user/get</c> (document 96255): the member's profile as a JSON object.</summary>
    /// <param name="accessToken">The access_token of the app.</param>
    /// <param name="userId">Whose.</param>
    /// <param name="fields">Its members to keep; empty for all.</param>
    /// <param name="deadline">The time for all attempts: when it is over, the failure is <see cref="FailureKind.Busy"/>.</param>
    public Task<Result<RentedBytes>> GetProfileAsync(
        string accessToken, string userId, IReadOnlyCollection<string> fields, Deadline deadline) =>
        SendAsync(
            new Call(
                "user/get",
                $"{_baseUrl}cgi-bin/user/get?access_token={Uri.EscapeDataString(accessToken)}&userid={Uri.EscapeDataString(userId)}",
                accessToken,
                "")
            {
                UserId = userId,
                Fields = fields,
            },
            static (call, json) => Profile.Read(json.Span, call.UserId, call.Fields),
            deadline);

    /// <summary><c>department/get</c> (document 95407), once and no more: a name is not worth another attempt.</summary>
    /// <param name="accessToken">The access_token of the app.</param>
    /// <param name="id">Which department.</param>
    /// <param name="deadline">The time it has: when it is over, the failure is <see cref="FailureKind.Busy"/>.</param>
    public Task<Result<Department>> GetDepartmentAsync(string accessToken, int id, Deadline deadline) =>
        SendAsync(
            new Call(
                "department/get",
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"{_baseUrl}cgi-bin/department/get?access_token={Uri.EscapeDataString(accessToken)}&id={id}"),
                accessToken,
                "")
            {
                Id = id,
            },
            static (call, json) => Answers.OfGetDepartment(json, call.Id),
            deadline,
            Attempts);

    private async Task<Result<T>> SendAsync<T>(
        Call call, Func<Call, ReadOnlyMemory<byte>, Answer<T>> read, Deadline deadline, int attempt = 1)
        where T : class
    {
        var activity = Telemetry.Source.StartActivity(call.Api, ActivityKind.Client);
        var started = time.GetTimestamp();
        int? errcode = null;
        Failure failure;
        try
        {
            var limit = deadline.For(AttemptLimit);
            using var request = new HttpRequestMessage(HttpMethod.Get, call.Url) { Content = call.IsOnceOnly ? NoContent.Shared : null };
            using var response = await http.SendAsync(request, limit);
            if (response.IsSuccessStatusCode)
            {
                var (buffer, length) = await ReadAsync(response.Content, limit);
                Answer<T> answer;
                try
                {
                    answer = Read(call, buffer.AsMemory(0, length), read);
                }
                finally
                {
                    // It may hold a token or a session_key.
                    ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
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
                LogStatus(logger, call.Api, (int)response.StatusCode, app.Name);
                failure = IsBusy(response.StatusCode)
                    ? new(FailureKind.Busy, RetryAfter: RetryAfter(response))
                    : new(FailureKind.Unexpected);
                call = call with { MayHaveArrived = true };
            }
        }
        catch (Exception exception) when (
            exception is JsonException or InvalidOperationException or InvalidDataException or UnfitAnswerException)
        {
            LogMalformed(logger, call.Api, ForeignText.Explain(exception), app.Name);
            failure = new(FailureKind.Unexpected);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException)
        {
            LogUnreachable(logger, call.Api, ForeignText.Explain(exception), app.Name);
            failure = new(FailureKind.Busy);
            call = call with { MayHaveArrived = call.MayHaveArrived || !IsWithoutConnection(exception) };
        }
        finally
        {
            var outcome = Telemetry.Label(errcode);
            activity?.SetTag("wecom.errcode", outcome);
            activity?.Dispose();
            telemetry.Call(call.Api, outcome, app.Name, time.GetElapsedTime(started));
        }

        var isWorthAnother = failure is { Kind: FailureKind.Busy, Errcode: null or Errcodes.SystemBusy or Errcodes.VersionConflict }
            && attempt < Attempts && (failure.RetryAfter ?? TimeSpan.Zero) < deadline.Left;
        return isWorthAnother ? await SendAgainAsync(call, read, deadline, attempt, failure) : failure;
    }

    private async Task<Result<T>> SendAgainAsync<T>(
        Call call, Func<Call, ReadOnlyMemory<byte>, Answer<T>> read, Deadline deadline, int attempt, Failure failure)
        where T : class
    {
        var pause = AttemptPause.After(attempt, random);
        await Task.Delay(failure.RetryAfter > pause ? failure.RetryAfter.Value : pause, time, deadline.ForAll()).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return deadline.IsOver ? failure : await SendAsync(call, read, deadline, attempt + 1);
    }

    /// <summary>
    /// Reads an answer as it is, and cleaned where it is not clean JSON. Of one that cannot be read even so, a refusal's errcode still
    /// counts.
    /// </summary>
    private static Answer<T> Read<T>(Call call, ReadOnlyMemory<byte> json, Func<Call, ReadOnlyMemory<byte>, Answer<T>> read)
        where T : class
    {
        try
        {
            return read(call, json);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            var clean = CleanJson.Of(json.Span);
            try
            {
                return read(call, clean);
            }
            catch (Exception again) when (again is JsonException or InvalidOperationException)
            {
                if (Answers.ErrcodeAhead(clean) is { } errcode and not 0)
                {
                    return new(errcode, null, null);
                }

                // Its positions are those of the answer as it came.
                ExceptionDispatchInfo.Throw(exception);
                throw;
            }
        }
    }

    /// <summary>Whether a status says that it passes; gateways before WeCom answer 408 and 429.</summary>
    private static bool IsBusy(HttpStatusCode status) =>
        status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError;

    /// <summary>
    /// How long a gateway wants to be left alone, a day at most; null when it does not say, or says something in the past.
    /// </summary>
    private TimeSpan? RetryAfter(HttpResponseMessage response) =>
        response.Headers.RetryAfter is { } header && (header.Delta ?? header.Date - time.GetUtcNow()) is { Ticks: > 0 } pause
            ? pause < LongestRetryAfter ? pause : LongestRetryAfter
            : null;

    private Failure Explain(Call call, int? errcode, string? errmsg)
    {
        if (errcode is not { } code || code == 0)
        {
            LogMalformed(logger, call.Api, "a documented member is missing", app.Name);
            return new Failure(FailureKind.Unexpected);
        }

        var kind = call.Api switch
        {
            "gettoken" => Errcodes.OfGetToken(code),
            "user/get" => Errcodes.OfGetUser(code),
            "department/get" => Errcodes.OfGetDepartment(code),
            _ => Errcodes.OfDataCall(code),
        };
        if (kind is FailureKind.InvalidCode && call.MayHaveArrived)
        {
            // WeCom may have taken the code in an attempt whose answer was lost: that is the network's fault, not the code's.
            kind = FailureKind.Busy;
        }

        var level = kind is FailureKind.InvalidCode or FailureKind.MemberNotVisible or FailureKind.CorpMismatch
            ? LogLevel.Information
            : LogLevel.Warning;
        LogErrcode(logger, level, call.Api, code, app.Name, call.Redact(errmsg));
        return new Failure(kind, code, code == Errcodes.FrequencyLimit ? TimeSpan.FromMinutes(1) : null);
    }

    /// <summary>Whether an attempt ended before anything of it can have reached WeCom.</summary>
    private static bool IsWithoutConnection(Exception exception) => exception is HttpRequestException
    {
        HttpRequestError: HttpRequestError.NameResolutionError or HttpRequestError.ConnectionError
            or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError,
    };

    /// <summary>The body as it was before a gateway compressed it: nobody has asked for that, as it costs more than it saves.</summary>
    private static Stream Decompressed(Stream stream, HttpContent content) =>
        !content.Headers.NonValidated.TryGetValues("Content-Encoding", out var encoding)
        ? stream
        : encoding.ToString().ToUpperInvariant() switch
        {
            "GZIP" or "X-GZIP" => new GZipStream(stream, CompressionMode.Decompress),
            "DEFLATE" => new ZLibStream(stream, CompressionMode.Decompress),
            "BR" => new BrotliStream(stream, CompressionMode.Decompress),
            _ => stream,
        };

    private static async ValueTask<(byte[] Buffer, int Length)> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var stream = Decompressed(await content.ReadAsStreamAsync(cancellationToken), content);
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
                throw new UnfitAnswerException("it is larger than 1 MiB");
            }

            if (length == buffer.Length)
            {
                var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                buffer.CopyTo(larger, 0);
                ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
                buffer = larger;
            }
        }
    }

    [LoggerMessage(101, LogLevel.Warning, "WeCom {Api}: HTTP status {Status}, app {App}")]
    private static partial void LogStatus(ILogger logger, string api, int status, string app);

    [LoggerMessage(102, LogLevel.Warning, "WeCom {Api}: the answer is not the documented JSON: {Reason}, app {App}")]
    private static partial void LogMalformed(ILogger logger, string api, string reason, string app);

    [LoggerMessage(103, LogLevel.Warning, "WeCom {Api}: out of reach: {Reason}, app {App}")]
    private static partial void LogUnreachable(ILogger logger, string api, string reason, string app);

    [LoggerMessage(EventId = 104, Message = "WeCom {Api}: errcode {Errcode}, app {App}, errmsg {Errmsg}")]
    private static partial void LogErrcode(ILogger logger, LogLevel level, string api, int errcode, string app, string errmsg);

    /// <summary>One call: what is sent, and which parts of it are secret.</summary>
    private readonly record struct Call(string Api, string Url, string Secret, string OtherSecret)
    {
        /// <summary>The member that is asked for.</summary>
        public string UserId { get; init; } = "";

        /// <summary>The department that is asked for.</summary>
        public int Id { get; init; }

        /// <summary>The members of the profile to keep.</summary>
        public IReadOnlyCollection<string> Fields { get; init; } = [];

        /// <summary>Whether the session_key is to be read.</summary>
        public bool WantsSessionKey { get; init; }

        /// <summary>
        /// Whether a repeated call meets another answer. .NET's handler repeats a call by itself whose connection ended before an answer,
        /// unless it has content: so this one has, of zero bytes.
        /// </summary>
        public bool IsOnceOnly { get; init; }

        /// <summary>Whether WeCom may have taken an earlier attempt whose answer did not come back.</summary>
        public bool MayHaveArrived { get; init; }

        public override string ToString() => Api;

        /// <summary>
        /// errmsg as it may be logged: printable, not endless, and without what was secret in the call, should WeCom repeat it.
        /// </summary>
        public string Redact(string? errmsg) => ForeignText.Printable(Hide(Hide(errmsg ?? "", Secret), OtherSecret), LongestErrmsg);

        private static string Hide(string text, string secret) => secret.Length == 0
            ? text
            : text.Replace(secret, "***", StringComparison.Ordinal).Replace(Uri.EscapeDataString(secret), "***", StringComparison.Ordinal);
    }
}
