using System.Collections;
using System.Globalization;
using System.Text;

namespace WeComFunc.Tests.Doubles;

/// <summary>Structured values as text, so that nothing in them is hidden from the search.</summary>
internal static class OutputValue
{
    public static void AppendTo(StringBuilder text, IEnumerable<KeyValuePair<string, object?>> pairs)
    {
        foreach (var (key, value) in pairs)
        {
            text.Append(' ').Append(key).Append('=').Append(Format(value));
        }
    }

    public static string? Format(object? value) => value switch
    {
        null => null,
        string text => text,
        byte[] bytes => Convert.ToBase64String(bytes),
        IEnumerable items => $"[{string.Join(' ', items.Cast<object?>().Select(Format))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture),
    };
}
