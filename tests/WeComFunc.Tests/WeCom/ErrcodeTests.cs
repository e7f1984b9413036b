using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>An errcode is nobody's fault who has no part in the call that it answers.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ErrcodeTests(Azurite azurite) : IAsyncLifetime
{
    private readonly ManualTimeProvider _clock = new();
    private SimulatorServer _simulator = null!;
    private LoginHost _host = null!;

    private SimulatorState WeCom => _simulator.State;

    public async Task InitializeAsync()
    {
        _simulator = await SimulatorServer.StartAsync(_clock);
        _host = await LoginHost.StartAsync(_simulator, azurite, _clock, settings: new() { ["Login__RequireProfile"] = "true" });
    }

    public async Task DisposeAsync()
    {
        Output.Run.Secrets(WeCom.IssuedSecrets);
        await _host.DisposeAsync();
        await _simulator.DisposeAsync();
    }

    [Theory]
    [InlineData(40029)]
    [InlineData(40163)]
    [InlineData(42003)]
    [InlineData(42013)]
    [InlineData(60011)]
    [InlineData(60111)]
    [InlineData(40003)]
    [InlineData(46004)]
    [InlineData(50002)]
    public async Task What_gettoken_says_of_a_code_or_a_member_is_unexpected(int errcode)
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = errcode });

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((502, "wecom_unexpected", $"{errcode}"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Theory]
    [InlineData(Api.JsCode2Session)]
    [InlineData(Api.UserGet)]
    public async Task It_is_unexpected_too_where_a_rejected_token_is_to_be_replaced(Api api)
    {
        await _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await _host.WhenIdle();
        WeCom[api].AddFault(new Fault { Errcode = 40014, Times = null });
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60111 });

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((502, "wecom_unexpected", "60111"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Fact]
    public void Whatever_gettoken_answers_is_busy_misconfigured_or_unexpected() => Assert.Equal(
        [FailureKind.Misconfigured, FailureKind.Busy, FailureKind.Unexpected],
        Enumerable.Range(-1, 1_000_000).Select(Errcodes.OfGetToken).Distinct().Order());

    [Fact]
    public void Every_errcode_that_an_operator_has_to_look_after_has_an_advice_of_its_own()
    {
        var withoutErrcode = Errcodes.Advice(FailureKind.Misconfigured, null);
        var operators = Errcodes.All.Where(errcode => errcode.Kind is FailureKind.Misconfigured or FailureKind.TokenRejected).ToList();

        Assert.Equal(34, operators.Count);
        Assert.All(operators, errcode =>
        {
            Assert.Matches(@"^[A-Z][^.\n]+\.$", errcode.Advice);
            Assert.DoesNotContain("access_token", errcode.Advice);
            Assert.Equal(errcode.Advice, Errcodes.Advice(FailureKind.Misconfigured, errcode.Number));
            Assert.NotEqual(withoutErrcode, errcode.Advice);
        });
    }

    [Theory]
    [InlineData(FailureKind.Misconfigured, 48002, "another app")]
    [InlineData(FailureKind.InvalidCode, 40029, "another app")]
    [InlineData(FailureKind.Misconfigured, 60020, "the proxy's where there is one")]
    [InlineData(FailureKind.Misconfigured, 301042, "企业可信IP")]
    [InlineData(FailureKind.InvalidCode, 48002, "of another mini program")]
    [InlineData(FailureKind.Unexpected, 40029, "document 90313")]
    public void An_advice_names_what_reports_showed_to_be_the_cause(FailureKind kind, int errcode, string cause) =>
        Assert.Contains(cause, Errcodes.Advice(kind, errcode));

    [Fact]
    public async Task What_user_get_says_of_a_code_is_unexpected()
    {
        WeCom[Api.UserGet].AddFault(new Fault { Errcode = 40029 });

        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((502, "wecom_unexpected", "40029"), (answer.Status, answer["code"], answer["errcode"]));
    }
}
