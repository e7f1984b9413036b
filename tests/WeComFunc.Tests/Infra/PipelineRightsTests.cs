using System.Runtime.Versioning;
using System.Text.Json;
using System.Text.RegularExpressions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What infra/scripts/allow-pipeline.sh lets the pipeline do, in an <see cref="OperatorShell"/>.</summary>
[Trait("Speed", "Slow")]
[UnsupportedOSPlatform("windows")]
public sealed class PipelineRightsTests : IDisposable
{
    private const string BranchControl = "86b05a0c-73e6-4f7d-b3cf-e38f3b39a75b";
    private const string TaskCheck = "fe1de3ee-a436-41b4-bb20-f6eb4cb879a7";
    private const string Template = "4020e66e-b0f3-47e1-bc88-48f3cc59b5f3";
    private const string ExclusiveLock = "2ef31ad6-baa0-403a-8b45-2cbc9b4e5563";

    private readonly OperatorShell _shell = new();

    public void Dispose() => _shell.Dispose();

    [Theory]
    [InlineData("write", "Request")]
    [InlineData("delete", "Resource")]
    public async Task The_pipeline_may_give_the_apps_roles_to_the_apps_identity_and_nothing_else(string action, string of)
    {
        await AllowAsync();

        var given = Assert.Single(Calls("role assignment create --role Role Based Access Control Administrator "));
        Assert.Contains(" --assignee-object-id object-of-deploy-application ", given, StringComparison.Ordinal);
        const string Assignments = "Microsoft.Authorization/roleAssignments";
        var limit =
            $"((!(ActionMatches{{'{Assignments}/{action}'}})) OR (@{of}[{Assignments}:RoleDefinitionId] ForAnyOfAnyValues:GuidEquals "
            + $"{{ROLES}} "
            + $"AND @{of}[{Assignments}:PrincipalType] ForAnyOfAnyValues:StringEqualsIgnoreCase {{'ServicePrincipal'}} "
            + $"AND @{of}[{Assignments}:PrincipalId] ForAnyOfAnyValues:GuidEquals {{identityPrincipalId-1}}))";
        var roles = Regex.Match(given, Regex.Escape(limit).Replace("ROLES", "(.*?)", StringComparison.Ordinal)).Groups[1].Value.Split(", ");
        Assert.Equal(RolesOfTheApp(), roles.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_preview_may_read_and_not_write()
    {
        await AllowAsync();

        var role = Body(Assert.Single(Calls("role definition create ")));
        var actions = role.GetProperty("Actions").EnumerateArray().Select(action => action.GetString()!).ToList();
        Assert.Equal("*/read", actions[0]);
        Assert.All(actions[1..], action => Assert.EndsWith("/action", action, StringComparison.Ordinal));
        var given = Assert.Single(
            Calls("role assignment create "), call => call.Contains("object-of-preview-application", StringComparison.Ordinal));
        Assert.Contains(" --role WeComFunc preview of group ", given, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_preview_loses_what_the_wizard_of_its_connection_gave_it()
    {
        await AllowAsync();

        Assert.Contains(
            " --assignee object-of-preview-application ",
            Assert.Single(Calls("role assignment delete --role Contributor ")),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Environment_and_connections_have_their_checks()
    {
        await AllowAsync();

        Assert.Equal(
            [
                ("Task Check", "wecomfunc-dev"), ("ExclusiveLock", "wecomfunc-dev"),
                ("Task Check", "wecomfunc-dev"), ("ExtendsCheck", "wecomfunc-dev"),
                ("Task Check", "wecomfunc-dev-preview"), ("ExtendsCheck", "wecomfunc-dev-preview"),
            ],
            Checks().Select(check => (
                check.GetProperty("type").GetProperty("name").GetString(), check.GetProperty("resource").GetProperty("name").GetString())));
        Assert.All(
            Checks().Select(check => check.GetProperty("settings")).Where(settings => settings.TryGetProperty("inputs", out _)),
            settings => Assert.Equal("refs/heads/main", settings.GetProperty("inputs").GetProperty("allowedBranches").GetString()));
    }

    [Fact]
    public async Task Nobody_has_a_role_before_the_checks_are_there()
    {
        await AllowAsync();

        var calls = _shell.Calls;
        Assert.True(
            Array.FindLastIndex(calls, IsCheck) < Array.FindIndex(calls, call => call.StartsWith("role ", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("git", "project/repository")]
    [InlineData("github", "repository")]
    public async Task The_template_that_connections_require_is_the_one_that_the_pipeline_extends(string type, string repository)
    {
        await AllowAsync(("REPOSITORY_TYPE", type));

        var required = Checks()
            .Select(check => check.GetProperty("settings"))
            .Where(settings => settings.TryGetProperty("extendsChecks", out _))
            .ToList();
        Assert.Equal(2, required.Count);
        Assert.All(required, settings => Assert.Equal(
            $$"""[ {"repositoryType":"{{type}}","repositoryName":"{{repository}}","""
            + """ "repositoryRef":"refs/heads/main","templatePath":"infra/pipelines/stages.yml"}]""",
            Regex.Replace(settings.GetProperty("extendsChecks").GetRawText(), " +", " ")));
        Assert.Contains(
            "\nextends:\n  template: infra/pipelines/stages.yml\n",
            Repository.Read("azure-pipelines.yml"),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Checks_and_environment_that_are_there_stay_as_they_are()
    {
        var (status, output) = await AllowAsync(
            ("AZ_CHECKS", $"{BranchControl}\n{TaskCheck}\n{ExclusiveLock}\n{Template}"), ("AZ_ENVIRONMENT", "7"));

        Assert.Equal(0, status);
        Assert.Contains("The environment wecomfunc-dev has the check Exclusive lock already; it stays as it is.", output);
        Assert.DoesNotContain(_shell.Calls, call => call.Contains(" --method post ", StringComparison.Ordinal));
    }

    /// <summary>A run that broke off, or somebody's own check, such as Approvals and a task check of another kind.</summary>
    [Fact]
    public async Task Whichever_check_is_missing_is_made()
    {
        const string Another = "86b05a0c-0000-0000-0000-000000000000";
        const string Approvals = "8c6f20a7-a545-4486-9777-f762fafe0d4d";
        await AllowAsync(("AZ_CHECKS", $"{Another}\n{TaskCheck}\n{Approvals}\n{Template}"));

        Assert.Equal(
            ["Task Check", "ExclusiveLock", "Task Check", "Task Check"],
            Checks().Select(check => check.GetProperty("type").GetProperty("name").GetString()));
    }

    [Fact]
    public async Task A_principal_that_is_not_known_everywhere_yet_gets_its_role_a_little_later()
    {
        var (status, _) = await AllowAsync(("AZ_ROLE_FAILURES", "2"));

        Assert.Equal(0, status);
        Assert.Equal(3, Calls("role assignment create --role Contributor ").Count());
    }

    [Fact]
    public async Task Without_its_service_connections_the_pipeline_gets_no_role()
    {
        var (status, output) = await AllowAsync(("AZ_CONNECTION", ""));

        Assert.NotEqual(0, status);
        Assert.Contains("There is no service connection wecomfunc-dev.", output, StringComparison.Ordinal);
        Assert.Empty(Calls("role "));
    }

    [Fact]
    public async Task The_token_that_keeps_a_run_is_on_no_command_line()
    {
        _shell.Put("curl", "#!/usr/bin/env bash\necho \"arguments: $*\"\necho \"header: $(cat)\"\n");

        var (status, output) = await RunAsync(
            "keep-run.sh",
            [],
            [(
                "SYSTEM_ACCESSTOKEN",
                "a-token"), ("SYSTEM_DEFINITIONID",
                "4"), ("BUILD_BUILDID",
                "56"), ("SYSTEM_COLLECTIONURI",
                "https://dev.azure.com/o/"), ("SYSTEM_TEAMPROJECTID",
                "p")]);

        Assert.Equal(0, status);
        Assert.Contains("header: Authorization: Bearer a-token\n", output, StringComparison.Ordinal);
        Assert.DoesNotMatch("arguments: .*a-token", output);
        Assert.Contains("\"daysValid\":365,\"definitionId\":4,", output, StringComparison.Ordinal);
        Assert.Contains(" https://dev.azure.com/o/p/_apis/build/retention/leases?api-version=", output, StringComparison.Ordinal);
    }

    private static IEnumerable<string> RolesOfTheApp() => Directory.GetFiles(Path.Combine(Repository.Root, "infra/modules"))
        .SelectMany(file => Regex.Matches(File.ReadAllText(file), "^var \\w+ = '([0-9a-f-]{36})'", RegexOptions.Multiline))
        .Select(role => role.Groups[1].Value)
        .Order(StringComparer.Ordinal);

    private static bool IsCheck(string call) => call.Contains("checks/configurations", StringComparison.Ordinal);

    private static JsonElement Body(string call) =>
        JsonSerializer.Deserialize<JsonElement>(call[call.IndexOf('{', StringComparison.Ordinal)..]);

    private IEnumerable<string> Calls(string beginning) => _shell.Calls.Where(call => call.StartsWith(beginning, StringComparison.Ordinal));

    private IEnumerable<JsonElement> Checks() =>
        _shell.Calls.Where(call => IsCheck(call) && call.Contains(" --method post ", StringComparison.Ordinal)).Select(Body);

    private Task<(int Status, string Output)> AllowAsync(params (string Name, string Value)[] environment) =>
        RunAsync(
            "allow-pipeline.sh",
            ["https://dev.azure.com/organization", "project", "repository", "group", "dev"],
            [("AZ_CONNECTION", "a-connection"), .. environment]);

    private Task<(int Status, string Output)> RunAsync(string script, string[] arguments, (string Name, string Value)[] environment) =>
        _shell.RunAsync(
            [Path.Combine(Repository.Root, "infra/scripts", script), .. arguments], environment: [("PAUSE", "0"), .. environment]);
}
