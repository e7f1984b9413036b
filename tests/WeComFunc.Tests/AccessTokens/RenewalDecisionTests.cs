using WeComFunc.AccessTokens;
using WeComFunc.Secrets;

namespace WeComFunc.Tests;

/// <summary>Whether <c>gettoken</c> is called, and when a process looks again, as a table (rules T3, T4, T6, T7, T8).</summary>
public sealed class RenewalDecisionTests
{
    private const string Call = "call";

    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly CorpSecret Secret = new("a-corpsecret-of-the-decision-tests-000000001");
    private static readonly WeComApp App = new("wwdecision", "any");

    /// <summary>
    /// Why, minutes left of the row's token and of the one in memory (0: none; the same number: the same token), when the row allows a
    /// renewal, and what comes of it.
    /// </summary>
    [Theory]
    [InlineData(RenewalReason.Timer, 41, 41, 0, "not_due 60")]
    [InlineData(RenewalReason.Timer, 40, 40, 0, "not_due 60")]
    [InlineData(RenewalReason.Timer, 39, 39, 0, Call)]
    [InlineData(RenewalReason.Timer, 119, 39, 0, "not_due 60")]
    [InlineData(RenewalReason.Timer, 39, 39, 30, "not_due 30")]
    [InlineData(RenewalReason.Timer, 39, 39, 61, "not_due 2340")]
    [InlineData(RenewalReason.Ahead, 9, 9, 0, Call)]
    [InlineData(RenewalReason.Ahead, 9, 9, 60, "not_due 60")]
    [InlineData(RenewalReason.Ahead, 9, 9, 61, "not_due 540")]
    [InlineData(RenewalReason.Ahead, 10, 10, 0, "not_due 60")]
    [InlineData(RenewalReason.Ahead, 119, 9, 0, "from_table 60")]
    [InlineData(RenewalReason.Ahead, 9, 8, 0, "from_table 0")]
    [InlineData(RenewalReason.Ahead, 10, 9, 0, "from_table 60")]
    [InlineData(RenewalReason.Missing, 0, 0, 0, Call)]
    [InlineData(RenewalReason.Missing, 0, 0, 60, Call)]
    [InlineData(RenewalReason.Missing, 1, 0, 0, "from_table 60")]
    [InlineData(RenewalReason.Expired, 1, -1, 0, "from_table 60")]
    [InlineData(RenewalReason.Expired, -1, -1, 0, Call)]
    public void The_token_that_does_for_long_enough_is_used(
        RenewalReason reason, int stored, int inMemory, int renewableIn, string expected)
    {
        var view = View(Row(stored) with { RenewableAt = Now.AddSeconds(renewableIn) }, stored);
        var request = new RenewalRequest(reason, stored == inMemory ? view.Stored : Token(inMemory));

        Assert.Equal(expected, Decide(view, request));
    }

    /// <summary>Seconds left of a pause, minutes left of the token in memory, and what comes of it.</summary>
    [Theory]
    [InlineData(RenewalReason.Timer, 30, 20, "held_off 30 with a token")]
    [InlineData(RenewalReason.Ahead, 30, 5, "held_off 30 with a token")]
    [InlineData(RenewalReason.Missing, 30, 0, "held_off 30")]
    [InlineData(RenewalReason.Missing, 0, 0, Call)]
    public void A_failure_keeps_the_fleet_from_calling_until_its_pause_is_over(
        RenewalReason reason, int pause, int inMemory, string expected)
    {
        var row = TokenRow.For(App) with
        {
            Failures = 1,
            FailureKind = nameof(FailureKind.Busy),
            RetryAt = Now.AddSeconds(pause),
            RetrySeconds = 60,
        };

        Assert.Equal(expected, Decide(View(row, 0), new(reason, Token(inMemory))));
    }

    [Theory]
    [InlineData(RenewalReason.Rejected, "held_off 30")]
    [InlineData(RenewalReason.Missing, Call)]
    public void A_rejection_keeps_the_fleet_from_calling_for_rejections_only(RenewalReason reason, string expected)
    {
        var row = TokenRow.For(App) with
        {
            Rejections = 2,
            RejectionErrcode = 40014,
            RejectionRetryAt = Now.AddSeconds(30),
            RejectionRetrySeconds = 60,
        };

        Assert.Equal(expected, Decide(View(row, 0), new(reason, null)));
    }

    [Fact]
    public void A_rejected_token_is_never_the_one_that_does()
    {
        var view = View(Row(100), 100);

        Assert.Equal(Call, Decide(view, new(RenewalReason.Rejected, view.Stored, view.Stored, 40014)));
        Assert.Equal("from_table 60", Decide(view, new(RenewalReason.Rejected, Token(50), Token(50), 40014)));
    }

    [Theory]
    [InlineData(0, "failed 60")]
    [InlineData(5, "failed 60 with a token")]
    public void Without_a_corpsecret_nothing_is_called(int inMemory, string expected)
    {
        var view = View(TokenRow.For(App), 0) with { Secret = new Failure(FailureKind.Misconfigured) };

        Assert.Equal(expected, Decide(view, new(RenewalReason.Missing, Token(inMemory))));
    }

    [Theory]
    [InlineData(nameof(RenewalOutcome.Renewed), 60)]
    [InlineData(nameof(RenewalOutcome.SameToken), 540)]
    [InlineData(nameof(RenewalOutcome.LeasedByAnother), 6)]
    public void What_came_of_a_call_says_when_to_look_again(string outcome, int seconds) =>
        Assert.Equal(
            Now.AddSeconds(seconds),
            new RenewalResult(new TokenUse(Token(9)!, TokenSource.WeCom, RenewalReason.Ahead), Enum.Parse<RenewalOutcome>(outcome))
                .LookAgainAt(Now));

    [Fact]
    public void A_failure_that_says_when_is_looked_at_again_then() =>
        Assert.Equal(
            Now.AddSeconds(17),
            RenewalDecision.Fail(new Failure(FailureKind.Busy, -1, TimeSpan.FromSeconds(17)), RenewalOutcome.Failed, null)
                .LookAgainAt(Now));

    private static string Decide(FleetView view, RenewalRequest request)
    {
        var usable = view.Usable(request, Now);
        if (!RenewalDecision.IsWithoutCall(view, request, usable, Now, out var result, out var secret))
        {
            Assert.Equal(Secret.Fingerprint, secret.Fingerprint);
            return Call;
        }

        Assert.Equal(result.Failure is null || usable is not null, result.Token.Failure is null);
        var what = $"{result.Outcome.Label()} {(result.LookAgainAt(Now) - Now).TotalSeconds:0}";
        return result.Failure is not null && usable is not null ? $"{what} with a token" : what;
    }

    private static FleetView View(TokenRow row, int minutesLeft) =>
        new(row, default, IsShared: true, IsWritable: true, Secret, Vault: null, Token(minutesLeft));

    private static TokenRow Row(int minutesLeft) => TokenRow.For(App) with { ExpiresAt = Now.AddMinutes(minutesLeft) };

    private static AccessToken? Token(int minutesLeft) =>
        minutesLeft == 0 ? null : new($"token-{minutesLeft}", Now.AddMinutes(minutesLeft - 120), Now.AddMinutes(minutesLeft));
}
