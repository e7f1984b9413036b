namespace WeComFunc;

/// <summary>Which corp, which corpsecret, which row: one app of one corp. Passed along, never kept in a static.</summary>
/// <param name="CorpId">企业ID; the partition key of the token row.</param>
/// <param name="SecretName">Name of the Key Vault secret that holds the corpsecret.</param>
/// <param name="Name">
/// Name of the app, <c>WeCom__AppName</c> or the one in <c>WeCom__Apps__NAME__…</c>; the row key of the token row.
/// </param>
public sealed record WeComApp(string CorpId, string SecretName, string Name = "default")
{
    private const string DefaultPrefix = "WeCom__";

    /// <summary>What its settings begin with.</summary>
    public string SettingsPrefix { get; init; } = DefaultPrefix;

    /// <summary>appid of the mini program whose member data is opened; null where member data is off.</summary>
    public string? MiniProgramAppId { get; init; }

    private bool HasPlainCorpId =>
        CorpId.StartsWith("ww", StringComparison.OrdinalIgnoreCase) || CorpId.StartsWith("wx", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether a corpid that WeCom gives is this corp's: a plain one in whatever case, an encrypted one letter by letter (documents 96516,
    /// 39442).
    /// </summary>
    internal bool IsOfCorp(string corpId) =>
        string.Equals(CorpId, corpId, HasPlainCorpId ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal);

    /// <summary>An advice for operators, with the settings and the secret of this app in it.</summary>
    internal string Naming(string advice) => SettingsPrefix == DefaultPrefix ? advice : advice
        .Replace($"{DefaultPrefix}CorpId", $"{SettingsPrefix}CorpId", StringComparison.Ordinal)
        .Replace("Key Vault secret", $"Key Vault secret {SecretName}", StringComparison.Ordinal);
}
