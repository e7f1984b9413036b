using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;



namespace WeComFunc.Tests;

/// <summary>Attempts and their limits (rule L2).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class RetryTests(Azurite azurite) : LoginTest(azurite)
{
    private LoginHost _host = null!;

    public static TheoryData<Api, string> PassingFailures
    {
        get
        {
            var all = new TheoryData<Api, string>();
            foreach (var api in (Api[])[Api.GetToken, Api.JsCode2Session, Api.UserGet])
            {
                all.Add(api, "-1");
                all.Add(api, "HTTP 503");
                all.Add(api, "lost connection");
            }

            return all;
        }
    }

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _host = await StartRequiringProfileAsync();
    }

    [Theory]
    [MemberData(nameof(PassingFailures))]
    public async Task A_call_that_fails_for_the_moment_is_tried_three_times_and_the_third_counts(Api api, string failure)
    {
        WeCom[api].AddFault(failure switch
        {
            "-1" => new Fault { Errcode = -1, Times = 2 },
            "HTTP 503" => new Fault { Status = 503, Times = 2 },
            _ => new Fault { Abort = true, Times = 2 },
        });

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await Clock.RunUntilAsync(WeCom[api].WaitForCallsAsync(3), Step, AttemptLimit);

        Assert.Equal(200, (await login).Status);
        Assert.Equal(3, WeCom[api].Calls.Arrived);
    }

    [Theory]
    [InlineData(Api.JsCode2Session)]
    [InlineData(Api.UserGet)]
    public async Task A_call_that_hangs_is_given_up_after_three_seconds_and_tried_again(Api api)
    {
        await WarmAsync(_host);
        WeCom[api].AddFault(new Fault { Hold = true });
        var start = Clock.GetUtcNow();

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[api].WaitForCallsAsync(1);
        Clock.Advance(AttemptLimit);
        await Clock.RunUntilAsync(WeCom[api].WaitForCallsAsync(2), Step, AttemptLimit);

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
        Clock.Advance(AttemptLimit - Step);
        WeCom[api].Release();

        Assert.Equal(200, (await login).Status);
        Assert.Equal(new(1, 1, 1), Calls);
    }

    [Fact]
    public async Task A_login_whose_every_call_is_slow_ends_within_ten_seconds()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        WeCom[Api.JsCode2Session].AddFault(new Fault { Hold = true });
        WeCom[Api.UserGet].AddFault(new Fault { Hold = true, Times = null });

        var login = _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        foreach (var api in (Api[])[Api.GetToken, Api.JsCode2Session])
        {
            await WeCom[api].WaitForCallsAsync(1);
            Clock.Advance(TimeSpan.FromSeconds(2.5));
            WeCom[api].Release();
        }

        await WeCom[Api.UserGet].WaitForCallsAsync(1);
        var answer = await Clock.RunUntilAsync(login, TimeSpan.FromMilliseconds(250), LoginLimit - TimeSpan.FromSeconds(5));

        Assert.Equal((503, "wecom_busy"), (answer.Status, answer["code"]));
        Assert.Equal(2, WeCom[Api.UserGet].Calls.Arrived);
    }
}
