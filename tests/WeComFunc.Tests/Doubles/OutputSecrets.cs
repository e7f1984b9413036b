using System.Collections.Concurrent;
using System.Text;
using System.Text.Encodings.Web;

namespace WeComFunc.Tests.Doubles;

/// <summary>The values that must not show up in an <see cref="Output"/>, and the search for them.</summary>
internal sealed class OutputSecrets
{
    private const int MinLength = 8;
    private const int MaxLeaksOfOne = 5;
    private const int Context = 200;

    private readonly ConcurrentDictionary<string, string> _names = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Values => [.. _names.Keys];

    public void Add(string value, string name)
    {
        ArgumentNullException.ThrowIfNull(value);
        if (value.Length < MinLength || value.AsSpan().IndexOfAny('\r', '\n') >= 0)
        {
            throw new ArgumentException($"The {name} is shorter than {MinLength} characters or not on one line.", nameof(value));
        }

        _names.TryAdd(value, name);
    }

    public List<Leak> Search(string path)
    {
        var needles = new Dictionary<string, (string Secret, string Form)>(StringComparer.Ordinal);
        foreach (var secret in _names.Keys)
        {
            foreach (var (needle, form) in FormsOf(secret))
            {
                needles.TryAdd(needle, (secret, form));
            }
        }

        var search = new ManyStrings(needles.Keys);
        var leaks = new List<Leak>();
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        using var reader = new StreamReader(
            new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1 << 16));
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            var hits = search.FindAll(line);
            foreach (var (start, needle) in hits)
            {
                var (secret, form) = needles[needle];
                var count = counts[secret] = counts.GetValueOrDefault(secret) + 1;
                if (count <= MaxLeaksOfOne)
                {
                    leaks.Add(new Leak(_names[secret], form, number, Mask(line, hits, start)));
                }
            }
        }

        return leaks;
    }

    private static IEnumerable<(string Needle, string Form)> FormsOf(string secret)
    {
        yield return (secret, "plain");
        var url = Uri.EscapeDataString(secret);
        yield return (url, "URL");
        yield return (url.Replace("%20", "+", StringComparison.Ordinal), "URL");
        yield return (System.Web.HttpUtility.UrlEncode(secret), "URL");
        yield return (JavaScriptEncoder.Default.Encode(secret), "JSON");
        yield return (JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(secret), "JSON");

        // Behind "user:" or inside a longer text a secret begins at any of three places of a base64 group.
        var bytes = Encoding.UTF8.GetBytes(secret);
        for (var before = 0; before < 3; before++)
        {
            var base64 = Convert.ToBase64String([.. new byte[before], .. bytes]);
            var needle = base64[(((before * 8) + 5) / 6)..((before + bytes.Length) * 8 / 6)];
            yield return (needle, "base64");
            yield return (needle.Replace('+', '-').Replace('/', '_'), "base64");
        }
    }

    private static string Mask(string line, List<(int Start, string Needle)> hits, int around)
    {
        var masked = line.ToCharArray();
        foreach (var (start, needle) in hits)
        {
            masked.AsSpan(start, needle.Length).Clear();
        }

        var from = Math.Max(0, around - Context);
        var text = new StringBuilder();
        for (var i = from; i < Math.Min(masked.Length, around + (2 * Context)); i++)
        {
            if (masked[i] != '\0')
            {
                text.Append(masked[i]);
            }
            else if (i == from || masked[i - 1] != '\0')
            {
                text.Append("***");
            }
        }

        return text.ToString();
    }
}
