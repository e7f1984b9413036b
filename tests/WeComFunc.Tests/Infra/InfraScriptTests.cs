using System.Diagnostics;
using System.Runtime.Versioning;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The scripts of infra/scripts, with an <c>az</c> that only pretends and an app that answers what it is told to.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class InfraScriptTests : IAsyncLifetime
{
    private const string Az = """
        #!/usr/bin/env bash
        echo "$*" >>"${0%/*}/az.log"
        syncs=$(grep -c '^rest --method post' "${0%/*}/az.log" || true)
        case "$*" in
          'functionapp show '*) echo /subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/app ;;
          'rest --method post '*) exit "${AZ_SYNC_STATUS:-0}" ;;
          'functionapp function list '*)
            printf 'app/WarmUp\r\n'
            ((syncs < ${AZ_LISTED_AFTER:-1})) || printf 'app/Login\r\napp/Health\r\napp/RefreshAccessToken\r\n' ;;
          'functionapp function show '*) [[ ${AZ_TIMER:-false} != absent ]] && echo "${AZ_TIMER:-false}" ;;
          'functionapp config appsettings list '*) echo "${AZ_PLAIN_STORAGE:-0}" ;;
          'deployment group create '*) exit "${AZ_DEPLOYMENT_STATUS:-0}" ;;
          'deployment group show '*functionAppName*) printf 'func-1\r\n' ;;
          'deployment group show '*healthUrl*) printf 'https://func-1.example.com/api/health\r\n' ;;
          'deployment group show '*outboundIpAddress*) printf '203.0.113.7\r\n' ;;
          'deployment group what-if '*) echo 'would create 20' ;;
          *) exit 9 ;;
        esac
        """;

    private const string Healthy = """{"status":"healthy","token":{"state":"fresh"}}""";
    private const string Unhealthy = """{"status":"unhealthy","token":{"state":"missing"},"advice":"Set the corpsecret."}""";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("wecomfunc-");
    private readonly Queue<(int Status, string Body)> _answers = new();
    private readonly WebApplication _app;

    public InfraScriptTests()
    {
        Put("az", Az);
        _app = WebApplication.CreateSlimBuilder().Build();
        _app.Urls.Add("http://127.0.0.1:0");
        _app.MapGet("/api/health", () =>
        {
            var (status, body) = _answers.Count > 1 ? _answers.Dequeue() : _answers.Peek();
            return Results.Text(body, "application/json", statusCode: status);
        });
    }

    private string[] Calls => File.ReadAllLines(Path.Combine(_directory.FullName, "az.log"));

    private string Health => $"{_app.Urls.First()}/api/health";

    public Task InitializeAsync() => _app.StartAsync();

    public async Task DisposeAsync()
    {
        await _app.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    [Theory]
    [InlineData("1", "0")]
    [InlineData("3", "0")]
    [InlineData("3", "1")]
    public async Task Triggers_are_synced_until_all_functions_are_listed(string listedAfter, string syncStatus)
    {
        var (status, output) = await RunAsync("sync-triggers.sh", ["group", "app"], ("AZ_LISTED_AFTER", listedAfter), ("AZ_SYNC_STATUS", syncStatus), ("TRIES", "5"));

        Assert.Equal(0, status);
        Assert.Contains($"Listed after {listedAfter} of 5 tries", output, StringComparison.Ordinal);
        Assert.Equal(int.Parse(listedAfter, provider: null), Calls.Count(IsSync));
    }

    [Fact]
    public async Task The_sync_goes_to_whichever_cloud_az_is_signed_in_to()
    {
        await RunAsync("sync-triggers.sh", ["group", "app"]);

        Assert.Contains(
            " --url /subscriptions/s/resourceGroups/g/providers/Microsoft.Web/sites/app/host/default/sync?api-version=", Calls.Single(IsSync), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Functions_that_are_never_listed_fail_the_deployment_by_name()
    {
        var (status, output) = await RunAsync("sync-triggers.sh", ["group", "app"], ("AZ_LISTED_AFTER", "99"), ("TRIES", "2"));

        Assert.Equal(1, status);
        Assert.Contains("##vso[task.logissue type=error]app does not list: Login Health RefreshAccessToken.", output, StringComparison.Ordinal);
        Assert.Equal(2, Calls.Count(IsSync));
    }

    [Fact]
    public async Task An_app_that_is_healthy_passes_the_smoke_test()
    {
        var (status, output) = await SmokeAsync([(200, Healthy)]);

        Assert.Equal(0, status);
        Assert.Contains(Healthy, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_app_may_take_a_while_to_answer()
    {
        var (status, _) = await SmokeAsync([(503, "starting"), (404, ""), (200, Healthy)]);

        Assert.Equal(0, status);
    }

    [Fact]
    public async Task An_app_in_which_no_login_could_succeed_fails_the_smoke_test_with_what_it_says()
    {
        var (status, output) = await SmokeAsync([(503, Unhealthy)]);

        Assert.Equal(1, status);
        Assert.Contains("##vso[task.logissue type=error]Health answers 503: " + Unhealthy, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Before_the_corpsecret_is_set_an_answer_is_enough()
    {
        var (status, output) = await SmokeAsync([(503, "starting"), (503, Unhealthy)], ("REQUIRE_HEALTHY", "false"));

        Assert.Equal(0, status);
        Assert.Contains("##vso[task.logissue type=warning]", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_of_something_else_is_no_health()
    {
        var (status, _) = await SmokeAsync([(200, "<html>Your function app is up and running</html>")], ("REQUIRE_HEALTHY", "false"));

        Assert.Equal(1, status);
    }

    [Theory]
    [InlineData("AZ_TIMER", "absent", "does not list the timer RefreshAccessToken")]
    [InlineData("AZ_TIMER", "true", "is disabled")]
    [InlineData("AZ_PLAIN_STORAGE", "1", "has the setting AzureWebJobsStorage")]
    public async Task A_deployment_that_only_looks_good_fails_the_smoke_test(string name, string value, string reason)
    {
        var (status, output) = await SmokeAsync([(200, Healthy)], (name, value));

        Assert.Equal(1, status);
        Assert.Contains(reason, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_preview_changes_nothing()
    {
        var (status, output) = await RunAsync("deploy-infra.sh", ["what-if", "group", "dev"]);

        Assert.Equal(0, status);
        Assert.Contains("would create 20", output, StringComparison.Ordinal);
        Assert.StartsWith("deployment group what-if --resource-group group --parameters ", Assert.Single(Calls), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("True", true)]
    [InlineData("", false)]
    public async Task A_deployment_hands_its_names_to_the_steps_that_follow(string isPipeline, bool handsOn)
    {
        var (status, output) = await RunAsync("deploy-infra.sh", ["create", "group", "prod"], ("TF_BUILD", isPipeline));

        Assert.Equal(0, status);
        Assert.Contains("Outbound address, for 企业可信IP: 203.0.113.7\n", output, StringComparison.Ordinal);
        Assert.Equal(handsOn, output.Contains("##vso[task.setvariable variable=functionAppName]func-1\n", StringComparison.Ordinal));
        Assert.Equal(handsOn, output.Contains("##vso[task.setvariable variable=healthUrl]https://func-1.example.com/api/health\n", StringComparison.Ordinal));
        Assert.Contains("/../prod.bicepparam", Calls[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deployment_that_fails_ends_there()
    {
        var (status, _) = await RunAsync("deploy-infra.sh", ["create", "group", "prod"], ("AZ_DEPLOYMENT_STATUS", "3"));

        Assert.Equal(3, status);
        Assert.Single(Calls);
    }

    [Theory]
    [InlineData("true", 0)]
    [InlineData("echo 'main.bicep(1,1) : Warning BCP037: no such property' >&2", 1)]
    [InlineData("exit 1", 1)]
    [InlineData("[[ $1 != format ]] || echo >>\"${3%/\\*\\**}/main.bicep\"", 1)]
    public async Task Bicep_files_are_clean_only_without_a_warning_and_as_the_formatter_writes_them(string compiler, int expected)
    {
        Put("bicep", "#!/usr/bin/env bash\n" + compiler + "\n");

        var (status, _) = await RunAsync("lint.sh", [], ("BICEP", Path.Combine(_directory.FullName, "bicep")));

        Assert.Equal(expected, status);
    }

    [Theory]
    [InlineData("true", 0)]
    [InlineData("[[ $2 != */prod.* ]]", 1)]
    public async Task Every_snapshot_has_to_hold(string compiler, int expected)
    {
        Put("bicep", "#!/usr/bin/env bash\necho \"$2 $4\"\n" + compiler + "\n");

        var (status, output) = await RunAsync("snapshot.sh", ["validate"], ("BICEP", Path.Combine(_directory.FullName, "bicep")));

        Assert.Equal(expected, status);
        Assert.Equal("infra/dev.bicepparam validate\ninfra/prod.bicepparam validate\ntests/infra/options.bicepparam validate\n", output);
    }

    [Theory]
    [InlineData("sync-triggers.sh")]
    [InlineData("smoke.sh")]
    [InlineData("deploy-infra.sh")]
    [InlineData("snapshot.sh")]
    public async Task A_script_that_is_called_wrongly_says_how_it_is_called(string script)
    {
        var (status, output) = await RunAsync(script, ["one"]);

        Assert.Equal(2, status);
        Assert.Contains("Usage: ", output, StringComparison.Ordinal);
    }

    private static bool IsSync(string call) => call.StartsWith("rest --method post", StringComparison.Ordinal);

    private Task<(int Status, string Output)> SmokeAsync((int Status, string Body)[] answers, params (string Name, string Value)[] environment)
    {
        foreach (var answer in answers)
        {
            _answers.Enqueue(answer);
        }

        return RunAsync("smoke.sh", ["group", "app", Health], environment);
    }

    private async Task<(int Status, string Output)> RunAsync(string script, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo("bash", [Path.Combine(Repository.Root, "infra/scripts", script), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["PATH"] = $"{_directory.FullName}:{start.Environment["PATH"]}";
        start.Environment.Remove("TF_BUILD");
        foreach (var (name, value) in environment.Prepend(("PAUSE", "0")).Prepend(("TRIES", "4")))
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync() + await errors;
        await process.WaitForExitAsync();
        Output.Run.Write(script, output);
        return (process.ExitCode, output);
    }

    private void Put(string name, string text)
    {
        var file = Path.Combine(_directory.FullName, name);
        File.WriteAllText(file, text.ReplaceLineEndings("\n"));
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}
