using System.Text.Json;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary><c>Login__DepartmentNames</c>: asked for once, kept, and never in the way of a login.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class DepartmentNamesTests(Azurite azurite) : FleetTest(azurite, new())
{
    private int Asked => WeCom[Api.DepartmentGet].Calls.Arrived;

    [Fact]
    public async Task Departments_come_by_name_in_the_order_of_the_profile_and_are_asked_for_once()
    {
        WeCom.PutMember(SimulatorState.SeedCorpId, "zhangsan", """{"userid":"zhangsan","department":[2,1,77]}""");
        await using var host = await StartAsync();

        var first = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        var second = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        const string Expected = """[{"id":2,"name":"研发部"},{"id":1,"name":"示例公司","name_en":"Example Corp"},{"id":77}]""";
        Assert.Equal((Expected, Expected), (Departments(first), Departments(second)));
        Assert.Equal(3, Asked);
    }

    [Fact]
    public async Task A_department_that_one_app_may_not_see_has_a_name_for_another_of_its_corp()
    {
        WeCom.PutMember(SimulatorState.SeedCorpId, "zhangsan", """{"userid":"zhangsan","department":[1,2]}""");
        WeCom.PutApp(SimulatorState.SeedCorpId, "hr", hiddenDepartments: [2]);
        await using var host = await StartAsync(
            ("WeCom__Apps__hr__CorpId", SimulatorState.SeedCorpId),
            ("WeCom__Apps__hr__CorpSecret", WeCom.GetSecret(SimulatorState.SeedCorpId, "hr")));

        var byHr = await host.PostAsync(JsonSerializer.Serialize(new { code = WeCom.IssueCode("zhangsan"), app = "hr" }));
        var byDefault = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal("""[{"id":1,"name":"示例公司","name_en":"Example Corp"},{"id":2}]""", Departments(byHr));
        Assert.Equal("""[{"id":1,"name":"示例公司","name_en":"Example Corp"},{"id":2,"name":"研发部"}]""", Departments(byDefault));
    }

    [Fact]
    public async Task A_name_is_kept_for_an_hour_and_a_refusal_for_ten_minutes()
    {
        WeCom.PutMember(SimulatorState.SeedCorpId, "zhangsan", """{"userid":"zhangsan","department":[1,77]}""");
        await using var host = await StartAsync();
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        Clock.Advance(TimeSpan.FromMinutes(9));
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        var within = Asked;
        Clock.Advance(TimeSpan.FromMinutes(2));
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        var afterTen = Asked;
        Clock.Advance(TimeSpan.FromMinutes(50));
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((2, 3, 5), (within, afterTen, Asked));
    }

    [Fact]
    public async Task Off_nobody_asks_for_them()
    {
        await using var host = await LoginHost.StartAsync(Simulator, Azurite, Clock);

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, 0), (answer.Status, Asked));
        Assert.Null(Departments(answer));
    }

    [Theory]
    [InlineData("""{"userid":"zhangsan"}""", null)]
    [InlineData("""{"userid":"zhangsan","department":null}""", null)]
    [InlineData("""{"userid":"zhangsan","department":"1"}""", null)]
    [InlineData("""{"userid":"zhangsan","department":[]}""", "[]")]
    [InlineData("""{"userid":"zhangsan","inner":{"department":[1]},"department":[2]}""", """[{"id":2,"name":"研发部"}]""")]
    [InlineData("""{"userid":"zhangsan","department":["x",{"id":1},2]}""", """[{"id":2,"name":"研发部"}]""")]
    public async Task What_the_profile_has_no_department_of_is_not_made_up(string profile, string? expected)
    {
        WeCom.PutMember(SimulatorState.SeedCorpId, "zhangsan", profile);
        await using var host = await StartAsync();

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, expected), (answer.Status, Departments(answer)));
    }

    [Fact]
    public async Task A_profile_without_its_department_shows_none()
    {
        await using var host = await StartAsync(("Login__ProfileFields", "name"));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, null, 0), (answer.Status, Departments(answer), Asked));
    }

    [Theory]
    [InlineData(40014)]
    [InlineData(-1)]
    [InlineData(48002)]
    [InlineData(45009)]
    public async Task Whatever_WeCom_says_of_a_department_fails_no_login(int errcode)
    {
        WeCom[Api.DepartmentGet].AddFault(new Fault { Errcode = errcode, Times = null });
        await using var host = await StartAsync();

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, """[{"id":1},{"id":2}]"""), (answer.Status, Departments(answer)));
        Assert.Equal("healthy", (await host.HealthAsync())["status"]);
    }

    private static string? Departments(LoginAnswer answer) =>
        JsonSerializer.Deserialize<JsonElement>(answer.Text).TryGetProperty("departments", out var departments)
            ? departments.GetRawText()
            : null;

    private Task<LoginHost> StartAsync(params (string Name, string Value)[] settings) => LoginHost.StartAsync(
        Simulator,
        Azurite,
        Clock,
        settings: settings.Append(("Login__DepartmentNames", "true")).ToDictionary(
            setting => setting.Item1, string? (setting) => setting.Item2));
}
