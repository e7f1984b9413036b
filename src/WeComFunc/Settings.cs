using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using NCrontab;
using WeComFunc.Azure;
using WeComFunc.Http;
using WeComFunc.Login;

namespace WeComFunc;

/// <summary>The settings of the contract, checked, each section beside what it configures. <see cref="Read"/> is the only way to one.</summary>
public sealed partial record Settings
{
    /// <summary>Which corp and app this process serves.</summary>
    public required WeComApp App { get; init; }

    /// <summary>The corpsecret itself, in Development only; it wins over the vault.</summary>
    public string? CorpSecret { get; init; }

    /// <summary>WeCom's server API, ending in a slash.</summary>
    public required Uri BaseUrl { get; init; }

    /// <summary>When the timer renews, UTC.</summary>
    public required CrontabSchedule RefreshSchedule { get; init; }

    /// <summary>Vault, table and identity.</summary>
    public required AzureSettings Azure { get; init; }

    /// <summary>What a login answers.</summary>
    public required LoginSettings Login { get; init; }

    /// <summary>How often one caller may log in.</summary>
    public required LimitSettings Limits { get; init; }

    /// <summary>Whether this is the Development environment.</summary>
    public bool IsDevelopment { get; init; }

    /// <summary>Reads and checks every setting.</summary>
    /// <exception cref="SettingsException">One line for each missing or malformed setting.</exception>
    public static Settings Read(IConfiguration configuration)
    {
        var reader = new SettingsReader(configuration);
        var corpSecret = reader.Pasted("WeCom:CorpSecret");
        if (corpSecret is not null && !reader.IsDevelopment)
        {
            reader.Refuse("WeCom:CorpSecret", "is for the Development environment only; elsewhere store the corpsecret in Key Vault and remove this setting");
        }

        var settings = new Settings
        {
            Azure = AzureSettings.Read(reader, hasCorpSecret: corpSecret is not null),
            App = new WeComApp(
                reader.Matching("WeCom:CorpId", null, CorpIdPattern(), "the 企业ID of the corp, 2 to 64 letters, digits, _ and -, mostly ww followed by letters and digits"),
                reader.Matching("WeCom:CorpSecretName", "wecom-corpsecret", SecretNamePattern(), "the name of a Key Vault secret, 1 to 127 letters, digits and hyphens"),
                reader.Matching("WeCom:AppName", "default", AppNamePattern(), "1 to 32 lower-case letters and digits")),
            CorpSecret = corpSecret,
            BaseUrl = reader.Url("WeCom:BaseUrl", "an https address without a query and without cgi-bin, which is added (http in Development and for loopback only)",
                    uri => (uri.Scheme is "https" || (uri.Scheme is "http" && (reader.IsDevelopment || uri.IsLoopback)))
                        && !uri.AbsolutePath.Contains("/cgi-bin/", StringComparison.OrdinalIgnoreCase))
                ?? new Uri("https://qyapi.weixin.qq.com/"),
            RefreshSchedule = reader.Schedule("TokenRefreshSchedule", "0 */5 * * * *"),
            Login = LoginSettings.Read(reader),
            Limits = LimitSettings.Read(reader),
            IsDevelopment = reader.IsDevelopment,
        };
        return reader.Errors.Count == 0 ? settings : throw new SettingsException(reader.Errors);
    }

    /// <summary>Names the corp and nothing secret.</summary>
    public override string ToString() => $"Settings of {App.CorpId}";

    [GeneratedRegex(@"\A[0-9A-Za-z_-]{2,64}\z")]
    private static partial Regex CorpIdPattern();

    [GeneratedRegex(@"\A[0-9A-Za-z-]{1,127}\z")]
    private static partial Regex SecretNamePattern();

    [GeneratedRegex(@"\A[0-9a-z]{1,32}\z")]
    private static partial Regex AppNamePattern();
}
