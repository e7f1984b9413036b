using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What of others is built with, and shipped: exactly what is named, and nothing that runs as it is installed.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed partial class SupplyChainTests
{
    private static readonly string[] Shell = [.. Repository.Files("*.sh"), .. Repository.Files("*.yml"), .. Repository.Files("*.md")];

    [Fact]
    public void Every_package_has_one_exact_version() =>
        Assert.All(
            XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("PackageVersion"),
            package => Assert.Matches(@"\A\d+\.\d+\.\d+\z", package.Attribute("Version")!.Value));

    [Fact]
    public void No_project_names_a_version_of_its_own() =>
        Assert.All(
            Repository.Files("*.csproj").Where(project => Path.GetFileName(project) != "bicep.csproj"),
            project => Assert.DoesNotMatch(@"<PackageReference [^>]*Version", File.ReadAllText(project)));

    [Fact]
    public void What_is_named_is_what_is_restored()
    {
        var named = XDocument.Load(Path.Combine(Repository.Root, "Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(
                package => package.Attribute("Include")!.Value,
                package => package.Attribute("Version")!.Value,
                StringComparer.OrdinalIgnoreCase);

        var restored = Shipped.Select(package => package.Split('/'))
            .Where(package => named.ContainsKey(package[0]) && IsReferenced(package[0]))
            .ToList();

        Assert.NotEmpty(restored);
        Assert.All(restored, package => Assert.Equal(named[package[0]], package[1]));
    }

    [Fact]
    public void Every_tool_has_one_exact_version() => Assert.All(
        JsonSerializer.Deserialize<JsonElement>(File.ReadAllBytes(Path.Combine(Repository.Root, "dotnet-tools.json")))
            .GetProperty("tools")
            .EnumerateObject(),
        tool => Assert.Equal(
            (true, false),
            (ExactPattern().IsMatch(tool.Value.GetProperty("version").GetString()!), tool.Value.GetProperty("rollForward").GetBoolean())));

    [Fact]
    public void Nothing_of_npm_runs_as_it_is_installed()
    {
        string[] commands = [.. Shell.SelectMany(File.ReadLines).Where(line => NpmPattern().IsMatch(line))];

        Assert.NotEmpty(commands);
        Assert.All(commands, command => Assert.Contains("--ignore-scripts", command));
        Assert.All(
            Repository.Files("package.json"),
            package => Assert.Contains("ignore-scripts=true", File.ReadAllText(Path.Combine(Path.GetDirectoryName(package)!, ".npmrc"))));
    }

    [Fact]
    public void Every_library_that_is_shipped_is_listed_with_its_licence()
    {
        var listed = Listed("package");

        Assert.Equal(
            Shipped.Select(package => package.Split('/')[0]).Order(StringComparer.OrdinalIgnoreCase),
            listed.Keys.Order(StringComparer.OrdinalIgnoreCase));
        Assert.All(Shipped, package => Assert.Equal(LicenceOf(package) ?? listed[package.Split('/')[0]], listed[package.Split('/')[0]]));
    }

    [Fact]
    public void So_is_what_the_SDK_adds_for_the_host()
    {
        var files = Directory.GetFiles(Path.Combine(PublishedApp.Folder, ".azurefunctions"), "*.dll").Select(
            file => Path.GetFileName(file)!);

        // That one is compiled here, of the names of the extensions.
        Assert.Equal(files.Where(file => file != "Microsoft.Azure.Functions.Worker.Extensions.dll").Order(), Listed("file").Keys.Order());
    }

    [Fact]
    public void The_pipeline_makes_and_keeps_an_SBOM()
    {
        var stages = Repository.Read("infra/pipelines/stages.yml");

        Assert.Matches(@"dotnet-CycloneDX src/WeComFunc\.AzureFunctions/[\s\S]*artifact: sbom", stages);
    }

    /// <summary>The packages in what is published, as <c>name/version</c>.</summary>
    private static IEnumerable<string> Shipped =>
        JsonSerializer.Deserialize<JsonElement>(File.ReadAllBytes(Path.Combine(PublishedApp.Folder, "WeComFunc.AzureFunctions.deps.json")))
            .GetProperty("libraries").EnumerateObject().Where(library => library.Value.GetProperty("type").GetString() == "package").Select(
                library => library.Name);

    private static bool IsReferenced(string package) =>
        Repository.Files("*.csproj").Where(project => project.Contains($"{Path.DirectorySeparatorChar}src{Path.DirectorySeparatorChar}"))
            .Any(project =>
                File.ReadAllText(project).Contains($"<PackageReference Include=\"{package}\"", StringComparison.OrdinalIgnoreCase));

    /// <summary>A table of <c>docs/licences.md</c>.</summary>
    private static Dictionary<string, string> Listed(string of) => File.ReadLines(Path.Combine(Repository.Root, "docs", "licences.md"))
        .SkipWhile(line => line != $"| {of} | licence |").Skip(2).TakeWhile(line => line.StartsWith('|'))
        .Select(line => line.Split('|', StringSplitOptions.TrimEntries)).ToDictionary(cells => cells[1], cells => cells[2]);

    /// <summary>The licence that a package names in an SPDX expression; null where it names none, or is not there.</summary>
    private static string? LicenceOf(string package)
    {
        var (name, version) = (package.Split('/')[0].ToLowerInvariant(), package.Split('/')[1]);
        var home = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(
            Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var file = Path.Combine(home, name, version, $"{name}.nuspec");
        return File.Exists(file)
            ? XDocument.Load(file).Descendants().FirstOrDefault(
                element => element.Name.LocalName == "license" && element.Attribute("type")?.Value == "expression")?.Value
            : null;
    }

    [GeneratedRegex(@"\A\d+\.\d+\.\d+\z")]
    private static partial Regex ExactPattern();

    [GeneratedRegex(@"\bnpm (ci|i|install|update)\b")]
    private static partial Regex NpmPattern();
}
