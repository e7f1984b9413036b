using System.Text.RegularExpressions;
using Markdig.Extensions.Tables;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// What stands in English and in Chinese says the same, as far as it can be told without either language. Headings follow one another
/// at the same levels. A section has the same blocks of code and tables, and in its sentences the same code (so settings, problem codes,
/// commands), numbers and links, in any order; a row of a table has the same code and numbers. Passed over are words, comments in code,
/// the labels of diagrams, and how often something is said.
/// </summary>
public sealed partial class TranslationTests
{
    private const string Reference = "docs/reference.zh-CN.md";

    /// <summary>Pages, and parts of pages with all that is below their heading.</summary>
    private static readonly (string English, string Chinese)[] Pairs =
    [
        ("README.md", "README.zh-CN.md"),
        ("infra/README.md", "infra/README.zh-CN.md"),
        ("docs/contract.md#settings", $"{Reference}#设置"),
        ("docs/contract.md#telemetry", $"{Reference}#遥测"),
        ("docs/contract.md#behind-a-proxy", $"{Reference}#经过代理"),
        ("docs/contract.md#a-strangers-code", $"{Reference}#别的小程序的-code"),
        ("docs/costs.md", $"{Reference}#一个集群的开销"),
    ];

    /// <summary>What a link of an English page leads to, and what the same link of a Chinese one does.</summary>
    private static readonly Dictionary<string, string> Counterparts = Pairs
        .SelectMany(pair => Part(pair.English).Sections.Zip(
            Part(pair.Chinese).Sections,
            (one, other) => KeyValuePair.Create($"{one.Page}#{one.Anchor}", $"{other.Page}#{other.Anchor}")))
        .Concat(Pairs.Where(pair => !pair.English.Contains('#')).Select(pair => KeyValuePair.Create(pair.English, pair.Chinese)))
        .ToDictionary();

