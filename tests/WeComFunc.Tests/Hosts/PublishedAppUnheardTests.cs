using System.Text.RegularExpressions;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What the platform would never show of the deployed app, since it was logged outside an invocation, is logged again within one.</summary>
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppUnheardTests(PublishedApp app) : IAsyncLifetime
{
    private const string Again = ", outside an invocation]";

    private SimulatorServer _simulator = null!;

    private SimulatorState WeCom => _simulator.State;

    public async Task InitializeAsync() => _simulator = await SimulatorServer.StartAsync();

    public async Task DisposeAsync()
    {
        Output.Run.Secrets(WeCom.IssuedSecrets);
        await _simulator.DisposeAsync();
    }

    [Fact]
    public async Task A_token_fetch_that_fails_while_it_starts_is_told_within_the_first_invocation_and_once()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020, Times = null });
        await using var host = await PublishedHost.StartAsync(_simulator, app.Azurite);

        await AskUntilToldAsync(host, "Token renewal: reason missing, outcome failed, ");

        AssertToldOnce(host, "WeCom gettoken: errcode 60020, ");
        AssertToldOnce(host, "Token renewal: reason missing, outcome failed, ");
    }

    [Fact]
    public async Task A_failure_after_the_login_that_it_is_of_is_told_within_the_next_invocation_and_once()
    {
        await using var host = await PublishedHost.StartAsync(_simulator, app.Azurite);
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await host.RefreshAsync();
        WeCom.RevokeTokens();
        WeCom[Api.GetToken].ResetCalls();
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await WeCom[Api.GetToken].WaitForCallsAsync(1);
        await app.Azurite.FreezeAsync();
        try
        {
            // The login has its answer before the row is written, which takes until the table's limit.
            WeCom[Api.GetToken].Release();

            Assert.Equal(200, (await login).Status);
            await AskUntilToldAsync(host, "The token row could not be written: no answer in time.");
        }
        finally
        {
            await app.Azurite.ResumeAsync();
        }

        var unheard = AssertToldOnce(host, "The token row could not be written: no answer in time.");
        Assert.Equal(host.Results.Last(result => result.Function == "Login").InvocationId, unheard);
    }

    /// <summary>Makes invocations until one of them has told it.</summary>
    private static async Task AskUntilToldAsync(PublishedHost host, string beginning)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!host.Log.Any(line => line.Message.StartsWith(beginning, StringComparison.Ordinal) && line.Message.EndsWith(Again, StringComparison.Ordinal)))
        {
            patience.Token.ThrowIfCancellationRequested();
            await host.HealthAsync();
        }

        await host.HealthAsync();
    }

    /// <returns>The invocation that the line carried when nobody heard it.</returns>
    private static string? AssertToldOnce(PublishedHost host, string beginning)
    {
        var lines = host.Log.Where(line => line.Message.StartsWith(beginning, StringComparison.Ordinal)).ToList();
        Assert.Equal(2, lines.Count);
        Assert.Matches($@"\A{Regex.Escape(lines[0].Message)} \[at \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z{Regex.Escape(Again)}\z", lines[1].Message);
        Assert.Equal(lines[0].Level, lines[1].Level);
        Assert.Contains(host.Results, result => result.Function == "Health" && result.InvocationId == lines[1].InvocationId);
        return lines[0].InvocationId;
    }
}
