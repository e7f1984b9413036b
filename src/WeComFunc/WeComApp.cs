namespace WeComFunc;

/// <summary>Which corp, which corpsecret, which row: one app of one corp. Passed along, never kept in a static.</summary>
/// <param name="CorpId">企业ID; the partition key of the token row.</param>
/// <param name="SecretName">Name of the Key Vault secret that holds the corpsecret.</param>
/// <param name="Name">
/// Name of the app, <c>WeCom__AppName</c> or the one in <c>WeCom__Apps__NAME__…</c>; the row key of the token row.
/// </param>
public sealed record WeComApp(string CorpId, string SecretName, string Name = "default")
{
    /// <summary>What the settings of the default app begin with.</summary>
    internal const string DefaultPrefix = "WeCom__";

    /// <summary>What its settings begin with.</summary>
    public string SettingsPrefix { get; init; } = DefaultPrefix;

    /// <summary>Whether its corpsecret stands in the settings, in Development.</summary>
    public bool HasSecretInSettings { get; init; }

    /// <summary>appid of the mini program whose member data is opened; null where member data is off.</summary>
    public string? MiniProgramAppId { get; init; }

    /// <summary>Where its corpsecret is, for operators: the name of the setting, or of the Key Vault secret.</summary>
    internal string SecretPlace => HasSecretInSettings ? $"{SettingsPrefix}CorpSecret" : SecretName;

    private bool HasPlainCorpId =>
        CorpId.StartsWith("ww", StringComparison.OrdinalIgnoreCase) || CorpId.StartsWith("wx", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether a corpid that WeCom gives is this corp's: a plain one in whatever case, an encrypted one letter by letter (documents 96516,
    /// 39442).
    /// </summary>
    internal bool IsOfCorp(string corpId) =>
        string.Equals(CorpId, corpId, HasPlainCorpId ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);
}
