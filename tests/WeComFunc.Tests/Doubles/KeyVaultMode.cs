namespace WeComFunc.Tests.Doubles;

/// <summary>How <see cref="KeyVault"/> answers authorised reads.</summary>
public enum KeyVaultMode
{
    /// <summary>As a vault in good order.</summary>
    Normal,

    /// <summary>403 <c>ForbiddenByRbac</c>: the identity has no role on the vault.</summary>
    Forbidden,

    /// <summary>403 <c>ForbiddenByFirewall</c>: the vault does not let the address in.</summary>
    Firewall,

    /// <summary>429 with <c>Retry-After</c> from <see cref="KeyVault.RetryAfter"/>.</summary>
    Throttled,

    /// <summary>500.</summary>
    InternalError,

    /// <summary>503.</summary>
    Unavailable,

    /// <summary>No answer until the mode changes, then the answer of the new mode.</summary>
    Hang,
}
