using WeComFunc.AccessTokens;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>The row: what opens it and what does not, and that nothing in it can break a login (rule T9).</summary>
[Collection(AzuriteCollection.Name)]
public sealed class TokenRowTests(Azurite azurite)
{
    private const string Token = "an-access-token-for-the-tests-of-the-row-0001";

    private static readonly WeComApp App = new(SimulatorState.SeedCorpId, "wecom-corpsecret");
    private static readonly CorpSecret Secret = new("a-corpsecret-for-the-tests-of-the-row-00001");
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static TheoryData<string, Func<TokenRow, TokenRow>> Spoilt => new()
    {
        { "a flipped bit in the nonce", row => row with { SealedToken = Flip(row.SealedToken!, 0) } },
        { "a flipped bit in the tag", row => row with { SealedToken = Flip(row.SealedToken!, 12) } },
        { "a flipped bit in the ciphertext", row => row with { SealedToken = Flip(row.SealedToken!, 28) } },
        { "a truncated value", row => row with { SealedToken = row.SealedToken![..^4] } },
        { "a value of the head alone", row => row with { SealedToken = Convert.ToBase64String(new byte[28]) } },
        { "no Base64", row => row with { SealedToken = "***" } },
        { "an empty value", row => row with { SealedToken = "" } },
        { "no value", row => row with { SealedToken = null } },
        { "no expiry", row => row with { ExpiresAt = null } },
        { "no beginning", row => row with { ObtainedAt = null } },
        { "the row of another app", row => row with { RowKey = "another" } },
        { "the row of another corp", row => row with { PartitionKey = "wwanother" } },
    };

    [Fact]
    public void A_token_opens_in_its_row_with_its_corpsecret() => Assert.Equal(Token, Row().Open(Secret)?.Value);

    [Theory]
    [MemberData(nameof(Spoilt))]
    public void A_row_that_was_tampered_with_has_no_token(string what, Func<TokenRow, TokenRow> spoil)
    {
        Assert.NotNull(what);
        Assert.Null(spoil(Row()).Open(Secret));
    }

    [Fact]
    public void Another_corpsecret_opens_nothing() => Assert.Null(Row().Open(new CorpSecret("another-corpsecret-for-tests-of-the-row-01")));

    [Fact]
    public void The_same_token_is_never_encrypted_the_same_way_twice() => Assert.NotEqual(Row().SealedToken, Row().SealedToken);

    [Fact]
    public void What_holds_a_secret_shows_three_asterisks()
    {
        Assert.Equal("***", Secret.ToString());
        Assert.Equal("***", Row().Open(Secret)!.ToString());
        Assert.Equal("***", new IssuedToken(Token, TimeSpan.FromHours(2)).ToString());
        Assert.DoesNotContain(Token, Row().ToString());
        Assert.DoesNotContain(Token, new TokenUse(Row().Open(Secret)!, TokenSource.Memory, RenewalReason.None).ToString());
    }

    [Theory]
    [MemberData(nameof(Spoilt))]
    public async Task A_login_survives_a_row_that_was_tampered_with(string what, Func<TokenRow, TokenRow> spoil)
    {
        var clock = new ManualTimeProvider();
        await using var simulator = await SimulatorServer.StartAsync(clock);
        var table = LoginHost.NewTable();
        await using var first = await LoginHost.StartAsync(simulator, azurite, clock, table);
        await first.LoginAsync(simulator.State.IssueCode("zhangsan"));
        await first.WhenIdle();
        var row = (await first.Store.ReadAsync(App, CancellationToken.None))!;
        var spoilt = spoil(row) with { PartitionKey = row.PartitionKey, RowKey = row.RowKey };
        Assert.NotNull(await first.Store.WriteAsync(spoilt, CancellationToken.None));
        await using var second = await LoginHost.StartAsync(simulator, azurite, clock, table);

        var answer = await second.LoginAsync(simulator.State.IssueCode("zhangsan"));

        Assert.True(answer.Status == 200, $"{what}: {answer.Text}");
        Output.Run.Secrets(simulator.State.IssuedSecrets);
    }

