using System.Reflection;
using System.Runtime.Versioning;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using WeComFunc.Apps;
using WeComFunc.Sessions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The scripts of infra/scripts, in an <see cref="OperatorShell"/> and with an app that answers what it is told to.</summary>
[Trait("Speed", "Slow")]
[UnsupportedOSPlatform("windows")]
public sealed class InfraScriptTests : IAsyncLifetime, IDisposable
{
    private const string Healthy = """
        {"status":"healthy","token":{"state":"fresh"},"tokenStore":"ok","secret":"ok","apps":{"hr":{"token":{"state":"expired"}}}}
        """;

    private const string Unhealthy = """
        {"status":"unhealthy","token":{"state":"missing"},"tokenStore":"ok","secret":"refused","advice":"Set the \"corpsecret\", 企业ID."}
        """;

    private const string NoLogin =
        "login: none could succeed now, token missing, table ok, corpsecret refused. Set the \"corpsecret\", 企业ID.";

    private const string Sessions = """{"sessionIssuer":"https://l.example.com/api","sessionAudience":"a",""";

    private const string MemberData = Sessions + """ "memberData":true,"miniProgramAppId":"wx0",""";

    // As the compiler writes its parameter files.
    private static readonly JsonSerializerOptions Written =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly (string Name, string Value) Pipeline = ("TF_BUILD", "True");

    private readonly OperatorShell _shell = new();
    private readonly Queue<(int Status, string Body)> _answers = new();
    private WebApplication? _app;

    private string[] Calls => _shell.Calls;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await (_app?.DisposeAsync() ?? ValueTask.CompletedTask);

    public void Dispose() => _shell.Dispose();

    [Theory]
    [InlineData("1", "0")]
    [InlineData("3", "0")]
    [InlineData("3", "1")]
    public async Task Triggers_are_synced_until_all_functions_are_listed(string listedAfter, string syncStatus)
    {
        var (status, output) = await RunAsync(
            "sync-triggers.sh", ["group", "app"], ("AZ_LISTED_AFTER", listedAfter), ("AZ_SYNC_STATUS", syncStatus), ("TRIES", "5"));

        Assert.Equal(0, status);
        Assert.Contains($"Listed after {listedAfter} of 5 tries", output, StringComparison.Ordinal);
        Assert.Equal(int.Parse(listedAfter, provider: null), Calls.Count(IsSync));
    }

