namespace WeComFunc;

/// <summary>Why something failed, in the classes that the code treats alike.</summary>
public enum FailureKind
{
    /// <summary>The code from <c>wx.qy.login</c> was used, has expired or belongs to another app.</summary>
    InvalidCode,

    /// <summary>The code belongs to a member of another corp.</summary>
    CorpMismatch,

    /// <summary>The code belongs to a member of a corp that another of the configured apps serves.</summary>
    OtherApp,

    /// <summary>The app may not see this member.</summary>
    MemberNotVisible,

    /// <summary>WeCom refused the access_token of a data call; another token may do.</summary>
    TokenRejected,

    /// <summary>Something an operator has to put right: corpsecret, corpid, permission, trusted IP, Key Vault.</summary>
    Misconfigured,

    /// <summary>There is no key to sign sessions with, which an operator has to put right.</summary>
    NoSigningKey,

    /// <summary>A session token that is none of ours, has expired, or whose session is gone.</summary>
    InvalidSession,

    /// <summary>Passes by itself: busy, a limit, HTTP 5xx, a time-out, no connection.</summary>
    Busy,

    /// <summary>An unknown errcode, or an answer that is not the documented JSON.</summary>
    Unexpected,
}

/// <summary>An expected failure, as a value.</summary>
/// <param name="Kind">Its class.</param>
/// <param name="Errcode">WeCom's errcode, when WeCom gave one.</param>
/// <param name="RetryAfter">When to try again at the earliest, where that is known.</param>
/// <param name="App">The app to log in with instead, where that is known.</param>
/// <param name="Advice">
/// One sentence that tells an operator what to do, for logs and health, where that depends on more than class and errcode.
/// </param>
public sealed record Failure(
    FailureKind Kind, int? Errcode = null, TimeSpan? RetryAfter = null, string? App = null, string? Advice = null);
