using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Primitives;
using WeComFunc.LocalHost;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

public sealed partial class LayoutTests
{
    private static readonly string[] OfThePlatform = ["AzureWebJobsStorage", "FUNCTIONS_WORKER_RUNTIME", "AZURE_FUNCTIONS_ENVIRONMENT"];

    private static string Library => Path.Combine(Repository.Root, "src", "WeComFunc");

    private static string Sample => Path.Combine(Repository.Root, "local.settings.sample.json");

    [Fact]
    public void The_library_knows_neither_a_web_framework_nor_Functions()
    {
        var references = typeof(Settings).Assembly.GetReferencedAssemblies().Select(assembly => assembly.Name!);

        Assert.DoesNotContain(references, name =>
            name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal)
                || name.StartsWith("Microsoft.Azure.Functions", StringComparison.Ordinal));
    }

    /// <summary>
    /// What is in the library's own folder belongs to nobody and knows nobody, but for the two files that put everything together.
    /// </summary>
    [Theory]
    [InlineData("", "")]
    [InlineData("Http", "")]
    [InlineData("Secrets", "")]
    [InlineData("WeCom", "")]
    [InlineData("AccessTokens", "Secrets WeCom")]
    [InlineData("Sessions", "Http Secrets WeCom")]
    [InlineData("Azure", "AccessTokens MemberData Secrets Sessions")]
    [InlineData("Apps", "AccessTokens Secrets WeCom")]
    [InlineData("MemberData", "Apps Http Secrets Sessions WeCom")]
    [InlineData("Login", "AccessTokens Apps Http MemberData Sessions WeCom")]
    [InlineData("Health", "AccessTokens Apps Http MemberData Sessions WeCom")]
    public void A_folder_of_the_library_knows_only_those_below_it(string folder, string below)
    {
        string[] composing = [$"{nameof(Settings)}.cs", $"{nameof(WeComFuncServices)}.cs"];
        var known = Directory.EnumerateFiles(Path.Combine(Library, folder), "*.cs")
            .Where(file => !composing.Contains(Path.GetFileName(file)))
            .SelectMany(file => Regex.Matches(File.ReadAllText(file), @"\bWeComFunc\.(\w+)"), (_, name) => name.Groups[1].Value)
            .Where(name => name != folder && Directory.Exists(Path.Combine(Library, name)));

        Assert.Subset(below.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet(), known.ToHashSet());
    }

    [Fact]
    public void The_directions_are_those_of_all_folders() =>
        Assert.Equal(
            Directory.EnumerateDirectories(Library).Select(folder => Path.GetFileName(folder)!).Except(["bin", "obj"]).Order(),
            GetType().GetMethod(nameof(A_folder_of_the_library_knows_only_those_below_it))!.GetCustomAttributes<InlineDataAttribute>()
                .Select(row => (string)row.GetData(null!).Single()[0]).Where(folder => folder.Length > 0).Order());

    [Fact]
    public void The_local_host_knows_nothing_of_Functions() =>
        Assert.DoesNotContain(
            typeof(LocalHostApp).Assembly.GetReferencedAssemblies(),
            name => name.Name!.StartsWith("Microsoft.Azure.Functions", StringComparison.Ordinal));

    [Fact]
    public void The_routes_of_the_function_app_are_below_api() =>
        Assert.Equal("api", Json("host.json").GetProperty("extensions").GetProperty("http").GetProperty("routePrefix").GetString());

    [Fact]
    public void The_file_of_the_host_has_nothing_that_could_be_a_secret() =>
        Assert.All(Texts(Json("host.json")), text => Assert.Matches(@"\A[0-9A-Za-z.:;]{1,24}\z", text));

    [Fact]
    public void The_sample_of_the_local_settings_is_accepted_as_it_is()
    {
        var settings = Settings.Read(new ConfigurationBuilder().Add(LocalSettings.Source(Sample)).Build());

        Assert.True(settings.IsDevelopment);
    }

    [Fact]
    public void The_sample_of_the_local_settings_names_no_setting_that_nobody_reads()
    {
        var configuration = new WatchedConfiguration(new ConfigurationBuilder().Add(LocalSettings.Source(Sample)).Build());
        Settings.Read(configuration);

        var named =
            Json("local.settings.sample.json").GetProperty("Values").EnumerateObject().Select(value => value.Name).Except(OfThePlatform);

        Assert.Subset(configuration.Read, named.Select(name => name.Replace("__", ":")).ToHashSet());
    }

    [Fact]
    public void No_line_is_longer_than_the_editorconfig_says()
    {
        var limit = int.Parse(LimitPattern().Match(Repository.Read(".editorconfig")).Groups[1].Value, CultureInfo.InvariantCulture);

        var longer = Repository.Files("*.cs").SelectMany(file => LongLines(file, limit));

        Assert.Empty(longer);
    }

    [Fact]
    public void A_class_that_starts_processes_says_that_it_is_slow()
    {
        var classes = Repository.Files("*Tests.cs").Select(file => (Name: Path.GetFileName(file), Text: File.ReadAllText(file)))
            .Where(file => ProcessPattern().IsMatch(file.Text))
            .ToList();

        Assert.NotEmpty(classes);
        Assert.All(classes, file => Assert.Contains("[Trait(\"Speed\", \"Slow\")]", file.Text, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_link_of_the_pages_leads_to_a_file_and_a_heading_that_is_there()
    {
        var dead = string.Join('\n', Repository.Files("*.md")
            .SelectMany(page => DeadLinks(MarkdownPage.Read(Path.GetRelativePath(Repository.Root, page)))));

        Assert.True(dead.Length == 0, dead);
    }

    [Theory]
    [InlineData("[a](../README.md), [b](rules.md#the-rules), [c](https://example.com/#d), ![e](images/console.png)", "")]
    [InlineData("[a](#twice), [b](#twice-1), [c](#记录-1a_b的token二), `[d](none.md)`", "")]
    [InlineData("one\n[a](none.md)", "docs/page.md:6: none.md")]
    [InlineData("| a |\n| --- |\n| ![b](images/none.png) |", "docs/page.md:7: images/none.png")]
    [InlineData("[a](#none)", "docs/page.md:5: #none")]
    [InlineData("[a](#not-a-heading)", "docs/page.md:5: #not-a-heading")]
    [InlineData("[a](rules.md#没有)", "docs/page.md:5: rules.md#没有")]
    [InlineData("[a](../infra/dev.bicepparam#L1)", "docs/page.md:5: ../infra/dev.bicepparam#L1")]
    public void A_link_that_leads_nowhere_is_named_with_file_and_line(string text, string dead) => Assert.Equal(
        dead,
        string.Join('\n', DeadLinks(MarkdownPage.Parse(
            "docs/page.md",
            $"# 记录 1：`a_b`的Token，（二）\n\n## Twice\n\n{text}\n\n## Twice\n\n```sh\n# not a heading\n```\n"))));

    /// <summary>The lines over the limit, without those of a text in another language.</summary>
    private static IEnumerable<string> LongLines(string file, int limit)
    {
        var isText = false;
        foreach (var (index, line) in File.ReadLines(file).Index())
        {
            if (line.Length > limit && !isText)
            {
                yield return $"{Path.GetRelativePath(Repository.Root, file)}:{index + 1}";
            }

            isText ^= RawQuotesPattern().Count(line) % 2 == 1;
        }
    }

    private static IEnumerable<string> DeadLinks(MarkdownPage page) =>
        from section in page.Sections
        from link in section.Links
        where !IsThere(page, page.Resolve(link.Url))
        select $"{page.Name}:{link.Line}: {link.Url}";

    private static bool IsThere(MarkdownPage page, string target)
    {
        if (target.Contains("://", StringComparison.Ordinal))
        {
            return true;
        }

        var (file, anchor) = target.Split('#', 2) is [var path, var heading] ? (path, heading) : (target, null);
        return file == page.Name
            ? anchor is null || page.Sections.Any(section => section.Anchor == anchor)
            : Path.Exists(Path.Combine(Repository.Root, file))
                && (anchor is null || (file.EndsWith(".md", StringComparison.Ordinal) && IsThere(MarkdownPage.Read(file), target)));
    }

    [GeneratedRegex(@"^max_line_length = (\d+)$", RegexOptions.Multiline)]
    private static partial Regex LimitPattern();

    [GeneratedRegex(@"\b(HostProcess|PublishedHost|Process)\.Start|PublishedAppCollection\.Name")]
    private static partial Regex ProcessPattern();

    [GeneratedRegex("\"{3,}")]
    private static partial Regex RawQuotesPattern();

    private static JsonElement Json(string file) =>
        JsonSerializer.Deserialize<JsonElement>(File.ReadAllBytes(Path.Combine(Repository.Root, file)));

    private static IEnumerable<string> Texts(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => json.EnumerateObject().SelectMany(member => Texts(member.Value)),
        JsonValueKind.Array => json.EnumerateArray().SelectMany(Texts),
        JsonValueKind.String => [json.GetString()!],
        _ => [],
    };

    private sealed class WatchedConfiguration(IConfiguration inner) : IConfiguration
    {
        public HashSet<string> Read { get; } = new(StringComparer.OrdinalIgnoreCase);

        public string? this[string key]
        {
            get
            {
                Read.Add(key);
                return inner[key];
            }

            set => inner[key] = value;
        }

        public IEnumerable<IConfigurationSection> GetChildren() => inner.GetChildren();

        public IChangeToken GetReloadToken() => inner.GetReloadToken();

        public IConfigurationSection GetSection(string key) => inner.GetSection(key);
    }
}
