namespace WeComFunc.Tests.Doubles;

/// <summary>Key Vault's own error bodies.</summary>
internal static class KeyVaultErrors
{
    public static object Unauthorized { get; } = Error("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.");

    public static object Disabled { get; } = Error("Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled");

    public static object Forbidden { get; } = Error(
        "Forbidden",
        "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were "
        + "changed recently, please observe propagation time.\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\n"
        + "Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null \r\n",
        "ForbiddenByRbac");

    public static object Firewall { get; } = Error(
        "Forbidden",
        "Client address is not authorized and caller is not a trusted service.\r\nClient address: 203.0.113.7\r\n"
        + "Caller: appid=01234567-89ab-cdef-0123-456789abcdef\r\nVault: wecomfunc-test;location=northeurope",
        "ForbiddenByFirewall");

    public static object Throttled { get; } = Error(
        "Throttled", "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached");

    public static object InternalError { get; } = Error("InternalServerError", "The server encountered an internal error.");

    public static object Unavailable { get; } = Error("ServiceUnavailable", "The service is temporarily unavailable.");

    public static object NotFound(string name) => Error(
        "SecretNotFound",
        $"A secret with (name/id) {name} was not found in this key vault. If you recently deleted this secret you may be able to "
        + "recover it using the correct recovery command.");

    public static object BadParameter(string message) => Error("BadParameter", message);

    private static object Error(string code, string message) => new { error = new { code, message } };

    private static object Error(string code, string message, string inner) =>
        new { error = new { code, message, innererror = new { code = inner } } };
}
