using System.Collections.Frozen;

namespace WeComFunc.WeCom;

/// <summary>What one of WeCom's errcodes means here.</summary>
/// <param name="Number">The errcode.</param>
/// <param name="Kind">Its class where <c>jscode2session</c> answers it.</param>
/// <param name="Advice">
/// One sentence that tells an operator what to do; for logs and health, never for callers of the login. Empty where there is nothing to do.
/// </param>
/// <param name="IsOfForeignCodes">Whether WeCom answers the code of another mini program with it, too (rule T14).</param>
public sealed record Errcode(int Number, FailureKind Kind, string Advice = "", bool IsOfForeignCodes = false);

/// <summary>What WeCom's errcodes mean here (全局错误码, WeCom document 90313) and what an operator does about them.</summary>
public static class Errcodes
{
    /// <summary>Busy; worth another attempt (at most three in all, says document 90313).</summary>
    public const int SystemBusy = -1;

    /// <summary>Two calls changed the same data; worth another attempt.</summary>
    public const int VersionConflict = 6000;

    /// <summary>
    /// The corpsecret is wrong, reset, or its app is stopped. From a data call it has been seen to mean the access_token.
    /// </summary>
    public const int InvalidCredential = 40001;

    /// <summary>The corpsecret is not one of this corp.</summary>
    public const int InvalidSecret = 40091;

    /// <summary>The access_token is invalid, or is that of an app which the mini program is not associated with.</summary>
    public const int InvalidAccessToken = 40014;

    /// <summary>Calls too frequent; the API is blocked until the minute (hour, day) is over (document 90454).</summary>
    public const int FrequencyLimit = 45009;

    // What For puts another place of the corpsecret into.
    private const string TheSecret = "the Key Vault secret";
    private const string TheVault = "in Key Vault";
    private const string AtOnce = "; no restart is needed";
    private const string IsReadable =
        TheSecret + " exists, is enabled and not empty, and that the app's identity has the role Key Vault Secrets User on it";

    private const string WrongSecret =
        "WeCom refuses the corpsecret: copy the current one of the app from WeCom's admin console into " + TheSecret + AtOnce + ".";

    private const string NoSecret = "The corpsecret is empty: store the one of the app in " + TheSecret + ".";

    private const string WrongCorp =
        "WeCom does not know the corpid: set WeCom__CorpId to the 企业ID shown in WeCom's admin console under 我的企业.";

    private const string RejectedTokens =
        "WeCom rejects every token: associate the mini program, in WeCom's admin console, with the very app whose corpsecret is "
        + TheVault + ", or store that app's corpsecret.";

    private const string UntrustedAddress =
        "WeCom does not trust this address: enter the outbound address named in errmsg, which is the proxy's where there is one, under "
        + "企业可信IP of the app; it takes effect after a minute, and is tried again within twelve minutes.";

    private const string WrongApp =
        "The app may not call this API, which mostly means the corpsecret of another app: store that of the app which the mini program is "
        + "associated with, not that of contact sync or another one.";

    private const string NoRight =
        "The app may not call this API: have an administrator of the corp grant it in WeCom's admin console, or store the corpsecret of "
        + "the app that the mini program is associated with.";

    private const string ContactSync =
        "This is the corpsecret of contact sync (通讯录同步), which may not be used for this: store that of the app which the mini program is "
        + "associated with.";

    private const string Lapsed =
        "The app's permission has lapsed: an administrator of the corp has to grant it again in WeCom's admin console.";

    private const string NotAssociated =
        "The mini program is not associated with this corp's app: associate it in WeCom's admin console, or store the corpsecret of the "
        + "app that it is associated with.";

    private const string ThirdParty =
        "WeCom takes the mini program for that of a service provider: associate it with an app of your own corp, and store that app's "
        + "corpsecret.";

    private const string NotTaken =
        "WeCom does not take the code: a used or late one is nobody's fault; if it happens to everybody, the codes are of wx.login or of "
        + "another mini program, or the corpsecret is that of another app.";

    private const string OfAnotherMiniProgram =
        "The code is probably of another mini program: nothing to do, as the corpsecret has served logins; if nobody can log in any more, "
        + "associate the mini program with the app again.";

