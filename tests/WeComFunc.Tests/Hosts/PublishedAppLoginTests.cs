using System.Net;
using System.Reflection.PortableExecutable;
using System.Text.Json.Nodes;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What is deployed, under a Functions host: who logs in, and whether anybody could.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppLoginTests(PublishedApp app)
{
    [Fact]
    public void The_app_is_published_ready_to_run_with_what_the_host_needs()
    {
        using var library = new PEReader(File.OpenRead(Path.Combine(PublishedApp.Folder, "WeComFunc.dll")));

        Assert.NotEqual(0, library.PEHeaders.CorHeader!.ManagedNativeHeaderDirectory.Size);
        Assert.True(Directory.Exists(Path.Combine(PublishedApp.Folder, ".azurefunctions")));
    }

    [Fact]
    public async Task Its_functions_are_those_of_the_contract()
    {
        var host = await app.SharedAsync();

        Assert.Equal(
            [
                "Health: [GET,HEAD] api/health",
                "Login: [POST] api/login",
                "MemberData: [POST] api/member-data",
                "RefreshAccessToken: 0 0 0 1 1 *",
                "SessionDiscovery: [GET,HEAD] api/.well-known/openid-configuration",
                "SigningKeys: [GET,HEAD] api/.well-known/jwks.json",
            ],
            host.App.Functions.Select(function => function.Replace(host.App.BaseAddress.AbsoluteUri, "")).Order());
    }

    [Fact]
    public async Task HEAD_of_health_is_answered_as_GET_without_the_body()
    {
        var host = await app.SharedAsync();
        using var request = new HttpRequestMessage(HttpMethod.Head, "/api/health");

        using var answer = await host.Client.SendAsync(request);

        Assert.Equal((200, "application/json"), ((int)answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task A_login_is_answered_with_who_it_is_and_the_documented_profile()
    {
        var host = await app.SharedAsync();

        var answer = await host.LoginAsync(app.WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, "application/json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Null(answer.RetryAfter);
        var profile = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine("data", "user-get.json")))!.AsObject();
        profile.Remove("errcode");
        profile.Remove("errmsg");
        var expected = new JsonObject { ["userid"] = "zhangsan", ["corpid"] = SimulatorState.SeedCorpId, ["profile"] = profile };
        Assert.True(JsonNode.DeepEquals(expected, JsonNode.Parse(answer.Text)), answer.Text);
    }

    [Fact]
    public async Task A_member_whom_the_app_may_not_see_logs_in_without_a_profile()
    {
        var host = await app.SharedAsync();

        var answer = await host.LoginAsync(app.WeCom.IssueCode("wangwu"));

        Assert.Equal((200, "wangwu", ""), (answer.Status, answer["userid"], answer["profile"]));
        Assert.Equal("member_not_visible", answer.Json.GetProperty("profileError").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Two_hundred_first_logins_on_a_cold_app_cost_one_gettoken()
    {
        await using var simulator = await SimulatorServer.StartAsync();
        await using var host = await PublishedHost.StartAsync(simulator, app.Azurite);

        await AssertCostOneGetTokenAsync(simulator, 200, host);
    }

    [Fact]
    public async Task A_hundred_first_logins_on_each_of_two_apps_with_one_table_cost_one_gettoken()
    {
        await using var simulator = await SimulatorServer.StartAsync();
        var table = LoginHost.NewTable();
        var hosts = await Task.WhenAll(
            PublishedHost.StartAsync(simulator, app.Azurite, table), PublishedHost.StartAsync(simulator, app.Azurite, table));
        await using var one = hosts[0];
        await using var other = hosts[1];

        await AssertCostOneGetTokenAsync(simulator, 100, hosts);
    }

    [Fact]
    public async Task Health_needs_no_content_type_and_no_body()
    {
        var host = await app.SharedAsync();
        await host.LoginAsync(app.WeCom.IssueCode("zhangsan"));

        var answer = await host.HealthAsync();

        Assert.Equal((200, "application/json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(("healthy", "fresh"), (answer["status"], answer.Json.GetProperty("token").GetProperty("state").GetString()));
        Assert.Equal(("ok", "ok"), (answer["tokenStore"], answer["secret"]));
    }

    [Fact]
    public async Task Health_says_what_to_do_when_no_login_can_succeed()
    {
        await using var simulator = await SimulatorServer.StartAsync();
        simulator.State[Api.GetToken].AddFault(new Fault { Errcode = 40013, Times = null });
        await using var host = await PublishedHost.StartAsync(simulator, app.Azurite);
        await host.LoginAsync(simulator.State.IssueCode("zhangsan"));

        var answer = await host.HealthAsync();

        Assert.Equal((503, "application/json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(("unhealthy", "missing"), (answer["status"], answer.Json.GetProperty("token").GetProperty("state").GetString()));
        Assert.False(string.IsNullOrEmpty(answer["advice"]));
    }

    [Theory]
    [InlineData("GET", "/api/login")]
    [InlineData("POST", "/api/health")]
    [InlineData("POST", "/login")]
    [InlineData("GET", "/")]
    public async Task Where_no_function_is_there_is_nothing_not_even_a_body(string method, string path)
    {
        var host = await app.SharedAsync();
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var answer = await host.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
    }

    private static async Task AssertCostOneGetTokenAsync(SimulatorServer simulator, int times, params PublishedHost[] hosts)
    {
        var answers = await Task.WhenAll(hosts.SelectMany(host => Enumerable.Range(0, times).Select(
            _ => RealLimits.ServedAsync(() => host.LoginAsync(simulator.State.IssueCode("zhangsan"))))));
        Output.Run.Secrets(simulator.State.IssuedSecrets);

        Assert.All(answers, answer => Assert.True(answer.Status == 200, answer.Text));
        // With the last lines of each, which are its excuses.
        await Task.WhenAll(hosts.Select(host => host.App.TerminateAsync()));
        var exceeded = RealLimits.Exceeded(hosts.SelectMany(host => host.Log).Select(line => line.Message));
        Assert.InRange(simulator.State[Api.GetToken].Calls.Arrived, 1, 1 + exceeded);
    }
}