    [Fact]
    public async Task A_row_of_a_newer_version_is_left_alone_and_counts_as_absent()
    {
        var clock = new ManualTimeProvider();
        await using var simulator = await SimulatorServer.StartAsync(clock);
        await using var host = await LoginHost.StartAsync(simulator, azurite, clock);
        var newer = TokenRow.For(App) with { Version = TokenRow.CurrentVersion + 1, SealedToken = "of another format" };
        var etag = await host.Store.WriteAsync(newer, CancellationToken.None);

        var answer = await host.LoginAsync(simulator.State.IssueCode("zhangsan"));

        await host.WhenIdle();
        Assert.Equal(200, answer.Status);
        Assert.Equal(etag, (await host.Store.ReadAsync(App, CancellationToken.None))?.ETag);
        Assert.Contains(host.Log.All, line => line.Contains("is of version 2, this software knows version 1"));
        Output.Run.Secrets(simulator.State.IssuedSecrets);
    }

    [Fact]
    public void A_pause_that_only_a_wrong_clock_can_have_written_is_not_kept()
    {
        var row = Row() with { Failures = 1, FailureKind = nameof(FailureKind.Misconfigured), RetryAt = Now.AddHours(1), RejectionRetryAt = Now.AddHours(1) };

        Assert.Null(row.HeldOff(RenewalReason.Rejected, Secret, Now));
    }

    [Fact]
    public void A_refused_corpsecret_holds_off_itself_and_no_other()
    {
        var row = Row().AfterFailure(new Failure(FailureKind.Misconfigured, 40001), Secret, Now, new Random(1));

        Assert.Equal(40001, row.HeldOff(RenewalReason.Missing, Secret, Now)?.Errcode);
        Assert.Null(row.HeldOff(RenewalReason.Missing, new CorpSecret("the-corpsecret-after-the-rotation-0000001"), Now));
    }

    [Fact]
    public void Pauses_double_from_first_to_longest_and_begin_again_for_another_kind_of_failure()
    {
        var row = Row();
        var pauses = new List<double>();
        for (var failures = 0; failures < 9; failures++)
        {
            row = row.AfterFailure(new Failure(FailureKind.Misconfigured, 60020), Secret, Now, new Steady());
            pauses.Add((row.RetryAt!.Value - Now).TotalSeconds);
        }

        Assert.Equal([5, 10, 20, 40, 80, 160, 320, 600, 600], pauses);
        Assert.Equal(Now.AddSeconds(1), row.AfterFailure(new Failure(FailureKind.Busy, -1), Secret, Now, new Steady()).RetryAt);
    }

    [Fact]
    public void Transient_pauses_end_at_a_minute()
    {
        var row = Row() with { Failures = 30, FailureKind = nameof(FailureKind.Busy) };

        Assert.Equal(Now.AddSeconds(60), row.AfterFailure(new Failure(FailureKind.Busy), Secret, Now, new Steady()).RetryAt);
    }

    [Fact]
    public void A_success_ends_the_failures()
    {
        var failed = Row().AfterFailure(new Failure(FailureKind.Misconfigured, 40001), Secret, Now, new Random(1));

        var row = failed.AfterRenewal(new IssuedToken(Token, TimeSpan.FromHours(2)), Now, null, Secret, new RenewalRequest(RenewalReason.Missing, null), Now, new Random(1));

        Assert.Equal((0, null, null, null, null), (row.Failures, row.FailureKind, row.FailureErrcode, row.RefusedSecret, row.RetryAt));
    }

    private static TokenRow Row() => TokenRow.For(App).AfterRenewal(
        new IssuedToken(Token, TimeSpan.FromHours(2)), Now, null, Secret, new RenewalRequest(RenewalReason.Missing, null), Now, new Random(1));

    private static string Flip(string sealedToken, int index)
    {
        var bytes = Convert.FromBase64String(sealedToken);
        bytes[index] ^= 1;
        return Convert.ToBase64String(bytes);
    }

    private sealed class Steady : Random
    {
        public override double NextDouble() => 0;
    }
}