    public static TheoryData<string, string> AllPairs
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var (english, chinese) in Pairs)
            {
                all.Add(english, chinese);
            }

            return all;
        }
    }

    /// <summary>A page in Chinese with one thing changed, and what is then said of it.</summary>
    public static TheoryData<string, string, string, string> Defects => new()
    {
        {
            "README.zh-CN.md", "\n### 控制台\n", "\n## 控制台\n",
            @"^README\.zh-CN\.md:\d+ \(## 控制台\) is not at the level of README\.md:\d+ \(### The console\)$"
        },
        {
            "infra/README.zh-CN.md", "\n## 拆除\n", "\n**拆除**\n",
            @"^infra/README\.zh-CN\.md ends before infra/README\.md:\d+ \(## Tear down\)$"
        },
        {
            "infra/README.zh-CN.md", "```bicep\nparam memberData = true\nparam miniProgramAppId = 'wx0123456789abcdef'\n```\n", "",
            @"^infra/README\.zh-CN\.md:\d+ \(## 成员数据\) has 0 blocks of code, infra/README\.md:\d+ \(## Member data\) 1$"
        },
        {
            "infra/README.zh-CN.md", "```bicep\nparam memberData", "```sh\nparam memberData",
            @"^infra/README\.zh-CN\.md:\d+ is sh:, infra/README\.md:\d+ is bicep:$"
        },
        {
            "infra/README.zh-CN.md", "az group delete --name", "az group remove --name",
            @"^infra/README\.zh-CN\.md:\d+ is az group remove --name .*, infra/README\.md:\d+ is az group delete --name .*$"
        },
        {
            "infra/README.zh-CN.md", "az group delete --name \"$GROUP\"\n", "",
            @"^infra/README\.zh-CN\.md:\d+ has 7 lines of code, infra/README\.md:\d+ 8$"
        },
        { "README.zh-CN.md", "剩余 40 分钟 ", "剩余 41 分钟 ", @"^README\.zh-CN\.md:\d+ is 41 10 2, README\.md:\d+ is 40 10 2$" },
        {
            "README.zh-CN.md", "    F->>W: miniprogram/", "    F->>T: miniprogram/",
            @"^README\.zh-CN\.md:\d+ is F->>T:, README\.md:\d+ is F->>W:$"
        },
        {
            "README.zh-CN.md", "| `corp_mismatch` | 403 | 该成员属于另一家企业：在企业微信中切换企业 | – |\n", "",
            @"^README\.zh-CN\.md:\d+ \(### 错误\) has a table of 15 rows and 4 columns, README\.md:\d+ \(### Problems\) one of 16 and 4$"
        },
        {
            "README.zh-CN.md", "| `invalid_data` | 400 |", "| `invalid_code` | 400 |",
            @"^README\.zh-CN\.md:\d+ lacks `invalid_data`, which README\.md:\d+ has$"
        },
        {
            "infra/README.zh-CN.md", "或 `AZURE_CLIENT_ID` 的问题", "的问题",
            @"^infra/README\.zh-CN\.md:\d+ lacks `AZURE_CLIENT_ID`, which infra/README\.md:\d+ has$"
        },
        {
            Reference, "| `Limits__ConcurrentLogins` | `500` |", "| `Limits__ConcurrentLogins` | `50` |",
            @"^docs/reference\.zh-CN\.md:\d+ lacks `500`, which docs/contract\.md:\d+ has$"
        },
        { Reference, "| 10 | 18 – 60 |", "| 10 | 18 – 61 |", @"^docs/reference\.zh-CN\.md:\d+ lacks 60, which docs/costs\.md:\d+ has$" },
        {
            "infra/README.zh-CN.md", "180 美元", "190 美元",
            @"^infra/README\.zh-CN\.md:\d+ \(## 从空的订阅到第一次登录\) lacks 180, which infra/README\.md:\d+ has$"
        },
        {
            "README.zh-CN.md", "其余由脚本安装", "其余由 `install.sh` 安装",
            @"^README\.md:\d+ \(## Two commands\) lacks `install\.sh`, which README\.zh-CN\.md:\d+ has$"
        },
        {
            "README.zh-CN.md", "(infra/README.zh-CN.md#函数密钥)", "(infra/README.md#function-keys)",
            @"^README\.zh-CN\.md:\d+ \(### 手机号和邮箱\) lacks the link infra/README\.zh-CN\.md#函数密钥, README\.md:\d+ has its like$"
        },
        {
            "README.zh-CN.md", "，其余由脚本安装", "，[其余](infra/README.md#names)由脚本安装",
            @"^README\.zh-CN\.md:\d+ leads to infra/README\.md#names, which is infra/README\.zh-CN\.md#名称 in Chinese$"
        },
    };

    [Theory]
    [MemberData(nameof(AllPairs))]
    public void What_stands_in_English_stands_in_Chinese(string english, string chinese)
    {
        var differences = string.Join('\n', Differences(Part(english), Part(chinese)));

        Assert.True(differences.Length == 0, differences);
    }

    [Theory]
    [MemberData(nameof(Defects))]
    public void What_differs_is_named_with_file_and_line(string page, string text, string instead, string said)
    {
        var original = Repository.Read(page);
        Assert.Contains(text, original, StringComparison.Ordinal);

        var changed = MarkdownPage.Parse(page, original.Replace(text, instead, StringComparison.Ordinal));
        var differences = Pairs
            .Where(pair => pair.Chinese.Split('#')[0] == page)
            .SelectMany(pair => Differences(Part(pair.English), Part(pair.Chinese, changed)));

        Assert.Contains(differences, difference => Regex.IsMatch(difference, said));
    }

    [Fact]
    public void Comments_and_labels_are_free_to_differ()
    {
        var page = Repository.Read("README.zh-CN.md")
            .Replace("# 发布前必须通过的全部检查", "# everything", StringComparison.Ordinal)
            .Replace("// 或所复制文件夹的路径", "// or a path", StringComparison.Ordinal)
            .Replace("opt 内存中没有 token", "opt without a token", StringComparison.Ordinal);

        Assert.Empty(Differences(Part("README.md"), MarkdownPage.Parse("README.zh-CN.md", page)));
    }

    [Fact]
    public void Every_Chinese_page_has_its_pair_and_the_reference_one_for_each_chapter()
    {
        var pages = Repository.Files("*.zh-CN.md").Select(file => Path.GetRelativePath(Repository.Root, file));
        var chapters = MarkdownPage.Read(Reference).Sections
            .Where(section => section.Level == 2)
            .Select(section => $"{section.Page}#{section.Anchor}");

        Assert.Equal(
            pages.Except([Reference]).Concat(chapters).Order(StringComparer.Ordinal),
            Pairs.Select(pair => pair.Chinese).Order(StringComparer.Ordinal));
    }

    private static MarkdownPage Part(string name, MarkdownPage? read = null)
    {
        var parts = name.Split('#', 2);
        var page = read ?? MarkdownPage.Read(parts[0]);
        return parts.Length == 1 ? page : page.Part(parts[1]);
    }

    private static IEnumerable<string> Differences(MarkdownPage english, MarkdownPage chinese)
    {
        foreach (var (one, other) in english.Sections.Zip(chinese.Sections))
        {
            if (one.Level - english.Sections[0].Level != other.Level - chinese.Sections[0].Level)
            {
                // What follows would be held against another section.
                yield return $"{other} is not at the level of {one}";
                yield break;
            }

            foreach (var difference in OfFences(one, other)
                .Concat(OfTables(one, other))
                .Concat(OfLinks(english, one, chinese, other))
                .Concat(OfFacts(Sentences(one), Sentences(other))))
            {
                yield return difference;
            }
        }

        foreach (var one in english.Sections.Skip(chinese.Sections.Count))
        {
            yield return $"{chinese.Name} ends before {one}";
        }

        foreach (var other in chinese.Sections.Skip(english.Sections.Count))
        {
            yield return $"{english.Name} ends before {other}";
        }
    }

    private static IEnumerable<string> OfFences(MarkdownSection english, MarkdownSection chinese) =>
        english.Fences.Count == chinese.Fences.Count
            ? english.Fences.Zip(chinese.Fences).SelectMany(pair => OfFence(english.Page, pair.First, chinese.Page, pair.Second))
            : [$"{chinese} has {chinese.Fences.Count} blocks of code, {english} {english.Fences.Count}"];

    private static IEnumerable<string> OfFence(string page, FencedCodeBlock one, string inChinese, FencedCodeBlock other)
    {
        string[] lines = [$"{one.Info}:", .. Code(one)];
        string[] others = [$"{other.Info}:", .. Code(other)];

        return lines.Length == others.Length
            ? lines.Zip(others).Index().Where(line => line.Item.First != line.Item.Second).Select(line =>
                $"{inChinese}:{other.Line + 1 + line.Index} is {line.Item.Second.Trim()}, "
                + $"{page}:{one.Line + 1 + line.Index} is {line.Item.First.Trim()}")
            : [$"{inChinese}:{other.Line + 1} has {others.Length - 1} lines of code, {page}:{one.Line + 1} {lines.Length - 1}"];
    }

    /// <summary>The lines of a block of code without what is said in a language: of text only its numbers, all in one line.</summary>
    private static IEnumerable<string> Code(FencedCodeBlock block)
    {
        var code = block.Lines.ToString();
        return block.Info == "text"
            ? [string.Join(' ', NumberPattern().Matches(code))]
            : code.Split('\n').Select(line => block.Info switch
            {
                "sh" => HashCommentPattern().Replace(line, ""),
                "mermaid" => LabelPattern().Replace(line, ""),
                _ => SlashCommentPattern().Replace(line, ""),
            });
    }

    private static IEnumerable<string> OfTables(MarkdownSection english, MarkdownSection chinese)
    {
        if (english.Tables.Count != chinese.Tables.Count)
        {
            return [$"{chinese} has {chinese.Tables.Count} tables, {english} {english.Tables.Count}"];
        }

        return english.Tables.Zip(chinese.Tables).SelectMany(pair =>
        {
            TableRow[] rows = [.. pair.First.OfType<TableRow>()];
            TableRow[] inChinese = [.. pair.Second.OfType<TableRow>()];
            var (columns, columnsInChinese) = (rows[0].Count, inChinese[0].Count);
            return (rows.Length, columns) == (inChinese.Length, columnsInChinese)
                ? rows.Zip(inChinese).SelectMany(row => OfFacts(Row(english.Page, row.First), Row(chinese.Page, row.Second)))
                : [$"{chinese} has a table of {inChinese.Length} rows and {columnsInChinese} columns, "
                    + $"{english} one of {rows.Length} and {columns}"];
        });
    }

    private static Unit Row(string page, TableRow row)
    {
        var line = row.Descendants().OfType<LeafInline>().Select(part => part.Line).DefaultIfEmpty(row.Line).Max() + 1;
        return new($"{page}:{line}", page, [.. Facts([row])]);
    }

    /// <summary>The sentences of a section, without its tables.</summary>
    private static Unit Sentences(MarkdownSection section) =>
        new(section.ToString(), section.Page, [.. Facts(section.Blocks.Where(block => block is not Table))]);

    private static IEnumerable<string> OfFacts(Unit english, Unit chinese) => Lacks(chinese, english).Concat(Lacks(english, chinese));

    private static IEnumerable<string> Lacks(Unit one, Unit other) => other.Facts
        .ExceptBy(one.Facts.Select(fact => fact.Text), fact => fact.Text)
        .Select(fact => $"{one.Place} lacks {fact.Text}, which {other.Page}:{fact.Line} has");

    /// <summary>What reads the same in any language: the code within sentences, and numbers, but for those of months.</summary>
    private static IEnumerable<(string Text, int Line)> Facts(IEnumerable<Block> blocks) =>
        blocks.SelectMany(MarkdownSection.Within).SelectMany(part => part switch
        {
            CodeInline code => [($"`{code.Content}`", code.Line + 1)],
            LiteralInline words => NumberPattern().Matches(words.Content.ToString()).Select(number => (number.Value, words.Line + 1)),
            _ => Enumerable.Empty<(string, int)>(),
        });

    private static IEnumerable<string> OfLinks(MarkdownPage english, MarkdownSection one, MarkdownPage chinese, MarkdownSection other)
    {
        var links = other.Links.Select(link => (To: chinese.Resolve(link.Url), link.Line)).ToList();
        var wanted = one.Links.Select(link => (To: Like(english.Resolve(link.Url)), link.Line)).ToList();

        return wanted
            .ExceptBy(links.Select(link => link.To), link => link.To)
            .Select(link => $"{other} lacks the link {link.To}, {one.Page}:{link.Line} has its like")
            .Concat(links
                .ExceptBy(wanted.Select(link => link.To), link => link.To)
                .Where(link => InChinese(link.To) is not null)
                .Select(link => $"{other.Page}:{link.Line} leads to {link.To}, which is {InChinese(link.To)} in Chinese"));
    }

    /// <summary>What a Chinese page links where an English one links the target; two pages link each other.</summary>
    private static string Like(string target) =>
        InChinese(target) ?? Pairs.Where(pair => pair.Chinese == target).Select(pair => pair.English).SingleOrDefault() ?? target;

    /// <summary>The page, section or picture in Chinese; null where there is none.</summary>
    private static string? InChinese(string target)
    {
        var file = Path.ChangeExtension(target, $".zh-CN{Path.GetExtension(target)}");
        return Counterparts.GetValueOrDefault(target) ?? (File.Exists(Path.Combine(Repository.Root, file)) ? file : null);
    }

    [GeneratedRegex(@"\d(?:[\d,.]*\d)?(?!\d| ?月)")]
    private static partial Regex NumberPattern();

    [GeneratedRegex(@"(^|\s+)#.*$")]
    private static partial Regex HashCommentPattern();

    [GeneratedRegex(@"(^|\s+)//.*$")]
    private static partial Regex SlashCommentPattern();

    [GeneratedRegex(@"(?<=->>\w+:|\bas\b|\bopt\b).*$")]
    private static partial Regex LabelPattern();

    /// <summary>What is held against its like: the sentences of a section, or a row of a table.</summary>
    private sealed record Unit(string Place, string Page, IReadOnlyList<(string Text, int Line)> Facts);
}
