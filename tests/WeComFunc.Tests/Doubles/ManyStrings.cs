using System.Runtime.InteropServices;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// Finds any of hundreds of thousands of strings at tens of millions of characters a second (Rabin-Karp over the first 8 characters).
/// For so many, <c>SearchValues</c> would build an automaton of gigabytes.
/// </summary>
internal sealed class ManyStrings
{
    private const int Window = 8;
    private const int FilterBits = 24;
    private const ulong Prime1 = 0x9E3779B185EBCA87;
    private const ulong Prime2 = 0xC2B2AE3D27D4EB4F;
    private const ulong Prime3 = 0x165667B19E3779F9;

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
        ulong older = 0;
        ulong newer = 0;
        for (var end = 0; end < text.Length; end++)
        {
            // The window moves by one character. No calls here: tests run unoptimised, where each would cost more than the rest.
            older = (older >> 16) | (newer << 48);
            newer = (newer >> 16) | ((ulong)text[end] << 48);
            var hash = ((older * Prime1) ^ (newer * Prime2)) * Prime3;
            var bit = hash >> (64 - FilterBits);
            if ((_filter[bit >> 6] >> (int)(bit & 63) & 1) == 0 || !_lengths.TryGetValue(hash, out var lengths))
            {
                continue;
            }

            var start = end - Window + 1;
            foreach (var length in lengths)
            {
                if (start >= 0 && length <= text.Length - start && _strings.TryGetValue(text.AsSpan(start, length), out var match))
                {
                    found.Add((start, match));
                    break;
                }
            }
        }

        return found;
    }

    private static ulong Hash(ReadOnlySpan<char> text)
    {
        var halves = MemoryMarshal.Cast<char, ulong>(text[..Window]);
        return ((halves[0] * Prime1) ^ (halves[1] * Prime2)) * Prime3;
    }
}
