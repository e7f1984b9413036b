using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Whatever keeps the profile away keeps the login away only where a profile is required.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ProfileErrorTests(Azurite azurite) : LoginTest(azurite)
{
    private static readonly Dictionary<string, int> Statuses = new()
    {
        ["member_not_visible"] = 403,
        ["misconfigured"] = 500,
        ["wecom_unexpected"] = 502,
        ["wecom_busy"] = 503,
    };

    private static readonly Dictionary<string, (Fault Fault, string Code, int? Errcode)> Rows = new()
    {
        ["not visible"] = (new() { Errcode = 60111 }, "member_not_visible", 60111),
        ["outside the range"] = (new() { Errcode = 60021 }, "member_not_visible", 60021),
        ["of another corp"] = (new() { Errcode = 92002 }, "member_not_visible", 92002),
        ["an unknown errcode"] = (new() { Errcode = 99999 }, "wecom_unexpected", 99999),
        ["an errcode of a code"] = (new() { Errcode = 40029 }, "wecom_unexpected", 40029),
        ["HTML"] = (new() { Body = "<html>Sign in to the network</html>" }, "wecom_unexpected", null),
        ["HTTP 404"] = (new() { Status = 404 }, "wecom_unexpected", null),
        ["no userid"] = (new() { Body = """{"errcode":0,"errmsg":"ok"}""" }, "wecom_unexpected", null),
        ["busy"] = (new() { Errcode = -1, Times = null }, "wecom_busy", -1),
        ["a limit"] = (new() { Errcode = 45009 }, "wecom_busy", 45009),
        ["HTTP 503"] = (new() { Status = 503, Times = null }, "wecom_busy", null),
        ["a lost connection"] = (new() { Abort = true, Times = null }, "wecom_busy", null),
        ["no answer"] = (new() { Hold = true, Times = null }, "wecom_busy", null),
        ["no permission"] = (new() { Errcode = 48002 }, "misconfigured", 48002),
        ["an address that is not trusted"] = (new() { Errcode = 60020 }, "misconfigured", 60020),
        ["a token that is rejected for good"] = (new() { Errcode = 40014, Times = null }, "misconfigured", 40014),
    };

    public static TheoryData<string> RowNames => [.. Rows.Keys];

    [Theory]
    [MemberData(nameof(RowNames))]
    public async Task The_login_succeeds_without_a_profile_and_says_why(string row)
    {
        var (fault, code, errcode) = Rows[row];
        await using var host = await LoginHost.StartAsync(Simulator, Azurite, Clock);

        var answer = await LoginAsync(host, fault);

        Assert.Equal((200, "application/json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(
            $$$"""{"userid":"zhangsan","corpid":"{{{SimulatorState.SeedCorpId}}}","profile":null,"profileError":{"code":"{{{code}}}","""
            + $$$"""{{{(errcode is null ? "" : $"\"errcode\":{errcode},")}}}"retryable":false}}""",
            answer.Text);
        Assert.DoesNotContain(host.Log.All, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(RowNames))]
    public async Task Where_a_profile_is_required_it_is_the_problem_of_that_code(string row)
    {
        var (fault, code, errcode) = Rows[row];
        await using var host = await LoginHost.StartAsync(
            Simulator, Azurite, Clock, settings: new() { ["Login__RequireProfile"] = "true" });

        var answer = await LoginAsync(host, fault);

        Assert.Equal((Statuses[code], code, errcode?.ToString()), (answer.Status, answer["code"], answer["errcode"]));
        Assert.DoesNotContain("zhangsan", answer.Text);
    }

    [Fact]
    public async Task A_service_that_logs_in_without_profiles_is_healthy_and_its_log_says_what_to_do()
    {
        await using var host = await LoginHost.StartAsync(Simulator, Azurite, Clock);

        await LoginAsync(host, new() { Errcode = 48002 });

        Assert.Equal("healthy", (await host.HealthAsync())["status"]);
        Assert.Contains(
            host.Log.All,
            line =>
                line.StartsWith("Warning A login has no profile: errcode 48002, app default, traceId ", StringComparison.Ordinal)
                    && line.Contains("store that of the app"));
    }

    private async Task<LoginAnswer> LoginAsync(LoginHost host, Fault fault)
    {
        WeCom[Api.UserGet].AddFault(fault);
        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[Api.UserGet].WaitForCallsAsync(1);
        return await Clock.RunUntilAsync(login, LoginLimit);
    }
}