    private static readonly FrozenDictionary<int, Errcode> Table = ((Errcode[])
    [
        new(40029, FailureKind.InvalidCode, NotTaken),
        new(40078, FailureKind.InvalidCode),
        new(40163, FailureKind.InvalidCode),
        new(41008, FailureKind.InvalidCode),
        new(42003, FailureKind.InvalidCode),
        new(42013, FailureKind.InvalidCode),
        new(42022, FailureKind.InvalidCode),
        new(43016, FailureKind.InvalidCode),
        new(90307, FailureKind.InvalidCode),

        new(92002, FailureKind.CorpMismatch),

        new(40003, FailureKind.MemberNotVisible),
        new(46004, FailureKind.MemberNotVisible),
        new(50002, FailureKind.MemberNotVisible),
        new(60011, FailureKind.MemberNotVisible),
        new(60021, FailureKind.MemberNotVisible),
        new(60030, FailureKind.MemberNotVisible),
        new(60111, FailureKind.MemberNotVisible),
        new(660003, FailureKind.MemberNotVisible),
        new(92000, FailureKind.MemberNotVisible),

        new(SystemBusy, FailureKind.Busy),
        new(VersionConflict, FailureKind.Busy),
        new(
            FrequencyLimit, FailureKind.Busy,
            "Too many calls: WeCom blocks this API for a minute or an hour; find who else calls with this corp's apps."),
        new(45033, FailureKind.Busy, "Too many calls at the same time: find who else calls with this corp's apps."),

        new(InvalidCredential, FailureKind.TokenRejected, WrongSecret),
        new(InvalidAccessToken, FailureKind.TokenRejected, RejectedTokens, IsOfForeignCodes: true),
        new(41001, FailureKind.TokenRejected, RejectedTokens),
        new(42001, FailureKind.TokenRejected, RejectedTokens),

        new(40013, FailureKind.Misconfigured, WrongCorp),
        new(InvalidSecret, FailureKind.Misconfigured, WrongSecret),
        new(
            40141, FailureKind.Misconfigured,
            "WeCom finds the corp's account in disorder: an administrator of the corp has to look into it in WeCom's admin console, or ask "
            + "WeCom's support."),
        new(41002, FailureKind.Misconfigured, WrongCorp),
        new(41004, FailureKind.Misconfigured, NoSecret),
        new(41024, FailureKind.Misconfigured, NoSecret),
        new(
            45031, FailureKind.Misconfigured,
            "WeCom holds the corpsecret for unsafe: reset the app's Secret in WeCom's admin console, and store the new one in " + TheSecret
            + "."),
        new(48001, FailureKind.Misconfigured, NoRight),
        new(48002, FailureKind.Misconfigured, WrongApp, IsOfForeignCodes: true),
        new(48004, FailureKind.Misconfigured, Lapsed),
        new(48006, FailureKind.Misconfigured, Lapsed),
        new(48008, FailureKind.Misconfigured, ContactSync),
        new(48009, FailureKind.Misconfigured, ContactSync),
        new(
            50003, FailureKind.Misconfigured,
            "The app is disabled: enable it in WeCom's admin console; that is tried again within twelve minutes."),
        new(
            50006, FailureKind.Misconfigured,
            "This is the corpsecret of a system app that is disabled: store that of the app which the mini program is associated with."),
        new(60020, FailureKind.Misconfigured, UntrustedAddress),
        new(60031, FailureKind.Misconfigured, NoRight),
        new(90200, FailureKind.Misconfigured, NotAssociated, IsOfForeignCodes: true),
        new(90206, FailureKind.Misconfigured, NotAssociated, IsOfForeignCodes: true),
        new(90207, FailureKind.Misconfigured, NotAssociated, IsOfForeignCodes: true),
        new(90208, FailureKind.Misconfigured, NotAssociated, IsOfForeignCodes: true),
        new(
            90210, FailureKind.Misconfigured,
            "WeCom wants the members' authorisation for this app: an administrator of the corp has to grant it in WeCom's admin console.",
            IsOfForeignCodes: true),
        new(90211, FailureKind.Misconfigured, ThirdParty, IsOfForeignCodes: true),
        new(90212, FailureKind.Misconfigured, ThirdParty, IsOfForeignCodes: true),
        new(90308, FailureKind.Misconfigured, UntrustedAddress),
        new(92001, FailureKind.Misconfigured, NoRight),
        new(92003, FailureKind.Misconfigured, WrongApp),
        new(301002, FailureKind.Misconfigured, WrongApp, IsOfForeignCodes: true),
        new(301007, FailureKind.Misconfigured, "The corp is not available in WeCom: ask WeCom's support."),
        new(301042, FailureKind.Misconfigured, UntrustedAddress),
    ]).ToFrozenDictionary(errcode => errcode.Number);

    /// <summary>Every errcode that has a meaning here; any other is <see cref="FailureKind.Unexpected"/>.</summary>
    public static IReadOnlyCollection<Errcode> All => Table.Values;

