namespace WeComFunc.Tests.Doubles;

/// <summary>Figures that tests find out, for <c>test.sh</c> to show at the end of the run and for <c>docs/security.md</c>.</summary>
internal static class Figures
{
    private static readonly DirectoryInfo Folder = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "output", "figures"));

    /// <summary>Replaces the figures of this name.</summary>
    /// <param name="name">They are shown in the order of their names.</param>
    /// <param name="lines">What is shown.</param>
    public static void Write(string name, IEnumerable<string> lines) =>
        File.WriteAllLines(Path.Combine(Folder.FullName, $"{name}.txt"), lines);
}
