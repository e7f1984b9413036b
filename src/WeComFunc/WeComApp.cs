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

    /// <summary>An advice for operators, with the settings and the place of the corpsecret of this app in it.</summary>
    internal string Naming(string advice)
    {
        advice = With(advice, $"{DefaultPrefix}CorpId", $"{SettingsPrefix}CorpId");
        if (!HasSecretInSettings)
        {
            return SettingsPrefix == DefaultPrefix ? advice : With(advice, "Key Vault secret", $"Key Vault secret {SecretName}");
        }

        advice = With(advice, "the Key Vault secret; no restart is needed", $"{SecretPlace}, and start again");
        advice = With(
            advice,
            "the Key Vault secret exists, is enabled and not empty, and that the app's identity has the role Key Vault Secrets User on it",
            $"{SecretPlace} is the app's corpsecret, and nothing else");
        return With(With(advice, "the Key Vault secret", SecretPlace), "in Key Vault", $"in {SecretPlace}");

        static string With(string text, string old, string replacement) => text.Replace(old, replacement, StringComparison.Ordinal);
    }
}
