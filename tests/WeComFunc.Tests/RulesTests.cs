using System.Globalization;
using System.Text.RegularExpressions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The rules that the code cites and those of <c>docs/rules.md</c> are the same.</summary>
public sealed partial class RulesTests
{
    private static readonly string[] BuiltFolders = ["bin", "obj"];

    private static IReadOnlySet<string> Headings { get; } =
        HeadingPattern()
            .Matches(Repository.Read("docs/rules.md"))
            .Select(heading => heading.Groups[1].Value)
            .ToHashSet();

    [Fact]
    public void A_rule_that_is_cited_has_its_heading() => Assert.Empty(Cited("src", "tests").Except(Headings));

    [Fact]
    public void A_rule_that_has_a_heading_is_cited() => Assert.Empty(Headings.Except(Cited("src", "tests")));

    [Theory]
    [InlineData("(rules T3 to T5, T10)", "T3,T4,T5,T10")]
    [InlineData("(rule L6)", "L6")]
    [InlineData("Rule T13, over all", "T13")]
    [InlineData("StreamT1 L2x A_T3", "")]
    public void A_citation_is_read_as_people_read_it(string text, string rules) => Assert.Equal(rules, string.Join(',', RulesIn(text)));

    private static HashSet<string> Cited(params string[] folders) => folders
        .SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Repository.Root, folder), "*.cs", SearchOption.AllDirectories))
        .Where(file =>
            Path.GetFileName(file) != $"{nameof(RulesTests)}.cs" && !file.Split(Path.DirectorySeparatorChar).Intersect(BuiltFolders).Any())
        .SelectMany(file => RulesIn(File.ReadAllText(file)))
        .ToHashSet();

    /// <summary>The rules that a text cites, those within a range too.</summary>
    private static IEnumerable<string> RulesIn(string text) => CitationPattern().Matches(text).SelectMany(citation =>
    {
        var first = int.Parse(citation.Groups["first"].Value, CultureInfo.InvariantCulture);
        var last = citation.Groups["last"] is { Success: true, Value: var value } ? int.Parse(value, CultureInfo.InvariantCulture) : first;
        return Enumerable.Range(first, last - first + 1).Select(number => $"{citation.Groups["kind"].Value}{number}");
    });

    [GeneratedRegex(@"^### ([TL]\d+): ", RegexOptions.Multiline)]
    private static partial Regex HeadingPattern();

    [GeneratedRegex(@"\b(?<kind>[TL])(?<first>\d{1,2})\b( to \k<kind>(?<last>\d{1,2})\b)?")]
    private static partial Regex CitationPattern();
}
