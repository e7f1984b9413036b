using System.Runtime.InteropServices;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// Finds any of hundreds of thousands of strings at some 100 million characters a second (Rabin-Karp over the first 8 characters): for so
/// many, <c>SearchValues</c> would build an automaton of gigabytes.
/// </summary>
internal sealed class ManyStrings
{
    private const int Window = 8;
    private const int FilterBits = 24;

    private readonly ulong[] _filter = new ulong[1 << (FilterBits - 6)];
    private readonly Dictionary<ulong, int[]> _lengths;
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _strings;

    /// <param name="strings">Strings of at least 8 characters.</param>
    public ManyStrings(IEnumerable<string> strings)
    {
        var all = new HashSet<string>(strings, StringComparer.Ordinal);
        _strings = all.GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = all
            .GroupBy(s => Hash(s), s => s.Length)
            .ToDictionary(g => g.Key, g => g.Distinct().OrderDescending().ToArray());
        foreach (var hash in _lengths.Keys)
        {
            var bit = hash >> (64 - FilterBits);
            _filter[bit >> 6] |= 1UL << (int)(bit & 63);
        }
    }

    /// <summary>Every occurrence, overlapping ones too; of several at one place the longest.</summary>
    public List<(int Start, string Found)> FindAll(string text)
    {
        List<(int, string)> found = [];
        for (var i = 0; i <= text.Length - Window; i++)
        {
            var hash = Hash(text.AsSpan(i));
            var bit = hash >> (64 - FilterBits);
            if ((_filter[bit >> 6] >> (int)(bit & 63) & 1) == 0 || !_lengths.TryGetValue(hash, out var lengths))
            {
                continue;
            }

            foreach (var length in lengths)
            {
                if (length <= text.Length - i && _strings.TryGetValue(text.AsSpan(i, length), out var match))
                {
                    found.Add((i, match));
                    break;
                }
            }
        }

        return found;
    }

    private static ulong Hash(ReadOnlySpan<char> text)
    {
        var halves = MemoryMarshal.Cast<char, ulong>(text[..Window]);
        return ((halves[0] * 0x9E3779B97F4A7C15) ^ (halves[1] * 0xC2B2AE3D27D4EB4F)) * 0x165667B19E3779F9;
    }
}
