using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace WeComFunc.Fuzz;

/// <summary>An input: one of the corpus, with what was done to it.</summary>
/// <param name="Bytes">One of the corpus.</param>
/// <param name="Edits">What is done to it, in this order.</param>
public sealed record Input(byte[] Bytes, IReadOnlyList<Edit> Edits)
{
    /// <summary>What comes of it.</summary>
    public byte[] Made => Edits.Aggregate(Bytes, (bytes, edit) => edit.Of(bytes));

    /// <summary>As a text of Latin-1, for a report.</summary>
    public override string ToString() => $"{string.Join(", ", Edits)} of corpus: {Encoding.Latin1.GetString(Made)}";
}

/// <summary>One change.</summary>
/// <param name="Kind">Which.</param>
/// <param name="At">Where: beyond the end, it counts on from the beginning.</param>
/// <param name="Length">How much of what is there.</param>
/// <param name="Bytes">What comes there.</param>
public sealed record Edit(EditKind Kind, int At, int Length, byte[] Bytes)
{
    /// <summary>Makes the change.</summary>
    public byte[] Of(byte[] bytes)
    {
        var at = At % (bytes.Length + 1);
        var end = Math.Min(bytes.Length, at + Length);
        return Kind switch
        {
            EditKind.Insert => [.. bytes[..at], .. Bytes, .. bytes[at..]],
            EditKind.Replace => [.. bytes[..at], .. Bytes, .. bytes[end..]],
            EditKind.Remove => [.. bytes[..at], .. bytes[end..]],
            EditKind.Repeat => [.. bytes[..end], .. bytes[at..end], .. bytes[end..]],
            _ => bytes[..at],
        };
    }

    /// <inheritdoc />
    public override string ToString() => $"{Kind} at {At}, {Length}, \"{Encoding.Latin1.GetString(Bytes)}\"";
}

/// <summary>What can be done to an input.</summary>
public enum EditKind
{
    /// <summary>Puts bytes in between.</summary>
    Insert,

    /// <summary>Puts bytes in the place of others.</summary>
    Replace,

    /// <summary>Takes bytes away.</summary>
    Remove,

    /// <summary>Has bytes twice.</summary>
    Repeat,

    /// <summary>Takes all the rest away.</summary>
    Cut,
}

/// <summary>Tries inputs by FsCheck.</summary>
public static class Inputs
{
    private const int MostEdits = 4;

    /// <summary>What readers of JSON, of numbers, of addresses and of times stumble over.</summary>
    private static readonly byte[][] Words =
    [
        .. ((string[])
        [
            "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", "1e999", "0.5", "99999999999999999999", "-1", "40014", "40029", "42001",
            "6000", "null", "true", "\"\"", "\\u0000",
            "\\ud83d", "\\ude00", "\\u", "\\q", "\n", "\u0001", "\u007f", "\u200b", "\u202e", "\ufffd", "张", "😀", " ", "//", "/*",
            "\"userid\":\"mallory\",", "\"corpid\":\"ww1234567890abcdef\",",
            "\"errcode\":0,", "\"session_key\":\"x\",", "\"access_token\":\"y\",", "\"code\":\"z\",", "{\"a\":", "[[[[[[[[", "]]]]]]]]",
            "2026-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "W/\"9\"",
            "@odata.type\":\"Edm.Int64\"", "203.0.113.7", "::1", ":65536", "utf-8", ";",
        ]).Select(Encoding.UTF8.GetBytes),
        [0xef, 0xbb, 0xbf],
        [0xff],
        [0xc3],
        [0xed, 0xa0, 0x80],
        [0x00],
        new byte[9000],
    ];

    /// <summary>Tries so many inputs, which the seed alone decides.</summary>
    /// <exception cref="Exception">
    /// A promise is broken: the message has the smallest input that was found, and what FsCheck replays it with.
    /// </exception>
    public static void Try(Target target, int count, ulong seed) => Prop
        .ForAll(Arb.From(Generator(target), Smaller), (Action<Input>)(input => target.Try(input.Made)))
        .Check(
            Config.QuickThrowOnFailure.WithMaxTest(count).WithReplay(seed, 1).WithQuietOnSuccess(true).WithName(
                $"{target.Name}, seed {seed}"));

    private static Gen<Input> Generator(Target target) =>
        from bytes in Gen.Elements(target.Corpus.ToArray())
        from count in Gen.Choose(0, MostEdits)
        from edits in EditGenerator.ArrayOf(count)
        select new Input(bytes, edits);

    private static Gen<Edit> EditGenerator =>
        from kind in Gen.Elements(Enum.GetValues<EditKind>())
        from at in Gen.Choose(0, 20_000)
        from length in Gen.Choose(0, 24)
        from bytes in Gen.OneOf(Gen.Elements(Words), Gen.Choose(0, 255).Select(value => new[] { (byte)value }))
        select new Edit(kind, at, length, bytes);

    private static IEnumerable<Input> Smaller(Input input) =>
        input.Edits.Select(left => input with { Edits = [.. input.Edits.Where(edit => edit != left)] });
}
