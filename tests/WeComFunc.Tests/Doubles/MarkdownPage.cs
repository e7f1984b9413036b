using Markdig;
using Markdig.Extensions.AutoIdentifiers;
using Markdig.Renderers.Html;
using Markdig.Syntax;

namespace WeComFunc.Tests.Doubles;

/// <summary>A page of the repository, read as GitHub reads it.</summary>
/// <param name="Name">Its path from the root of the repository.</param>
/// <param name="Sections">What stands under each heading; a page begins with one.</param>
internal sealed record MarkdownPage(string Name, IReadOnlyList<MarkdownSection> Sections)
{
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder()
        .UsePipeTables()
        .UseAutoIdentifiers(AutoIdentifierOptions.GitHub)
        .UsePreciseSourceLocation()
        .Build();

    public static MarkdownPage Read(string name) => Parse(name, Repository.Read(name));

    public static MarkdownPage Parse(string name, string text)
    {
        var sections = new List<MarkdownSection>();
        foreach (var block in Markdown.Parse(text, Pipeline))
        {
            if (block is HeadingBlock heading)
            {
                var title = text.Substring(heading.Span.Start, heading.Span.Length);
                sections.Add(new(name, title, heading.Level, heading.GetAttributes().Id!, heading.Line + 1));
            }

            sections[^1].Blocks.Add(block);
        }

        return new(name, sections);
    }

    /// <summary>The section with this anchor and those below it.</summary>
    public MarkdownPage Part(string anchor)
    {
        var from = Sections.SkipWhile(section => section.Anchor != anchor).ToList();
        return this with { Sections = [from[0], .. from.Skip(1).TakeWhile(section => section.Level > from[0].Level)] };
    }

    /// <summary>Where a link of this page leads: an address of the web as it is, else a path from the root, with its anchor.</summary>
    public string Resolve(string link)
    {
        if (link.Contains("://", StringComparison.Ordinal))
        {
            return link;
        }

        var parts = Uri.UnescapeDataString(link).Split('#', 2);
        var path = parts[0].Length == 0
            ? Name
            : Path.GetRelativePath(Repository.Root, Path.Combine(Repository.Root, Path.GetDirectoryName(Name)!, parts[0]));
        return string.Join('#', [path, .. parts[1..]]);
    }
}
