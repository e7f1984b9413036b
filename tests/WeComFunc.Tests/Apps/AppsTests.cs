using System.Text.Json;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Three apps of two corps in one deployment: what one of them meets is no other's trouble.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class AppsTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string Sales = "sales";
    private const string Hr = "hr";
    private static readonly string[] Names = ["default", Sales, Hr];

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        WeCom.PutApp(SimulatorState.SeedCorpId, Hr, hiddenMembers: []);
    }

    [Fact]
    public async Task Each_app_logs_in_the_members_of_its_corp()
    {
        await using var host = await StartAsync();

        var own = await PostAsync(host, null, WeCom.IssueCode("zhangsan"));
        var other = await PostAsync(host, Sales, WeCom.IssueCode("zhaoliu", SimulatorState.OtherCorpId));
        var hidden = await PostAsync(host, Hr, WeCom.IssueCode("wangwu"));

        Assert.Equal((200, "zhangsan", SimulatorState.SeedCorpId), (own.Status, own["userid"], own["corpid"]));
        Assert.Equal((200, "zhaoliu", SimulatorState.OtherCorpId), (other.Status, other["userid"], other["corpid"]));
        Assert.Equal((200, "wangwu"), (hidden.Status, hidden["userid"]));
        Assert.Contains("王五", hidden.Text);
        Assert.Equal(3, WeCom[Api.GetToken].Calls.Arrived);
        Assert.All(
            Names,
            name =>
                Assert.Contains(host.Log.All, line => line.Contains("Login: outcome ok, ") && line.Contains($", app {name}, traceId ")));
    }

    [Theory]
    [InlineData("\"app\":null", 200)]
    [InlineData("\"app\":\"default\"", 200)]
    [InlineData("\"app\":\"hr\"", 200)]
    [InlineData("\"app\":\"\\u0068r\"", 200)]
    [InlineData("\"app\":\"HR\"", 400)]
    [InlineData("\"app\":\"hr \"", 400)]
    [InlineData("\"app\":\"\"", 400)]
    [InlineData("\"app\":\"nobody\"", 400)]
    [InlineData("\"app\":7", 400)]
    [InlineData("\"app\":[]", 400)]
    [InlineData("\"app\":true", 400)]
    [InlineData("\"app\":\"hr\",\"app\":\"hr\"", 400)]
    [InlineData("\"app\":null,\"app\":null", 400)]
    [InlineData("\"App\":\"nobody\"", 200)]
    public async Task An_app_is_named_letter_for_letter(string member, int status)
    {
        await using var host = await StartAsync();

        var answer = await host.PostAsync($$"""{"code":"{{WeCom.IssueCode("zhangsan")}}",{{member}}}""");

        Assert.Equal((status, status == 400 ? "invalid_request" : null), (answer.Status, answer["code"]));
        Assert.Equal(status == 400 ? 0 : 1, WeCom[Api.JsCode2Session].Calls.Arrived);
    }

    [Fact]
    public async Task A_name_of_any_length_that_is_not_configured_is_refused()
    {
        await using var host = await StartAsync();

        var answer = await PostAsync(host, new string('h', 5000), WeCom.IssueCode("zhangsan"));

        Assert.Equal((400, "invalid_request"), (answer.Status, answer["code"]));
    }

    [Theory]
    [InlineData(null, "zhaoliu", SimulatorState.OtherCorpId, Sales)]
    [InlineData(Hr, "zhaoliu", SimulatorState.OtherCorpId, Sales)]
    [InlineData(Sales, "zhangsan", SimulatorState.SeedCorpId, "default")]
    public async Task A_member_of_another_configured_corp_is_told_which_app_to_log_in_with(
        string? app, string userId, string corpId, string other)
    {
        await using var host = await StartAsync();

        var answer = await PostAsync(host, app, WeCom.IssueCode(userId, corpId));

        Assert.Equal((409, "other_app", other, "True"), (answer.Status, answer["code"], answer["app"], answer["retryable"]));
        Assert.Null(answer.RetryAfter);
        Assert.Equal((1, 0), (WeCom[Api.JsCode2Session].Calls.Arrived, WeCom[Api.UserGet].Calls.Arrived));

        var again = await PostAsync(host, answer["app"], WeCom.IssueCode(userId, corpId));

        Assert.Equal((200, userId, corpId), (again.Status, again["userid"], again["corpid"]));
    }

    [Fact]
    public async Task A_member_of_a_corp_that_is_not_configured_is_told_that()
    {
        WeCom.PutApp("ww0000000000000000", "any");
        await using var host = await StartAsync();

        var answer = await PostAsync(host, Sales, WeCom.IssueCode("anybody", "ww0000000000000000"));

        Assert.Equal((403, "corp_mismatch", null), (answer.Status, answer["code"], answer["app"]));
    }

    /// <summary>Each way in which one app can be broken, and what its own callers are told.</summary>
    [Theory]
    [InlineData("a wrong corpsecret", 500, "misconfigured")]
    [InlineData("an untrusted address", 500, "misconfigured")]
    [InlineData("not associated", 500, "misconfigured")]
    public async Task An_app_in_trouble_is_no_trouble_of_the_others(string trouble, int status, string code)
    {
        await using var host = await StartAsync(settings: trouble == "a wrong corpsecret"
            ? new() { ["WeCom__Apps__sales__CorpSecret"] = "a-corpsecret-that-is-wrong-0000000001" }
            : []);
        WeCom.PutApp(
            SimulatorState.OtherCorpId,
            SimulatorState.SeedApp,
            ipTrusted: trouble != "an untrusted address",
            associated: trouble != "not associated");

        var broken = await PostAsync(host, Sales, WeCom.IssueCode("zhaoliu", SimulatorState.OtherCorpId));
        var others = new[] { await LoginAsync(host, "default"), await LoginAsync(host, Hr) };
        await host.WhenIdle();
        var health = await host.HealthAsync();

        Assert.Equal((status, code), (broken.Status, broken["code"]));
        Assert.All(others, answer => Assert.Equal(200, answer.Status));
        Assert.Equal("unhealthy", health["status"]);
        Assert.Contains("App sales: ", health.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("App default", health.Text, StringComparison.Ordinal);
        Assert.All(
            Names.Except([Sales]),
            name =>
                Assert.DoesNotContain(
                    host.Log.All, line => line.StartsWith("Error Login", StringComparison.Ordinal) && line.Contains($"app {name},")));
    }

    [Fact]
    public async Task The_timer_renews_all_apps_and_names_each_that_failed()
    {
        await using var host = await StartAsync(settings: new()
        {
            ["WeCom__Apps__sales__CorpSecret"] = "a-corpsecret-that-is-wrong-0000000001",
            ["WeCom__Apps__hr__CorpSecret"] = "a-corpsecret-that-is-wrong-0000000002",
        });
        await LoginAsync(host, "default");
        Clock.Advance(TimeSpan.FromMinutes(90));

        var failure = await Assert.ThrowsAsync<AccessTokens.TokenRenewalException>(host.RefreshAsync);

        Assert.Matches(
            @"^The access_token of \S+ was not renewed \(Misconfigured, errcode 40001, app hr\).+\. "
            + @"The access_token of \S+ was not renewed \(Misconfigured, errcode 40001, app sales\).+\.$",
            failure.Message);
        Assert.Contains("into WeCom__Apps__sales__CorpSecret, and start again", failure.Message);
        Assert.Contains(
            host.Log.All,
            line =>
                line.Contains("Token renewal: reason timer, ") && line.EndsWith(" minutes left, app default", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_timer_fails_when_the_first_of_its_apps_does_and_the_others_have_their_token()
    {
        await using var host = await StartAsync(settings: new() { ["WeCom__CorpSecret"] = "a-corpsecret-that-is-wrong-0000000001" });

        var failure = await Assert.ThrowsAsync<AccessTokens.TokenRenewalException>(host.RefreshAsync);

        Assert.Contains(", app default) and has 0 minutes left", failure.Message);
        Assert.Equal(3, WeCom[Api.GetToken].Calls.Arrived);
        Assert.Equal((200, 200), ((await LoginAsync(host, Hr)).Status, (await LoginAsync(host, Sales)).Status));
        Assert.Equal(3, WeCom[Api.GetToken].Calls.Arrived);
    }

    [Fact]
    public async Task Health_tells_of_every_app()
    {
        await using var host = await StartAsync();
        foreach (var name in Names)
        {
            await LoginAsync(host, name);
        }

        await host.WhenIdle();
        var health = JsonSerializer.Deserialize<JsonElement>((await host.HealthAsync()).Text);

        Assert.Equal("healthy", health.GetProperty("status").GetString());
        Assert.Equal("fresh", health.GetProperty("token").GetProperty("state").GetString());
        Assert.Equal([Hr, Sales], health.GetProperty("apps").EnumerateObject().Select(app => app.Name).Order());
        Assert.All(health.GetProperty("apps").EnumerateObject(), app =>
        {
            Assert.Equal("fresh", app.Value.GetProperty("token").GetProperty("state").GetString());
            Assert.Equal("ok", app.Value.GetProperty("secret").GetString());
        });
    }

    [Fact]
    public async Task Health_reads_one_row_a_second_at_most_however_many_there_are()
    {
        await using var host = await StartAsync();
        await host.WhenIdle();
        var before = host.Store.Reads;

        for (var second = 0; second < 12; second++)
        {
            await host.HealthAsync();
            await host.HealthAsync();
            Clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.InRange(host.Store.Reads - before, 1, 12);
    }

    private async Task<LoginHost> StartAsync(string? table = null, Dictionary<string, string?>? settings = null)
    {
        var all = new Dictionary<string, string?>
        {
            ["WeCom__Apps__sales__CorpId"] = SimulatorState.OtherCorpId,
            ["WeCom__Apps__sales__CorpSecret"] = WeCom.GetSecret(SimulatorState.OtherCorpId, SimulatorState.SeedApp),
            ["WeCom__Apps__hr__CorpId"] = SimulatorState.SeedCorpId,
            ["WeCom__Apps__hr__CorpSecret"] = WeCom.GetSecret(SimulatorState.SeedCorpId, Hr),
        };
        foreach (var (name, value) in settings ?? [])
        {
            all[name] = value;
        }

        return await LoginHost.StartAsync(Simulator, Azurite, Clock, table, settings: all);
    }

    private Task<LoginAnswer> LoginAsync(LoginHost host, string app) => PostAsync(
        host,
        app,
        app == Sales ? WeCom.IssueCode("zhaoliu", SimulatorState.OtherCorpId) : WeCom.IssueCode("zhangsan"));

    private static Task<LoginAnswer> PostAsync(LoginHost host, string? app, string code)
    {
        Output.Run.Secret(code, "code");
        return host.PostAsync(app is null ? JsonSerializer.Serialize(new { code }) : JsonSerializer.Serialize(new { code, app }));
    }
}
