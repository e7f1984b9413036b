using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using NCrontab;
using WeComFunc.Azure;

namespace WeComFunc;

/// <summary>The settings of the contract, checked. <see cref="Read"/> is the only way to one.</summary>
public sealed partial record Settings
{
    /// <summary>Which corp and app this process serves.</summary>
    public required WeComApp App { get; init; }

    /// <summary>WeCom's server API, ending in a slash.</summary>
    public required Uri BaseUrl { get; init; }

    /// <summary>The vault of the corpsecret; null only in Development with <see cref="CorpSecret"/>.</summary>
    public Uri? KeyVaultUri { get; init; }

    /// <summary>The corpsecret itself, in Development only; it wins over the vault.</summary>
    public string? CorpSecret { get; init; }

    /// <summary>Table endpoint, reached by managed identity; exactly one of this and <see cref="TableConnectionString"/> is set.</summary>
    public Uri? TableServiceUri { get; init; }

    /// <summary>Connection string of Azurite or a test account.</summary>
    public string? TableConnectionString { get; init; }

    /// <summary>Table of the token row, created when absent.</summary>
    public required string TableName { get; init; }

    /// <summary>When the timer renews, UTC.</summary>
    public required CrontabSchedule RefreshSchedule { get; init; }

    /// <summary>Client id of the user-assigned identity; null for the system-assigned one.</summary>
    public string? ClientId { get; init; }

    /// <summary>Members of the profile to return; empty for all.</summary>
    public required IReadOnlyCollection<string> ProfileFields { get; init; }

    /// <summary>Whether a member whose profile the app may not see is refused.</summary>
    public bool RequireProfile { get; init; }

    /// <summary>Refill of the limiter per caller address, logins per second; 0 switches it off.</summary>
    public double LoginsPerSecond { get; init; }

    /// <summary>Logins that one address may make at once.</summary>
    public int Burst { get; init; }

    /// <summary>Logins under way at once in this process.</summary>
    public int ConcurrentLogins { get; init; }

    /// <summary>Reverse proxies of the operator's between the callers and the app.</summary>
    public int TrustedProxies { get; init; }

    /// <summary>Whether this is the Development environment.</summary>
    public bool IsDevelopment { get; init; }

