using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Attempts and their limits (rule L2).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class RetryTests(Azurite azurite) : LoginTest(azurite)
{
    private LoginHost _host = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _host = await StartRequiringProfileAsync();
    }

    [Fact]
    public async Task A_call_that_fails_for_the_moment_is_tried_three_times_and_the_third_counts()
    {
        WeCom[Api.JsCode2Session].AddFault(new Fault { Abort = true, Times = 2 });

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await Clock.RunUntilAsync(WeCom[Api.JsCode2Session].WaitForCallsAsync(3), AttemptLimit);

        Assert.Equal(200, (await login).Status);
        Assert.Equal(3, WeCom[Api.JsCode2Session].Calls.Arrived);
    }

    [Fact]
    public async Task A_call_that_hangs_is_given_up_after_three_seconds_and_tried_again()
    {
        const Api api = Api.JsCode2Session;
        await WarmAsync(_host);
        WeCom[api].AddFault(new Fault { Hold = true });
        var start = Clock.GetUtcNow();

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[api].WaitForCallsAsync(1);
        Clock.Advance(AttemptLimit);
        await Clock.RunUntilAsync(WeCom[api].WaitForCallsAsync(2), AttemptLimit);

        Assert.Equal(200, (await login).Status);
        Assert.InRange(Clock.GetUtcNow() - start, AttemptLimit, AttemptLimit * 2);
    }

    [Theory]
    [InlineData(Api.GetToken)]
    [InlineData(Api.JsCode2Session)]
    [InlineData(Api.UserGet)]
    public async Task A_call_that_answers_within_three_seconds_is_waited_for(Api api)
    {
        WeCom[api].AddFault(new Fault { Hold = true });

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[api].WaitForCallsAsync(1);
        Clock.Advance(AttemptLimit - TimeSpan.FromTicks(1));
        WeCom[api].Release();

        Assert.Equal(200, (await login).Status);
        Assert.Equal(new(1, 1, 1), Calls);
    }
}
