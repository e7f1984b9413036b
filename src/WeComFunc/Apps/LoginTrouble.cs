using WeComFunc.AccessTokens;
using WeComFunc.WeCom;

namespace WeComFunc.Apps;

/// <summary>Why a login could not succeed, where an operator has to mend that. Health tells it until it is over.</summary>
/// <param name="Failure">What WeCom said.</param>
/// <param name="Token">The token that the login had.</param>
/// <param name="IsRejected">Whether it was the token that WeCom did not take, and none could be had in its place.</param>
internal sealed record LoginTrouble(Failure Failure, AccessToken Token, bool IsRejected)
{
    /// <summary>What is left of it after another login.</summary>
    /// <param name="failure">What that failed with; null when it succeeded.</param>
    public LoginTrouble? After(Failure? failure) => failure?.Kind switch
    {
        // WeCom took the code, whatever else it says of the member.
        null or FailureKind.OtherApp or FailureKind.CorpMismatch or FailureKind.MemberNotVisible => null,

        // It does not look at a code before it knows who calls; which app may call is another matter.
        FailureKind.InvalidCode when failure is { Errcode: { } errcode } && !Errcodes.IsOfForeignCodes(errcode)
            && Errcodes.IsAboutAddress(Failure.Errcode) => null,
        _ => this,
    };

    /// <summary>
    /// The failure; null where a login could succeed all the same: there is another corpsecret, or another token than the rejected one.
    /// </summary>
    public Failure? Left(FleetView view, TokenStatus status) =>
        (view.Secret.TryGet(out var secret) && Token.Secret is { } old && old != secret.Fingerprint)
        || (IsRejected && status.RenewedAt != Token.ObtainedAt)
            ? null
            : Failure;
}