    /// <summary>Reads and checks every setting.</summary>
    /// <exception cref="SettingsException">One line for each missing or malformed setting.</exception>
    public static Settings Read(IConfiguration configuration)
    {
        var reader = new Reader(configuration);
        var development = IsDevelopmentName(configuration["AZURE_FUNCTIONS_ENVIRONMENT"]) || IsDevelopmentName(configuration["DOTNET_ENVIRONMENT"]);
        var corpSecret = reader.Pasted("WeCom:CorpSecret");
        if (corpSecret is not null && !development)
        {
            reader.Refuse("WeCom:CorpSecret", "is for the Development environment only; elsewhere store the corpsecret in Key Vault and remove this setting");
        }

        var vault = reader.Url("KeyVault:Uri", "the vault's address, https://NAME.vault.azure.net/", static uri => uri is { Scheme: "https", AbsolutePath: "/" });
        if (!reader.Has("KeyVault:Uri") && (corpSecret is null || !development))
        {
            reader.Refuse("KeyVault:Uri", development
                ? "is missing: set it to https://NAME.vault.azure.net/, or set WeCom__CorpSecret in Development"
                : "is missing: it must be the vault's address, https://NAME.vault.azure.net/");
        }

        var serviceUri = reader.Url("TokenStore:ServiceUri", "the table endpoint, https://ACCOUNT.table.core.windows.net/", IsTableEndpoint);
        var connectionString = reader.Text("TokenStore:ConnectionString");
        if (connectionString is not null && !TableTokenStore.Accepts(connectionString))
        {
            reader.Refuse("TokenStore:ConnectionString", "is malformed: it must be the connection string of a storage account, or UseDevelopmentStorage=true for Azurite");
        }

        if (reader.Has("TokenStore:ServiceUri") == (connectionString is not null))
        {
            reader.Refuse("TokenStore:ServiceUri",
                "or TokenStore__ConnectionString must be set, exactly one of them: https://ACCOUNT.table.core.windows.net/ on Azure, a connection string for Azurite");
        }

        var settings = new Settings
        {
            App = new WeComApp(
                reader.Matching("WeCom:CorpId", null, CorpIdPattern(), "the 企业ID of the corp, 2 to 64 letters, digits, _ and -, mostly ww followed by letters and digits"),
                reader.Matching("WeCom:CorpSecretName", "wecom-corpsecret", SecretNamePattern(), "the name of a Key Vault secret, 1 to 127 letters, digits and hyphens"),
                reader.Matching("WeCom:AppName", "default", AppNamePattern(), "1 to 32 lower-case letters and digits")),
            BaseUrl = reader.Url("WeCom:BaseUrl", "an https address without a query and without cgi-bin, which is added (http in Development and for loopback only)",
                    uri => (uri.Scheme is "https" || (uri.Scheme is "http" && (development || uri.IsLoopback)))
                        && !uri.AbsolutePath.Contains("/cgi-bin/", StringComparison.OrdinalIgnoreCase))
                ?? new Uri("https://qyapi.weixin.qq.com/"),
            KeyVaultUri = vault,
            CorpSecret = corpSecret,
            TableServiceUri = serviceUri,
            TableConnectionString = connectionString,
            TableName = reader.Matching("TokenStore:TableName", "wecomtokens", TableNamePattern(), "3 to 63 letters and digits, a letter first"),
            RefreshSchedule = reader.Schedule("TokenRefreshSchedule", "0 */5 * * * *"),
            ClientId = reader.ClientId("AZURE_CLIENT_ID"),
            ProfileFields = reader.Names("Login:ProfileFields"),
            RequireProfile = reader.Flag("Login:RequireProfile"),
            LoginsPerSecond = reader.Number("Limits:LoginsPerSecondPerAddress", 50, static number => number is 0 or (>= 0.001 and <= 1_000_000), "0 (off) or a number from 0.001 to 1000000"),
            Burst = (int)reader.Number("Limits:BurstPerAddress", 500, static number => number is >= 1 and <= 1_000_000 && double.IsInteger(number), "a whole number from 1 to 1000000"),
            ConcurrentLogins = (int)reader.Number("Limits:ConcurrentLogins", 500, static number => number is >= 1 and <= 100_000 && double.IsInteger(number), "a whole number from 1 to 100000"),
            TrustedProxies = (int)reader.Number("Limits:TrustedProxies", 0, static number => number is >= 0 and <= 10 && double.IsInteger(number), "a whole number from 0 to 10"),
            IsDevelopment = development,
        };
        return reader.Errors.Count == 0 ? settings : throw new SettingsException(reader.Errors);
    }

    /// <summary>Names the corp and nothing secret.</summary>
    public override string ToString() => $"Settings of {App.CorpId}";

    /// <summary>Not another service of Azure, and no path but the account's where it is not in the host's name.</summary>
    private static bool IsTableEndpoint(Uri uri) =>
        uri.Scheme is "https"
        && !OtherServicePattern().IsMatch(uri.Host)
        && (uri.AbsolutePath is "/" || (!uri.Host.Contains(".table.", StringComparison.Ordinal) && AccountPathPattern().IsMatch(uri.AbsolutePath)));

