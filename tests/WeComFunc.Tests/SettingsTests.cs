using System.Security.Cryptography;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

public sealed class SettingsTests
{
    private const string VaultMissing = "KeyVault__Uri is missing: it must be the vault's address, https://NAME.vault.azure.net/.";
    private const string VaultMalformed = "KeyVault__Uri is malformed: it must be the vault's address, https://NAME.vault.azure.net/.";
    private const string StoreMalformed =
        "TokenStore__ServiceUri is malformed: it must be the table endpoint, https://ACCOUNT.table.core.windows.net/.";

    private const string OneStore =
        "TokenStore__ServiceUri or TokenStore__ConnectionString must be set, exactly one of them: https://ACCOUNT.table.core.windows.net/ "
        + "on Azure, a connection string for Azurite.";

    private const string ConnectionStringMalformed =
        "TokenStore__ConnectionString is malformed: it must be the connection string of a storage account, or UseDevelopmentStorage=true "
        + "for Azurite.";

    private const string SecretOutsideDevelopment =
        "WeCom__CorpSecret is for the Development environment only; elsewhere store the corpsecret in Key Vault and remove this setting.";

    private const string CorpIdMissing =
        "WeCom__CorpId is missing: it must be the 企业ID of the corp, 2 to 64 letters, digits, _ and -, mostly ww followed by letters and "
        + "digits.";
    private const string CorpIdMalformed =
        "WeCom__CorpId is malformed: it must be the 企业ID of the corp, 2 to 64 letters, digits, _ and -, mostly ww followed by letters and "
        + "digits.";

    private const string SecretNameMalformed =
        "WeCom__CorpSecretName is malformed: it must be the name of a Key Vault secret, 1 to 127 letters, digits and hyphens.";

    private const string BaseUrlMalformed =
        "WeCom__BaseUrl is malformed: it must be an https address without a query and without cgi-bin, which is added (http in Development "
        + "and for loopback only).";

    private const string TableMalformed = "TokenStore__TableName is malformed: it must be 3 to 63 letters and digits, a letter first.";

    private const string ScheduleMalformed =
        "TokenRefreshSchedule is malformed: it must be an NCRONTAB expression of six fields, seconds first, such as 0 */5 * * * *.";

    private const string ClientIdMalformed =
        "AZURE_CLIENT_ID is malformed: it must be the client id (a GUID) of the user-assigned identity, or be absent.";

    private const string FieldsMalformed =
        "Login__ProfileFields is malformed: it must be a comma-separated list of members of the profile, such as name,department.";

    private const string RequireMalformed = "Login__RequireProfile is malformed: it must be true or false.";
    private const string RateMalformed =
        "Limits__LoginsPerSecondPerAddress is malformed: it must be 0 (off) or a number from 0.001 to 1000000.";
    private const string BurstMalformed = "Limits__BurstPerAddress is malformed: it must be a whole number from 1 to 1000000.";

    private const string EndpointMalformed =
        "OTEL_EXPORTER_OTLP_ENDPOINT is malformed: it must be the address of an OTLP receiver, such as http://127.0.0.1:4317.";

    private const string ConcurrentMalformed = "Limits__ConcurrentLogins is malformed: it must be a whole number from 1 to 100000.";

