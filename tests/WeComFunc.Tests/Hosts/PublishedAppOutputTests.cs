using Microsoft.Extensions.Logging;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What the deployed app puts out: over the wire, in its log, on its console.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppOutputTests(PublishedApp app)
{
    [Fact]
    public async Task Nothing_that_it_puts_out_holds_a_secret()
    {
        var file = Path.Combine(AppContext.BaseDirectory, "output", "published-app.log");
        using var output = new Output(file);
        await using var simulator = await SimulatorServer.StartAsync();
        var weCom = simulator.State;
        await using (var host = await PublishedHost.StartAsync(simulator, app.Azurite, settings: SigningSecret.Settings, output: output))
        {
            var login = await host.LoginAsync(weCom.IssueCode("zhangsan"));
            Assert.True(login.Json.TryGetProperty("session", out _));
            await host.LoginAsync(weCom.IssueCode("zhaoliu", SimulatorState.OtherCorpId));
            weCom.RevokeTokens();
            await host.LoginAsync(weCom.IssueCode("zhangsan"));
            weCom[Api.JsCode2Session].AddFault(new Fault { Body = "not JSON" });
            await host.LoginAsync(weCom.IssueCode("zhangsan"));
            weCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp, revokeTokens: true);
            await host.LoginAsync(weCom.IssueCode("zhangsan"));
            await host.RefreshAsync();
            await host.HealthAsync();
            await host.App.TerminateAsync();
        }

        output.Secrets(weCom.IssuedSecrets);
        Assert.Empty(await output.FindLeaksAsync());

        output.Secret("zhangsan", "a canary, which the answer to a login holds");
        Assert.Equal(["base64", "plain"], (await output.FindLeaksAsync()).Select(leak => leak.Form).Distinct().Order());
    }

    [Fact]
    public async Task Lines_of_a_function_carry_its_invocation_and_lines_of_the_start_carry_none()
    {
        await using var simulator = await SimulatorServer.StartAsync();
        await using var host = await PublishedHost.StartAsync(simulator, app.Azurite);
        await host.LoginAsync(simulator.State.IssueCode("zhangsan"));
        await host.RefreshAsync();

        var (login, timer) = (host.Results.ElementAt(0), host.Results.ElementAt(1));

        Assert.Equal(("Login", "RefreshAccessToken"), (login.Function, timer.Function));
        Assert.Equal(login.InvocationId, InvocationOf("Login: outcome ok, "));
        Assert.Equal(timer.InvocationId, InvocationOf("Token renewal: reason timer, "));
        Assert.Null(InvocationOf("The corpsecret was read from "));
        Assert.Null(InvocationOf("Token renewal: reason missing, outcome renewed, "));

        string? InvocationOf(string beginning) => Assert.Single(host.Lines(beginning)).InvocationId;
    }

    [Fact]
    public async Task A_problem_that_an_operator_has_to_put_right_is_logged_as_an_error_within_its_invocation()
    {
        var host = await app.SharedAsync();
        app.WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = 60020 });

        var answer = await host.LoginAsync(app.WeCom.IssueCode("zhangsan"));

        var line = Assert.Single(host.Log, line => line.Message.Contains($"traceId {answer["traceId"]}"));
        Assert.Equal((LogLevel.Error, "WeComFunc.Login.LoginEndpoint"), (line.Level, line.Category));
        Assert.Contains(host.Results, result => result.InvocationId == line.InvocationId);
    }
}
