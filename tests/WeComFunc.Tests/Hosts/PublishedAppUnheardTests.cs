using System.Text.RegularExpressions;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// What the platform would never show of the deployed app, since it was logged outside an invocation, is logged again within one.
/// </summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppUnheardTests(PublishedApp app) : WeComTest
{
    private const string Unread = "The token row could not be read: no answer in time.";
    private const string Again = ", outside an invocation]";

    [Fact]
    public async Task A_token_fetch_that_fails_while_it_starts_is_told_within_the_first_invocation_and_once()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020, Times = null });
        await using var host = await PublishedHost.StartAsync(Simulator, app.Azurite);

        await AskUntilToldAsync(host, "Token renewal: reason missing, outcome failed, ");

        AssertToldOnce(host, "WeCom gettoken: errcode 60020, ");
        AssertToldOnce(host, "Token renewal: reason missing, outcome failed, ");
    }

    [Fact]
    public async Task A_failure_after_the_login_that_it_is_of_is_told_within_the_next_invocation_and_once()
    {
        await using var host = await PublishedHost.StartAsync(Simulator, app.Azurite);
        await host.RefreshAsync();
        await app.Azurite.FreezeAsync();
        try
        {
            // It takes the token in memory, and tells the row of it behind its back, which takes until the table's limit.
            Assert.Equal(200, (await host.LoginAsync(WeCom.IssueCode("zhangsan"))).Status);

            await Wait.UntilAsync(() => host.Log.Any(line => line.Message.StartsWith(Unread, StringComparison.Ordinal)));
        }
        finally
        {
            await app.Azurite.ResumeAsync();
        }

        await AskUntilToldAsync(host, Unread);

        var unheard = AssertToldOnce(host, Unread);
        Assert.Equal(host.Results.Last(result => result.Function == "Login").InvocationId, unheard);
    }

    /// <summary>Makes invocations until one of them has told it.</summary>
    private static Task AskUntilToldAsync(PublishedHost host, string beginning) => Wait.UntilAsync(async () =>
    {
        await host.HealthAsync();
        return host.Log.Any(
            line => line.Message.StartsWith(beginning, StringComparison.Ordinal) && line.Message.EndsWith(Again, StringComparison.Ordinal));
    });

    /// <returns>The invocation that the line carried when nobody heard it.</returns>
    private static string? AssertToldOnce(PublishedHost host, string beginning)
    {
        var lines = host.Log.Where(line => line.Message.StartsWith(beginning, StringComparison.Ordinal)).ToList();
        Assert.Equal(2, lines.Count);
        Assert.Matches(
            $@"\A{Regex.Escape(lines[0].Message)} \[at \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{3}}Z{Regex.Escape(Again)}\z",
            lines[1].Message);
        Assert.Equal(lines[0].Level, lines[1].Level);
        Assert.Contains(host.Results, result => result.Function == "Health" && result.InvocationId == lines[1].InvocationId);
        return lines[0].InvocationId;
    }
}