    [Theory]
    [InlineData(null, false)]
    [InlineData("http://127.0.0.1:4317", true)]
    [InlineData("https://collector.example.com/otlp", true)]
    public void Telemetry_is_sent_where_an_endpoint_is_set(string? endpoint, bool isSent) =>
        Assert.Equal(isSent, Read(("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)).ExportsTelemetry);

    [Theory]
    [InlineData("grpc", null)]
    [InlineData("http/protobuf", null)]
    [InlineData(
        "http/json", "OTEL_EXPORTER_OTLP_PROTOCOL is malformed: it must be grpc (port 4317 mostly) or http/protobuf (4318).")]
    public void A_protocol_that_OpenTelemetry_would_pass_over_is_refused(string protocol, string? expected)
    {
        var refused = Record.Exception(() => Read(
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)));

        Assert.Equal(expected, refused?.Message);
    }

    [Theory]
    [InlineData("wx0123456789abcdef")]
    [InlineData("wpAB_cd-EF")]
    [InlineData("ww")]
    public void A_corpid_of_any_kind_is_taken(string corpId) => Assert.Equal(corpId, Read(("WeCom__CorpId", corpId)).App.CorpId);

    [Theory]
    [InlineData("https://proxy.example/cgi-bin")]
    [InlineData("https://proxy.example/CGI-BIN/")]
    [InlineData("https://proxy.example/qyapi/cgi-bin/")]
    [InlineData("https://proxy.example/cgi-bin/gettoken")]
    public void An_address_of_WeCom_that_names_cgi_bin_is_refused(string address)
    {
        var refused = Assert.Throws<SettingsException>(() => Read(("WeCom__BaseUrl", address)));

        Assert.StartsWith(
            "WeCom__BaseUrl is malformed: it must be an https address without a query and without cgi-bin, which is added",
            refused.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("WeCom__AppName", "Second")]
    [InlineData("WeCom__AppName", "a-b")]
    [InlineData("WeCom__AppName", "123456789012345678901234567890123")]
    [InlineData("Limits__TrustedProxies", "-1")]
    [InlineData("Limits__TrustedProxies", "11")]
    [InlineData("Limits__TrustedProxies", "one")]
    public void A_name_or_a_number_of_proxies_that_cannot_be_is_refused(string setting, string value) =>
        Assert.StartsWith(
            $"{setting} is malformed: ", Assert.Throws<SettingsException>(() => Read((setting, value))).Message, StringComparison.Ordinal);

    [Fact]
    public void Name_and_proxies_count()
    {
        var settings = Read(("WeCom__AppName", "second"), ("Limits__TrustedProxies", "2"));

        Assert.Equal(("second", 2), (settings.App.Name, settings.Limits.TrustedProxies));
        Assert.Equal(("default", 0), (Read().App.Name, Read().Limits.TrustedProxies));
    }

    [Theory]
    [InlineData("0 0 0 30 2 *")]
    [InlineData("0 0 0 31 4,6,9,11 *")]
    public void A_schedule_that_never_fires_is_refused(string schedule)
    {
        var refused = Assert.Throws<SettingsException>(() => Read(("TokenRefreshSchedule", schedule)));

        Assert.StartsWith("TokenRefreshSchedule never fires: it must be", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_schedule_that_fires_every_28_years_is_taken() =>
        Assert.NotNull(Read(("TokenRefreshSchedule", "0 0 0 29 2 0")).RefreshSchedule);

    [Fact]
    public void What_is_not_set_has_the_default_of_the_contract()
    {
        var settings = Read();

        Assert.Equal(new WeComApp("ww1234567890abcdef", "wecom-corpsecret", "default"), settings.App);
        Assert.Equal(new Uri("https://qyapi.weixin.qq.com/"), settings.BaseUrl);
        Assert.Equal("wecomtokens", settings.Azure.TableName);
        Assert.Equal((50, 500, 500), (settings.Limits.LoginsPerSecond, settings.Limits.Burst, settings.Limits.ConcurrentLogins));
        Assert.Equal((null, null, null), (settings.Apps[0].CorpSecret, settings.Azure.TableConnectionString, settings.Azure.ClientId));
        Assert.Empty(settings.Login.ProfileFields);
        Assert.False(settings.Login.RequireProfile);
        Assert.False(settings.IsDevelopment);
    }

    [Fact]
    public void The_token_is_looked_after_every_five_minutes_by_default()
    {
        var schedule = Read().RefreshSchedule;

        Assert.Equal(
            [At("00:05:00"), At("00:10:00"), At("00:15:00")],
            schedule.GetNextOccurrences(At("00:00:00"), At("00:16:00")));
    }

    [Fact]
    public void What_is_set_counts()
    {
        var settings = Read(
            ("WeCom__CorpSecretName", "other-secret"),
            ("WeCom__BaseUrl", "https://proxy.example/qyapi"),
            ("KeyVault__Uri", "https://name.vault.azure.cn"),
            ("TokenStore__ServiceUri", "https://account.table.core.chinacloudapi.cn"),
            ("TokenStore__TableName", "Tokens2"),
            ("TokenRefreshSchedule", "30 1 * * * *"),
            ("AZURE_CLIENT_ID", "01234567-89ab-cdef-0123-456789abcdef"),
            ("Login__ProfileFields", "name, department,,extattr"),
            ("Login__RequireProfile", "True"),
            ("Limits__LoginsPerSecondPerAddress", "0.5"),
            ("Limits__BurstPerAddress", "1"),
            ("Limits__ConcurrentLogins", "2"));

        Assert.Equal("other-secret", settings.App.SecretName);
        Assert.Equal(new Uri("https://proxy.example/qyapi/"), settings.BaseUrl);
        Assert.Equal(new Uri("https://name.vault.azure.cn/"), settings.Azure.KeyVaultUri);
        Assert.Equal(new Uri("https://account.table.core.chinacloudapi.cn/"), settings.Azure.TableServiceUri);
        Assert.Equal("Tokens2", settings.Azure.TableName);
        Assert.Equal(At("00:01:30"), settings.RefreshSchedule.GetNextOccurrence(At("00:00:00")));
        Assert.Equal("01234567-89ab-cdef-0123-456789abcdef", settings.Azure.ClientId);
        Assert.Equal(["department", "extattr", "name"], settings.Login.ProfileFields.Order());
        Assert.True(settings.Login.RequireProfile);
        Assert.Equal((0.5, 1, 2), (settings.Limits.LoginsPerSecond, settings.Limits.Burst, settings.Limits.ConcurrentLogins));
    }

    [Theory]
    [InlineData("WeCom__CorpId", "wwA1")]
    [InlineData("WeCom__BaseUrl", "http://127.0.0.1:7072/")]
    [InlineData("TokenStore__TableName", "abc")]
    [InlineData("TokenRefreshSchedule", "*/10 * * * * *")]
    [InlineData("Limits__LoginsPerSecondPerAddress", "0")]
    [InlineData("Limits__LoginsPerSecondPerAddress", "0.001")]
    [InlineData("Limits__LoginsPerSecondPerAddress", "1000000")]
    [InlineData("Limits__BurstPerAddress", "1000000")]
    [InlineData("Limits__ConcurrentLogins", "1")]
    [InlineData("Limits__ConcurrentLogins", "100000")]
    [InlineData("WeCom__CorpId", "  ww1234567890abcdef\n")]
    [InlineData("TokenStore__ServiceUri", "https://account.table.core.windows.net")]
    [InlineData("TokenStore__ServiceUri", "https://blob.table.core.windows.net/")]
    [InlineData("TokenStore__ServiceUri", "https://account.z12.table.storage.azure.net/")]
    [InlineData("TokenStore__ServiceUri", "https://account.privatelink.table.core.windows.net/")]
    [InlineData("TokenStore__ServiceUri", "https://127.0.0.1:10002/devstoreaccount1")]
    [InlineData("TokenStore__ServiceUri", "https://127.0.0.1:10002/devstoreaccount1/")]
    [InlineData("TokenStore__ServiceUri", "https://tables.example.com/")]
    public void A_value_within_its_bounds_is_accepted(string name, string value) => Read((name, value));

    [Theory]
    [InlineData("WeCom__CorpId", null, CorpIdMissing)]
    [InlineData("WeCom__CorpId", " ", CorpIdMissing)]
    [InlineData("WeCom__CorpId", "w", CorpIdMalformed)]
    [InlineData("WeCom__CorpId", "ww1234567890abcdef1234567890abcdef1234567890abcdef1234567890abcdef1", CorpIdMalformed)]
    [InlineData("WeCom__CorpId", "ww12/34", CorpIdMalformed)]
    [InlineData("WeCom__CorpSecretName", "my_secret", SecretNameMalformed)]
    [InlineData("WeCom__BaseUrl", "qyapi.weixin.qq.com", BaseUrlMalformed)]
    [InlineData("WeCom__BaseUrl", "http://qyapi.weixin.qq.com/", BaseUrlMalformed)]
    [InlineData("WeCom__BaseUrl", "ftp://127.0.0.1/", BaseUrlMalformed)]
    [InlineData("WeCom__BaseUrl", "https://qyapi.weixin.qq.com/?debug=1", BaseUrlMalformed)]
    [InlineData("WeCom__BaseUrl", "https://user:password@qyapi.weixin.qq.com/", BaseUrlMalformed)]
    [InlineData("KeyVault__Uri", null, VaultMissing)]
    [InlineData("KeyVault__Uri", "name", VaultMalformed)]
    [InlineData("KeyVault__Uri", "http://name.vault.azure.net/", VaultMalformed)]
    [InlineData("KeyVault__Uri", "http://127.0.0.1/", VaultMalformed)]
    [InlineData("KeyVault__Uri", "https://name.vault.azure.net/secrets/wecom-corpsecret", VaultMalformed)]
    [InlineData("TokenStore__ServiceUri", null, OneStore)]
    [InlineData("TokenStore__ServiceUri", "account", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "http://account.table.core.windows.net/", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "http://127.0.0.1:10002/devstoreaccount1", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.table.core.windows.net/?sv=2024-01-01&sig=abc", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.blob.core.windows.net/", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.queue.core.chinacloudapi.cn", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.file.core.usgovcloudapi.net/", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://ACCOUNT.DFS.core.windows.net/", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.z7.web.core.windows.net/", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.z12.blob.storage.azure.net/", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.privatelink.blob.core.windows.net/", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://name.vault.azure.net/", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.table.core.windows.net/wecomtokens", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.table.core.windows.net/wecomtokens/", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://account.table.core.windows.net//", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://127.0.0.1:10002/devstoreaccount1/wecomtokens", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "https://127.0.0.1:10002/devstoreaccount1//", StoreMalformed)]
    [InlineData("TokenStore__ServiceUri", "UseDevelopmentStorage=true", StoreMalformed)]
    [InlineData(
        "TokenStore__ServiceUri",
        "TableEndpoint=https://account.table.core.windows.net/;SharedAccessSignature=sv=2024-01-01&sig=abc",
        StoreMalformed)]
    [InlineData(
        "TokenStore__ServiceUri",
        "DefaultEndpointsProtocol=https;AccountName=account;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net",
        StoreMalformed)]
    [InlineData("TokenStore__ConnectionString", "UseDevelopmentStorage=true", OneStore)]
    [InlineData("TokenStore__TableName", "ab", TableMalformed)]
    [InlineData("TokenStore__TableName", "1table", TableMalformed)]
    [InlineData("TokenStore__TableName", "wecom-tokens", TableMalformed)]
    [InlineData("TokenRefreshSchedule", "*/5 * * * *", ScheduleMalformed)]
    [InlineData("TokenRefreshSchedule", "0 */5 * * * * *", ScheduleMalformed)]
    [InlineData("TokenRefreshSchedule", "00:05:00", ScheduleMalformed)]
    [InlineData("AZURE_CLIENT_ID", "my-identity", ClientIdMalformed)]
    [InlineData("Login__ProfileFields", "name;department", FieldsMalformed)]
    [InlineData("Login__ProfileFields", ",", FieldsMalformed)]
    [InlineData("Login__ProfileFields", ", ,", FieldsMalformed)]
    [InlineData("Login__RequireProfile", "yes", RequireMalformed)]
    [InlineData("Limits__LoginsPerSecondPerAddress", "-1", RateMalformed)]
    [InlineData("Limits__LoginsPerSecondPerAddress", "0.0009", RateMalformed)]
    [InlineData("Limits__LoginsPerSecondPerAddress", "1000001", RateMalformed)]
    [InlineData("Limits__LoginsPerSecondPerAddress", "NaN", RateMalformed)]
    [InlineData("Limits__LoginsPerSecondPerAddress", "50,5", RateMalformed)]
    [InlineData("Limits__BurstPerAddress", "0", BurstMalformed)]
    [InlineData("Limits__BurstPerAddress", "1.5", BurstMalformed)]
    [InlineData("Limits__BurstPerAddress", "many", BurstMalformed)]
    [InlineData("Limits__ConcurrentLogins", "0", ConcurrentMalformed)]
    [InlineData("Limits__ConcurrentLogins", "2.5", ConcurrentMalformed)]
    [InlineData("Limits__ConcurrentLogins", "100001", ConcurrentMalformed)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", EndpointMalformed)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT", "collector", EndpointMalformed)]
    public void A_missing_or_malformed_value_is_one_line_with_the_name_and_what_it_expects(string name, string? value, string line) =>
        Assert.Equal(line, Refused((name, value)));

    [Theory]
    [InlineData("WeCom__CorpId", "\ufeffww1234567890abcdef\u200b")]
    [InlineData("KeyVault__Uri", "\u00a0https://name.vault.azure.net/\r\n")]
    [InlineData("TokenRefreshSchedule", "0 */5 * * * *\u2060")]
    [InlineData("AZURE_CLIENT_ID", "\u200e01234567-89ab-cdef-0123-456789abcdef\u200e")]
    public void What_cannot_be_seen_at_the_ends_of_a_value_is_cut_off(string name, string value) => Read((name, value));

    [Theory]
    [InlineData("WeCom__CorpId", "ww12\u200b34567890abcdef", "U+200B at position 5")]
    [InlineData("WeCom__CorpSecretName", "wecom\u00ad-corpsecret", "U+00AD at position 6")]
    [InlineData("WeCom__BaseUrl", "https://qyapi\ufeff.weixin.qq.com/", "U+FEFF at position 14")]
    [InlineData("KeyVault__Uri", "https://na\u200bme.vault.azure.net/", "U+200B at position 11")]
    [InlineData("TokenStore__ServiceUri", "https://account\u2028.table.core.windows.net/", "U+2028 at position 16")]
    [InlineData("TokenRefreshSchedule", "0\u00a0*/5 * * * *", "U+00A0 at position 2")]
    [InlineData("Login__ProfileFields", "name,\u3164department", "U+3164 at position 6")]
    public void What_cannot_be_seen_inside_a_value_is_one_line_with_its_place_and_code_point(string name, string value, string place) =>
        Assert.Equal($"{name} has {place}, where nothing is to be seen: type it instead of pasting it.", Refused((name, value)));

    [Theory]
    [InlineData("WeCom__CorpId", "ww1234\uff15", "U+FF15 at position 7")]
    [InlineData("WeCom__CorpSecretName", "wecom\u2010corpsecret", "U+2010 at position 6")]
    [InlineData("KeyVault__Uri", "\uff48ttps://name.vault.azure.net/", "U+FF48 at position 1")]
    [InlineData("TokenRefreshSchedule", "0 \u2217/5 * * * *", "U+2217 at position 3")]
    [InlineData("Login__RequireProfile", "tru\u0435", "U+0435 at position 4")]
    public void A_letter_that_only_looks_right_is_told_by_its_place_and_code_point(string name, string value, string place) =>
        Assert.StartsWith($"{name} is malformed, with {place}: it must be ", Refused((name, value)), StringComparison.Ordinal);

    [Theory]
    [InlineData("secret")]
    [InlineData("AccountName=account;AccountKey")]
    [InlineData("UseDevelopmentStorage=false")]
    [InlineData("AccountName=account;TableEndpoint=https://account.table.core.windows.net/")]
    [InlineData("AccountName=account;AccountKey=not-base64!;TableEndpoint=https://account.table.core.windows.net/")]
    public void A_connection_string_that_is_none_is_one_line(string value)
    {
        var message = Refused(("TokenStore__ServiceUri", null), ("TokenStore__ConnectionString", value));

        Assert.Equal(ConnectionStringMalformed, message);
    }

    [Theory]
    [InlineData("UseDevelopmentStorage=true")]
    [InlineData("DefaultEndpointsProtocol=https;AccountName=account;AccountKey=c2VjcmV0;EndpointSuffix=core.windows.net")]
    public void A_connection_string_does_instead_of_the_table_endpoint(string value)
    {
        var settings = Read(("TokenStore__ServiceUri", null), ("TokenStore__ConnectionString", value));

        Assert.Equal((null, value), (settings.Azure.TableServiceUri, settings.Azure.TableConnectionString));
    }

    [Fact]
    public void Each_bad_setting_has_a_line()
    {
        var message = Refused(("WeCom__CorpId", null), ("Limits__BurstPerAddress", "many"), ("Login__RequireProfile", "yes"));

        Assert.Equal([CorpIdMissing, RequireMalformed, BurstMalformed], message.Split(Environment.NewLine));
    }

    [Theory]
    [InlineData("WeCom__CorpId")]
    [InlineData("WeCom__CorpSecretName")]
    [InlineData("WeCom__CorpSecret")]
    [InlineData("WeCom__BaseUrl")]
    [InlineData("KeyVault__Uri")]
    [InlineData("TokenStore__ServiceUri")]
    [InlineData("TokenStore__ConnectionString")]
    [InlineData("TokenStore__TableName")]
    [InlineData("TokenRefreshSchedule")]
    [InlineData("AZURE_CLIENT_ID")]
    [InlineData("Login__ProfileFields")]
    [InlineData("Login__RequireProfile")]
    [InlineData("Limits__LoginsPerSecondPerAddress")]
    [InlineData("Limits__BurstPerAddress")]
    [InlineData("Limits__ConcurrentLogins")]
    public void A_value_in_the_wrong_place_is_not_shown(string name)
    {
        var secret = NewSecret();

        var message = Refused((name, $"!{secret}!"));

        Assert.Contains(name, message, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("AZURE_FUNCTIONS_ENVIRONMENT", "Development")]
    [InlineData("DOTNET_ENVIRONMENT", "development")]
    public void The_corpsecret_does_instead_of_the_vault_in_Development(string variable, string environment)
    {
        var secret = NewSecret();

        var settings = Read((variable, environment), ("WeCom__CorpSecret", secret), ("KeyVault__Uri", null));

        Assert.Equal((secret, null, true), (settings.Apps[0].CorpSecret, settings.Azure.KeyVaultUri, settings.IsDevelopment));
    }

    [Theory]
    [InlineData("AZURE_FUNCTIONS_ENVIRONMENT", "Production")]
    [InlineData("DOTNET_ENVIRONMENT", "Staging")]
    [InlineData("ASPNETCORE_ENVIRONMENT", "Development")]
    public void The_corpsecret_as_a_setting_stops_the_start_outside_Development(string variable, string environment) =>
        Assert.Equal(SecretOutsideDevelopment, Refused((variable, environment), ("WeCom__CorpSecret", NewSecret())));

    [Fact]
    public void The_corpsecret_as_a_setting_does_not_hide_that_the_vault_is_missing()
    {
        var message = Refused(("WeCom__CorpSecret", NewSecret()), ("KeyVault__Uri", null));

        Assert.Equal([SecretOutsideDevelopment, VaultMissing], message.Split(Environment.NewLine));
    }

    [Fact]
    public void Development_takes_the_vault_or_the_corpsecret()
    {
        var message = Refused(("DOTNET_ENVIRONMENT", "Development"), ("KeyVault__Uri", null));

        Assert.Equal(
            "KeyVault__Uri is missing: set it to https://NAME.vault.azure.net/, or set WeCom__CorpSecret in Development.", message);
    }

    [Fact]
    public void Development_names_the_corpsecrets_that_are_missing()
    {
        var message = Refused(
            ("DOTNET_ENVIRONMENT", "Development"),
            ("KeyVault__Uri", null),
            ("WeCom__CorpSecret", NewSecret()),
            ("WeCom__Apps__hr__CorpId", "ww1"),
            ("WeCom__Apps__hr__CorpSecret", NewSecret()),
            ("WeCom__Apps__sales__CorpId", "ww2"));

        Assert.Equal(
            "KeyVault__Uri is missing: set it to https://NAME.vault.azure.net/, or set WeCom__Apps__sales__CorpSecret in Development.",
            message);
    }

    [Fact]
    public void Settings_as_text_show_no_secret()
    {
        var settings = Read(("DOTNET_ENVIRONMENT", "Development"), ("WeCom__CorpSecret", NewSecret()));

        Assert.Equal("Settings of ww1234567890abcdef", $"{settings}");
    }

    [Theory]
    [Trait("Speed", "Slow")]
    [InlineData("WeComFunc.AzureFunctions")]
    [InlineData("WeComFunc.LocalHost")]
    public async Task A_host_with_bad_settings_ends_by_itself_with_a_line_for_each_that_says_that_it_is_an_error(string host)
    {
        var bad = DeployedSettings.With(
            ("WeCom__CorpId", null),
            ("WeCom__CorpSecret", NewSecret()),
            ("TokenStore__ServiceUri", null),
            ("TokenStore__ConnectionString", NewSecret()));

        await using var process = HostProcess.Start(host, bad);

        Assert.Equal(78, await process.ExitAsync());
        Assert.Equal(
            [$"error: {SecretOutsideDevelopment}", $"error: {CorpIdMissing}", $"error: {ConnectionStringMalformed}"], process.Errors);
    }

    [Theory]
    [Trait("Speed", "Slow")]
    [InlineData("WeComFunc.AzureFunctions")]
    [InlineData("WeComFunc.LocalHost")]
    public async Task A_host_that_cannot_make_what_answers_its_requests_ends_at_the_start(string host)
    {
        var settings = DeployedSettings.With(("DOTNET_ENVIRONMENT", "Development"), ("AZURE_TOKEN_CREDENTIALS", "none-of-the-known"));

        await using var process = HostProcess.Start(host, settings);

        Assert.NotEqual(0, await process.ExitAsync());
        Assert.Contains("AZURE_TOKEN_CREDENTIALS", process.Errors[0], StringComparison.Ordinal);
    }

    private static string NewSecret()
    {
        var secret = RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 43);
        Output.Run.Secret(secret, "setting");
        return secret;
    }

    private static DateTime At(string time) => DateTime.Parse($"2026-01-01 {time}", provider: null);

    [Fact]
    public void Further_apps_are_read_with_their_own_defaults_the_default_one_first()
    {
        var settings = Read(
            ("WeCom__Apps__sales__CorpId", "wwfedcba0987654321"),
            ("WeCom__Apps__hr__CorpId", "ww1234567890abcdef"),
            ("WeCom__Apps__hr__CorpSecretName", "another-secret"));

        Assert.Equal(
            [
                "default ww1234567890abcdef wecom-corpsecret",
                "hr ww1234567890abcdef another-secret",
                "sales wwfedcba0987654321 wecom-corpsecret-sales",
            ],
            settings.Apps.Select(app => $"{app.App.Name} {app.App.CorpId} {app.App.SecretName}"));
    }

    [Theory]
    [InlineData("WeCom__Apps__sales__CorpSecretName", "any", "WeCom__Apps__sales__CorpId is missing: it must be the 企业ID")]
    [InlineData("WeCom__Apps__sales__CorpId", "w", "WeCom__Apps__sales__CorpId is malformed: it must be the 企业ID")]
    [InlineData(
        "WeCom__Apps__Sales__CorpId", "ww1", "WeCom__Apps__Sales has a malformed name: it must be 1 to 32 lower-case letters and digits")]
    [InlineData("WeCom__Apps__default__CorpId", "ww1", "WeCom__Apps__default has the name of the default app, WeCom__AppName")]
    [InlineData("WeCom__Apps__sales__CorpSecret", "any", "WeCom__Apps__sales__CorpSecret is for the Development environment only")]
    public void A_further_app_that_is_wrong_is_named(string name, string value, string expected) =>
        Assert.Contains(expected, Assert.Throws<SettingsException>(() => Read((name, value))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("another", false)]
    [InlineData("the-same", true)]
    public void Apps_of_one_secret_name_have_one_corpsecret(string corpSecret, bool isTaken)
    {
        (string, string?)[] changes =
        [
            ("DOTNET_ENVIRONMENT", "Development"),
            ("WeCom__CorpSecret", "the-same"),
            ("WeCom__Apps__hr__CorpId", "ww1234567890abcdef"),
            ("WeCom__Apps__hr__CorpSecretName", "wecom-corpsecret"),
            ("WeCom__Apps__hr__CorpSecret", corpSecret),
        ];

        var refusal = isTaken ? null : Refused(changes);

        Assert.Equal(
            isTaken ? null : "WeCom__Apps__hr__CorpSecretName is wecom-corpsecret, as that of app default, whose corpsecret is another "
                + "one: give one of them another name.",
            refusal);
        Assert.True(!isTaken || Read(changes).Apps.Count == 2);
    }

    [Fact]
    public void More_than_fifty_further_apps_are_refused()
    {
        Assert.Equal(51, Read(Further(50)).Apps.Count);
        Assert.StartsWith("WeCom__Apps are 51 apps: at most 50", Refused(Further(51)), StringComparison.Ordinal);

        static (string, string?)[] Further(int count) =>
            [.. Enumerable.Range(0, count).Select(i => ($"WeCom__Apps__a{i}__CorpId", (string?)"ww1"))];
    }

    [Fact]
    public void An_app_tells_its_name_and_its_corp_and_nothing_secret() =>
        Assert.Equal("default of ww1234567890abcdef", $"{Read().Apps[0] with { CorpSecret = "a secret" }}");

    private static Settings Read(params (string Name, string? Value)[] changes) => DeployedSettings.Read(changes);

    private static string Refused(params (string Name, string? Value)[] changes)
    {
        var message = Assert.Throws<SettingsException>(() => Read(changes)).Message;
        Output.Run.Write("settings", message);
        return message;
    }
}
