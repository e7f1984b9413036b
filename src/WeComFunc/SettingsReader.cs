using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using NCrontab;

namespace WeComFunc;

/// <summary>Reads one setting after another and collects a line for each that is wrong.</summary>
internal sealed partial class SettingsReader(IConfiguration configuration)
{
    private const string Malformed = "is malformed";

    private readonly HashSet<string> _unseen = [];

    /// <summary>Whether this is the Development environment.</summary>
    public bool IsDevelopment { get; } = IsDevelopmentName(configuration["AZURE_FUNCTIONS_ENVIRONMENT"])
        || IsDevelopmentName(configuration["DOTNET_ENVIRONMENT"]);

    /// <summary>One line for each setting that is wrong.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>
    /// Adds a line; of a value with a character that cannot be seen, or that is none of the alphabet, it says which and where.
    /// </summary>
    public void Refuse(string key, string expectation)
    {
        if (_unseen.Contains(key))
        {
            return;
        }

        var foreign = expectation.StartsWith(Malformed, StringComparison.Ordinal)
            ? PastedText.FindForeign(Pasted(key) ?? "", lowest: ' ')
            : null;
        Add(key, foreign is null ? expectation : $"{Malformed}, with {foreign}{expectation[Malformed.Length..]}");
    }

    public bool Has(string key) => Text(key) is not null;

    /// <summary>The names of the sections within one.</summary>
    public IEnumerable<string> Children(string key) => configuration.GetSection(key).GetChildren().Select(section => section.Key);

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

    public string SecretName(string key, string fallback) =>
        Matching(key, fallback, SecretNamePattern(), "the name of a Key Vault secret, 1 to 127 letters, digits and hyphens");

    public string TableName(string key, string fallback) =>
        Matching(key, fallback, TableNamePattern(), "3 to 63 letters and digits, a letter first");

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

    public HashSet<string> Names(string key, Regex pattern, string expectation)
    {
        var text = Text(key);
        var names = (text ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        if ((text is not null && names.Length == 0) || !names.All(name => pattern.IsMatch(name)))
        {
            Refuse(key, $"is malformed: it must be {expectation}");
        }

        return names.ToHashSet(StringComparer.Ordinal);
    }

    public HashSet<string> MemberNames(string key) =>
        Names(key, MemberNamePattern(), "a comma-separated list of members of the profile, such as name,department");

    /// <summary>Whether an address may be called: https, and http in Development and on this machine.</summary>
    public bool IsSafe(Uri uri) => uri.Scheme is "https" || (uri.Scheme is "http" && (IsDevelopment || uri.IsLoopback));

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

    public int WholeNumber(string key, int fallback, int least, int most) => (int)Number(
        key, fallback, number => number >= least && number <= most && double.IsInteger(number), $"a whole number from {least} to {most}");

    [GeneratedRegex(@"\A[0-9A-Za-z_]+\z")]
    private static partial Regex MemberNamePattern();

    [GeneratedRegex(@"\A[0-9A-Za-z-]{1,127}\z")]
    private static partial Regex SecretNamePattern();

    [GeneratedRegex(@"\A[A-Za-z][0-9A-Za-z]{2,62}\z")]
    private static partial Regex TableNamePattern();

    private static bool IsDevelopmentName(string? name) => string.Equals(name, "Development", StringComparison.OrdinalIgnoreCase);

    private void Add(string key, string line) => Errors.Add($"{key.Replace(":", "__", StringComparison.Ordinal)} {line}.");
}
