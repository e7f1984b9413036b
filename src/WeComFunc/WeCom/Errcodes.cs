namespace WeComFunc.WeCom;

/// <summary>What WeCom's errcodes mean here (全局错误码, WeCom document 90313) and what an operator does about them.</summary>
public static class Errcodes
{
    /// <summary>Busy; worth another attempt (at most three in all, says document 90313).</summary>
    public const int SystemBusy = -1;

    /// <summary>The corpsecret is wrong, reset, or its app is stopped. From a data call it has been seen to mean the access_token.</summary>
    public const int InvalidCredential = 40001;

    /// <summary>The corpsecret is not one of this corp.</summary>
    public const int InvalidSecret = 40091;

    /// <summary>The access_token is invalid, or is that of an app which the mini program is not associated with.</summary>
    public const int InvalidAccessToken = 40014;

    /// <summary>The access_token has expired.</summary>
    public const int ExpiredAccessToken = 42001;

    /// <summary>Calls too frequent; the API is blocked until the minute (hour, day) is over (document 90454).</summary>
    public const int FrequencyLimit = 45009;

    /// <summary>The class of an errcode that a data call (anything but <c>gettoken</c>) answered, <c>jscode2session</c> above all.</summary>
    public static FailureKind OfDataCall(int errcode) => errcode switch
    {
        InvalidCredential or InvalidAccessToken or ExpiredAccessToken => FailureKind.TokenRejected,
        40029 or 42003 or 40163 or 42013 => FailureKind.InvalidCode,
        60111 or 40003 or 46004 or 60011 or 50002 => FailureKind.MemberNotVisible,
        SystemBusy or FrequencyLimit or 45033 => FailureKind.Busy,
        40013 or InvalidSecret or 41002 or 41004 or 48002 or 48004 or 48006 or 50003 or 60020 or 90206 or 90208 or 301002 or 301007
            => FailureKind.Misconfigured,
        _ => FailureKind.Unexpected,
    };

    /// <summary>The class of an errcode that <c>gettoken</c> answered: there is no token yet that could have been rejected, and no code or member.</summary>
    public static FailureKind OfGetToken(int errcode) => OfDataCall(errcode) switch
    {
        FailureKind.TokenRejected => FailureKind.Misconfigured,
        FailureKind.InvalidCode or FailureKind.MemberNotVisible => FailureKind.Unexpected,
        var kind => kind,
    };

    /// <summary>The class of an errcode that <c>user/get</c> answered: the code is exchanged by then.</summary>
    public static FailureKind OfGetUser(int errcode) => OfDataCall(errcode) is var kind && kind is FailureKind.InvalidCode ? FailureKind.Unexpected : kind;

    /// <summary>Whether an errcode of <c>gettoken</c> is about the corpsecret.</summary>
    public static bool IsAboutSecret(int? errcode) => errcode is InvalidCredential or InvalidSecret;

    /// <summary>One sentence that tells an operator what to do; for logs and health, never for callers of the login.</summary>
    public static string Advice(FailureKind kind, int? errcode) => errcode switch
    {
        InvalidCredential or InvalidSecret => "WeCom refuses the corpsecret: copy the current one of the app from WeCom's admin console into the Key Vault secret; no restart is needed.",
        40013 or 41002 => "WeCom does not know the corpid: set WeCom__CorpId to the 企业ID shown in WeCom's admin console under 我的企业.",
        41004 => "The corpsecret is empty: store the one of the app in the Key Vault secret.",
        InvalidAccessToken or ExpiredAccessToken => "WeCom rejects every token: associate the mini program, in WeCom's admin console, with the very app whose corpsecret is in Key Vault, or store that app's corpsecret.",
        48002 or 301002 => "The app may not call this API: use the corpsecret of the app that the mini program is associated with, not that of contact sync or another app.",
        48004 or 48006 => "The app's permission has lapsed: an administrator of the corp has to grant it again in WeCom's admin console.",
        50003 => "The app is disabled: enable it in WeCom's admin console; that is tried again within twelve minutes.",
        301007 => "The corp is not available in WeCom: ask WeCom's support.",
        60020 => "WeCom does not trust this address: enter the outbound address named in errmsg under 企业可信IP of the app; it takes effect after a minute, and is tried again within twelve minutes.",
        90206 or 90208 => "The mini program is not associated with this corp: associate it in WeCom's admin console.",
        FrequencyLimit => "Too many calls: WeCom blocks this API for a minute or an hour; find who else calls with this corp's apps.",
        _ => kind switch
        {
            FailureKind.Busy => "WeCom or Key Vault is busy or out of reach: nothing to do if it passes; otherwise check the outbound network.",
            FailureKind.Misconfigured => "Check that the Key Vault secret exists, is enabled and not empty, and that the app's identity has the role Key Vault Secrets User on it.",
            FailureKind.Unexpected => "WeCom answered something undocumented: look the errcode up in document 90313, or check WeCom__BaseUrl and any proxy in between.",
            _ => "",
        },
    };
}
