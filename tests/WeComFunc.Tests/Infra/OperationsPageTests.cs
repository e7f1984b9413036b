using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The commands of infra/README.md, walked from the first line to the last in an <see cref="OperatorShell"/>.</summary>
[Trait("Speed", "Slow")]
[UnsupportedOSPlatform("windows")]
public sealed partial class OperationsPageTests(OperationsPageTests.Walk walk) : IClassFixture<OperationsPageTests.Walk>
{
    private const string Curl = """
        #!/usr/bin/env bash
        echo "curl $*" >>"${0%/*}/curl.log"
        [[ $* != *--write-out* ]] || printf 200
        while [[ $# != 0 && $1 != --output ]]; do shift; done
        echo '{"status":"healthy"}' >"${2:-/dev/stdout}"
        """;

    private static readonly string Page = Repository.Read("infra/README.md");

    [Fact]
    public void The_page_can_be_walked_from_its_first_line_to_its_last_and_every_variable_is_set_by_an_earlier_one()
    {
        Assert.True(walk.Status == 0, walk.Output);
        Assert.Contains("\nwalked\n", walk.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_login_goes_to_the_address_and_with_the_key_that_the_platform_names() => Assert.Contains(
        """curl -s https://func-1.example.com/api/login -H x-functions-key: function-key -H Content-Type: application/json -d """
        + """{"code":"the-code"}""",
        File.ReadAllLines(Path.Combine(walk.Shell.Folder, "curl.log")));

    [Fact]
    public void An_installation_is_torn_down_app_first_and_the_group_only_when_the_subnet_is_free()
    {
        var last = walk.Shell.Calls.TakeLast(5).Select(call => string.Join(' ', call.Split(' ')[..2]));
        Assert.Equal(["functionapp delete", "network vnet", "network vnet", "network vnet", "group delete"], last);
    }

    [Fact]
    public void A_command_within_a_sentence_uses_only_what_the_page_sets()
    {
        var set = Assignment().Matches(string.Concat(Blocks())).Select(assignment => assignment.Groups[1].Value).ToHashSet();
        var used = InlineCode()
            .Matches(Fence().Replace(Page, ""))
            .SelectMany(code => Regex.Matches(code.Value, @"\$\{?([A-Za-z_]+)"))
            .Select(variable => variable.Groups[1].Value);

        Assert.All(used, variable => Assert.Contains(variable, set));
    }

    [Fact]
    public void Neither_the_page_nor_any_script_needs_a_newer_Bash_than_that_of_macOS()
    {
        var scripts = Directory.GetFiles(Path.Combine(Repository.Root, "infra/scripts"), "*.sh")
            .Concat(Directory.GetFiles(Path.Combine(Repository.Root, "tests"), "*.sh"))
            .Concat(Directory.GetFiles(Repository.Root, "*.sh"));

        Assert.All(
            scripts.Select(File.ReadAllText).Concat(Blocks()),
            text =>
                Assert.DoesNotMatch(@"\$\{\w+(,,|\^\^|@)|mapfile|readarray|(declare|local|typeset) -[gnA]|\|&|&>>|coproc|\bwait -n", text));
    }

    private static IEnumerable<string> Blocks() =>
        Fence().Matches(Page).Select(
            block => Regex.Replace(block.Groups[2].Value, "^" + block.Groups[1].Value, "", RegexOptions.Multiline));

    [GeneratedRegex(@"^( *)```sh\n(.*?)^ *```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex(@"(?:^ *|^export .*?|^[A-Z_]+=\S+ )([A-Z_]+)=", RegexOptions.Multiline)]
    private static partial Regex Assignment();

    [GeneratedRegex("`[^`\n]+`")]
    private static partial Regex InlineCode();

    /// <summary>All blocks in one shell that knows nothing; whatever a block assigns has to be something.</summary>
    public sealed class Walk : IAsyncLifetime
    {
        internal OperatorShell Shell { get; } = new();

        internal int Status { get; private set; }

        internal string Output { get; private set; } = "";

        public async Task InitializeAsync()
        {
            Shell.Put("curl", Curl);
            Shell.Put("dotnet", "#!/usr/bin/env bash\nmkdir -p \"${@: -1}/.azurefunctions\"\n");
            Shell.Put("zip", "#!/usr/bin/env bash\ntest -d .azurefunctions && touch \"$2\"\n");
            Shell.Put("sleep", "#!/usr/bin/env bash\n");
            Directory.CreateSymbolicLink(Path.Combine(Shell.Folder, "infra"), Path.Combine(Repository.Root, "infra"));
            var blocks = Blocks().Select(block => block + string.Concat(
                Assignment().Matches(block).Select(assignment => $": \"${{{assignment.Groups[1].Value}:?is empty}}\"\n")));
            (Status, Output) = await Shell.RunAsync(
                ["-c", "set -euo pipefail\n" + string.Concat(blocks) + "echo walked"],
                "the-corpsecret\nthe-code\nthe-corpsecret-of-sales\nthe-next-corpsecret\n",
                ("AZ_CONNECTION", "a-connection"),
                ("PAUSE", "0"),
                ("AZ_END", ""));
        }

        public Task DisposeAsync()
        {
            Shell.Dispose();
            return Task.CompletedTask;
        }
    }
}
