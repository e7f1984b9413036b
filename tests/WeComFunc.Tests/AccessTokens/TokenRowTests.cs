using WeComFunc.AccessTokens;
using WeComFunc.Secrets;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

/// <summary>The row: what opens it and what does not, and that nothing in it can break a login (rule T9).</summary>
public sealed class TokenRowTests
{
    private const string Token = "an-access-token-for-the-tests-of-the-row-0001";

    private static readonly WeComApp App = new("ww1234567890abcdef", "wecom-corpsecret");
    private static readonly CorpSecret Secret = new("a-corpsecret-for-the-tests-of-the-row-00001");
    /// <summary>A row that was seen this very moment, for the first time.</summary>
    private static RowSight New => default;

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
    public void A_token_opens_in_its_row_with_its_corpsecret()
    {
        var proven = Row() with { ProvenSecret = Secret.Fingerprint };

        Assert.Equal((Token, false), (proven.Open(Secret)?.Value, proven.Open(Secret)?.OnProbation));
        Assert.True((proven with { Rejections = 1 }).Open(Secret)?.OnProbation);
        Assert.True(Row().Open(Secret)?.OnProbation);
    }

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
    public async Task A_row_that_was_tampered_with_counts_as_absent(string what, Func<TokenRow, TokenRow> spoil)
    {
        var (clock, table) = (new ManualTimeProvider(), new MemoryTokenStore());
        await new TokenProcess(clock, table).GetAsync();
        table.Put(spoil(table.Row!) with { PartitionKey = table.Row!.PartitionKey, RowKey = table.Row.RowKey });
        if (what.StartsWith("the row of", StringComparison.Ordinal))
        {
            table.Put(table.Row with
            {
                SealedToken = Secret.Seal(SealPurpose.AccessToken, Token, "another place"),
                SealedWith = Secret.Fingerprint,
            });
        }

        var process = new TokenProcess(clock, table) { WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("fetched anew")) };