    [Fact]
    public async Task The_sync_goes_to_whichever_cloud_az_is_signed_in_to()
    {
        await RunAsync("sync-triggers.sh", ["group", "app"]);

        Assert.Contains(
            " --url /subscriptions/{subscriptionId}/resourceGroups/group/providers/Microsoft.Web/sites/app/host/default/sync?api-version=",
            Calls.Single(IsSync),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Functions_that_are_never_listed_fail_the_deployment_by_name()
    {
        var (status, output) = await RunAsync("sync-triggers.sh", ["group", "app"], ("AZ_LISTED_AFTER", "99"), ("TRIES", "2"), Pipeline);

        Assert.Equal(1, status);
        Assert.Contains(
            "##vso[task.logissue type=error]app does not list: Login Health RefreshAccessToken SessionDiscovery SigningKeys MemberData.",
            output,
            StringComparison.Ordinal);
        Assert.Equal(2, Calls.Count(IsSync));
    }

    [Fact]
    public async Task An_app_that_is_healthy_passes_the_smoke_test()
    {
        var (status, output) = await SmokeAsync([(200, Healthy)]);

        Assert.Equal(0, status);
        Assert.Equal(
            """
            ok   timer: RefreshAccessToken is listed and on
            ok   host storage: it is reached by identity
            ok   login: one could succeed now, token fresh, table ok, corpsecret ok.

            """,
            output);
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
        var (status, output) = await SmokeAsync([(503, Unhealthy)], Pipeline);

        Assert.Equal(1, status);
        Assert.Contains($"\nFAIL {NoLogin}\n##vso[task.logissue type=error]{NoLogin}\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Before_the_corpsecret_is_set_an_answer_is_enough()
    {
        var (status, output) = await SmokeAsync([(503, "starting"), (503, Unhealthy)], ("REQUIRE_HEALTHY", "false"), Pipeline);

        Assert.Equal(0, status);
        Assert.Contains($"##vso[task.logissue type=warning]The app runs. {NoLogin}\n", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_wrong_although_logins_succeed_is_told_too()
    {
        var (_, output) = await SmokeAsync([(200, Healthy.Replace("\"apps\"", "\"advice\":\"Look at the table.\",\"apps\""))]);

        Assert.EndsWith(
            "\nok   login: one could succeed now, token fresh, table ok, corpsecret ok. Look at the table.\n",
            output,
            StringComparison.Ordinal);
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
    [InlineData("AZ_PLAIN_STORAGE", "true", "has the setting AzureWebJobsStorage")]
    public async Task A_deployment_that_only_looks_good_fails_the_smoke_test(string name, string value, string reason)
    {
        var (status, output) = await SmokeAsync([(200, Healthy)], (name, value));

        Assert.Equal(1, status);
        Assert.Contains(reason, output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sync-triggers.sh")]
    [InlineData("smoke.sh")]
    public async Task On_a_terminal_nothing_is_said_in_the_language_of_pipelines(string script)
    {
        _answers.Enqueue((503, Unhealthy));

        var (status, output) = await RunAsync(
            script,
            script == "smoke.sh" ? ["group", "app", await HealthAsync()] : ["group", "app"],
            ("AZ_LISTED_AFTER", "99"),
            ("AZ_TIMER", "true"));

        Assert.Equal(1, status);
        Assert.Contains(script == "smoke.sh" ? "\nFAIL timer: " : "\nerror: ", "\n" + output, StringComparison.Ordinal);
        Assert.DoesNotContain("##vso", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_preview_changes_nothing_and_needs_no_right_to()
    {
        var (status, output) = await RunAsync("deploy-infra.sh", ["what-if", "group", "dev"]);

        Assert.Equal(0, status);
        Assert.Contains("would create 20", output, StringComparison.Ordinal);
        var asked = Assert.Single(Calls, call => !call.StartsWith("bicep ", StringComparison.Ordinal));
        Assert.StartsWith("deployment group what-if --resource-group group --parameters ", asked, StringComparison.Ordinal);
        Assert.EndsWith(" --validation-level ProviderNoRbac", asked, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("what-if")]
    [InlineData("create")]
    public async Task Previews_and_deployments_are_compiled_by_the_compiler_of_the_snapshots(string verb)
    {
        await RunAsync("deploy-infra.sh", [verb, "group", "dev"]);

        var version = Repository.Read("infra/bicep.version").Trim();
        Assert.Equal($"bicep install --version v{version}", Calls[0]);
        Assert.Contains(
            "infra/bicep.version",
            Repository.Read("tests/infra/bicep.csproj"),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("True", true)]
    [InlineData("", false)]
    public async Task A_deployment_hands_its_names_to_the_steps_that_follow(string isPipeline, bool handsOn)
    {
        var (status, output) = await RunAsync("deploy-infra.sh", ["create", "group", "prod"], ("TF_BUILD", isPipeline));

        Assert.Equal(0, status);
        Assert.Contains("Outbound address, for 企业可信IP: 203.0.113.7\n", output, StringComparison.Ordinal);
        Assert.Equal(
            handsOn, output.Contains("##vso[task.setvariable variable=functionAppName]functionAppName-1\n", StringComparison.Ordinal));
        Assert.Equal(
            handsOn,
            output.Contains("##vso[task.setvariable variable=healthUrl]https://func-1.example.com/api/health\n", StringComparison.Ordinal));
        Assert.Contains(Calls, call => Regex.IsMatch(call, @"^deployment group create .*/\.\./prod\.bicepparam "));
    }

    [Fact]
    public async Task A_deployment_that_fails_ends_there()
    {
        var (status, _) = await RunAsync("deploy-infra.sh", ["create", "group", "prod"], ("AZ_DEPLOYMENT_STATUS", "3"));

        Assert.Equal(3, status);
        Assert.StartsWith("deployment group create ", Calls[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_environment_without_a_parameter_file_is_refused_before_az_is_asked()
    {
        var (status, output) = await RunAsync("deploy-infra.sh", ["create", "group", "开发"]);

        Assert.Equal(2, status);
        Assert.Contains("There is no 开发.bicepparam", output, StringComparison.Ordinal);
        Assert.Empty(Calls);
    }

    [Theory]
    [InlineData("environmentName", "prod")]
    [InlineData("environmentName", "开发")]
    [InlineData("name", "WeComFunc")]
    [InlineData("corpId", "$(WECOM_CORP_ID)")]
    [InlineData("alertEmail", "$(ALERT_EMAIL)")]
    [InlineData("alertWebhook", "$(ALERT_WEBHOOK)")]
    [InlineData("alertWebhook", "http://example.com/")]
    [InlineData("tokenTableName", "wecom-tokens")]
    [InlineData("tokenRefreshSchedule", "*/5 * * * *")]
    [InlineData("customDomain", "https://login.example.com")]
    [InlineData("budgetFrom", "2026-12-15")]
    [InlineData("memberData", "true")]
    [InlineData("miniProgramAppId", "ww1234567890abcdef")]
    [InlineData("sessionIssuer", "https://login.example.com/api")]
    [InlineData("sessionIssuer", "https://login.example.com/api/")]
    [InlineData("sessionIssuer", "http://login.example.com/api")]
    [InlineData("monthlyBudget", "200")]
    public async Task What_would_fail_late_is_refused_before_anything_is_sent(string parameter, string value)
    {
        var (status, output) = await RunAsync("deploy-infra.sh", ["create", "group", "dev"], Parameter(parameter, value));

        Assert.Equal(2, status);
        Assert.Contains($"{parameter} is ", output, StringComparison.Ordinal);
        Assert.All(Calls, call => Assert.StartsWith("bicep ", call, StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_address_of_a_robot_is_not_shown_even_where_it_is_refused()
    {
        var (_, output) = await RunAsync(
            "deploy-infra.sh", ["create", "group", "dev"], Parameter("alertWebhook", "qyapi.weixin.qq.com/cgi-bin/webhook/send?key=a-key"));

        Assert.DoesNotContain("a-key", output, StringComparison.Ordinal);
    }

    /// <summary>One value of each parameter at a time: what is refused is named, each by itself.</summary>
    [Fact]
    public async Task A_parameter_is_refused_exactly_where_the_app_refuses_it()
    {
        (string Parameter, string Setting, string[] Values)[] table =
        [
            ("corpId", "WeCom:CorpId", ["ww1234567890abcdef", "wx1234567890abcdef", "ww", "wpAB_cd-EF", "w", "ww/1", "ww 1"]),
            ("corpSecretName", "WeCom:CorpSecretName", ["wecom-corpsecret", "a_b", "密"]),
            ("tokenTableName", "TokenStore:TableName", ["wecomtokens", "wecom-tokens", "1tokens", "ab", "tokens表"]),
            ("sessionTableName", "MemberData:TableName", ["wecomsessions", "wecom-sessions", "1sessions", "ab"]),
            ("miniProgramAppId", "WeCom:MiniProgramAppId", ["", "wx0123456789abcdef", "wx", "ww0123456789abcdef", "wx-1"]),
            ("tokenRefreshSchedule", "TokenRefreshSchedule",
                ["0 */5 * * * *", "0 0-30/5,45 1 1 1-6 0", "*/5 * * * *", "61 * * * * *", "0 0 24 * * *", "every hour"]),
            ("profileFields", "Login:ProfileFields",
                ["", "name", "name,department", "name, department", "name;department", "姓名", ",", ", ,"]),
            ("sessionAudience", "Session:Audience", ["orders-api", "a, https://crm.example.com/x", "orders api", "客户", ","]),
            ("sessionClaims", "Session:Claims", ["", "name,department", "name;department", "姓名", ","]),
            ("loginsPerSecondPerAddress", "Limits:LoginsPerSecondPerAddress", ["0", "0.001", "0.5", "50", "-1", "1e3", "fifty", "0.0001"]),
        ];

        for (var i = 0; i < table.Max(row => row.Values.Length); i++)
        {
            var rows = table.Where(row => i < row.Values.Length).ToList();

            var (status, output) = await RunAsync(
                "deploy-infra.sh", ["what-if", "group", "dev"], Parameters([.. rows.Select(row => (row.Parameter, row.Values[i]))]));

            Assert.Equal(
                rows.Where(row => !AppTakes(row.Setting, row.Values[i])).Select(row => row.Parameter).Order(),
                Regex.Matches(output, "^([A-Za-z]+) is .*, but it must be ", RegexOptions.Multiline)
                    .Select(line => line.Groups[1].Value)
                    .Order());
            Assert.Equal(output.Contains("but it must be", StringComparison.Ordinal), status != 0);
        }
    }

    [Theory]
    [InlineData("sales", "wwfedcba0987654321", "wecom-corpsecret-sales", null)]
    [InlineData("s", "wx", "a", null)]
    [InlineData(
        "Sales",
        "wwfedcba0987654321",
        "any",
        "name of one of the apps is \"Sales\", but it must be 1 to 32 lower-case letters and digits.")]
    [InlineData("a b", "wwfedcba0987654321", "any", "name of one of the apps is \"a b\"")]
    [InlineData("sales", "ww 1", "any", "corpId of one of the apps is \"ww 1\"")]
    [InlineData("sales", "ww1", "any_secret", "corpSecretName of one of the apps is \"any_secret\"")]
    public async Task A_further_app_is_refused_where_the_app_would_refuse_it(
        string name, string corpId, string corpSecretName, string? refusal)
    {
        object[] apps = [new { name = "good", corpId = "ww1234567890abcdef" }, new { name, corpId, corpSecretName }];

        var (status, output) = await RunAsync("deploy-infra.sh", ["what-if", "group", "dev"], Parameters(("apps", apps)));

        Assert.Equal(refusal is null, status == 0);
        Assert.Equal(refusal is not null, output.Contains("of one of the apps is", StringComparison.Ordinal));
        Assert.Contains(refusal ?? "", output, StringComparison.Ordinal);
    }

    /// <summary>
    /// Parameters that are good each by itself, and the line about what is wrong with them together; null where nothing is.
    /// </summary>
    [Theory]
    [InlineData("""{"monthlyBudget":0}""", null)]
    [InlineData("""{"monthlyBudget":200,"budgetFrom":"2026-12-01"}""", null)]
    [InlineData("""{"monthlyBudget":200,"budgetFrom":""}""", "monthlyBudget is set, so budgetFrom must be set too.")]
    [InlineData("""{"sessionIssuer":"","sessionAudience":""}""", null)]
    [InlineData("""{"memberData":false}""", null)]
    [InlineData(
        """{"sessionIssuer":"https://l.example.com/api","sessionAudience":""}""",
        "sessionIssuer is set, so sessionAudience must be set too.")]
    [InlineData("""{"sessionClaims":"name,roles"}""", null)]
    [InlineData(
        Sessions + """ "sessionClaims":"name,roles"}""", "sessionClaims has roles, which means something else in a token: leave it out.")]
    [InlineData(
        Sessions + """ "sessionClaims":"name, scope"}""", "sessionClaims has scope, which means something else in a token: leave it out.")]
    [InlineData("""{"apps":[{"name":"default","corpId":"ww1"}]}""", "default is the name of two apps: give one of them another.")]
    [InlineData("""{"apps":[{"name":"default","corpId":"ww1"}],"appName":"main"}""", null)]
    [InlineData("""{"apps":[{"name":"hr","corpId":"ww1"}],"appName":"hr"}""", "hr is the name of two apps: give one of them another.")]
    [InlineData(
        """{"apps":[{"name":"hr","corpId":"ww1"},{"corpId":"ww2","name":"hr"}]}""",
        "hr is the name of two apps: give one of them another.")]
    [InlineData(MemberData + """ "apps":[{"name":"hr","corpId":"ww1","miniProgramAppId":"wx1"}]}""", null)]
    [InlineData(
        MemberData + """ "apps":[{"name":"hr","miniProgramAppId":"wx1"},{"name":"sales","corpId":"ww2"}]}""",
        "memberData is set, so the app sales needs its miniProgramAppId.")]
    [InlineData(
        MemberData + """ "apps":[{"corpId":"ww1","name":"0"},{"miniProgramAppId":"wx2","name":"sales","corpId":"ww2"}]}""",
        "memberData is set, so the app 0 needs its miniProgramAppId.")]
    [InlineData(
        MemberData + """ "sessionTableName":"WeComTokens"}""", "sessionTableName is that of tokenTableName: give it another name.")]
    [InlineData("""{"sessionTableName":"wecomtokens"}""", null)]
    public async Task What_does_not_go_together_is_refused_before_anything_is_sent(string given, string? refusal)
    {
        var values = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(given)!;

        var (status, output) = await RunAsync(
            "deploy-infra.sh", ["what-if", "group", "dev"], Parameters([.. values.Select(one => (one.Key, (object)one.Value))]));

        Assert.Equal(
            refusal is null ? [] : [refusal],
            output.Split('\n').Where(line => Regex.IsMatch(line, ": (give|leave)| is set, so ")));
        Assert.Equal(refusal is null ? 0 : 2, status);
    }

    [Fact]
    public async Task The_claims_that_are_refused_are_those_of_the_app()
    {
        var field = typeof(SessionSettings).GetField("Taken", BindingFlags.Static | BindingFlags.NonPublic)!;
        var script = await File.ReadAllTextAsync(Script("deploy-infra.sh"));

        Assert.Equal(
            ((HashSet<string>)field.GetValue(null)!).Order(StringComparer.Ordinal),
            Regex.Match(script, @"case \$one in(.*?)\)", RegexOptions.Singleline).Groups[1].Value
                .Split([' ', '|', '\\', '\n'], StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("corpId", typeof(AppSettings), "CorpIdPattern")]
    [InlineData("appName", typeof(AppSettings), "AppNamePattern")]
    [InlineData("corpSecretName", typeof(SettingsReader), "SecretNamePattern")]
    [InlineData("sessionKeySecretName", typeof(SettingsReader), "SecretNamePattern")]
    [InlineData("tokenTableName", typeof(SettingsReader), "TableNamePattern")]
    [InlineData("sessionTableName", typeof(SettingsReader), "TableNamePattern")]
    public async Task Patterns_are_those_of_the_app_to_the_letter(string parameter, Type section, string pattern)
    {
        var ofTheApp =
            section.GetMethod(pattern, BindingFlags.Static | BindingFlags.NonPublic)!.GetCustomAttribute<GeneratedRegexAttribute>()!;

        Assert.Contains(
            $"\ncheck {parameter} '{ofTheApp.Pattern[2..^2]}' ",
            await File.ReadAllTextAsync(Script("deploy-infra.sh")),
            StringComparison.Ordinal);
    }

    /// <summary>A thousand schedules, good and bad, of the pieces that schedules are made of.</summary>
    [Fact]
    public async Task No_schedule_is_let_through_that_the_app_would_refuse()
    {
        var script = await File.ReadAllTextAsync(Script("deploy-infra.sh"));
        var composing = Regex.Match(script, "^field\\(\\) (?s:.*?)(?=^# The patterns)", RegexOptions.Multiline).Value;
        var (_, pattern) = await _shell.RunAsync(["-c", composing + "echo \"$schedule\""]);
        var regex = new Regex($@"\A(?:{pattern.Trim()})\z");
        var random = new Random(13);
        string[] numbers = ["0", "1", "5", "6", "7", "12", "13", "23", "24", "31", "32", "59", "60", "00", "100"];

        var letThrough = Enumerable.Range(0, 1000)
            .Select(_ => string.Join(' ', Enumerable.Range(0, 6).Select(_ => Field())))
            .Where(schedule => regex.IsMatch(schedule))
            .ToList();

        Assert.NotEmpty(letThrough);
        Assert.All(letThrough, schedule => Assert.True(AppTakes("TokenRefreshSchedule", schedule), schedule));

        string Field() => string.Join(',', Enumerable.Range(0, random.Next(2) + 1).Select(_ => Item()));

        string Item()
        {
            var from = random.Next(3) > 0 ? "*" : numbers[random.Next(random.Next(2, numbers.Length))];
            var to = from != "*" && random.Next(4) == 0 ? "-" + numbers[random.Next(numbers.Length)] : "";
            return from + to + (random.Next(4) == 0 ? "/" + numbers[random.Next(numbers.Length)] : "");
        }
    }

    [Theory]
    [InlineData("true", 0)]
    [InlineData("echo 'main.bicep(1,1) : Warning BCP037: no such property' >&2", 1)]
    [InlineData("exit 1", 1)]
    [InlineData("[[ $1 != format ]] || echo >>\"${3%/\\*\\**}/main.bicep\"", 1)]
    public async Task Bicep_files_are_clean_only_without_a_warning_and_as_the_formatter_writes_them(string compiler, int expected)
    {
        _shell.Put("bicep", "#!/usr/bin/env bash\n" + compiler + "\n");

        var (status, _) = await RunAsync("lint.sh", [], ("BICEP", Path.Combine(_shell.Folder, "bicep")));

        Assert.Equal(expected, status);
    }

    [Theory]
    [InlineData("true", 0)]
    [InlineData("[[ $2 != */prod.* ]]", 1)]
    public async Task Every_snapshot_has_to_hold(string compiler, int expected)
    {
        _shell.Put("bicep", "#!/usr/bin/env bash\necho \"$2 $4\"\n" + compiler + "\n");

        var (status, output) = await RunAsync("snapshot.sh", ["validate"], ("BICEP", Path.Combine(_shell.Folder, "bicep")));

        Assert.Equal(expected, status);
        Assert.Equal("infra/dev.bicepparam validate\ninfra/prod.bicepparam validate\ntests/infra/options.bicepparam validate\n", output);
    }

    [Theory]
    [InlineData("sync-triggers.sh")]
    [InlineData("smoke.sh")]
    [InlineData("deploy-infra.sh")]
    [InlineData("snapshot.sh")]
    [InlineData("allow-pipeline.sh")]
    public async Task A_script_that_is_called_wrongly_says_how_it_is_called(string script)
    {
        var (status, output) = await RunAsync(script, ["one"]);

        Assert.Equal(2, status);
        Assert.Contains("Usage: ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_of_sessions_is_made_and_stored_and_shown_to_nobody()
    {
        var (status, output) = await RunAsync("session-key.sh", ["vault"]);

        var stored = await File.ReadAllTextAsync(Path.Combine(_shell.Folder, "stored"));
        var file = Regex.Match(Calls.Single(), " --file ([^ ]+) ").Groups[1].Value;
        Assert.Equal(0, status);
        Assert.StartsWith("keyvault secret set --vault-name vault --name wecomfunc-session-key --file ", Calls.Single());
        Assert.NotNull(SigningKey.Read(stored).Key);
        Assert.False(File.Exists(file) || Directory.Exists(Path.GetDirectoryName(file)));
        Assert.All(
            stored.Split('\n').Where(line => line.Length > 0 && line[0] != '-'),
            line => Assert.DoesNotContain(line, output + Calls.Single(), StringComparison.Ordinal));
        Assert.Contains("Stored as a new version of wecomfunc-session-key in vault.", output);
    }

    [Fact]
    public async Task Each_key_of_sessions_is_another_and_may_have_another_name()
    {
        await RunAsync("session-key.sh", ["vault", "my-key"]);
        var first = await File.ReadAllTextAsync(Path.Combine(_shell.Folder, "stored"));
        await RunAsync("session-key.sh", ["vault", "my-key"]);

        Assert.NotEqual(first, await File.ReadAllTextAsync(Path.Combine(_shell.Folder, "stored")));
        Assert.All(Calls, call => Assert.Contains(" --name my-key ", call));
    }

    [Theory]
    [InlineData("#!/usr/bin/env bash\necho 'unknown option' >&2\nexit 1\n", "0",
        "unknown option\nopenssl is not there, or writes no key in PKCS#8: nothing was stored.")]
    [InlineData("#!/usr/bin/env bash\nwhile [[ $1 != -out ]]; do shift; done\necho '-----BEGIN EC PRIVATE KEY-----' >\"$2\"\n", "0",
        "openssl is not there, or writes no key in PKCS#8: nothing was stored.")]
    [InlineData(null, "3", "")]
    public async Task A_key_of_sessions_that_cannot_be_made_or_stored_is_not_told_as_stored(string? openssl, string vault, string told)
    {
        if (openssl is not null)
        {
            _shell.Put("openssl", openssl);
        }

        var (status, output) = await RunAsync("session-key.sh", ["vault"], ("AZ_SECRET_STATUS", vault));

        Assert.NotEqual(0, status);
        Assert.Contains(told, output, StringComparison.Ordinal);
        Assert.DoesNotContain("Stored", output, StringComparison.Ordinal);
        Assert.Equal(openssl is not null, Calls.Length == 0);
    }

    [Fact]
    public async Task A_key_of_sessions_for_no_vault_is_told_how_it_is_called()
    {
        var (status, output) = await RunAsync("session-key.sh", []);

        Assert.Equal(2, status);
        Assert.Contains("Usage: ", output, StringComparison.Ordinal);
    }

    private static bool IsSync(string call) => call.Contains("/host/default/sync?", StringComparison.Ordinal);

    private static string Script(string name) => Path.Combine(Repository.Root, "infra/scripts", name);

    private static (string Name, string Value) Parameter(string name, string value) => Parameters((name, value));

    private static (string Name, string Value) Parameters(params (string Name, object Value)[] given) => (
        "AZ_PARAMETERS",
        JsonSerializer.Serialize(new { parameters = given.ToDictionary(one => one.Name, one => new { value = one.Value }) }, Written)
            .ReplaceLineEndings("\n"));

    private static bool AppTakes(string setting, string value)
    {
        try
        {
            DeployedSettings.Read([.. DeployedSettings.OfSessions, (setting.Replace(":", "__"), value)]);
            return true;
        }
        catch (SettingsException)
        {
            return false;
        }
    }

    /// <summary>Where the app answers.</summary>
    private async Task<string> HealthAsync()
    {
        _app = WebApplication.CreateSlimBuilder().Build();
        _app.Urls.Add("http://127.0.0.1:0");
        _app.MapGet("/api/health", () =>
        {
            var (status, body) = _answers.Count > 1 ? _answers.Dequeue() : _answers.Peek();
            return Results.Text(body, "application/json", statusCode: status);
        });
        await _app.StartAsync();
        return $"{_app.Urls.First()}/api/health";
    }

    private async Task<(int Status, string Output)> SmokeAsync(
        (int Status, string Body)[] answers, params (string Name, string Value)[] environment)
    {
        foreach (var answer in answers)
        {
            _answers.Enqueue(answer);
        }

        return await RunAsync("smoke.sh", ["group", "app", await HealthAsync()], environment);
    }

    private Task<(int Status, string Output)> RunAsync(
        string script, string[] arguments, params (string Name, string Value)[] environment) =>
        _shell.RunAsync(
        [Path.Combine(Repository.Root, "infra/scripts", script), .. arguments],
        environment: [("TRIES", "4"), ("PAUSE", "0"), .. environment]);
}