    private static bool IsDevelopmentName(string? name) => string.Equals(name, "Development", StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"\A[0-9A-Za-z_-]{2,64}\z")]
    private static partial Regex CorpIdPattern();

    [GeneratedRegex(@"\A[0-9A-Za-z-]{1,127}\z")]
    private static partial Regex SecretNamePattern();

    [GeneratedRegex(@"\A[0-9a-z]{1,32}\z")]
    private static partial Regex AppNamePattern();

    [GeneratedRegex(@"\A[A-Za-z][0-9A-Za-z]{2,62}\z")]
    private static partial Regex TableNamePattern();

    [GeneratedRegex(@"\.(blob|dfs|file|queue|web)\.(core|storage)\.|\.vault\.(azure|usgovcloudapi)\.")]
    private static partial Regex OtherServicePattern();

    [GeneratedRegex(@"\A/[^/]+/\z")]
    private static partial Regex AccountPathPattern();

    [GeneratedRegex(@"\A[0-9A-Za-z_]+\z")]
    private static partial Regex MemberNamePattern();

    /// <summary>Reads one setting after another and collects a line for each that is wrong.</summary>
    private sealed class Reader(IConfiguration configuration)
    {
        private const string Malformed = "is malformed";

        private readonly HashSet<string> _unseen = [];

        public List<string> Errors { get; } = [];

        /// <summary>Adds a line; of a value with a character that cannot be seen, or that is none of the alphabet, it says which and where.</summary>
        public void Refuse(string key, string expectation)
        {
            if (_unseen.Contains(key))
            {
                return;
            }

            var foreign = expectation.StartsWith(Malformed, StringComparison.Ordinal) ? PastedText.FindForeign(Pasted(key) ?? "", lowest: ' ') : null;
            Add(key, foreign is null ? expectation : $"{Malformed}, with {foreign}{expectation[Malformed.Length..]}");
        }

        public bool Has(string key) => Text(key) is not null;

        /// <summary>The value without what cannot be seen at both its ends; one that has such a character inside is refused, once.</summary>
        public string? Text(string key)
        {
            if (Pasted(key) is not { } value)
            {
                return null;
            }

            if (PastedText.FindUnseen(value) is { } unseen && _unseen.Add(key))
            {
                Add(key, $"has {unseen}, where nothing is to be seen: type it instead of pasting it");
            }

            return value;
        }

        /// <summary>The value without what cannot be seen at both its ends.</summary>
        public string? Pasted(string key) => PastedText.Trim(configuration[key] ?? "") is { Length: > 0 } value ? value : null;

        public string Matching(string key, string? fallback, Regex pattern, string expectation)
        {
            var value = Text(key) ?? fallback;
            if (value is null || !pattern.IsMatch(value))
            {
                Refuse(key, $"{(value is null ? "is missing: it" : "is malformed: it")} must be {expectation}");
            }

            return value ?? "";
        }

        public Uri? Url(string key, string expectation, Predicate<Uri> isAllowed)
        {
            if (Text(key) is not { } value)
            {
                return null;
            }

            if (Uri.TryCreate(value.EndsWith('/') ? value : value + "/", UriKind.Absolute, out var uri)
                && uri is { Query: "", Fragment: "", UserInfo: "" } && isAllowed(uri))
            {
                return uri;
            }

            Refuse(key, $"is malformed: it must be {expectation}");
            return null;
        }

        public CrontabSchedule Schedule(string key, string fallback)
        {
            var options = new CrontabSchedule.ParseOptions { IncludingSeconds = true };
            if (CrontabSchedule.TryParse(Text(key) ?? fallback, options) is { } schedule)
            {
                // Long enough for a 29 February on a given day of the week.
                var (begin, end) = (new DateTime(2026, 1, 1), new DateTime(2066, 1, 1));
                if (schedule.GetNextOccurrence(begin, end) == end)
                {
                    Refuse(key, "never fires: it must be an NCRONTAB expression of a time that comes, such as 0 */5 * * * *");
                }

                return schedule;
            }

            Refuse(key, "is malformed: it must be an NCRONTAB expression of six fields, seconds first, such as 0 */5 * * * *");
            return CrontabSchedule.Parse(fallback, options);
        }

        public string? ClientId(string key)
        {
            var value = Text(key);
            if (value is not null && !Guid.TryParseExact(value, "D", out _))
            {
                Refuse(key, "is malformed: it must be the client id (a GUID) of the user-assigned identity, or be absent");
            }

            return value;
        }

        public HashSet<string> Names(string key)
        {
            var names = (Text(key) ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            if (!names.All(name => MemberNamePattern().IsMatch(name)))
            {
                Refuse(key, "is malformed: it must be a comma-separated list of members of the profile, such as name,department");
            }

            return names.ToHashSet(StringComparer.Ordinal);
        }

        public bool Flag(string key)
        {
            var value = false;
            if (Text(key) is { } text && !bool.TryParse(text, out value))
            {
                Refuse(key, "is malformed: it must be true or false");
            }

            return value;
        }

        public double Number(string key, double fallback, Predicate<double> isAllowed, string expectation)
        {
            if (Text(key) is not { } text)
            {
                return fallback;
            }

            if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) && isAllowed(value))
            {
                return value;
            }

            Refuse(key, $"is malformed: it must be {expectation}");
            return fallback;
        }

        private void Add(string key, string line) => Errors.Add($"{key.Replace(":", "__", StringComparison.Ordinal)} {line}.");
    }
}

/// <summary>Settings that are missing or malformed; the message is one line for each, naming it and what it expects.</summary>
public sealed class SettingsException(IReadOnlyCollection<string> errors) : Exception(string.Join(Environment.NewLine, errors))
{
    /// <summary>
    /// Tells them on standard error, for a host that ends because of them. The Functions host goes by the words of a line to tell how bad it
    /// is, so each begins with the one for an error.
    /// </summary>
    /// <returns>The exit code: 78, a configuration error by sysexits.h.</returns>
    public int Report()
    {
        foreach (var error in errors)
        {
            Console.Error.WriteLine($"error: {error}");
        }

        return 78;
    }
}
