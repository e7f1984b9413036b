using WeComFunc.AccessTokens;
using WeComFunc.Secrets;

namespace WeComFunc.Tests;

/// <summary>
/// What health is told of an app's token, and how what happens to it is called in logs and metrics, as tables (rule T12).
/// </summary>
public sealed class TokenStatusTests
{
    private static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly CorpSecret Secret = new("a-corpsecret-of-the-status-tests-0000000001");
    private static readonly WeComApp App = new("wwstatus", "any");

    /// <summary>Seconds left of the token in the row and of the one in memory; null where there is none.</summary>
    [Theory]
    [InlineData(null, null, "missing", null)]
    [InlineData(2400.0, null, "fresh", 2400.0)]
    [InlineData(2399.9, null, "renewing", 2399.9)]
    [InlineData(0.1, null, "renewing", 0.1)]
    [InlineData(0.0, null, "expired", 0.0)]
    [InlineData(-1.0, null, "expired", -1.0)]
    [InlineData(null, 7000.0, "fresh", 7000.0)]
    [InlineData(60.0, 7000.0, "fresh", 7000.0)]
    [InlineData(7000.0, 60.0, "fresh", 7000.0)]
    [InlineData(-60.0, 60.0, "renewing", 60.0)]
    public void The_state_is_that_of_the_token_that_ends_last(double? stored, double? inMemory, string state, double? left)
    {
        var status = TokenStatus.Of(View() with { Stored = Token(stored) }, Token(inMemory), Now);

        Assert.Equal(state, status.State);
        Assert.Equal(left is { } seconds ? Now.AddSeconds(seconds) : null, status.ExpiresAt);
        Assert.Equal(left is { } rest ? Now.AddSeconds(rest - 7200) : null, status.RenewedAt);
    }

    [Theory]
    [InlineData(true, true, "ok")]
    [InlineData(true, false, "unwritable")]
    [InlineData(false, true, "unreachable")]
    [InlineData(false, false, "unreachable")]
    public void The_table_is_read_before_it_is_written(bool isShared, bool isWritable, string store) =>
        Assert.Equal(store, TokenStatus.Of(View() with { IsShared = isShared, IsWritable = isWritable }, null, Now).Store);

    [Theory]
    [InlineData(null, "ok")]
    [InlineData(FailureKind.Busy, "unreachable")]
    [InlineData(FailureKind.Misconfigured, "refused")]
    public void The_vault_is_out_of_reach_or_refuses(FailureKind? kind, string secret)
    {
        var vault = kind is { } what ? new Failure(what) : null;

        var status = TokenStatus.Of(View() with { Vault = vault }, null, Now);

        Assert.Equal((secret, vault), (status.Secret, status.Vault));
    }

    /// <summary>
    /// Whether there is a valid token, the failure in the row, seconds until its pause ends, and the errcode of what is in the way.
    /// </summary>
    [Theory]
    [InlineData(false, nameof(FailureKind.Busy), 30, -1)]
    [InlineData(false, nameof(FailureKind.Busy), -30, null)]
    [InlineData(false, nameof(FailureKind.Misconfigured), 30, -1)]
    [InlineData(false, nameof(FailureKind.Misconfigured), -30, -1)]
    [InlineData(true, nameof(FailureKind.Busy), 30, null)]
    [InlineData(true, nameof(FailureKind.Misconfigured), 30, null)]
    public void A_failure_is_in_the_way_where_there_is_no_token(bool hasToken, string kind, int pause, int? errcode)
    {
        var row = TokenRow.For(App) with
        {
            Failures = 1,
            FailureKind = kind,
            FailureErrcode = -1,
            RetryAt = Now.AddSeconds(pause),
            RetrySeconds = 60,
        };

        var status = TokenStatus.Of(View() with { Row = row, Stored = Token(hasToken ? 5000 : null) }, null, Now);

        Assert.Equal(errcode, status.Obstacle?.Errcode);
    }

    [Theory]
    [InlineData(nameof(FailureKind.Busy), FailureKind.Busy)]
    [InlineData(nameof(FailureKind.Misconfigured), FailureKind.Misconfigured)]
    public void It_is_there_with_its_pause_from_the_tick_on_at_which_the_token_ends(string kind, FailureKind expected)
    {
        var row = TokenRow.For(App) with { Failures = 1, FailureKind = kind, RetryAt = Now.AddSeconds(30), RetrySeconds = 60 };

        var obstacle = TokenStatus.Of(View() with { Row = row }, Token(0), Now).Obstacle;

        Assert.Equal(new Failure(expected, null, TimeSpan.FromSeconds(30)), obstacle);
    }

    [Theory]
    [InlineData(1, false, false)]
    [InlineData(2, false, true)]
    [InlineData(2, true, false)]
    public void Rejections_that_last_are_in_the_way_whatever_token_there_is(int rejections, bool hasServed, bool isInTheWay)
    {
        var row = TokenRow.For(App) with { Rejections = rejections, RejectionErrcode = 40014, ServedLogin = hasServed };

        var obstacle = TokenStatus.Of(View() with { Row = row, Stored = Token(5000) }, null, Now).Obstacle;

        Assert.Equal(isInTheWay ? new Failure(FailureKind.Misconfigured, 40014) : null, obstacle);
    }

    [Fact]
    public void Without_a_corpsecret_that_is_in_the_way_of_the_next_token()
    {
        var view = View() with { Secret = new Failure(FailureKind.Misconfigured, 7) };

        Assert.Equal(7, TokenStatus.Of(view, null, Now).Obstacle?.Errcode);
        Assert.Null(TokenStatus.Of(view, Token(60), Now).Obstacle);
    }

    [Fact]
    public void Every_source_reason_and_outcome_has_its_own_name()
    {
        Assert.Equal(["memory", "table", "wecom"], Enum.GetValues<TokenSource>().Select(source => source.Label()));
        Assert.Equal(
            ["none", "timer", "ahead", "missing", "expired", "rejected"], Enum.GetValues<RenewalReason>().Select(reason => reason.Label()));
        Assert.Equal(
            ["renewed", "same_token", "from_table", "not_due", "elsewhere", "held_off", "failed"],
            Enum.GetValues<RenewalOutcome>().Select(outcome => outcome.Label()));
    }

    [Fact]
    public void Only_a_proven_corpsecret_of_the_token_in_question_is_proven()
    {
        var view = View() with { Row = TokenRow.For(App) with { ProvenSecret = Secret.Fingerprint } };

        Assert.True(view.IsProven(null));
        Assert.True(view.IsProven(Token(60)));
        Assert.False(view.IsProven(new("any", Now, Now, secret: "another")));
        Assert.False((view with { Secret = new Failure(FailureKind.Busy) }).IsProven(null));
        Assert.False(View().IsProven(null));
        Assert.False(View().IsProven(new("any", Now, Now)));
    }

    private static FleetView View() => new(TokenRow.For(App), default, IsShared: true, IsWritable: true, Secret, Vault: null, Stored: null);

    private static AccessToken? Token(double? secondsLeft) => secondsLeft is { } left
        ? new($"token-{left}", Now.AddSeconds(left - 7200), Now.AddSeconds(left), secret: Secret.Fingerprint)
        : null;
}