        Assert.Equal("fetched anew", (await process.GetAsync()).Value.Token.Value);
        Assert.Equal("fetched anew", table.Row.Open(TokenProcess.Secret)?.Value);
    }

    [Fact]
    public async Task A_row_of_a_newer_version_is_left_alone_and_counts_as_absent()
    {
        var (clock, table) = (new ManualTimeProvider(), new MemoryTokenStore());
        table.Put(TokenRow.For(TokenProcess.App) with { Version = TokenRow.CurrentVersion + 1, SealedToken = "of another format" });
        var newer = table.Row;
        var process = new TokenProcess(clock, table);

        Assert.Equal("token-1", (await process.GetAsync()).Value.Token.Value);
        Assert.Equal("token-1", (await process.GetAsync()).Value.Token.Value);
        Assert.Equal(newer, table.Row);
        Assert.Contains(process.Log.All, line => line.StartsWith("Warning The token row is of version 2, this software knows version 1"));
    }

    [Fact]
    public void A_token_sealed_elsewhere_by_the_documented_layout_opens()
    {
        var row = Row() with
        {
            SealedToken = "AAECAwQFBgcICQoLYHvTXK2bL85NT6Ti0lcgjeCyZBkw3MZLaM7NHn0iA7NuRUboGxC1quZR33NccKB485r5t4zuV9LMMqEE0g==",
        };

        var secret = new CorpSecret(Secret.Value);
        Assert.Equal(Token, row.Open(secret)?.Value);
        Assert.Equal("89b6ad6f30790cac", secret.Fingerprint);
    }

    [Fact]
    public void A_pause_that_only_a_wrong_clock_can_have_written_is_not_kept()
    {
        var row = Row() with
        {
            Failures = 1,
            FailureKind = nameof(FailureKind.Misconfigured),
            RetryAt = Now.AddMinutes(15),
            RejectionRetryAt = Now.AddMinutes(15),
        };

        Assert.Null(row.BackOff(RenewalReason.Rejected, Secret, New, Now));
        Assert.NotNull(row.BackOff(RenewalReason.Rejected, Secret, New, Now.AddTicks(1)));
        Assert.NotNull((row with { RetryAt = null }).BackOff(RenewalReason.Rejected, Secret, New, Now.AddTicks(1)));
    }

    [Fact]
    public void Pauses_hold_to_the_tick_and_each_for_its_reason()
    {
        var failed = Row() with { Failures = 1, FailureKind = nameof(FailureKind.Busy), FailureErrcode = -1, RetryAt = Now.AddSeconds(1) };
        var rejected = Row() with { Rejections = 1, RejectionErrcode = 40014, RejectionRetryAt = Now.AddSeconds(1) };

        Assert.Equal(new Failure(FailureKind.Busy, -1, TimeSpan.FromSeconds(1)), failed.BackOff(RenewalReason.Missing, Secret, New, Now));
        Assert.Null(failed.BackOff(RenewalReason.Missing, Secret, New, Now.AddSeconds(1)));
        Assert.Equal(
            new Failure(FailureKind.Misconfigured, 40014, TimeSpan.FromSeconds(1)),
            rejected.BackOff(RenewalReason.Rejected, Secret, New, Now));
        Assert.Null(rejected.BackOff(RenewalReason.Rejected, Secret, New, Now.AddSeconds(1)));
        Assert.Null(rejected.BackOff(RenewalReason.Timer, Secret, New, Now));
    }

    [Theory]
    [InlineData("of another version")]
    [InlineData(nameof(FailureKind.InvalidCode))]
    [InlineData(null)]
    public void A_failure_of_a_kind_that_no_renewal_of_this_version_has_is_misconfigured(string? kind) =>
        Assert.Equal(FailureKind.Misconfigured, (Row() with { Failures = 1, FailureKind = kind }).LastFailure(Secret)?.Kind);

    [Fact]
    public void A_row_without_failures_has_no_last_failure() => Assert.Null(Row().LastFailure(Secret));

    [Theory]
    [InlineData(4, 5)]
    [InlineData(60, 60)]
    public void A_pause_that_WeCom_asks_for_counts_where_it_is_the_longer_one(int asked, int kept)
    {
        var row = Row().AfterFailure(
            new Failure(FailureKind.Misconfigured, 45009, TimeSpan.FromSeconds(asked)), Secret, Now, new FixedChance());

        Assert.Equal(Now.AddSeconds(kept), row.RetryAt);
    }

    [Fact]
    public void A_failure_keeps_the_token_and_gives_the_lease_back()
    {
        var row = (Row() with { Lease = "mine", LeasedAt = Now }).AfterFailure(
            new Failure(FailureKind.Unexpected, 12345), Secret, Now, new FixedChance());

        Assert.Equal((null, null, 1, "Unexpected", 12345), (row.Lease, row.LeasedAt, row.Failures, row.FailureKind, row.FailureErrcode));
        Assert.Equal(Token, row.Open(Secret)?.Value);
    }

    [Fact]
    public void A_refused_corpsecret_holds_off_itself_and_no_other()
    {
        var row = Row().AfterFailure(new Failure(FailureKind.Misconfigured, 40001), Secret, Now, new FixedChance());

        Assert.Equal(40001, row.BackOff(RenewalReason.Missing, Secret, New, Now)?.Errcode);
        Assert.Null(row.BackOff(RenewalReason.Missing, new CorpSecret("the-corpsecret-after-the-rotation-0000001"), New, Now));
    }

    [Fact]
    public void Pauses_double_from_first_to_longest_whatever_the_kinds_of_the_failures()
    {
        var row = Row();
        var pauses = new List<double>();
        for (var failures = 0; failures < 9; failures++)
        {
            row = row.AfterFailure(new Failure(FailureKind.Misconfigured, 60020), Secret, Now, new FixedChance());
            pauses.Add((row.RetryAt!.Value - Now).TotalSeconds);
        }

        Assert.Equal([5, 10, 20, 40, 80, 160, 320, 600, 600], pauses);
        Assert.Equal(Now.AddSeconds(60), row.AfterFailure(new Failure(FailureKind.Busy, -1), Secret, Now, new FixedChance()).RetryAt);
    }

    [Fact]
    public void A_refused_corpsecret_stays_refused_through_other_failures_and_a_new_one_is_tried_at_once()
    {
        var refused = Row().AfterFailure(new Failure(FailureKind.Misconfigured, 40001), Secret, Now, new FixedChance());
        var busy = refused.AfterFailure(new Failure(FailureKind.Busy, -1), Secret, Now, new FixedChance());
        var changed = new CorpSecret("the-corpsecret-after-the-rotation-0000001");

        Assert.Equal((Now.AddSeconds(10), Secret.Fingerprint), (busy.RetryAt, busy.RefusedSecret));
        Assert.Null(busy.BackOff(RenewalReason.Missing, changed, New, Now));
        var busyToo = busy.AfterFailure(new Failure(FailureKind.Busy, -1), changed, Now, new FixedChance());
        Assert.Equal((Now.AddSeconds(4), 3, null), (busyToo.RetryAt, busyToo.Failures, busyToo.RefusedSecret));
        var refusedToo = busy.AfterFailure(new Failure(FailureKind.Misconfigured, 40001), changed, Now, new FixedChance());
        Assert.Equal((Now.AddSeconds(20), $"{changed.Fingerprint} {Secret.Fingerprint}"), (refusedToo.RetryAt, refusedToo.RefusedSecret));
        Assert.All([Secret, changed], secret => Assert.NotNull(refusedToo.BackOff(RenewalReason.Missing, secret, New, Now)));
        Assert.Null(refusedToo.BackOff(RenewalReason.Missing, new CorpSecret("a-third-corpsecret-000000000000000000000001"), New, Now));
    }

    [Fact]
    public void A_corpsecret_that_is_refused_for_the_first_time_is_tried_again_within_a_minute()
    {
        var row = Row() with { Failures = 20, RefusedSecret = Secret.Fingerprint };
        var changed = new CorpSecret("the-corpsecret-after-the-rotation-0000001");

        var first = row.AfterFailure(new Failure(FailureKind.Misconfigured, 40001), changed, Now, new FixedChance());
        var second = first.AfterFailure(new Failure(FailureKind.Misconfigured, 40001), changed, Now, new FixedChance());
        var before = row.AfterFailure(new Failure(FailureKind.Misconfigured, 40001), Secret, Now, new FixedChance());

        Assert.Equal((Now.AddSeconds(40), Now.AddSeconds(80), Now.AddMinutes(10)), (first.RetryAt, second.RetryAt, before.RetryAt));
    }

    [Fact]
    public void The_last_four_refused_corpsecrets_are_remembered()
    {
        var secrets = Enumerable.Range(1, 5).Select(number => new CorpSecret($"the-corpsecret-with-the-number-{number}")).ToList();

        var row = secrets.Aggregate(
            Row(), (row, secret) => row.AfterFailure(new Failure(FailureKind.Misconfigured, 40091), secret, Now, new FixedChance()));

        Assert.Equal([false, true, true, true, true], secrets.Select(row.HasRefused));
        Assert.Equal(
            row.RefusedSecret,
            row.AfterFailure(new Failure(FailureKind.Misconfigured, 40091), secrets[2], Now, new FixedChance()).RefusedSecret);
    }

    [Theory]
    [InlineData(null, 60, 1)]
    [InlineData(null, 3600, 60)]
    [InlineData(40001, 3600, 600)]
    public void A_pause_that_somebody_asks_for_is_kept_up_to_what_its_kind_can_have(int? errcode, int asked, int kept)
    {
        var kind = errcode is null ? FailureKind.Busy : FailureKind.Misconfigured;
        var row = Row().AfterFailure(new Failure(kind, errcode, TimeSpan.FromSeconds(asked)), Secret, Now, new FixedChance());

        Assert.Equal(Now.AddSeconds(kept == 1 ? 60 : kept), row.RetryAt);
    }

    [Fact]
    public void A_pause_that_its_kind_cannot_have_is_not_kept()
    {
        var busy = Row() with { Failures = 1, FailureKind = nameof(FailureKind.Busy), FailureErrcode = -1 };
        var rejected = Row() with { Rejections = 2, RejectionErrcode = 40014 };

        Assert.Null((busy with { RetryAt = Now.AddSeconds(241) }).BackOff(RenewalReason.Missing, Secret, New, Now));
        Assert.Null((busy with { RetryAt = Now.AddSeconds(72) }).BackOff(RenewalReason.Missing, Secret, New, Now));
        Assert.NotNull((busy with { RetryAt = Now.AddSeconds(71.9) }).BackOff(RenewalReason.Missing, Secret, New, Now));
        Assert.NotNull(
            (busy with { RetryAt = Now.AddSeconds(600), RefusedSecret = Secret.Fingerprint }).BackOff(
                RenewalReason.Missing, Secret, New, Now));
        Assert.NotNull((rejected with { RejectionRetryAt = Now.AddSeconds(600) }).BackOff(RenewalReason.Rejected, Secret, New, Now));
        Assert.Null(
            (rejected with { RejectionRetryAt = Now.AddSeconds(72), ProvenSecret = Secret.Fingerprint }).BackOff(
                RenewalReason.Rejected, Secret, New, Now));
    }

    [Fact]
    public void A_pause_lasts_no_longer_than_it_was_meant_to_since_it_was_seen_whatever_the_clock_of_its_writer()
    {
        var busy = Row() with { Failures = 1, FailureKind = nameof(FailureKind.Busy), RetryAt = Now.AddSeconds(60), RetrySeconds = 1.5 };

        Failure? BackOff(TokenRow row, double since, double? before) => row.BackOff(
            RenewalReason.Missing,
            Secret,
            New with { Retry = new(TimeSpan.FromSeconds(since), before is { } seconds ? TimeSpan.FromSeconds(seconds) : null) },
            Now);
        Assert.Equal(0.1, BackOff(busy, 1.4, null)!.RetryAfter!.Value.TotalSeconds, 3);
        Assert.Null(BackOff(busy, 1.5, null));
        Assert.Null(BackOff(busy, 1.5, 1.5));
        Assert.NotNull(BackOff(busy with { RetryAt = Now.AddMinutes(-4) }, 1, 1.4));
        Assert.NotNull(BackOff(busy with { RetryAt = Now.AddMinutes(4) }, 1, 1.4));
        Assert.Null(BackOff(busy with { RetryAt = Now.AddMinutes(-4) }, 1, null));
    }

    [Fact]
    public void The_pauses_of_rejections_end_at_a_minute_once_the_corpsecret_has_served_a_login()
    {
        static double Pause(TokenRow row) => (row.AfterRenewal(
            new IssuedToken(Token, TimeSpan.FromHours(2)),
            Now,
            null,
            Secret,
            new RenewalRequest(RenewalReason.Rejected, null),
            Now,
            new FixedChance()).RejectionRetryAt!.Value - Now).TotalSeconds;
        var row = Row() with { Rejections = 9 };

        Assert.Equal((600, 60), (Pause(row), Pause(row with { ProvenSecret = Secret.Fingerprint })));
    }

    [Fact]
    public void Another_corpsecret_begins_without_the_rejections_of_the_one_before()
    {
        var changed = new CorpSecret("the-corpsecret-after-the-rotation-0000001");
        var rejected = Row() with { Rejections = 9, RejectionErrcode = 40014, RejectionRetryAt = Now.AddMinutes(1) };

        Assert.Equal((null, null), (rejected.BackOff(RenewalReason.Rejected, changed, New, Now), rejected.LastRejection(changed)));
        var row = rejected.AfterRenewal(
            new IssuedToken(Token, TimeSpan.FromHours(2)),
            Now,
            null,
            changed,
            new RenewalRequest(RenewalReason.Rejected, null),
            Now,
            new FixedChance());
        Assert.Equal((0, null, null), (row.Rejections, row.RejectionErrcode, row.RejectionRetryAt));
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(5, true)]
    [InlineData(6, false)]
    public void A_login_that_was_served_lifts_the_pause_of_a_few_rejections_and_not_of_many(int rejections, bool isLifted)
    {
        var row = Row() with { Rejections = rejections, RejectionErrcode = 40014, RejectionRetryAt = Now.AddSeconds(5) };

        var served = row.AfterLogin(TimeSpan.FromMinutes(1) - TimeSpan.FromTicks(1));

        Assert.Equal(
            row with { ServedLogin = true, ProvenSecret = Secret.Fingerprint, RejectionRetryAt = isLifted ? null : row.RejectionRetryAt },
            served);
    }

    [Fact]
    public void A_login_that_was_served_by_a_token_of_a_minute_forgets_the_rejections()
    {
        var row = Row() with { Rejections = 9, RejectionErrcode = 40014, RejectionRetryAt = Now.AddSeconds(5), ServedLogin = true };

        Assert.Equal(Row().SealedWith, row.AfterLogin(TimeSpan.FromMinutes(1)).ProvenSecret);
        Assert.Equal(
            (0, null, null, false),
            row.AfterLogin(TimeSpan.FromMinutes(1)) is var after
                ? (after.Rejections, after.RejectionErrcode, after.RejectionRetryAt, after.ServedLogin)
                : default);
    }

    [Fact]
    public void A_second_rejection_in_a_row_lasts_until_a_token_serves_a_login()
    {
        var row = Row() with { Rejections = 2, RejectionErrcode = 40014, RejectionRetryAt = Now };

        Assert.Equal(40014, row.LastRejection(Secret)?.Errcode);
        Assert.Null((row with { Rejections = 1 }).LastRejection(Secret));
        Assert.Null(row.AfterLogin(TimeSpan.Zero).LastRejection(Secret));
    }

    [Fact]
    public void Transient_pauses_end_at_a_minute()
    {
        var row = Row() with { Failures = 30, FailureKind = nameof(FailureKind.Busy) };

        Assert.Equal(Now.AddSeconds(60), row.AfterFailure(new Failure(FailureKind.Busy), Secret, Now, new FixedChance()).RetryAt);
    }

    /// <summary>All of them where the token is of the same corpsecret, and nothing where it is not.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_renewal_that_is_not_for_a_rejection_keeps_those_of_its_corpsecret(bool isSame)
    {
        var rejected = Row() with
        {
            Rejections = 3,
            RejectionErrcode = 40014,
            RejectionRetryAt = Now.AddSeconds(5),
            RejectionRetrySeconds = 5,
            ServedLogin = true,
        };
        var row = isSame ? rejected : rejected with { SealedWith = "another" };

        var renewed = Renewed(row);

        Assert.False(renewed.ServedLogin);
        Assert.Equal(
            isSame ? (3, 40014, Now.AddSeconds(5), 5.0) : default((int, int?, DateTimeOffset?, double?)),
            (renewed.Rejections, renewed.RejectionErrcode, renewed.RejectionRetryAt, renewed.RejectionRetrySeconds));
    }

    [Fact]
    public void Pauses_say_how_long_they_are_meant_to_be()
    {
        var rejected = Row() with { Rejections = 1 };

        var failed = Row().AfterFailure(new Failure(FailureKind.Misconfigured, 60020), Secret, Now, new FixedChance());
        var replaced = rejected.AfterRenewal(
            new IssuedToken(Token, TimeSpan.FromHours(2)), Now, null, Secret,
            new RenewalRequest(RenewalReason.Rejected, null, null, 42001), Now, new FixedChance());

        Assert.Equal((5, null), (failed.RetrySeconds, Renewed(failed).RetrySeconds));
        Assert.Equal((10, 2, 42001), (replaced.RejectionRetrySeconds, replaced.Rejections, replaced.RejectionErrcode));
        Assert.Equal(
            (null, null),
            (replaced.AfterLogin(TimeSpan.Zero).RejectionRetrySeconds, replaced.AfterLogin(TimeSpan.FromHours(1)).RejectionRetrySeconds));
    }

    [Fact]
    public void A_success_ends_the_failures()
    {
        var failed = Row().AfterFailure(new Failure(FailureKind.Misconfigured, 40001), Secret, Now, new FixedChance());

        var row = Renewed(failed);

        Assert.Equal((0, null, null, null, null), (row.Failures, row.FailureKind, row.FailureErrcode, row.RefusedSecret, row.RetryAt));
    }

    private static TokenRow Row() => Renewed(TokenRow.For(App));

    private static TokenRow Renewed(TokenRow row) => row.AfterRenewal(
        new IssuedToken(Token, TimeSpan.FromHours(2)),
        Now,
        null,
        Secret,
        new RenewalRequest(RenewalReason.Missing, null),
        Now,
        new FixedChance());

    private static string Flip(string sealedToken, int index)
    {
        var bytes = Convert.FromBase64String(sealedToken);
        bytes[index] ^= 1;
        return Convert.ToBase64String(bytes);
    }
}
