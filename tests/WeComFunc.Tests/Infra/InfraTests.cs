using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Testing;
using WeComFunc.AccessTokens;
using WeComFunc.Http;
using WeComFunc.Login;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>What infra/ and azure-pipelines.yml say of the app, held against the app.</summary>
public sealed partial class InfraTests
{
    private const string Advice = "Do this, and then that.";

    private static readonly string[] NotSetOnPurpose =
    [
        "WeCom__BaseUrl", "WeCom__CorpSecret", "TokenStore__ConnectionString", "AZURE_FUNCTIONS_ENVIRONMENT", "DOTNET_ENVIRONMENT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ];

    private static readonly string[] OfTheHost =
    [
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "AzureWebJobsStorage__blobServiceUri",
        "AzureWebJobsStorage__clientId",
        "AzureWebJobsStorage__credential",
        "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT",
    ];

    // Azure's limits; of the function app 32, since the host id is cut off there.
    private static readonly Dictionary<string, int> LongestNames = new()
    {
        ["identity"] = 128,
        ["logs"] = 63,
        ["insights"] = 260,
        ["vault"] = 24,
        ["hostStorage"] = 24,
        ["tokenStorage"] = 24,
        ["network"] = 64,
        ["natGateway"] = 80,
        ["publicIp"] = 80,
        ["vaultEndpoint"] = 64,
        ["tableEndpoint"] = 64,
        ["blobEndpoint"] = 64,
        ["plan"] = 60,
        ["app"] = 32,
        ["actionGroup"] = 260,
        ["robot"] = 80,
        ["budget"] = 63,
        ["healthTest"] = 260,
        ["alerts"] = 200,
    };

    /// <summary>Every log line that a query counts, as the app writes it.</summary>
    private static readonly string[] Lines =
    [
        LoginLine("ok", null, 12.34), LoginLine("wecom_busy", 45009, 9876), MisconfiguredLine(null), MisconfiguredLine(40001),
        RenewalLine("timer", "not_due", 118.6),
        FailedRenewalLine("timer", 40001, 300),
        FailedRenewalLine("timer", null, null),
        FailedRenewalLine("missing", -1, 1),
        ErrcodeLine("gettoken", 40001, "invalid credential"),
        ErrcodeLine(
            "user/get",
            60020,
            "not allow to access from your ip, hint: [1700000000_1_abc], from ip: 203.0.113.7, more info at https://example.com/"),
    ];

    [Fact]
    public void Every_setting_that_the_app_reads_is_set_or_left_out_on_purpose_and_nothing_else_is_set()
    {
        var known = new ReadKeys();
        Settings.Read(new ConfigurationBuilder().Add(known).Build());

        Assert.Equal(
            known.Names.Except(NotSetOnPurpose).Order(StringComparer.Ordinal),
            Members("appSettings", "infra/main.bicep").Order(StringComparer.Ordinal));
        Assert.Subset(known.Names, NotSetOnPurpose.ToHashSet());
    }

    [Fact]
    public void The_settings_of_the_host_are_those_of_an_identity_and_no_connection_string_is_beside_them()
    {
        Assert.Equal(OfTheHost, Members("hostSettings").Order(StringComparer.Ordinal));
        Assert.Equal(["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"], Members("telemetrySettings"));
        Assert.Single(Regex.Matches(Bicep(), "name: 'appsettings'"));
        Assert.Single(Regex.Matches(Bicep(), @"settings: union\(appSettings, furtherSettings, openTelemetry\)"));
        Assert.Contains(
            "properties: union(hostSettings, telemetrySettings, settings)",
            Repository.Read("infra/modules/app.bicep"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_set_on_purpose_is_named_with_its_reason()
    {
        var comment = Repository.Read("infra/main.bicep").Split("// Not set, on purpose:")[1].Split("var appSettings")[0];

        Assert.All(NotSetOnPurpose, name => Assert.Contains(name, comment, StringComparison.Ordinal));
    }

    [Fact]
    public void The_corpsecret_is_no_parameter_and_a_deployment_never_touches_it()
    {
        var bicep = Bicep();

        Assert.All(SecureParameter().Matches(bicep), parameter => Assert.Matches("^(alertWebhook|webhook)$", parameter.Groups[1].Value));
        Assert.Single(Regex.Matches(bicep, @"^\s+value: 'to be set by an operator'$", RegexOptions.Multiline));
        Assert.Matches(
            @"@onlyIfNotExists\(\)\nresource placeholders 'Microsoft\.KeyVault/vaults/secrets@[^{]+\{[^}]+enabled: false", bicep);
    }

    [Fact]
    public void A_corpid_of_the_contract_fits_into_its_parameter() =>
        Assert.Contains("\n@minLength(2)\n@maxLength(64)\nparam corpId string\n", Repository.Read("infra/main.bicep"));

    [Fact]
    public void Nothing_is_set_on_the_site_that_Azure_has_refused_on_Flex_Consumption() =>
        Assert.DoesNotMatch("(?m)^ *ftpsState:", Bicep());

    [Fact]
    public void FTP_is_closed_all_the_same() =>
        Assert.Equal(
            2,
            Regex.Count(
                Repository.Read("infra/modules/app.bicep"),
                @"basicPublishingCredentialsPolicies@[^{]+\{\n  parent: app\n  name: '(?:ftp|scm)'\n  properties: \{\n    allow: false\n"));

    [Fact]
    public void The_environment_is_what_the_command_says_whatever_the_shell_has_set() => Assert.All(
        Directory.GetFiles(InRepository("infra"), "*.bicepparam"),
        file =>
            Assert.Contains(
                $"param environmentName = '{Path.GetFileNameWithoutExtension(file)}'\n", File.ReadAllText(file), StringComparison.Ordinal));

    [Fact]
    public void Another_region_gets_other_names() =>
        Assert.Contains(
            "var token = uniqueString(resourceGroup().id, name, environmentName, location)\n",
            Repository.Read("infra/main.bicep"),
            StringComparison.Ordinal);

    [Fact]
    public void A_deleted_vault_of_dev_keeps_its_name_for_no_longer_than_it_must() =>
        Assert.Contains("param vaultRetentionDays = 7\n", Repository.Read("infra/dev.bicepparam"), StringComparison.Ordinal);

    [Fact]
    public void The_parameters_that_cost_say_their_price() => Assert.All(
        ["zoneRedundant", "maximumInstanceCount", "instanceMemoryMB", "natSku"],
        parameter => Assert.Matches(
            $@"@description\('[^\n]*(USD|price)[^\n]*'\)\n(@.*\n)*param {parameter} ", Repository.Read("infra/main.bicep")));

    [Fact]
    public void A_domain_is_bound_without_its_certificate_only_once() => Assert.Matches(
        @"@onlyIfNotExists\(\)\nresource binding 'Microsoft\.Web/sites/hostNameBindings@[^{]+\{(?s:.*?)sslState: 'Disabled'\n",
        Repository.Read("infra/modules/domain.bicep"));

    [Fact]
    public void Outputs_hold_no_secret() => Assert.All(
        OutputLine().Matches(Bicep()),
        output => Assert.DoesNotMatch("(?i)list[A-Z]\\w*\\(|key(?!Vault)|password|connectionString|secret|credential", output.Value));

    [Fact]
    public void No_cloud_is_written_down() => Assert.DoesNotMatch(
        @"(?i)windows\.net|azure\.(net|com|cn)|azurewebsites|microsoftonline|chinacloud(api|sites)|usgovcloud|applicationinsights\.",
        Bicep());

    [Fact]
    public void Every_role_is_named_has_the_kind_of_its_principal_and_a_name_of_scope_identity_and_role()
    {
        var roles = Regex.Matches(Bicep(), @"Microsoft\.Authorization/roleAssignments@(?s:.*?)\n[\}\]]");

        Assert.NotEmpty(roles);
        Assert.All(roles, role =>
        {
            Assert.Contains("principalType: 'ServicePrincipal'", role.Value, StringComparison.Ordinal);
            var (scope, id) = (
                Regex.Match(role.Value, @"scope: ([\w\[\]]+)").Groups[1].Value,
                Regex.Match(role.Value, @"identityName, (\w+)\)").Groups[1].Value);
            Assert.Contains($"name: guid({scope}.id, identityName, {id})", role.Value, StringComparison.Ordinal);
            Assert.Matches($@"var {id} = '[0-9a-f-]{{36}}' // [A-Z][A-Za-z ]+\n", Bicep());
        });
    }

    [Fact]
    public void Everything_that_can_have_tags_has_them() => Assert.All(
        Regex.Matches(Bicep(), @"\nresource (?s:.*?)\n\}").Where(resource => Regex.IsMatch(resource.Value, @"\n {2,4}location: ")),
        resource => Assert.Matches(@"\n {2,4}tags: ", resource.Value));

    [Fact]
    public void Names_are_within_Azures_limits_whatever_the_parameters()
    {
        var main = Repository.Read("infra/main.bicep");
        var longestSlug = int.Parse(
            Regex.Match(main, @"var slug = toLower\(take\(.*, (\d+)\)\)").Groups[1].Value, CultureInfo.InvariantCulture);
        var names = Regex.Matches(main.Split("var names = {")[1].Split("\n}")[0], @"^  (\w+): '(.*)'$", RegexOptions.Multiline)
            .ToDictionary(name => name.Groups[1].Value, name => Regex
                .Replace(
                    name.Groups[2].Value,
                    @"\$\{take\(slug, (\d+)\)\}",
                    part => new string('s', int.Parse(part.Groups[1].Value, CultureInfo.InvariantCulture)))
                .Replace("${slug}", new string('s', longestSlug))
                .Replace("${token}", new string('t', 13)));

        Assert.Equal(LongestNames.Keys.Order(), names.Keys.Order());
        Assert.All(names, name => Assert.InRange(name.Value.Length, 3, LongestNames[name.Key]));
        Assert.All([names["hostStorage"], names["tokenStorage"]], name => Assert.Matches(@"\A[a-z0-9]+\z", name));
    }

    [Fact]
    public void Every_text_that_a_query_looks_for_is_in_a_line_that_the_app_logs() => Assert.All(Queries(), query =>
    {
        Assert.NotEmpty(query.Text.Trim());
        Assert.All(
            Texts(query.Text, "startswith"), text => Assert.Contains(Lines, line => line.StartsWith(text, StringComparison.Ordinal)));
        Assert.All(Texts(query.Text, "contains"), text => Assert.Contains(Lines, line => line.Contains(text, StringComparison.Ordinal)));
        Assert.All(
            Regex.Matches(query.Text, "parse message with (.*)").SelectMany(parse => Regex.Matches(parse.Groups[1].Value, "\"([^\"]*)\"")),
            text => Assert.Contains(Lines, line => line.Contains(text.Groups[1].Value, StringComparison.Ordinal)));
        Assert.All(
            Regex.Matches(query.Text, "(?:extract\\(|matches regex )@\"([^\"]*)\""),
            regex => Assert.Contains(Lines, line => Regex.IsMatch(line, regex.Groups[1].Value)));
    });

    [Fact]
    public void Queries_read_nothing_that_does_not_leave_the_worker() =>
        Assert.All(
            Queries(),
            query => Assert.DoesNotMatch("customMetrics|customDimensions|customEvents|performanceCounters|wecomfunc\\.", query.Text));

    [Fact]
    public void What_is_not_known_is_said_in_words_and_leaves_no_blank()
    {
        Assert.Contains(", errcode none, ", LoginLine("ok", null, 1), StringComparison.Ordinal);
        Assert.Contains(", errcode none, ", MisconfiguredLine(null), StringComparison.Ordinal);
        Assert.Contains(
            ", errcode none, app default, next try with the next login or run. ",
            FailedRenewalLine("timer", null, null),
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40001, "40001")]
    [InlineData(null, "none")]
    public void The_alert_on_misconfigured_finds_errcode_and_advice_in_a_login(int? errcode, string found) =>
        Assert.Equal((found, Advice), ErrcodeAndAdvice(MisconfiguredLine(errcode)));

    [Theory]
    [InlineData(40001, 300.0, "40001")]
    [InlineData(-1, 0.4, "-1")]
    [InlineData(null, null, "none")]
    public void The_alert_on_misconfigured_finds_errcode_and_advice_in_a_renewal(int? errcode, double? retrySeconds, string found) =>
        Assert.Equal((found, Advice), ErrcodeAndAdvice(FailedRenewalLine("timer", errcode, retrySeconds)));

    [Fact]
    public void The_alert_on_misconfigured_finds_the_same_in_a_line_that_is_written_again() =>
        Assert.Equal(("40001", Advice), ErrcodeAndAdvice(WrittenAgain(FailedRenewalLine("missing", 40001, 300))));

    [Fact]
    public void The_workbook_shows_what_WeCom_said_without_the_time_of_a_line_that_is_written_again()
    {
        var ending = Regex.Match(
            Queries().Single(query => query.Name == "errmsgs").Text, @"@""( \\\[[^""]*)"", """"\)$", RegexOptions.Multiline)
            .Groups[1].Value;
        var line = ErrcodeLine("gettoken", 60020, "not allow to access from your ip");

        Assert.Equal(line, Regex.Replace(WrittenAgain(line), ending, ""));
    }

    [Fact]
    public void The_alert_on_the_untrusted_address_finds_the_address() =>
        Assert.Equal("203.0.113.7", Extracted("untrusted-address", "address", Lines[^1]));

    [Fact]
    public void The_alert_on_the_untrusted_address_leaves_other_errcodes_alone()
    {
        var regex = Regex.Match(Query("untrusted-address"), "matches regex @\"([^\"]*)\"").Groups[1].Value;

        Assert.Equal([Lines[^1]], Lines.Where(line => Regex.IsMatch(line, regex)));
    }

    [Theory]
    [InlineData(12.34, "12.3")]
    [InlineData(9876, "9876.0")]
    public void The_alert_on_slow_logins_finds_the_duration(double ms, string found) =>
        Assert.Equal(found, Extracted("slow-logins", "ms", LoginLine("ok", null, ms)));

    [Theory]
    [InlineData("ok")]
    [InlineData("wecom_busy")]
    public void The_alert_on_failed_logins_finds_the_outcome(string outcome) =>
        Assert.Equal(outcome, Extracted("failed-logins", "outcome", LoginLine(outcome, null, 1)));

    [Fact]
    public void The_alert_on_failed_logins_counts_the_problems_that_are_not_up_to_the_caller()
    {
        Problem[] ours = [Problem.Misconfigured, Problem.WeComBusy, Problem.WeComUnexpected, Problem.InternalError];

        var counted = Regex.Match(Query("failed-logins"), @"let ours = dynamic\(\[(.*)\]\);").Groups[1].Value;

        Assert.Equal(string.Join(", ", ours.Select(problem => $"\"{problem.Code}\"")), counted);
    }

    [Fact]
    public void The_alert_on_the_renewal_tells_good_runs_from_failed_ones_by_the_window_of_the_timer()
    {
        var query = Query("token-renewal");
        var failing = Regex.Match(query, "failing = message contains \"([^\"]*)\"").Groups[1].Value;

        Assert.Contains($"minutesLeft < {TokenRules.TimerWindow.TotalMinutes:0})", query, StringComparison.Ordinal);
        Assert.DoesNotContain(failing, RenewalLine("timer", "not_due", 118.6), StringComparison.Ordinal);
        Assert.Contains(failing, FailedRenewalLine("timer", null, null), StringComparison.Ordinal);
        Assert.Equal("119", Extracted("token-renewal", "minutesLeft", RenewalLine("timer", "not_due", 118.6)));
        Assert.Equal("default", Extracted("token-renewal", "app", RenewalLine("timer", "not_due", 118.6)));
        Assert.Equal("default", Extracted("token-renewal", "app", FailedRenewalLine("timer", null, null)));
    }

    [Fact]
    public void Every_query_is_used_and_every_query_that_is_used_is_there()
    {
        var used = Regex.Matches(Repository.Read("infra/modules/alerts.bicep"), @"loadTextContent\('\.\./queries/(.*?)'\)").Select(
            query => query.Groups[1].Value);

        Assert.Equal(Directory.GetFiles(InRepository("infra/queries")).Select(Path.GetFileName).Order(), used.Order());
    }

    [Fact]
    public void Every_alert_is_explained_on_the_page_that_it_names()
    {
        var readme = Repository.Read("infra/README.md");
        var inChinese = Repository.Read("infra/README.zh-CN.md");
        var sections = Regex.Matches(Repository.Read("infra/modules/alerts.bicep"), @"README: (.+?)\.'")
            .Select(alert => alert.Groups[1].Value)
            .ToList();

        Assert.Equal(6, sections.Count);
        Assert.All(sections, section => Assert.Contains($"\n### {section}\n", readme, StringComparison.Ordinal));
        Assert.All(sections, section => Assert.Matches($"\n### .+（{section}）\n", inChinese));
    }

    /// <summary>The address of a robot is all that one needs to speak in its group.</summary>
    [Fact]
    public void The_address_of_a_robot_is_in_no_history_of_what_speaks_to_it()
    {
        var robot = JsonSerializer.Deserialize<JsonElement>(Repository.Read("infra/robot.json"));
        var say = robot.GetProperty("actions").GetProperty("say");

        Assert.Equal("SecureString", robot.GetProperty("parameters").GetProperty("robot").GetProperty("type").GetString());
        Assert.Equal("@parameters('robot')", say.GetProperty("inputs").GetProperty("uri").GetString());
        Assert.Equal(
            """["inputs"]""", say.GetProperty("runtimeConfiguration").GetProperty("secureData").GetProperty("properties").GetRawText());
    }

    /// <summary>They point to their dimensions: the errcode, what to do, the address.</summary>
    [Fact]
    public void What_a_robot_says_has_the_dimensions_of_the_alert()
    {
        var text = JsonSerializer.Deserialize<JsonElement>(Repository.Read("infra/robot.json"))
            .GetProperty("actions").GetProperty("say").GetProperty("inputs").GetProperty("body").GetProperty("text").GetProperty("content");

        Assert.Contains("?['alertContext']?['condition']?['allOf'], json('[]')))?['dimensions'])}", text.GetString());
    }

    [Fact]
    public void The_workbook_is_one_and_runs_where_it_is_deployed()
    {
        var workbook = JsonSerializer.Deserialize<JsonElement>(Repository.Read("infra/workbook.json"));

        Assert.Equal("Notebook/1.0", workbook.GetProperty("version").GetString());
        Assert.Equal("APPLICATION-INSIGHTS", Assert.Single(workbook.GetProperty("fallbackResourceIds").EnumerateArray()).GetString());
        Assert.Contains("'APPLICATION-INSIGHTS', insightsId)", Repository.Read("infra/modules/workbook.bicep"), StringComparison.Ordinal);
    }

    [Fact]
    public void No_line_that_a_query_counts_is_sampled_away_or_filtered_out()
    {
        var kept = Logging().GetProperty("applicationInsights").GetProperty("samplingSettings").GetProperty("excludedTypes").GetString()!;

        Assert.Contains("Trace", kept.Split(';'));
        Assert.All(FunctionNames(), function => Assert.Equal("Information", LogLevels()[$"Function.{function}.User"]));
    }

    [Fact]
    public void What_a_worker_says_as_it_ends_with_bad_settings_is_not_filtered_out() =>
        Assert.Equal("Information", LogLevels()["Host.Function.Console"]);

    [Fact]
    public void Every_category_of_the_host_is_one_that_it_logs_by()
    {
        HashSet<string> known = ["default", "Function", "Host.Function.Console", "Host.Results", .. FunctionNames().Select(
            function => $"Function.{function}.User")];

        Assert.Subset(known, LogLevels().Keys.ToHashSet());
    }

    [Fact]
    public void Every_task_of_the_pipeline_is_pinned_to_a_major_version() =>
        Assert.All(Regex.Matches(Pipelines(), @"task: (\S+)"), task => Assert.Matches(@"\A\w+@[0-9]+\z", task.Groups[1].Value));

    [Fact]
    public void The_pipeline_builds_once_and_holds_no_password()
    {
        var pipelines = Pipelines();

        Assert.Single(Regex.Matches(pipelines, @"bash: \./test\.sh"));
        Assert.Single(Regex.Matches(pipelines, "dotnet publish"));
        Assert.DoesNotMatch("(?i)clientSecret|servicePrincipalKey|connectionString|password:|--password", pipelines);
    }

    [Fact]
    public void The_pipeline_shows_what_would_change_before_an_environment_is_asked_for_its_approval()
    {
        var stages = Repository.Read("infra/pipelines/deploy.yml").Split("  - stage: ");

        Assert.Contains("deploy-infra.sh\" what-if", stages[1], StringComparison.Ordinal);
        Assert.DoesNotContain("environment: wecomfunc-", stages[1], StringComparison.Ordinal);
        Assert.StartsWith("${{ parameters.environment }}_deploy", stages[2], StringComparison.Ordinal);
        Assert.Contains("dependsOn: ${{ parameters.environment }}_preview", stages[2], StringComparison.Ordinal);
        Assert.Contains("environment: wecomfunc-${{ parameters.environment }}", stages[2], StringComparison.Ordinal);
        Assert.Contains("\n    isSkippable: false\n", stages[1], StringComparison.Ordinal);
    }

    [Fact]
    public void The_preview_has_a_connection_of_its_own_and_the_deployment_another()
    {
        var stages = Repository.Read("infra/pipelines/deploy.yml").Split("  - stage: ");

        Assert.All(Connections(stages[1]), connection => Assert.Equal("wecomfunc-${{ parameters.environment }}-preview", connection));
        Assert.All(Connections(stages[2]), connection => Assert.Equal("wecomfunc-${{ parameters.environment }}", connection));

        static IEnumerable<string> Connections(string stage)
        {
            var connections = Regex.Matches(stage, "(?:azureSubscription|connectedServiceNameARM): (.*)")
                .Select(connection => connection.Groups[1].Value)
                .ToList();
            Assert.NotEmpty(connections);
            return connections;
        }
    }

    [Fact]
    public void Every_stage_that_touches_Azure_runs_for_main_only() => Assert.All(
        Repository.Read("infra/pipelines/deploy.yml").Split("  - stage: ")[1..],
        stage =>
            Assert.Contains(
                "\n    condition: and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/main'))\n",
                stage,
                StringComparison.Ordinal));

    [Fact]
    public void Runs_do_not_overtake_each_other()
    {
        var stages = Repository.Read("infra/pipelines/stages.yml");

        Assert.Contains("\ntrigger:\n  batch: true\n", Repository.Read("azure-pipelines.yml"), StringComparison.Ordinal);
        Assert.Matches(@"environment: dev\n[^#]*lockBehavior: runLatest\n", stages);
        Assert.Matches(@"environment: prod\n[^#]*lockBehavior: sequential\n", stages);
        Assert.Contains(
            "\n    lockBehavior: ${{ parameters.lockBehavior }}\n",
            Repository.Read("infra/pipelines/deploy.yml").Split("  - stage: ")[2],
            StringComparison.Ordinal);
    }

    [Fact]
    public void Deployments_of_modules_have_no_fixed_names() =>
        Assert.DoesNotMatch(@"module \w+ '[^']+' = (if \(.*\) )?\{\n  name:", Bicep());

    /// <summary>The agent waits n² seconds before try n.</summary>
    [Fact]
    public void The_first_upload_is_tried_again_for_longer_than_its_role_takes()
    {
        var tries = int.Parse(
            Regex.Match(Pipelines(), @"displayName: Deploy the app\n +retryCountOnTaskFailure: (\d+)").Groups[1].Value,
            CultureInfo.InvariantCulture);

        Assert.InRange(Enumerable.Range(1, tries).Sum(n => n * n), 60, 300);
    }

    [Fact]
    public void A_run_that_passed_on_prod_is_kept_as_what_to_roll_back_to() => Assert.Matches(
        @"displayName: Smoke test\n[^$]*(?s:.*)keep-run\.sh""\n +displayName: .*\n"
            + @" +condition: and\(succeeded\(\), eq\('\$\{\{ parameters\.environment \}\}', 'prod'\)\)\n",
        Pipelines());

    [Fact]
    public void Nothing_but_the_script_that_deploys_chooses_a_compiler() =>
        Assert.DoesNotContain("az bicep", Pipelines(), StringComparison.Ordinal);

    [Fact]
    public void What_the_pipeline_runs_from_the_repository_is_there()
    {
        var named = Regex.Matches(Pipelines(), @"(?:template: (?:infra/pipelines/)?|infra/scripts/)([\w-]+\.(?:yml|sh))")
            .Select(file => file.Groups[1].Value)
            .ToList();
        var there = Directory.GetFiles(InRepository("infra/pipelines"))
            .Concat(Directory.GetFiles(InRepository("infra/scripts")))
            .Select(Path.GetFileName)
            .ToHashSet();

        Assert.NotEmpty(named);
        Assert.All(named, file => Assert.Contains(file, there));
    }

    [Fact]
    public void The_functions_that_a_deployment_waits_for_are_those_of_the_app() => Assert.Equal(
        FunctionNames().Order(),
        Regex.Match(Repository.Read("infra/scripts/sync-triggers.sh"), @"\$\{FUNCTIONS:-([^}]*)\}").Groups[1].Value.Split(' ').Order());

    private static JsonElement Logging() => JsonSerializer.Deserialize<JsonElement>(Repository.Read("host.json")).GetProperty("logging");

    private static Dictionary<string, string> LogLevels() =>
        Logging().GetProperty("logLevel").EnumerateObject().ToDictionary(level => level.Name, level => level.Value.GetString()!);

    private static IEnumerable<string> FunctionNames() =>
        typeof(AzureFunctions.Functions)
            .GetMethods()
            .Select(method => method.GetCustomAttribute<FunctionAttribute>()?.Name)
            .OfType<string>();

    private static string LoginLine(string outcome, int? errcode, double ms) =>
        Logged(
            typeof(LoginEndpoint), "LogLogin", outcome, Telemetry.Label(errcode), ms, "memory", "none", "default",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

    private static string MisconfiguredLine(int? errcode) => Logged(
        typeof(LoginEndpoint), "LogAdvice", LogLevel.Error, "misconfigured", Telemetry.Label(errcode), 3.0, "none", "none", "default",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", Advice);

    private static string RenewalLine(string reason, string outcome, double minutesLeft) =>
        Logged(typeof(AccessTokenSource), "LogRenewal", LogLevel.Information, reason, outcome, minutesLeft, "default");

    private static string FailedRenewalLine(string reason, int? errcode, double? retrySeconds)
    {
        var nextTry = AccessTokenSource.NextTry(
            new(FailureKind.Misconfigured, errcode, retrySeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null));
        return Logged(
            typeof(AccessTokenSource), "LogFailed", LogLevel.Warning, reason, "failed", 7.2, FailureKind.Misconfigured,
            Telemetry.Label(errcode), "default", nextTry, Advice);
    }

    private static string WrittenAgain(string line) => Logged(
        typeof(AzureFunctions.UnheardLines), "LogAgain", LogLevel.Warning, null, line, new DateTime(
            2026, 3, 1, 12, 0, 0, 123, DateTimeKind.Utc));

    private static string ErrcodeLine(string api, int errcode, string errmsg) =>
        Logged(typeof(WeComClient), "LogErrcode", LogLevel.Warning, api, errcode, "default", errmsg);

    private static string Logged(Type type, string method, params object?[] arguments)
    {
        var logger = new FakeLogger();
        type.GetMethod(method, BindingFlags.Static | BindingFlags.NonPublic)!.Invoke(null, [logger, .. arguments]);
        return logger.LatestRecord.Message;
    }

    private static (string Errcode, string Advice) ErrcodeAndAdvice(string line) =>
        (Extracted("misconfigured", "errcode", line), Extracted("misconfigured", "advice", line));

    /// <summary>What a query extracts from a line into a column; empty where it finds nothing, as in Kusto.</summary>
    private static string Extracted(string query, string column, string line) => Regex
        .Match(line, Regex.Match(Query(query), $"\\b{column} = (?:\\w+\\()?extract\\(@\"([^\"]*)\", 1, message\\)").Groups[1].Value)
            .Groups[1].Value;

    private static IEnumerable<string> Texts(string query, string verb) =>
        Regex.Matches(query, $"{verb} \"([^\"]*)\"").Select(text => text.Groups[1].Value);

    private static IEnumerable<(string Name, string Text)> Queries() =>
    [
        .. Directory.GetFiles(InRepository("infra/queries"), "*.kql").Select(file => (Path.GetFileName(file), File.ReadAllText(file))),
        .. JsonSerializer.Deserialize<JsonElement>(Repository.Read("infra/workbook.json")).GetProperty("items").EnumerateArray()
            .Where(item => item.GetProperty("type").GetInt32() == 3)
            .Select(item => (item.GetProperty("name").GetString()!, item.GetProperty("content").GetProperty("query").GetString()!)),
    ];

    private static string Query(string name) => Repository.Read($"infra/queries/{name}.kql");

    private static IEnumerable<string> Members(string variable, string file = "infra/modules/app.bicep") => Regex
        .Match(Repository.Read(file), $@"\nvar {variable} = (?s:.*?)\{{\n((?s:.*?))\n *\}}").Groups[1].Value.Split('\n')
        .Select(line => Regex.Match(line, @"\A {2,6}(\w+): ")).Where(member => member.Success).Select(member => member.Groups[1].Value);

    private static string Bicep() => string.Concat(
        Directory.GetFiles(InRepository("infra"), "*.bicep", SearchOption.AllDirectories)
            .Order(StringComparer.Ordinal)
            .Select(File.ReadAllText));

    private static string Pipelines() => string.Concat(
        ((string[])["azure-pipelines.yml", "infra/pipelines/stages.yml", "infra/pipelines/deploy.yml"]).Select(Repository.Read));

    private static string InRepository(string path) => Path.Combine(Repository.Root, path);

    [GeneratedRegex(@"@secure\(\)\s*(?:@[^\n]*\s*)*param (\w+)")]
    private static partial Regex SecureParameter();

    [GeneratedRegex(@"^output (?s:.*?)$", RegexOptions.Multiline)]
    private static partial Regex OutputLine();

    private sealed class ReadKeys : ConfigurationProvider, IConfigurationSource
    {
        private static readonly Dictionary<string, string> Required = new()
        {
            ["WeCom:CorpId"] = "ww1234567890abcdef",
            ["KeyVault:Uri"] = "https://name.vault.azure.net/",
            ["TokenStore:ServiceUri"] = "https://account.table.core.windows.net/",
            ["Session:Issuer"] = "https://login.example.com/api",
            ["Session:Audience"] = "orders-api",
        };

        public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

        public override bool TryGet(string key, out string? value)
        {
            Names.Add(key.Replace(":", "__", StringComparison.Ordinal));
            return Required.TryGetValue(key, out value);
        }

        public IConfigurationProvider Build(IConfigurationBuilder builder) => this;
    }
}
