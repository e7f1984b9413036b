using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Secrets;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The table of problems in the contract, row by row, each by its real cause.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ProblemTests(Azurite azurite) : LoginTest(azurite)
{
    private static readonly Api[] DataCalls = [Api.JsCode2Session, Api.UserGet];
    private static readonly Api[] EveryCall = [Api.GetToken, .. DataCalls];

    /// <summary>What is posted; none of it holds a code that could be exchanged.</summary>
    private static readonly Dictionary<string, (string Body, string ContentType, int Status, string Problem)> Requests = new()
    {
        ["without a code"] = ("{}", "application/json", 400, "invalid_request"),
        ["with a code outside printable ASCII"] = ("{\"code\":\"0123456789abcde\u007f\"}", "application/json", 400, "invalid_request"),
        ["of more than 8 KiB"] = (new string(' ', 8193), "application/json", 413, "payload_too_large"),
        ["of a form"] = ("code=0123456789abcdef", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
    };

    /// <summary>How it comes to be; each ends with the code that is posted then.</summary>
    private static readonly Dictionary<string, (Func<SimulatorState, string> Arrange, int Status, string Problem, int? Code)> Causes = new()
    {
        ["a code that nobody issued"] = (_ => "a-code-that-nobody-issued", 401, "invalid_code", 40029),
        ["a member of another corp"] = (weCom => weCom.IssueCode("zhaoliu", SimulatorState.OtherCorpId), 403, "corp_mismatch", null),
        ["a wrong corpsecret"] =
            (With(weCom => weCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp)), 500, "misconfigured", 40001),
        ["an address that WeCom does not trust"] =
            (With(weCom => weCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, ipTrusted: false)), 500, "misconfigured", 60020),
        ["an app that the mini program is not associated with"] =
            (
                With(weCom => weCom.PutApp(SimulatorState.SeedCorpId, SimulatorState.SeedApp, associated: false)),
                500, "misconfigured", 40014),
    };

    /// <summary>
    /// One errcode of each class (<see cref="ErrcodeTableTests"/> has them all), and how often the call that gets it is made.
    /// </summary>
    private static readonly (string Problem, int Status, Api[] From, int Calls, int Errcode)[] Classes =
    [
        ("corp_mismatch", 403, [Api.JsCode2Session], 1, 92002),
        ("invalid_code", 401, [Api.JsCode2Session], 1, 40029),
        ("member_not_visible", 403, [Api.UserGet], 1, 60111),
        ("wecom_unexpected", 502, EveryCall, 1, 99999),
        ("wecom_busy", 503, EveryCall, 1, 45009),
        ("misconfigured", 500, EveryCall, 1, 48002),
        ("misconfigured", 500, [Api.GetToken], 1, 40014),
        ("misconfigured", 500, DataCalls, 2, 40014),
    ];

    public static TheoryData<string> RequestNames => [.. Requests.Keys];

    public static TheoryData<string> CauseNames => [.. Causes.Keys];

    public static TheoryData<Api, int, int, string, int> Errcodes
    {
        get
        {
            var all = new TheoryData<Api, int, int, string, int>();
            foreach (var (problem, status, from, calls, errcode) in Classes)
            {
                foreach (var api in from)
                {
                    all.Add(api, errcode, status, problem, calls);
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(RequestNames))]
    public async Task A_request_is_refused(string request)
    {
        var host = await StartAsync();
        var (body, contentType, status, problem) = Requests[request];

        var answer = await host.PostAsync(body, contentType);

        AssertProblem(host, answer, status, problem);
        Assert.DoesNotContain("0123456789abcde", answer.Text);
    }

    [Theory]
    [MemberData(nameof(CauseNames))]
    public async Task A_login_is_refused(string cause)
    {
        var host = await StartAsync();
        var (arrange, status, problem, errcode) = Causes[cause];
        var code = arrange(WeCom);

        var answer = await host.LoginAsync(code);

        AssertProblem(host, answer, status, problem, errcode);
        Assert.DoesNotContain(code, answer.Text);
    }

    [Fact]
    public async Task A_used_code_is_invalid_code()
    {
        var host = await StartAsync();
        var code = WeCom.IssueCode("zhangsan");
        await host.LoginAsync(code);

        var answer = await host.LoginAsync(code);

        AssertProblem(host, answer, 401, "invalid_code", 40029);
    }

    [Fact]
    public async Task An_expired_code_is_invalid_code()
    {
        var code = WeCom.IssueCode("zhangsan");
        Clock.Advance(TimeSpan.FromMinutes(5));
        var host = await StartAsync();

        var answer = await host.LoginAsync(code);

        AssertProblem(host, answer, 401, "invalid_code", 42003);
    }

    [Fact]
    public async Task A_corpid_that_WeCom_does_not_know_is_misconfigured()
    {
        var host = await StartAsync(settings: new() { ["WeCom__CorpId"] = "wwunknown" });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured", 40013);
    }

    [Fact]
    public async Task The_third_login_of_a_burst_of_two_is_too_many_requests()
    {
        var host = await StartAsync(settings: new() { ["Limits__LoginsPerSecondPerAddress"] = "0.001", ["Limits__BurstPerAddress"] = "2" });
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 429, "too_many_requests");
        Assert.Equal(2, WeCom[Api.JsCode2Session].Calls.Arrived);
    }

    /// <summary>Rule L2: but for -1, every errcode is final. A rejected token is replaced first (rule T6).</summary>
    [Theory]
    [MemberData(nameof(Errcodes))]
    public async Task An_errcode_is_the_problem_of_its_class_and_the_call_is_not_tried_again(
        Api api, int errcode, int status, string problem, int calls)
    {
        var host = await StartRequiringProfileAsync();
        WeCom[api].AddFault(new Fault { Errcode = errcode, Times = null });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, status, problem, errcode);
        Assert.Equal(calls, WeCom[api].Calls.Arrived);
    }

    [Fact]
    public async Task What_nobody_expected_is_internal_error()
    {
        var host = await StartAsync(configure: services => services.AddSingleton<ICorpSecretStore>(new BrokenSecretStore()));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "internal_error");
        Assert.DoesNotContain(BrokenSecretStore.Message, answer.Text);
        Assert.Contains(
            host.Log.All,
            line => line.StartsWith("Error A defect of the software", StringComparison.Ordinal) && line.Contains(answer["traceId"]!));
    }

    private static Func<SimulatorState, string> With(Action<SimulatorState> change) => weCom =>
    {
        change(weCom);
        return weCom.IssueCode("zhangsan");
    };

    private sealed class BrokenSecretStore : ICorpSecretStore
    {
        public const string Message = "nobody expected this";

        public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) =>
            throw new NotSupportedException(Message);
    }
}
