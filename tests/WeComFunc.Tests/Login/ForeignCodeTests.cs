using System.Net;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// A stranger's code is not our fault: what WeCom says to a code of another mini program, once the corpsecret has served a login (rule
/// T14).
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class ForeignCodeTests(Azurite azurite) : FleetTest(azurite, new())
{
    private LoginHost _host = null!;

    private ApiTraffic Sessions => WeCom[Api.JsCode2Session];

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _host = Ends(await StartAsync());
    }

    [Fact]
    public async Task It_is_invalid_code_with_a_warning_and_health_as_before()
    {
        await ServeAsync(_host);

        var answer = await LoginAsync(48002);

        Assert.Equal((401, "invalid_code", "48002", "False"), (answer.Status, answer["code"], answer["errcode"], answer["retryable"]));
        Assert.Contains(
            _host.Log.All, line => line.StartsWith("Warning Login: outcome invalid_code, errcode 48002, ", StringComparison.Ordinal));
        Assert.DoesNotContain(_host.Log.All, line => line.StartsWith("Error", StringComparison.Ordinal));
        Assert.Equal("healthy", (await _host.HealthAsync())["status"]);
    }

    [Theory]
    [InlineData(48002)]
    [InlineData(40014)]
    public async Task One_stranger_may_come_as_often_as_he_likes(int errcode)
    {
        await ServeAsync(_host);

        for (var i = 0; i < 8; i++)
        {
            var answer = await LoginAsync(errcode);
            await Quiet(_host);

            Assert.Equal((401, "invalid_code", $"{errcode}"), (answer.Status, answer["code"], answer["errcode"]));
        }

        Assert.Equal(200, (await _host.LoginAsync(WeCom.IssueCode("zhangsan"))).Status);
        Assert.Equal("healthy", (await _host.HealthAsync())["status"]);
        Assert.DoesNotContain(_host.Log.All, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Any_other_errcode_is_the_operators_as_ever()
    {
        await ServeAsync(_host);

        var answer = await LoginAsync(60020);

        Assert.Equal((500, "misconfigured", "60020"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Fact]
    public async Task A_login_that_another_process_served_counts()
    {
        await using var other = await StartAsync();
        await LoginAsync(40029);
        await Quiet(_host);
        await ServeAsync(other);

        var answer = await LoginAsync(48002);

        Assert.Equal((401, "invalid_code", "48002"), (answer.Status, answer["code"], answer["errcode"]));
    }

    [Fact]
    public async Task A_corpsecret_that_never_served_a_login_is_misconfigured()
    {
        await LoginAsync(40029);

        var answer = await LoginAsync(48002);

        Assert.Equal((500, "misconfigured", "48002"), (answer.Status, answer["code"], answer["errcode"]));
        Assert.Equal("unhealthy", (await _host.HealthAsync())["status"]);
    }

    [Fact]
    public async Task A_code_that_is_not_taken_before_the_first_login_may_be_the_wrong_apps_secret_and_the_log_says_so()
    {
        await LoginAsync(40029);
        await ServeAsync(_host);
        await LoginAsync(40029);

        var line = Assert.Single(
            _host.Log.All,
            line => line.StartsWith("Information A code was not taken, and no login has been served", StringComparison.Ordinal));
        Assert.EndsWith("or the corpsecret is that of another app.", line);
    }

    [Fact]
    public async Task Three_callers_in_a_row_mean_that_the_association_has_been_undone()
    {
        const int errcode = 40014;
        await ServeAsync(_host);
        await LoginAsync(errcode, caller: 2);
        await LoginAsync(errcode, caller: 3);
        await LoginAsync(errcode, caller: 2);

        var third = await LoginAsync(errcode, caller: 4);
        var fourth = await LoginAsync(errcode, caller: 2);

        Assert.All(
            (LoginAnswer[])[third, fourth],
            answer => Assert.Equal((500, "misconfigured", $"{errcode}"), (answer.Status, answer["code"], answer["errcode"])));
        Assert.Contains(
            _host.Log.All, line => line.StartsWith($"Error Login: outcome misconfigured, errcode {errcode}, ", StringComparison.Ordinal));
        Assert.Equal("unhealthy", (await _host.HealthAsync())["status"]);
    }

    [Fact]
    public async Task A_code_that_is_taken_in_between_begins_the_row_anew()
    {
        await ServeAsync(_host);
        await LoginAsync(48002, caller: 2);
        await LoginAsync(48002, caller: 3);
        await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        var answers = (LoginAnswer[])[await LoginAsync(48002, caller: 4), await LoginAsync(48002, caller: 5)];

        Assert.All(answers, answer => Assert.Equal((401, "invalid_code"), (answer.Status, answer["code"])));
    }

    [Fact]
    public async Task A_stranger_does_not_make_a_service_healthy_either()
    {
        await ServeAsync(_host);
        await LoginAsync(60020);

        await LoginAsync(48002);

        Assert.Equal("unhealthy", (await _host.HealthAsync())["status"]);
    }

    private Task<LoginHost> StartAsync() => LoginHost.StartAsync(Simulator, Azurite, Clock, Table);

    /// <summary>Serves a login, and lets the fleet know.</summary>
    private async Task ServeAsync(LoginHost host)
    {
        Assert.Equal(200, (await host.LoginAsync(WeCom.IssueCode("zhangsan"))).Status);
        await Quiet(host);
    }

    private static Task Quiet(LoginHost host) => host.WhenIdle();

    /// <summary>A login that WeCom answers with an errcode, whatever the token, from 127.0.0.<paramref name="caller"/>.</summary>
    private async Task<LoginAnswer> LoginAsync(int errcode, byte caller = 1)
    {
        Sessions.AddFault(new Fault { Errcode = errcode, Times = null });
        using var client = HostClient.Create(_host.Client.BaseAddress!, from: new IPAddress([127, 0, 0, caller]));
        var answer = await LoginAnswer.OfAsync(await client.PostAsync(
            "/api/login", new StringContent($$"""{"code":"{{Guid.NewGuid():N}}"}""", null, "application/json")));
        Sessions.ClearFaults();
        return answer;
    }
}
