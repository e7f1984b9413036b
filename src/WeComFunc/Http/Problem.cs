using System.Text.Json;
using System.Text.Json.Serialization;

namespace WeComFunc.Http;

/// <summary>What a caller of the login can be told instead of who is logged in (RFC 9457). The table of the contract.</summary>
/// <param name="Code">What programs go by; the end of its <c>type</c>, too.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Title">What it is, in one sentence.</param>
/// <param name="Detail">What to do, in one sentence or two.</param>
/// <param name="IsRetryable">Whether another try may help, with a new code.</param>
/// <param name="IsAtOnce">Whether that try need not wait.</param>
public sealed partial record Problem(string Code, int Status, string Title, string Detail, bool IsRetryable = false, bool IsAtOnce = false)
{
    /// <summary>The body is not what the contract says.</summary>
    public static readonly Problem InvalidRequest = new("invalid_request", 400, "The request is malformed.",
        "The body must be a JSON object whose member code is a string of 1 to 512 printable ASCII characters, and whose member app, where "
            + "it has one, is the name of an app; no member of these twice.");

    /// <summary>The host hands on no body that came without a length.</summary>
    public static readonly Problem LengthRequired = new("length_required", 411, "The length of the request is missing.",
        "Send the body in one piece with a Content-Length; one that comes in chunks (Transfer-Encoding) is not read here.");

    /// <summary>The body is over 8 KiB.</summary>
    public static readonly Problem PayloadTooLarge = new(
        "payload_too_large", 413, "The request is too large.", "The body must not exceed 8 KiB.");

    /// <summary>The content type is not JSON.</summary>
    public static readonly Problem UnsupportedMediaType = new("unsupported_media_type", 415, "The content type is not JSON.",
        "Send the body with Content-Type: application/json, in UTF-8.");

    /// <summary>See <see cref="FailureKind.InvalidCode"/>.</summary>
    public static readonly Problem InvalidCode = new("invalid_code", 401, "The code is not valid.",
        "It was used, has expired, or is not of this mini program. Call wx.qy.login again and post the new code.");

    /// <summary>See <see cref="FailureKind.CorpMismatch"/>.</summary>
    public static readonly Problem CorpMismatch = new("corp_mismatch", 403, "The member belongs to another corp.",
        "Switch to the right corp in WeCom, call wx.qy.login again and post the new code.");

    /// <summary>See <see cref="FailureKind.OtherApp"/>.</summary>
    public static readonly Problem OtherApp = new("other_app", 409, "The member belongs to the corp of another app.",
        "Call wx.qy.login again and post the new code with the member app as it stands here; remember it for the logins to "
        + "come.", IsRetryable: true, IsAtOnce: true);

    /// <summary>See <see cref="FailureKind.InvalidSession"/>.</summary>
    public static readonly Problem InvalidSession = new("invalid_session", 401, "The session is not valid.",
        "It has expired, or is not of this service. Log in again and send the new session token.");

    /// <summary>Whatever is wrong with encrypted data; which that is, is told to nobody.</summary>
    public static readonly Problem InvalidData = new("invalid_data", 400, "The data is not valid.",
        "Post encryptedData and iv as the call of wx.qy gave them, within ten minutes, with the session of the member's latest login.");

    /// <summary>See <see cref="FailureKind.MemberNotVisible"/>.</summary>
    public static readonly Problem MemberNotVisible = new("member_not_visible", 403, "The member is not visible to the app.",
        "An administrator of the corp can add the member to the visible range of the app.");

    /// <summary>The limiter's.</summary>
    public static readonly Problem TooManyRequests = new(
        "too_many_requests", 429, "Too many logins from this address.", "Wait as long as Retry-After says.", true);

    /// <summary>See <see cref="FailureKind.Unexpected"/>.</summary>
    public static readonly Problem WeComUnexpected = new(
        "wecom_unexpected", 502, "WeCom answered something unexpected.", "Tell the operator the traceId.");

    /// <summary>See <see cref="FailureKind.Busy"/>.</summary>
    public static readonly Problem WeComBusy = new("wecom_busy", 503, "WeCom is busy or out of reach.",
        "Wait as long as Retry-After says, call wx.qy.login again and post the new code.", true);

    /// <summary>The same, where it is not WeCom that is waited for.</summary>
    public static readonly Problem DataBusy = new(WeComBusy.Code, WeComBusy.Status, "The data cannot be opened right now.",
        "Wait as long as Retry-After says, and post the same again.", true);

    /// <summary>See <see cref="FailureKind.Misconfigured"/>.</summary>
    public static readonly Problem Misconfigured = new(
        "misconfigured", 500, "The service is misconfigured.", "Tell the operator the traceId; the log says what to do.");

    /// <summary>Anything else.</summary>
    public static readonly Problem InternalError = new(
        "internal_error", 500, "Something went wrong in the service.", "Tell the operator the traceId.");

    /// <summary>The problem that a failure is to the caller.</summary>
    public static Problem Of(FailureKind kind) => kind switch
    {
        FailureKind.InvalidCode => InvalidCode,
        FailureKind.CorpMismatch => CorpMismatch,
        FailureKind.OtherApp => OtherApp,
        FailureKind.MemberNotVisible => MemberNotVisible,
        FailureKind.InvalidSession => InvalidSession,
        FailureKind.Busy => WeComBusy,
        FailureKind.Unexpected => WeComUnexpected,
        _ => Misconfigured,
    };

    /// <summary>The body, in UTF-8.</summary>
    public byte[] ToJson(int? errcode, string traceId, string? app = null) => JsonSerializer.SerializeToUtf8Bytes(
        new Body($"urn:wecomfunc:problem:{Code}", Title, Status, Detail, Code, errcode, IsRetryable, traceId, app),
        ProblemJson.Default.Body);

    private sealed record Body(
        string Type, string Title, int Status, string Detail, string Code, int? Errcode, bool Retryable, string TraceId, string? App);

    [JsonSourceGenerationOptions(
        PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
    [JsonSerializable(typeof(Body))]
    private sealed partial class ProblemJson : JsonSerializerContext;
}
