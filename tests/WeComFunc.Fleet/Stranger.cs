using System.Globalization;

namespace WeComFunc.Fleet;

/// <summary>Somebody whose codes are of another mini program: each says what WeCom answers it with.</summary>
internal static class Stranger
{
    /// <summary>The one address that strangers post from.</summary>
    public const string Address = "a stranger";

    private const string Mark = "stranger-";

    private static readonly int[] Refusals = [48002, 301002, 90208];

    /// <summary>A code for which there is no other.</summary>
    public static string Code(Trouble kind, int number, Random random)
    {
        var errcode = kind is Trouble.StrangersRejected ? 40014 : Refusals[random.Next(Refusals.Length)];
        return string.Create(CultureInfo.InvariantCulture, $"{Mark}{errcode}-{number}");
    }

    /// <summary>What WeCom answers a code with; null for one of this mini program.</summary>
    public static int? ErrcodeOf(string? code) =>
        code?.StartsWith(Mark, StringComparison.Ordinal) is true ? int.Parse(code.Split('-')[1], CultureInfo.InvariantCulture) : null;
}
