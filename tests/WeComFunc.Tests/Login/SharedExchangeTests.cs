using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Http;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Posts of one code at the same time, and one after the other (rule L5).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class SharedExchangeTests(Azurite azurite) : LoginTest(azurite)
{
    private LoginHost _host = null!;

    private ApiTraffic Sessions => WeCom[Api.JsCode2Session];

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _host = await StartAsync();
    }

    [Fact]
    public async Task A_caller_that_gives_up_early_counts_as_gone_and_not_as_a_failure()
    {
        Sessions.AddFault(new Fault { Hold = true });
        var code = WeCom.IssueCode("zhangsan");
        using var gone = new CancellationTokenSource();

        var first = _host.LoginAsync(code);
        await Sessions.WaitForCallsAsync(1);
        var second = JoinAsync(code, gone.Token);
        await gone.CancelAsync();
        await second;
        Sessions.Release();
        await first;

        Assert.Contains(_host.Log.All, line => line.Contains("Login: outcome caller_gone, ", StringComparison.Ordinal));
        Assert.DoesNotContain(_host.Log.All, line => line.Contains("outcome wecom_busy", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_caller_that_goes_away_takes_no_answer_from_those_who_posted_the_same_code()
    {
        Sessions.AddFault(new Fault { Hold = true });
        var code = WeCom.IssueCode("zhangsan");
        using var gone = new CancellationTokenSource();

        var first = JoinAsync(code, gone.Token);
        await Sessions.WaitForCallsAsync(1);
        var second = JoinAsync(code);
        await gone.CancelAsync();
        Sessions.Release();

        Assert.Equal(200, (await second).Status);
        Assert.Equal(new(1, 1, 1), Calls);
        await first;
    }

    [Fact]
    public async Task A_caller_that_disconnects_takes_no_answer_from_those_who_posted_the_same_code()
    {
        Sessions.AddFault(new Fault { Hold = true });
        var code = WeCom.IssueCode("zhangsan");
        using var gone = new CancellationTokenSource();
        using var body = new StringContent(JsonSerializer.Serialize(new { code }), Encoding.UTF8, "application/json");

        var first = _host.Client.PostAsync("/api/login", body, gone.Token);
        await Sessions.WaitForCallsAsync(1);
        var second = JoinAsync(code);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Sessions.Release();

        Assert.Equal(200, (await second).Status);
        Assert.Equal(new(1, 1, 1), Calls);
    }

    [Fact]
    public async Task A_code_that_is_finished_is_not_remembered()
    {
        var code = WeCom.IssueCode("zhangsan");
        await _host.LoginAsync(code);

        var answer = await _host.LoginAsync(code);

        Assert.Equal((401, "invalid_code"), (answer.Status, answer["code"]));
        Assert.Equal(2, Sessions.Calls.Arrived);
    }

    [Fact]
    public async Task A_code_whose_exchange_failed_may_be_posted_again()
    {
        Sessions.AddFault(new Fault { Errcode = 45033 });
        var code = WeCom.IssueCode("zhangsan");
        await _host.LoginAsync(code);

        var answer = await _host.LoginAsync(code);

        Assert.Equal((200, "zhangsan"), (answer.Status, answer["userid"]));
    }

    /// <summary>Posts to the endpoint itself: when this returns, the login has begun its exchange or shares another's.</summary>
    private Task<HttpAnswer> JoinAsync(string code, CancellationToken gone = default)
    {
        Output.Run.Secret(code, "code");
        var body = new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(new { code }));
        return _host.Services.GetRequiredService<Endpoints>().Login.AnswerAsync(new BareCall(body), gone);
    }
}
