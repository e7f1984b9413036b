using Microsoft.Extensions.Configuration;
using NCrontab;
using WeComFunc.Apps;
using WeComFunc.Azure;
using WeComFunc.Http;
using WeComFunc.Login;
using WeComFunc.MemberData;
using WeComFunc.Sessions;

namespace WeComFunc;

/// <summary>
/// The settings of the contract, checked, each section beside what it configures. <see cref="Read"/> is the only way to one.
/// </summary>
public sealed record Settings
{
    /// <summary>The apps that this process serves, the default one first.</summary>
    public required IReadOnlyList<AppSettings> Apps { get; init; }

    /// <summary>The default app.</summary>
    public WeComApp App => Apps[0].App;

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

    /// <summary>The session that a login gives; null for none.</summary>
    public SessionSettings? Session { get; init; }

    /// <summary>What WeCom gives only encrypted; null where nobody can have it.</summary>
    public MemberDataSettings? MemberData { get; init; }

    /// <summary>Whether traces, metrics and the log are sent by OTLP: whether <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set.</summary>
    public bool ExportsTelemetry { get; init; }

    /// <summary>Whether this is the Development environment.</summary>
    public bool IsDevelopment { get; init; }

    /// <summary>Reads and checks every setting.</summary>
    /// <exception cref="SettingsException">One line for each missing or malformed setting.</exception>
    public static Settings Read(IConfiguration configuration)
    {
        var reader = new SettingsReader(configuration);
        var memberData = MemberDataSettings.Read(reader);
        var apps = AppSettings.Read(reader, needsAppId: memberData is not null);
        var settings = new Settings
        {
            Apps = apps,
            Azure = AzureSettings.Read(
                reader, [.. apps.Where(app => app.CorpSecret is null).Select(app => $"{app.App.SettingsPrefix}CorpSecret")]),
            BaseUrl = reader.Url("WeCom:BaseUrl", "an https address without a query and without cgi-bin, which is added (http in "
                + "Development and for loopback only)",
                    uri => reader.IsSafe(uri) && !uri.AbsolutePath.Contains("/cgi-bin/", StringComparison.OrdinalIgnoreCase))
                ?? new Uri("https://qyapi.weixin.qq.com/"),
            RefreshSchedule = reader.Schedule("TokenRefreshSchedule", "0 */5 * * * *"),
            Login = LoginSettings.Read(reader),
            Limits = LimitSettings.Read(reader),
            Session = SessionSettings.Read(reader),
            MemberData = memberData,
            ExportsTelemetry = ReadExport(reader),
            IsDevelopment = reader.IsDevelopment,
        };
        memberData?.Check(reader, settings.Azure.TableName);
        return reader.Errors.Count == 0 ? settings : throw new SettingsException(reader.Errors);
    }

    /// <summary>Names the corp and nothing secret.</summary>
    public override string ToString() => $"Settings of {App.CorpId}";

    /// <summary>OpenTelemetry reads all of its settings itself, but passes over what it cannot read and goes by its defaults.</summary>
    private static bool ReadExport(SettingsReader reader)
    {
        if (!reader.Has("OTEL_EXPORTER_OTLP_ENDPOINT"))
        {
            return false;
        }

        if (reader.Text("OTEL_EXPORTER_OTLP_PROTOCOL") is not (null or "grpc" or "http/protobuf"))
        {
            reader.Refuse("OTEL_EXPORTER_OTLP_PROTOCOL", "is malformed: it must be grpc (port 4317 mostly) or http/protobuf (4318)");
        }

        return reader.Url(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "the address of an OTLP receiver, such as http://127.0.0.1:4317",
            static uri => uri.Scheme is "http" or "https") is not null;
    }
}
