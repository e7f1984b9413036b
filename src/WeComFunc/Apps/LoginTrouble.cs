using WeComFunc.AccessTokens;
using WeComFunc.WeCom;

namespace WeComFunc.Apps;

/// <summary>Why a login could not succeed, where an operator has to mend that. Health tells it until it is over.</summary>
/// <param name="Failure">What WeCom said.</param>
/// <param name="Token">The token that the login had.</param>
/// <param name="IsRejected">Whether it was the token that WeCom did not take, and none could be had in its place.</param>
/// <param name="IsOfProfile">Whether it was the profile's call, with the code taken.</param>
internal sealed record LoginTrouble(Failure Failure, AccessToken Token, bool IsRejected, bool IsOfProfile)
{
    /// <summary>What is left of it after another login, which did not come to such a trouble.</summary>
    /// <param name="failure">What that failed with; null when it succeeded.</param>
    /// <param name="isTaken">Whether WeCom took its code.</param>
    public LoginTrouble? After(Failure? failure, bool isTaken)
    {
        // An answer about the member shows that the call is answered, whichever it was.
        var isAnswered = failure is { Kind: FailureKind.MemberNotVisible };
        var works = failure is null || (IsOfProfile ? isTaken && isAnswered : isTaken || isAnswered);

        // WeCom does not look at a code before it knows who calls; which app may call is another matter.
        var isTrusted = Errcodes.IsAboutAddress(Failure.Errcode)
            && failure is { Kind: FailureKind.InvalidCode, Errcode: { } errcode } && !Errcodes.IsOfForeignCodes(errcode);
        return works || isTrusted ? null : this;
    }

    /// <summary>
    /// The failure; null where a login could succeed all the same: there is another corpsecret, or another token than the rejected one.
    /// </summary>
    public Failure? Left(FleetView view, TokenStatus status) =>
        (view.Secret.TryGet(out var secret) && Token.Secret is { } old && old != secret.Fingerprint)
        || (IsRejected && status.RenewedAt != Token.ObtainedAt)
            ? null
            : Failure;
}
