using System.Text.RegularExpressions;

namespace WeComFunc.Apps;

/// <summary>One app as the settings <c>WeCom__…</c> and <c>WeCom__Apps__NAME__…</c> name it.</summary>
/// <param name="App">Which app.</param>
/// <param name="CorpSecret">The corpsecret itself, in Development only; it wins over the vault.</param>
public sealed partial record AppSettings(WeComApp App, string? CorpSecret)
{
    private const int MostFurther = 50;

    /// <summary>Names the app and nothing secret.</summary>
    public override string ToString() => $"{App.Name} of {App.CorpId}";

    /// <summary>All apps, the default one first, the others by name.</summary>
    /// <param name="reader">The settings.</param>
    /// <param name="needsAppId">Whether each of them has to have the appid of its mini program, for its member data.</param>
    internal static IReadOnlyList<AppSettings> Read(SettingsReader reader, bool needsAppId)
    {
        var first = ReadOne(
            reader,
            "WeCom",
            reader.Matching("WeCom:AppName", "default", AppNamePattern(), "1 to 32 lower-case letters and digits"),
            "wecom-corpsecret",
            needsAppId);
        var names = reader.Children("WeCom:Apps").Order(StringComparer.Ordinal).ToList();
        if (names.Count > MostFurther)
        {
            reader.Refuse("WeCom:Apps", $"are {names.Count} apps: at most {MostFurther} beside the default one are served");
        }

        foreach (var name in names)
        {
            if (!AppNamePattern().IsMatch(name))
            {
                reader.Refuse($"WeCom:Apps:{name}", "has a malformed name: it must be 1 to 32 lower-case letters and digits");
            }
            else if (name == first.App.Name)
            {
                reader.Refuse($"WeCom:Apps:{name}", "has the name of the default app, WeCom__AppName: give one of them another");
            }
        }

        IReadOnlyList<AppSettings> apps =
            [first, .. names.Select(name => ReadOne(reader, $"WeCom:Apps:{name}", name, $"wecom-corpsecret-{name}", needsAppId))];
        RefuseSecretsOfOneName(reader, apps);
        return apps;
    }

    /// <summary>A name stands for one corpsecret: of two in Development, one would be taken for the other.</summary>
    private static void RefuseSecretsOfOneName(SettingsReader reader, IEnumerable<AppSettings> apps)
    {
        foreach (var ofOneName in apps.Where(app => app.CorpSecret is not null).GroupBy(app => app.App.SecretName))
        {
            if (ofOneName.DistinctBy(app => app.CorpSecret).ToList() is [var first, var other, ..])
            {
                reader.Refuse(
                    $"{other.App.SettingsPrefix}CorpSecretName",
                    $"is {ofOneName.Key}, as that of app {first.App.Name}, whose corpsecret is another one: give one of them another name");
            }
        }
    }

    private static AppSettings ReadOne(SettingsReader reader, string section, string name, string secretName, bool needsAppId)
    {
        var corpSecret = reader.Pasted($"{section}:CorpSecret");
        if (corpSecret is not null && !reader.IsDevelopment)
        {
            reader.Refuse(
                $"{section}:CorpSecret",
                "is for the Development environment only; elsewhere store the corpsecret in Key Vault and remove this setting");
        }

        var appId = needsAppId || reader.Has($"{section}:MiniProgramAppId")
            ? reader.Matching(
                $"{section}:MiniProgramAppId",
                null,
                AppIdPattern(),
                "the appid of the mini program, wx followed by letters and digits, for MemberData__Enabled")
            : null;
        return new(
            new WeComApp(
                reader.Matching(
                    $"{section}:CorpId",
                    null,
                    CorpIdPattern(),
                    "the 企业ID of the corp, 2 to 64 letters, digits, _ and -, mostly ww followed by letters and digits"),
                reader.SecretName($"{section}:CorpSecretName", secretName),
                name)
            {
                SettingsPrefix = $"{section.Replace(":", "__", StringComparison.Ordinal)}__",
                MiniProgramAppId = needsAppId ? appId : null,
                HasSecretInSettings = corpSecret is not null,
            },
            corpSecret);
    }

    [GeneratedRegex(@"\A[0-9A-Za-z_-]{2,64}\z")]
    private static partial Regex CorpIdPattern();

    [GeneratedRegex(@"\Awx[0-9A-Za-z]{1,62}\z")]
    private static partial Regex AppIdPattern();

    [GeneratedRegex(@"\A[0-9a-z]{1,32}\z")]
    private static partial Regex AppNamePattern();
}
