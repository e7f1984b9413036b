using Markdig.Extensions.Tables;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace WeComFunc.Tests.Doubles;

/// <summary>A heading of a page, and what stands under it before the next one.</summary>
internal sealed class MarkdownSection(string page, string title, int level, string anchor, int line)
{
    public string Page => page;

    public int Level => level;

    /// <summary>What a link to it has after the <c>#</c>.</summary>
    public string Anchor => anchor;

    /// <summary>The heading itself first.</summary>
    public IList<Block> Blocks { get; } = [];

    public IReadOnlyList<Table> Tables => [.. Blocks.OfType<Table>()];

    public IReadOnlyList<FencedCodeBlock> Fences => [.. Blocks.SelectMany(Within).OfType<FencedCodeBlock>()];

    /// <summary>Links and pictures, with their lines.</summary>
    public IEnumerable<(string Url, int Line)> Links =>
        Blocks.SelectMany(Within).OfType<LinkInline>().Select(link => (link.Url!, link.Line + 1));

    /// <summary>A block and all that is in it.</summary>
    public static IEnumerable<MarkdownObject> Within(Block block) =>
        block is LeafBlock leaf ? [leaf, .. leaf.Inline?.Descendants() ?? []] : block.Descendants();

    public override string ToString() => $"{page}:{line} ({title})";
}
