namespace WeComFunc.Secrets;

/// <summary>The times of rule T8, together, each with its reason.</summary>
internal static class SecretRules
{
    /// <summary>How long a secret is used before the vault is asked again.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    /// <summary>How often at most the vault is asked because the secret seems to have changed, or after it failed.</summary>
    public static readonly TimeSpan RereadPause = TimeSpan.FromMinutes(1);

    /// <summary>How often at most the vault is asked while there is no secret at all.</summary>
    public static readonly TimeSpan FirstReadPause = TimeSpan.FromSeconds(1);

    /// <summary>One reading of the vault.</summary>
    public static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(3);
}
