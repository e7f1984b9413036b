using System.Reflection;
using System.Text.RegularExpressions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The page about security names tests: they are there.</summary>
public sealed partial class SecurityPageTests
{
    private static readonly string Page = Repository.Read("docs/security.md");

    [Fact]
    public void Every_test_that_the_page_names_is_there()
    {
        var names = NamePattern().Matches(Page).Select(name => name.Value.Trim('`')).Distinct().ToList();

        Assert.True(names.Count >= 20, $"{names.Count} tests are named.");
        Assert.Empty(names.Except(Tests()));
    }

    [Fact]
    public void The_page_is_short() => Assert.InRange(Page.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length, 1, 1300);

    /// <summary>The classes of tests, and their tests.</summary>
    private static IEnumerable<string> Tests() =>
        from type in typeof(SecurityPageTests).Assembly.GetTypes()
        from test in type.GetMethods().Where(method => method.GetCustomAttributes<FactAttribute>().Any())
        from name in (string[])[type.Name, $"{type.Name}.{test.Name}"]
        select name;

    [GeneratedRegex(@"`[A-Z][A-Za-z]+Tests(\.\w+)?`")]
    private static partial Regex NamePattern();
}