    /// <summary>
    /// The class of an errcode that a data call (anything but <c>gettoken</c>) answered, <c>jscode2session</c> above all.
    /// </summary>
    public static FailureKind OfDataCall(int errcode) => Table.GetValueOrDefault(errcode)?.Kind ?? FailureKind.Unexpected;

    /// <summary>
    /// The class of an errcode that <c>gettoken</c> answered: there is no token yet that could have been rejected, and no code or member.
    /// </summary>
    public static FailureKind OfGetToken(int errcode) => OfDataCall(errcode) switch
    {
        FailureKind.TokenRejected => FailureKind.Misconfigured,
        FailureKind.InvalidCode or FailureKind.MemberNotVisible or FailureKind.CorpMismatch => FailureKind.Unexpected,
        var kind => kind,
    };

    /// <summary>
    /// The class of an errcode that <c>user/get</c> answered: the code is exchanged by then, and its member is of this corp.
    /// </summary>
    public static FailureKind OfGetUser(int errcode) => OfDataCall(errcode) switch
    {
        FailureKind.InvalidCode => FailureKind.Unexpected,
        FailureKind.CorpMismatch => FailureKind.MemberNotVisible,
        var kind => kind,
    };

    /// <summary>
    /// The class of an errcode that <c>department/get</c> answered: 60003 and 60123 say that there is no such department, or none that the
    /// app may see (document 95407).
    /// </summary>
    public static FailureKind OfGetDepartment(int errcode) => errcode is 60003 or 60123 ? FailureKind.MemberNotVisible : OfGetUser(errcode);

    /// <summary>Whether an errcode of <c>gettoken</c> is about the corpsecret.</summary>
    public static bool IsAboutSecret(int? errcode) => errcode is InvalidCredential or InvalidSecret;

    /// <summary>Whether an errcode is about the address that WeCom was called from, which it looks at first.</summary>
    public static bool IsAboutAddress(int? errcode) =>
        errcode is { } number && Table.GetValueOrDefault(number) is { Advice: UntrustedAddress };

    /// <summary>Whether WeCom answers the code of another mini program with this errcode, too (rule T14).</summary>
    public static bool IsOfForeignCodes(int? errcode) =>
        errcode is { } number && Table.GetValueOrDefault(number) is { IsOfForeignCodes: true };

    /// <summary>As <see cref="Advice(FailureKind, int?)"/>, or what the failure says itself, with the settings of the app in it.</summary>
    internal static string Advice(Failure failure, WeComApp? app = null)
    {
        var advice = failure.Advice ?? Advice(failure.Kind, failure.Errcode);
        return app is null ? advice : For(app, advice);
    }

    /// <summary>
    /// One sentence that tells an operator what to do; for logs and health, never for callers of the login. Empty where there is nothing to
    /// do.
    /// </summary>
    public static string Advice(FailureKind kind, int? errcode)
    {
        var known = errcode is { } number ? Table.GetValueOrDefault(number) : null;
        var isMeant = known?.Kind == kind || (known?.Kind is FailureKind.TokenRejected && kind is FailureKind.Misconfigured);
        return isMeant && known!.Advice.Length > 0 ? known.Advice : kind switch
        {
            FailureKind.InvalidCode when known is { IsOfForeignCodes: true } => OfAnotherMiniProgram,
            FailureKind.Busy =>
                "WeCom or Key Vault is busy or out of reach: nothing to do if it passes; otherwise check the outbound network.",
            FailureKind.Misconfigured => "Check that " + IsReadable + ".",
            FailureKind.Unexpected => "WeCom answered something undocumented: look the errcode up in document 90313, or check "
                + "WeCom__BaseUrl and any proxy in between.",
            _ => "",
        };
    }

    /// <summary>An advice with the settings of an app, and the place of its corpsecret, in it.</summary>
    private static string For(WeComApp app, string advice)
    {
        advice = Put(advice, $"{WeComApp.DefaultPrefix}CorpId", $"{app.SettingsPrefix}CorpId");
        if (app.HasSecretInSettings)
        {
            advice = Put(advice, AtOnce, ", and start again");
            advice = Put(advice, IsReadable, $"{app.SecretPlace} is the app's corpsecret, and nothing else");
            return Put(Put(advice, TheSecret, app.SecretPlace), TheVault, $"in {app.SecretPlace}");
        }

        return app.SettingsPrefix == WeComApp.DefaultPrefix
            ? advice
            : Put(advice, "Key Vault secret", $"Key Vault secret {app.SecretName}");

        static string Put(string text, string old, string other) => text.Replace(old, other, StringComparison.Ordinal);
    }
}
