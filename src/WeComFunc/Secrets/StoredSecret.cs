using Microsoft.Extensions.Logging;

namespace WeComFunc.Secrets;

/// <summary>A corpsecret as somebody has stored it.</summary>
internal static partial class StoredSecret
{
    /// <summary>
    /// The corpsecret, without what cannot belong to one at both its ends. One that WeCom would refuse for sure is told here, as a
    /// corpsecret is letters, digits, <c>_</c> and <c>-</c>: WeCom bans an address for wrong ones (rule T7).
    /// </summary>
    /// <returns><see cref="FailureKind.Misconfigured"/> when it is empty, or has a character that is not printable ASCII.</returns>
    public static Result<CorpSecret> Read(string name, string? stored, ILogger logger)
    {
        var secret = PastedText.TrimSecret(stored ?? "");
        var fault = secret.Length == 0
            ? "it is empty"
            : PastedText.FindForeign(secret, lowest: '!') is { } foreign ? $"it has {foreign}"
            : null;
        if (fault is null)
        {
            return new CorpSecret(secret);
        }

        LogUnfit(logger, name, fault);
        return new Failure(FailureKind.Misconfigured);
    }

    [LoggerMessage(
        215, LogLevel.Error, "What {SecretName} holds is no corpsecret: {Reason}. Copy it from WeCom's admin console and store it again")]
    private static partial void LogUnfit(ILogger logger, string secretName, string reason);
}
