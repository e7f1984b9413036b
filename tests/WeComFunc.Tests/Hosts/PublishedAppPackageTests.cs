using System.Reflection.Metadata;
using System.Text;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What is in the package that is deployed.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppPackageTests
{
    private static readonly string[] Files = Directory.GetFiles(PublishedApp.Folder, "*", SearchOption.AllDirectories);

    /// <summary>What every path of the machine that built it begins with, where it is one of ours.</summary>
    private static readonly string Built = Path.Combine(Repository.Root, "src", "WeComFunc");

    [Fact]
    public void It_holds_no_documentation() =>
        Assert.DoesNotContain(Files, file => file.EndsWith(".xml", StringComparison.OrdinalIgnoreCase));

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    public void No_file_names_a_folder_of_the_machine_that_built_it(string encoding)
    {
        var path = Encoding.GetEncoding(encoding).GetBytes(Built);

        Assert.All(Files, file => Assert.True(File.ReadAllBytes(file).AsSpan().IndexOf(path) < 0, file));
    }

    [Fact]
    public void Neither_do_the_symbols_which_hold_the_names_of_their_sources_in_parts()
    {
        string[] sources = [.. Files.Where(file => file.EndsWith(".pdb", StringComparison.Ordinal)).SelectMany(Sources)];

        Assert.Contains("/_/src/WeComFunc/Settings.cs", sources);
        Assert.All(sources, source => Assert.StartsWith("/_/", source));
    }

    private static string[] Sources(string pdb)
    {
        using var symbols = MetadataReaderProvider.FromPortablePdbStream(File.OpenRead(pdb));
        var reader = symbols.GetMetadataReader();
        return [.. reader.Documents.Select(document => reader.GetString(reader.GetDocument(document).Name))];
    }
}
