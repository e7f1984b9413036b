using Microsoft.Extensions.Configuration;
using WeComFunc.FunctionsHost;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>How the deployed app begins and ends, and what becomes of the logins then.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppLifeTests(PublishedApp app) : WeComTest
{
    [Theory]
    [InlineData("WeCom__CorpId", null)]
    [InlineData("Login__RequireProfile", "yes")]
    public async Task A_bad_setting_ends_it_with_78_and_a_line_that_the_host_takes_for_an_error(string name, string? value)
    {
        var settings = LoginHost.Settings(Simulator, app.Azurite, LoginHost.NewTable());
        settings[name] = value;

        var starting = PublishedHost.StartAsync(Simulator, app.Azurite, settings: settings);

        var exit = await Assert.ThrowsAsync<WorkerExitedException>(() => starting);
        Assert.Equal(78, exit.ExitCode);
        Assert.Equal(RefusalOf(settings).Select(line => $"error: {line}"), exit.Errors);
    }

    [Fact]
    public async Task A_login_whose_caller_goes_away_is_finished()
    {
        await using var host = await PublishedHost.StartAsync(Simulator, app.Azurite);
        WeCom[Api.JsCode2Session].AddFault(new Fault { Hold = true });
        using var caller = new CancellationTokenSource();
        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"), cancellationToken: caller.Token);
        await WeCom[Api.JsCode2Session].WaitForCallsAsync(1);

        await caller.CancelAsync();
        await host.WaitForCancellationsAsync(1);
        WeCom[Api.JsCode2Session].Release();
        await host.WaitForResultsAsync(1);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => login);
        Assert.Equal(InvocationStatus.Success, Assert.Single(host.Results).Status);
        Assert.Single(host.Lines("Login: outcome ok, "));
    }

    [Fact]
    public async Task A_worker_that_is_terminated_answers_the_login_under_way_and_refuses_new_ones()
    {
        await using var host = await PublishedHost.StartAsync(Simulator, app.Azurite);
        WeCom[Api.JsCode2Session].AddFault(new Fault { Hold = true });
        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[Api.JsCode2Session].WaitForCallsAsync(1);

        var ending = host.App.TerminateAsync();
        var refused = await UntilRefusedAsync(host);
        WeCom[Api.JsCode2Session].Release();

        Assert.Equal((503, "wecom_busy"), (refused.Status, refused["code"]));
        Assert.Equal((200, "zhangsan"), ((await login).Status, (await login)["userid"]));
        Assert.Equal(0, await ending);
    }

    [Fact]
    public async Task A_login_under_way_is_answered_when_the_host_drains_before_it_terminates_the_worker()
    {
        await using var host = await PublishedHost.StartAsync(Simulator, app.Azurite);
        WeCom[Api.JsCode2Session].AddFault(new Fault { Hold = true });
        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[Api.JsCode2Session].WaitForCallsAsync(1);

        var stopping = host.App.StopAsync();
        WeCom[Api.JsCode2Session].Release();

        Assert.Equal(200, (await login).Status);
        Assert.Equal(0, await stopping);
        var log = host.Log.ToList();
        var (answered, ending) = (host.Lines("Login: outcome ok, ").Single(), host.Lines("Application is shutting down").Single());
        Assert.True(log.IndexOf(answered) < log.IndexOf(ending));
    }

    /// <summary>Asks until it no longer takes logins: that it is to end arrives while it still does.</summary>
    private static async Task<LoginAnswer> UntilRefusedAsync(PublishedHost host)
    {
        LoginAnswer answer = null!;
        await Wait.UntilAsync(async () => (answer = await host.LoginAsync("a-code-of-nobody")).Status != 401);
        return answer;
    }

    /// <summary>What the library itself says to these settings.</summary>
    private static string[] RefusalOf(Dictionary<string, string?> settings)
    {
        var values = settings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":"), setting.Value));
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        return Assert.Throws<SettingsException>(() => Settings.Read(configuration)).Message.Split(Environment.NewLine);
    }
}
