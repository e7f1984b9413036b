using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.AccessTokens;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>The table of problems in the contract, row by row, each by its real cause; with a profile required, so that what keeps it away is a problem.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ProblemTests(Azurite azurite) : IAsyncLifetime
{
    private const string SecretName = "wecom-corpsecret";
    private const string OfMisconfigured = "Tell the operator the traceId; the log says what to do.";

    // So small that an attempt has seconds of real time before its three of the moved clock are over.
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(25);

    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan LoginLimit = TimeSpan.FromSeconds(10);

    /// <summary>Without a line of their own.</summary>
    private static readonly string[] Refused = ["invalid_request", "payload_too_large", "unsupported_media_type", "too_many_requests"];

    private static readonly string[] Retryable = ["too_many_requests", "wecom_busy"];

    private static readonly int[] ConfigurationErrcodes =
    [
        40013, 40091, 40141, 41002, 41004, 41024, 45031, 48001, 48002, 48004, 48006, 48008, 48009, 50003, 50006, 60020, 60031, 90200, 90206, 90207, 90208,
        90210, 90211, 90212, 90308, 92001, 92003, 301002, 301007, 301042,
    ];

    private static readonly int[] TokenErrcodes = [40001, 40014, 41001, 42001];

    private static readonly Dictionary<string, Fault> Undocumented = new()
    {
        ["nothing"] = new() { Status = 200 },
        ["HTML"] = new() { Body = "<html><body>Bad gateway</body></html>" },
        ["cut"] = new() { Body = """{"errcode":0,"errmsg":"ok","us""" },
        ["an array"] = new() { Body = "[]" },
        ["null"] = new() { Body = "null" },
        ["a string"] = new() { Body = "\"ok\"" },
        ["two objects"] = new() { Body = """{"errcode":0,"errmsg":"ok"}{}""" },
        ["an empty object"] = new() { Body = "{}" },
        ["errcode a word"] = new() { Body = """{"errcode":"ok","errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["errcode an empty string"] = new() { Body = """{"errcode":"","errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["errcode null"] = new() { Body = """{"errcode":null,"errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["errcode a fraction"] = new() { Body = """{"errcode":0.5,"errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["errcode over 32 bits"] = new() { Body = """{"errcode":4294967296,"errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["nothing but errcode 0"] = new() { Body = """{"errcode":0,"errmsg":"ok"}""" },
        ["HTTP 201"] = new() { Status = 201 },
        ["HTTP 302"] = new() { Status = 302 },
        ["HTTP 400"] = new() { Status = 400 },
        ["HTTP 403"] = new() { Status = 403, Body = """{"errcode":40029,"errmsg":"invalid code"}""" },
        ["HTTP 404"] = new() { Status = 404 },
        ["more than 1 MiB"] = new() { Body = $$"""{"errcode":0,"errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef","name":"{{new string('x', 1024 * 1024)}}"}""" },
    };

    private readonly ManualTimeProvider _clock = new();
    private SimulatorServer _simulator = null!;

    public static TheoryData<Api, int> MisconfiguredErrcodes
    {
        get
        {
            var all = new TheoryData<Api, int>();
            foreach (var errcode in (int[])[.. ConfigurationErrcodes, .. TokenErrcodes])
            {
                all.Add(Api.GetToken, errcode);
            }

            foreach (var errcode in ConfigurationErrcodes)
            {
                all.Add(Api.JsCode2Session, errcode);
                all.Add(Api.UserGet, errcode);
            }

            return all;
        }
    }

    public static TheoryData<Api, string> UndocumentedAnswers
    {
        get
        {
            var all = new TheoryData<Api, string>();
            foreach (var api in Enum.GetValues<Api>())
            {
                foreach (var answer in Undocumented.Keys)
                {
                    all.Add(api, answer);
                }
            }

            return all;
        }
    }

    private SimulatorState WeCom => _simulator.State;

    public async Task InitializeAsync() => _simulator = await SimulatorServer.StartAsync(_clock);

    public async Task DisposeAsync()
    {
        Output.Run.Secrets(WeCom.IssuedSecrets);
        await _simulator.DisposeAsync();
    }

    [Fact]
    public async Task A_request_without_a_code_is_invalid_request()
    {
        await using var host = await StartAsync();

        var answer = await host.PostAsync("{}");

        AssertProblem(host, answer, 400, "invalid_request");
    }

    [Fact]
    public async Task A_code_outside_printable_ASCII_is_invalid_request()
    {
        await using var host = await StartAsync();

        var answer = await host.LoginAsync("0123456789abcde\u007f");

        AssertProblem(host, answer, 400, "invalid_request");
        Assert.DoesNotContain("0123456789abcde", answer.Text);
    }

    [Fact]
    public async Task A_body_over_8_KiB_is_payload_too_large()
    {
        await using var host = await StartAsync();

        var answer = await host.PostAsync(new string(' ', 8193));

        AssertProblem(host, answer, 413, "payload_too_large");
    }

    [Fact]
    public async Task A_form_is_unsupported_media_type()
    {
        await using var host = await StartAsync();

        var answer = await host.PostAsync("code=0123456789abcdef", "application/x-www-form-urlencoded");

        AssertProblem(host, answer, 415, "unsupported_media_type");
        Assert.DoesNotContain("0123456789abcdef", answer.Text);
    }

    [Theory]
    [InlineData(40029)]
    [InlineData(42003)]
    [InlineData(40163)]
    [InlineData(42013)]
    [InlineData(40078)]
    [InlineData(41008)]
    [InlineData(42022)]
    [InlineData(43016)]
    [InlineData(90307)]
    public async Task A_code_that_WeCom_refuses_is_invalid_code(int errcode)
    {
        await using var host = await StartAsync();
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = errcode });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 401, "invalid_code", errcode);
    }

    [Fact]
    public async Task A_code_that_nobody_issued_is_invalid_code()
    {
        await using var host = await StartAsync();

        var answer = await host.LoginAsync("a-code-that-nobody-issued");

        AssertProblem(host, answer, 401, "invalid_code", 40029);
        Assert.DoesNotContain("a-code-that-nobody-issued", answer.Text);
    }

    [Fact]
    public async Task A_used_code_is_invalid_code()
    {
        await using var host = await StartAsync();
        var code = WeCom.IssueCode("zhangsan");
        await host.LoginAsync(code);

        var answer = await host.LoginAsync(code);

        AssertProblem(host, answer, 401, "invalid_code", 40029);
    }

    [Fact]
    public async Task An_expired_code_is_invalid_code()
    {
        await using var host = await StartAsync();
        var code = WeCom.IssueCode("zhangsan");
        WeCom.Advance(TimeSpan.FromMinutes(5));

        var answer = await host.LoginAsync(code);

        AssertProblem(host, answer, 401, "invalid_code", 42003);
    }

    [Fact]
    public async Task A_member_of_another_corp_is_corp_mismatch()
    {
        await using var host = await StartAsync();

        var answer = await host.LoginAsync(WeCom.IssueCode("zhaoliu", SimulatorState.OtherCorpId));

        AssertProblem(host, answer, 403, "corp_mismatch");
        Assert.DoesNotContain("zhaoliu", answer.Text);
        Assert.DoesNotContain(SimulatorState.OtherCorpId, answer.Text);
    }

    [Fact]
    public async Task A_code_that_WeCom_calls_another_corps_is_corp_mismatch()
    {
        await using var host = await StartAsync();
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = 92002 });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 403, "corp_mismatch", 92002);
    }

    [Fact]
    public async Task A_member_whom_WeCom_calls_another_corps_after_the_exchange_is_member_not_visible()
    {
        await using var host = await StartAsync();
        WeCom[Api.UserGet].AddFault(new Fault { Errcode = 92002 });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 403, "member_not_visible", 92002);
    }

    [Theory]
    [InlineData(60111)]
    [InlineData(40003)]
    [InlineData(46004)]
    [InlineData(60011)]
    [InlineData(50002)]
    [InlineData(60021)]
    [InlineData(60030)]
    [InlineData(660003)]
    [InlineData(92000)]
    public async Task A_member_whose_profile_is_required_and_not_to_be_seen_is_member_not_visible(int errcode)
    {
        await using var host = await StartAsync();
        WeCom[Api.UserGet].AddFault(new Fault { Errcode = errcode });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 403, "member_not_visible", errcode);
        Assert.DoesNotContain("zhangsan", answer.Text);
    }

    [Fact]
    public async Task The_third_login_of_a_burst_of_two_is_too_many_requests()
    {
        await using var host = await StartAsync(settings: new() { ["Limits__LoginsPerSecondPerAddress"] = "0.001", ["Limits__BurstPerAddress"] = "2" });
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 429, "too_many_requests");
        Assert.Equal(2, WeCom[Api.JsCode2Session].Calls.Arrived);
    }

    [Theory]
    [InlineData(Api.GetToken)]
    [InlineData(Api.JsCode2Session)]
    [InlineData(Api.UserGet)]
    public async Task An_unknown_errcode_is_wecom_unexpected(Api api)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(new Fault { Errcode = 99999, Times = null });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 502, "wecom_unexpected", 99999);
    }

    [Theory]
    [MemberData(nameof(UndocumentedAnswers))]
    public async Task An_answer_that_is_not_the_documented_JSON_is_wecom_unexpected(Api api, string answerOfWeCom)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(Undocumented[answerOfWeCom] with { Times = null });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 502, "wecom_unexpected");
        Assert.Equal(1, WeCom[api].Calls.Arrived);
    }

    [Theory]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","expires_in":7200}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"","expires_in":7200}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"not-a-token"}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"not-a-token","expires_in":0}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"not-a-token","expires_in":"two hours"}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"not-a-token","expires_in":7200.5}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":7,"expires_in":7200}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","session_key":"not-a-session-key"}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":""}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":7}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","userid":"zhangsan","session_key":"not-a-session-key"}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","corpid":null,"userid":"zhangsan"}""")]
    [InlineData(Api.UserGet, """{"errcode":0,"errmsg":"ok","name":"张三"}""")]
    [InlineData(Api.UserGet, """{"errcode":0,"errmsg":"ok","name":"张三","userid":7}""")]
    public async Task An_answer_without_a_documented_member_is_wecom_unexpected(Api api, string answerOfWeCom)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(new Fault { Body = answerOfWeCom });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 502, "wecom_unexpected");
    }

    [Theory]
    [InlineData("miniprogram/jscode2session")]
    [InlineData("user/get")]
    public async Task Invalid_UTF8_is_wecom_unexpected(string path)
    {
        await using var weCom = await StartVerbatimAsync();
        await using var host = await StartAsync(settings: new() { ["WeCom__BaseUrl"] = weCom.BaseAddress.AbsoluteUri });
        weCom.Answer(path, [.. """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":"zhang"""u8, 0xff, .. "\"}"u8]);

        var answer = await host.LoginAsync("a-code-that-works");

        AssertProblem(host, answer, 502, "wecom_unexpected");
    }

    [Fact]
    public async Task A_redirect_is_wecom_unexpected_and_not_followed()
    {
        await using var weCom = await StartVerbatimAsync();
        await using var host = await StartAsync(settings: new() { ["WeCom__BaseUrl"] = weCom.BaseAddress.AbsoluteUri });
        weCom.Answer("miniprogram/jscode2session", context =>
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = "/cgi-bin/elsewhere";
            return [];
        });

        var answer = await host.LoginAsync("a-code-that-works");

        AssertProblem(host, answer, 502, "wecom_unexpected");
        Assert.Equal(["/cgi-bin/gettoken", "/cgi-bin/miniprogram/jscode2session"], weCom.Paths);
    }

    [Theory]
    [InlineData(Api.GetToken, -1)]
    [InlineData(Api.JsCode2Session, -1)]
    [InlineData(Api.UserGet, -1)]
    [InlineData(Api.JsCode2Session, 6000)]
    public async Task A_busy_WeCom_is_wecom_busy_after_three_attempts(Api api, int errcode)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(new Fault { Errcode = errcode, Times = null });

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _clock.RunUntilAsync(WeCom[api].WaitForCallsAsync(3), Step, AttemptLimit);

        AssertProblem(host, await login, 503, "wecom_busy", errcode);
        Assert.Equal(3, WeCom[api].Calls.Arrived);
    }

    [Theory]
    [InlineData(Api.GetToken, 500)]
    [InlineData(Api.JsCode2Session, 502)]
    [InlineData(Api.JsCode2Session, 503)]
    [InlineData(Api.UserGet, 504)]
    [InlineData(Api.GetToken, 429)]
    [InlineData(Api.JsCode2Session, 408)]
    [InlineData(Api.UserGet, 429)]
    [InlineData(Api.GetToken, null)]
    [InlineData(Api.JsCode2Session, null)]
    [InlineData(Api.UserGet, null)]
    public async Task A_status_that_passes_or_a_lost_connection_is_wecom_busy_after_three_attempts(Api api, int? status)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(new Fault { Status = status, Abort = status is null, Times = null });

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _clock.RunUntilAsync(WeCom[api].WaitForCallsAsync(3), Step, AttemptLimit);

        AssertProblem(host, await login, 503, "wecom_busy");
        Assert.Equal(3, WeCom[api].Calls.Arrived);
    }

    [Theory]
    [InlineData(Api.GetToken, 45009)]
    [InlineData(Api.JsCode2Session, 45009)]
    [InlineData(Api.UserGet, 45009)]
    [InlineData(Api.GetToken, 45033)]
    [InlineData(Api.JsCode2Session, 45033)]
    [InlineData(Api.UserGet, 45033)]
    public async Task A_limit_of_WeCom_is_wecom_busy_at_once(Api api, int errcode)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(new Fault { Errcode = errcode, Times = null });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 503, "wecom_busy", errcode);
        Assert.Equal(1, WeCom[api].Calls.Arrived);
    }

    [Theory]
    [InlineData(Api.GetToken)]
    [InlineData(Api.JsCode2Session)]
    [InlineData(Api.UserGet)]
    public async Task A_WeCom_that_does_not_answer_is_wecom_busy(Api api)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(new Fault { Hold = true, Times = null });

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[api].WaitForCallsAsync(1);
        var answer = await _clock.RunUntilAsync(login, TimeSpan.FromMilliseconds(250), LoginLimit);

        AssertProblem(host, answer, 503, "wecom_busy");
    }

    [Fact]
    public async Task A_WeCom_that_cannot_be_reached_is_wecom_busy()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        await using var host = await StartAsync(settings: new() { ["WeCom__BaseUrl"] = $"http://{closed.LocalEndPoint}/" });

        var answer = await _clock.RunUntilAsync(host.LoginAsync(WeCom.IssueCode("zhangsan")), Step, LoginLimit);

        AssertProblem(host, answer, 503, "wecom_busy");
    }

    [Theory]
    [MemberData(nameof(MisconfiguredErrcodes))]
    public async Task An_errcode_that_an_operator_has_to_look_after_is_misconfigured(Api api, int errcode)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(new Fault { Errcode = errcode, Times = null });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured", errcode);
        Assert.Equal(OfMisconfigured, answer["detail"]);
        Assert.Equal(1, WeCom[api].Calls.Arrived);
    }

    [Theory]
    [InlineData(Api.JsCode2Session, 40001)]
    [InlineData(Api.JsCode2Session, 40014)]
    [InlineData(Api.JsCode2Session, 42001)]
    [InlineData(Api.UserGet, 40001)]
    [InlineData(Api.UserGet, 40014)]
    [InlineData(Api.UserGet, 42001)]
    public async Task A_token_that_is_rejected_twice_in_a_row_is_misconfigured(Api api, int errcode)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(new Fault { Errcode = errcode, Times = null });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured", errcode);
        Assert.Equal(OfMisconfigured, answer["detail"]);
        Assert.Equal(2, WeCom[api].Calls.Arrived);
    }

    [Fact]
    public async Task A_wrong_corpsecret_is_misconfigured()
    {
        await using var host = await StartAsync();
        WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp);

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured", 40001);
    }

    [Fact]
    public async Task A_corpid_that_WeCom_does_not_know_is_misconfigured()
    {
        await using var host = await StartAsync(settings: new() { ["WeCom__CorpId"] = "wwunknown" });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured", 40013);
    }

    [Fact]
    public async Task An_address_that_WeCom_does_not_trust_is_misconfigured()
    {
        await using var host = await StartAsync();
        WeCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, ipTrusted: false);

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured", 60020);
    }

    [Fact]
    public async Task An_app_that_the_mini_program_is_not_associated_with_is_misconfigured()
    {
        await using var host = await StartAsync();
        WeCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, associated: false);

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured", 40014);
    }

    [Fact]
    public async Task A_vault_that_refuses_is_misconfigured()
    {
        await using var vault = await CreateVaultAsync();
        await using var host = await StartAsync(vault);
        vault.Mode = KeyVaultMode.Forbidden;

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured");
        Assert.Equal(OfMisconfigured, answer["detail"]);
    }

    [Fact]
    public async Task A_missing_secret_is_misconfigured()
    {
        await using var vault = await CreateVaultAsync();
        await using var host = await StartAsync(vault);
        vault.Remove(SecretName);

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured");
    }

    [Fact]
    public async Task A_disabled_secret_is_misconfigured()
    {
        await using var vault = await CreateVaultAsync();
        await using var host = await StartAsync(vault);
        vault.Disable(SecretName);

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured");
    }

    [Fact]
    public async Task A_blank_secret_is_misconfigured()
    {
        await using var vault = await CreateVaultAsync();
        await using var host = await StartAsync(vault);
        vault.Set(SecretName, " \t");

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured");
    }

    [Fact]
    public async Task A_vault_that_cannot_be_reached_passes_by_itself()
    {
        await using var vault = await CreateVaultAsync();
        await using var host = await StartAsync(vault);
        await vault.StopAsync();

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 503, "wecom_busy");
    }

    [Theory]
    [InlineData(KeyVaultMode.InternalError)]
    [InlineData(KeyVaultMode.Unavailable)]
    public async Task A_vault_that_is_out_of_order_passes_by_itself(KeyVaultMode mode)
    {
        await using var vault = await CreateVaultAsync();
        await using var host = await StartAsync(vault);
        vault.Mode = mode;

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 503, "wecom_busy");
    }

    [Fact]
    public async Task A_vault_that_does_not_answer_passes_by_itself()
    {
        await using var vault = await CreateVaultAsync();
        await using var host = await StartAsync(vault);
        vault.Mode = KeyVaultMode.Hang;

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await vault.WaitForReadsAsync(1);
        var answer = await _clock.RunUntilAsync(login, TimeSpan.FromMilliseconds(250), LoginLimit);

        AssertProblem(host, answer, 503, "wecom_busy");
    }

    [Fact]
    public async Task What_nobody_expected_is_internal_error()
    {
        await using var host = await StartAsync(configure: services => services.AddSingleton<ICorpSecretStore>(new BrokenSecretStore()));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "internal_error");
        Assert.DoesNotContain(BrokenSecretStore.Message, answer.Text);
        Assert.Contains(host.Log.All, line => line.StartsWith("Error A defect of the software", StringComparison.Ordinal) && line.Contains(answer["traceId"]!));
    }

    [Theory]
    [InlineData(Api.GetToken, 40013)]
    [InlineData(Api.JsCode2Session, 40029)]
    [InlineData(Api.UserGet, 48002)]
    public async Task What_WeCom_says_of_a_failure_is_for_the_log(Api api, int errcode)
    {
        await using var host = await StartAsync();
        WeCom[api].AddFault(new Fault { Body = $$"""{"errcode":{{errcode}},"errmsg":"the very words, hint: [1700000000123], from ip: 203.0.113.9"}""" });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, int.Parse(answer["status"]!), answer["code"]!, errcode);
        Assert.DoesNotContain("the very words", answer.Text);
        Assert.Contains(host.Log.All, line => line.Contains($"errcode {errcode}, errmsg the very words, hint: [1700000000123], from ip: 203.0.113.9"));
    }

    [Fact]
    public async Task A_secret_that_WeCom_repeats_is_not_in_the_log()
    {
        await using var host = await StartAsync();
        WeCom[Api.GetToken].AddFault(new Fault { Body = $$"""{"errcode":40001,"errmsg":"no such secret:\n{{WeCom.CorpSecret}}"}""" });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured", 40001);
        Assert.Contains(host.Log.All, line => line.Contains("errmsg no such secret: ***"));
        Assert.DoesNotContain(host.Log.All, line => line.Contains(WeCom.CorpSecret));
    }

    private static async Task<VerbatimWeCom> StartVerbatimAsync()
    {
        var weCom = await VerbatimWeCom.StartAsync();
        weCom.Answer("gettoken", """{"errcode":0,"errmsg":"ok","access_token":"a-token-of-its-own","expires_in":7200}"""u8);
        weCom.Answer("miniprogram/jscode2session", """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":"zhangsan"}"""u8);
        return weCom;
    }

    private async Task<KeyVault> CreateVaultAsync()
    {
        var vault = await KeyVault.CreateAsync();
        vault.Set(SecretName, WeCom.CorpSecret);
        return vault;
    }

    private Task<LoginHost> StartAsync(
        KeyVault? vault = null, Dictionary<string, string?>? settings = null, Action<IServiceCollection>? configure = null) =>
        LoginHost.StartAsync(
            _simulator, azurite, _clock, vault: vault, settings: new(settings ?? []) { ["Login__RequireProfile"] = "true" }, configure: configure);

    private void AssertProblem(LoginHost host, LoginAnswer answer, int status, string code, int? errcode = null)
    {
        var isRetryable = Retryable.Contains(code);
        Assert.Equal((status, "application/problem+json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(
            (string[])["type", "title", "status", "detail", "code", .. errcode is null ? [] : (string[])["errcode"], "retryable", "traceId"],
            answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(($"urn:wecomfunc:problem:{code}", code), (answer["type"], answer["code"]));
        Assert.Equal((status, isRetryable), (answer.Json.GetProperty("status").GetInt32(), answer.Json.GetProperty("retryable").GetBoolean()));
        Assert.Equal(errcode, answer.Json.TryGetProperty("errcode", out var given) ? given.GetInt32() : null);
        Assert.Matches(@"^[A-Z][^\p{C}]+\.$", answer["title"]);
        Assert.Matches(@"^[A-Z][^\p{C}]+\.$", answer["detail"]);
        Assert.Matches("^[0-9a-f]{32}$", answer["traceId"]);
        Assert.Equal(isRetryable, answer.RetryAfter is > 0);
        Assert.Equal(isRetryable, answer.RetryAfter is not null);
        Assert.Contains(host.Log.All, line => Refused.Contains(code)
            ? line.EndsWith($"; the last one {code}", StringComparison.Ordinal)
            : line.Contains($"Login: outcome {code}, errcode {errcode?.ToString() ?? "none"}, ") && line.Contains(answer["traceId"]!));
        Assert.DoesNotMatch(@"errmsg|hint|from ip|open\.work\.weixin|\d+\.\d+\.\d+\.\d+|https?:", answer.Text);
        Assert.All(WeCom.IssuedSecrets, secret => Assert.DoesNotContain(secret, answer.Text));
    }

    private sealed class BrokenSecretStore : ICorpSecretStore
    {
        public const string Message = "nobody expected this";

        public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) => throw new NotSupportedException(Message);
    }
}
