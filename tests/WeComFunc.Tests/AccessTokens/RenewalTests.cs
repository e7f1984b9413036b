using Azure;
using WeComFunc.AccessTokens;
using WeComFunc.Secrets;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// The access token rules to the tick, in memory: what <see cref="AccessTokenTests"/> shows through real logins and a real table, here at
/// the very edges.
/// </summary>
public sealed class RenewalTests
{
    private static readonly TimeSpan Tick = new(1);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly ManualTimeProvider _clock = new();
    private readonly MemoryTokenStore _table = new();
    private readonly TokenProcess _process;

    public RenewalTests() => _process = new(_clock, _table);

    private DateTimeOffset Now => _clock.GetUtcNow();

    private TokenRow Row => _table.Row!;

    [Fact]
    public async Task A_token_serves_from_memory_until_ten_minutes_before_its_end()
    {
        var first = await _process.GetAsync();
        var reads = _process.Table.Reads;
        _clock.Advance(110 * Minute);

        var last = await _process.GetAsync();

        Assert.Equal((TokenSource.WeCom, RenewalReason.Missing), (first.Value.Source, first.Value.Reason));
        Assert.Equal((TokenSource.Memory, RenewalReason.None), (last.Value.Source, last.Value.Reason));
        Assert.Equal(new { GetTokenCalls = 1, Reads = reads }, new { _process.GetTokenCalls, _process.Table.Reads });
    }

    [Fact]
    public async Task A_tick_later_it_serves_once_more_and_is_renewed_behind_the_back()
    {
        var first = await _process.GetAsync();
        _clock.Advance((110 * Minute) + Tick);

        var next = await _process.GetAsync();

        Assert.Equal(
            (first.Value.Token, TokenSource.Memory, RenewalReason.Ahead), (next.Value.Token, next.Value.Source, next.Value.Reason));
        Assert.Equal("token-2", (await _process.GetAsync()).Value.Token.Value);
        Assert.Equal(["Information reason missing, outcome renewed, 120 minutes left", "Information reason ahead, outcome renewed, 120 "
            + "minutes left"], _process.Renewals);
    }

    [Fact]
    public async Task At_its_very_end_it_has_expired()
    {
        await _process.GetAsync();
        _clock.Advance(120 * Minute);

        var next = await _process.GetAsync();

        Assert.Equal(("token-2", RenewalReason.Expired), (next.Value.Token.Value, next.Value.Reason));
    }

    [Fact]
    public async Task What_is_not_due_is_looked_at_again_when_the_row_allows_and_not_before()
    {
        await _process.GetAsync();
        _clock.Advance(111 * Minute);
        _table.Put(Row with { RenewableAt = Now + (30 * Second) });
        await _process.GetAsync();
        var reads = _process.Table.Reads;

        var (before, at) = await AroundAsync(30 * Second, () => _process.GetAsync(), () => _process.Table.Reads);

        Assert.Equal(new { before = reads, at = reads + 1, GetTokenCalls = 2 }, new { before, at, _process.GetTokenCalls });
        Assert.Contains("Debug reason ahead, outcome not_due, 9 minutes left", _process.Renewals);
    }

    [Fact]
    public async Task Where_the_row_puts_off_for_more_than_a_minute_one_process_waits_for_the_end_of_the_token()
    {
        await _process.GetAsync();
        _clock.Advance(111 * Minute);
        _table.Put(Row with { RenewableAt = Now + Minute + Tick });
        await _process.GetAsync();
        var reads = _process.Table.Reads;
        _clock.Advance(8 * Minute);

        await _process.GetAsync();

        Assert.Equal(new { GetTokenCalls = 1, Reads = reads }, new { _process.GetTokenCalls, _process.Table.Reads });
    }

    [Fact]
    public async Task After_a_minute_that_the_row_puts_off_it_is_looked_at_again()
    {
        await _process.GetAsync();
        _clock.Advance(111 * Minute);
        _table.Put(Row with { RenewableAt = Now + Minute });
        await _process.GetAsync();
        _clock.Advance(Minute);

        await _process.GetAsync();

        Assert.Equal(2, _process.GetTokenCalls);
    }

    [Fact]
    public async Task The_timer_renews_a_tick_under_forty_minutes_and_not_at_forty()
    {
        await _process.GetAsync();
        _clock.Advance(80 * Minute);
        await _process.RefreshAsync();
        var at = _process.GetTokenCalls;
        _clock.Advance(Tick);

        await _process.RefreshAsync();

        Assert.Equal(new { at = 1, GetTokenCalls = 2 }, new { at, _process.GetTokenCalls });
        Assert.Equal(
            ["Information reason timer, outcome not_due, 40 minutes left", "Information reason timer, outcome renewed, 120 minutes left"],
            _process.Renewals.Skip(1));
    }

    [Fact]
    public async Task The_timer_finds_in_the_row_what_another_process_renewed()
    {
        await _process.GetAsync();
        var other = new TokenProcess(_clock, _table) { WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("another")) };
        _clock.Advance(81 * Minute);
        await other.RefreshAsync();

        await _process.RefreshAsync();

        Assert.Equal("another", (await _process.GetAsync()).Value.Token.Value);
        Assert.Equal(1, _process.GetTokenCalls);
    }

    [Fact]
    public async Task A_run_of_the_timer_that_has_nothing_to_do_says_so_in_a_new_process_too()
    {
        await _process.GetAsync();
        var other = new TokenProcess(_clock, _table);

        await other.RefreshAsync();

        Assert.Equal("Information reason timer, outcome not_due, 120 minutes left", Assert.Single(other.Renewals));
    }

    [Theory]
    [InlineData(60, "another")]
    [InlineData(-299, "another")]
    [InlineData(-300, "another")]
    [InlineData(-301, "token-1")]
    [InlineData(251_000_000_000, "another")]
    public async Task The_token_of_the_row_is_taken_at_once_unless_it_is_older_than_clocks_explain(long seconds, string expected)
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Issue($"token-{_process.GetTokenCalls}"));
        await _process.GetAsync();
        _table.Put(Row with
        {
            SealedToken = TokenProcess.Secret.Seal(SealPurpose.AccessToken, "another", $"{Row.PartitionKey}\n{Row.RowKey}"),
            ObtainedAt = Now + (seconds * Second),
        });
        _clock.Advance(111 * Minute);
        _process.WeCom = (_, limit) => Hang<string>(limit);
        await _process.GetAsync();

        Assert.Equal(expected, (await _process.GetAsync()).Value.Token.Value);
    }

    [Fact]
    public async Task Where_the_row_holds_an_older_token_than_memory_memory_goes_on()
    {
        await _process.GetAsync();
        var old = Row;
        _clock.Advance(81 * Minute);
        await _process.RefreshAsync();
        _table.Put(old);

        await _process.RefreshAsync();

        Assert.Equal("token-2", (await _process.GetAsync()).Value.Token.Value);
        Assert.Equal("Information reason timer, outcome not_due, 120 minutes left", _process.Renewals.Last());
    }

    [Fact]
    public async Task The_timer_run_ends_when_the_row_is_written()
    {
        var writing = new TaskCompletionSource();
        _process.Table.BeforeWrite = (row, _) => row.Lease is null ? writing.Task : Task.CompletedTask;

        var run = _process.RefreshAsync();

        var (early, token) = (run.IsCompleted, await _process.GetAsync());
        writing.SetResult();
        await run;
        Assert.Equal((false, "token-1"), (early, token.Value.Token.Value));
        Assert.Null(Row.Lease);
    }

    [Fact]
    public async Task The_timer_runs_after_a_renewal_that_is_under_way()
    {
        await _process.GetAsync();
        var writing = new TaskCompletionSource();
        _process.Table.BeforeWrite = (row, _) => row.Lease is null ? writing.Task : Task.CompletedTask;
        _clock.Advance(111 * Minute);
        await _process.GetAsync();

        var run = _process.RefreshAsync();
        var early = _process.Renewals.Count(line => line.Contains("timer"));
        writing.SetResult();
        await run;

        Assert.Equal((0, 1), (early, _process.Renewals.Count(line => line.Contains("timer"))));
    }

    [Fact]
    public async Task The_timer_fails_a_tick_under_ten_minutes_and_not_at_ten()
    {
        await _process.GetAsync();
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));
        _clock.Advance(110 * Minute);
        await _process.RefreshAsync();
        _clock.Advance(Tick);

        var failure = await Assert.ThrowsAsync<TokenRenewalException>(() => _process.RefreshAsync());

        Assert.StartsWith(
            "The access_token of wwtokenprocess was not renewed (Misconfigured, errcode 60020, app default) and has 10 minutes left. WeCom "
            + "does not trust",
            failure.Message);
        Assert.StartsWith(
            "Warning reason timer, outcome failed, 10 minutes left, failure Misconfigured, errcode 60020, next try in 5 s.",
            _process.Renewals.ElementAt(1));
        Assert.StartsWith(
            "Information reason timer, outcome held_off, 10 minutes left, failure Misconfigured, errcode 60020, next try in 5 s.",
            _process.Renewals.Last());
    }

    [Fact]
    public async Task The_timer_without_any_token_fails_with_none_left()
    {
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(new Failure(FailureKind.Busy));

        var failure = await Assert.ThrowsAsync<TokenRenewalException>(() => _process.RefreshAsync());

        Assert.StartsWith(
            "The access_token of wwtokenprocess was not renewed (Busy, errcode none, app default) and has 0 minutes left.",
            failure.Message);
        Assert.StartsWith("Warning reason timer, outcome failed, 0 minutes left, failure Busy,", _process.Renewals.Single());
    }

    [Fact]
    public async Task The_timer_run_can_be_given_up()
    {
        _process.WeCom = (_, limit) => Hang<string>(limit);
        using var stop = new CancellationTokenSource();
        var run = _process.RefreshAsync(stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        Assert.False(_process.WhenIdle().IsCompleted);
    }

    [Fact]
    public async Task Whoever_waits_shares_the_fetch_and_may_give_up_alone()
    {
        var answer = new TaskCompletionSource<string>();
        _process.WeCom = (_, _) => answer.Task;
        using var impatience = new CancellationTokenSource();
        var (impatient, patient) = (_process.GetAsync(impatience.Token), _process.GetAsync());

        await impatience.CancelAsync();
        var gaveUp = await impatient;
        answer.SetResult(TokenProcess.Issue("shared"));

        Assert.Equal(FailureKind.Busy, gaveUp.Failure?.Kind);
        Assert.Equal("shared", (await patient).Value.Token.Value);
        Assert.Equal(1, _process.GetTokenCalls);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whoever_waits_has_the_token_before_the_row_is_written(bool isTimerFirst)
    {
        var (answer, writing) = (new TaskCompletionSource<string>(), new TaskCompletionSource());
        _process.WeCom = (_, _) => answer.Task;
        _process.Table.BeforeWrite = (row, _) => row.Lease is null ? writing.Task : Task.CompletedTask;
        var first = isTimerFirst ? _process.RefreshAsync() : _process.GetAsync();
        var second = _process.GetAsync();
        answer.SetResult(TokenProcess.Issue("token"));

        Assert.Equal("token", (await second).Value.Token.Value);
        Assert.NotNull(Row.Lease);
        writing.SetResult();
        await first;
    }

    [Fact]
    public async Task A_rejected_token_that_WeCom_gives_again_is_handed_out_once_more()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("same"));
        var rejected = (await _process.GetAsync()).Value.Token;
        var reads = _process.Table.Reads;

        var again = await _process.ReplaceAsync(rejected);

        Assert.Equal(("same", TokenSource.WeCom), (again.Value.Token.Value, again.Value.Source));
        Assert.Equal(
            new { GetTokenCalls = 2, Reads = reads + 1, Rejections = 1 },
            new { _process.GetTokenCalls, _process.Table.Reads, Row.Rejections });
    }

    [Fact]
    public async Task A_failed_fetch_answers_all_who_waited_for_it()
    {
        var answer = new TaskCompletionSource<string>();
        _process.WeCom = (_, _) => answer.Task;
        var waiting = Enumerable.Range(0, 5).Select(_ => _process.GetAsync()).ToArray();

        answer.SetResult(TokenProcess.Refuse(60020));

        Assert.All(await Task.WhenAll(waiting), result => Assert.Equal(60020, result.Failure?.Errcode));
        Assert.Equal(new { GetTokenCalls = 1, Reads = 1 }, new { _process.GetTokenCalls, _process.Table.Reads });
    }

    [Fact]
    public async Task A_login_that_has_no_token_does_not_take_the_failure_of_a_timer_run_for_its_own()
    {
        var writing = new TaskCompletionSource();
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(new Failure(FailureKind.Busy));
        _process.Table.BeforeRead = _ => writing.Task;
        var run = _process.RefreshAsync();
        var login = _process.GetAsync();
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(TokenProcess.Secret);
        _clock.Advance(Second);

        writing.SetResult();

        await Assert.ThrowsAsync<TokenRenewalException>(() => run);
        Assert.Equal("token-1", (await login).Value.Token.Value);
    }

    [Fact]
    public async Task A_rejected_token_is_replaced_and_only_what_works_ends_its_probation()
    {
        var rejected = (await _process.GetAsync()).Value.Token;

        var next = (await _process.ReplaceAsync(rejected, 40014)).Value;

        Assert.Equal(("token-2", true, RenewalReason.Rejected), (next.Token.Value, next.Token.OnProbation, next.Reason));
        Assert.Equal((1, 40014, Now + (5 * Second)), (Row.Rejections, Row.RejectionErrcode, Row.RejectionRetryAt));
        _process.Confirm(rejected);
        Assert.Equal(1, Row.Rejections);
        _process.Confirm(next.Token);
        Assert.Equal((1, 40014, null), (Row.Rejections, Row.RejectionErrcode, Row.RejectionRetryAt));
        _clock.Advance(Minute - Tick);
        _process.Confirm(next.Token);
        Assert.Equal(1, Row.Rejections);
        _clock.Advance(Tick);
        _process.Confirm(next.Token);
        Assert.Equal((0, null, null), (Row.Rejections, Row.RejectionErrcode, Row.RejectionRetryAt));
        var confirmed = (await _process.GetAsync()).Value.Token;
        var reads = _process.Table.Reads;
        _process.Confirm(confirmed);
        _process.Confirm(next.Token);
        Assert.Equal((false, reads), (confirmed.OnProbation, _process.Table.Reads));
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    public async Task Rejections_are_forgotten_by_processes_that_log_in_too_seldom_to_watch_a_token(bool isEarly, int expected)
    {
        await _process.ReplaceAsync((await _process.GetAsync()).Value.Token);
        var other = new TokenProcess(_clock, _table);
        _clock.Advance(isEarly ? (6 * Minute) - Tick : 6 * Minute);

        other.Confirm((await other.GetAsync()).Value.Token);

        Assert.Equal((true, expected), (Row.ProvenSecret is not null, Row.Rejections));
    }

    [Fact]
    public async Task A_token_that_WeCom_gives_again_after_it_was_rejected_has_to_work_for_a_minute_from_then_on()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("same"));
        var rejected = (await _process.GetAsync()).Value.Token;
        _clock.Advance(60 * Minute);
        var again = (await _process.ReplaceAsync(rejected)).Value.Token;

        _process.Confirm(again);

        Assert.Equal((1, Now, Now + (60 * Minute)), (Row.Rejections, Row.ObtainedAt, Row.ExpiresAt));
    }

    [Fact]
    public async Task A_token_that_works_leaves_a_row_alone_that_holds_another_or_no_rejection()
    {
        var next = (await _process.ReplaceAsync((await _process.GetAsync()).Value.Token)).Value.Token;
        var (other, writes) = (TokenRow.For(TokenProcess.App) with { Rejections = 2 }, _process.Table.Writes);
        _table.Put(other);
        _process.Confirm(next);
        Assert.Equal(new { Rejections = 2, Writes = writes }, new { Row.Rejections, _process.Table.Writes });

        next = (await _process.ReplaceAsync((await _process.GetAsync()).Value.Token)).Value.Token;
        (other, writes) = (Row with { Rejections = 0, ProvenSecret = TokenProcess.Secret.Fingerprint }, _process.Table.Writes);
        _table.Put(other);
        _process.Confirm(next);
        Assert.Equal(writes, _process.Table.Writes);
    }

    [Fact]
    public async Task A_token_that_works_before_the_row_is_written_ends_its_probation_too()
    {
        var rejected = (await _process.GetAsync()).Value.Token;
        var writing = new TaskCompletionSource();
        _process.Table.BeforeWrite = (row, _) => row is { Lease: null, Rejections: > 0 } ? writing.Task : Task.CompletedTask;
        var next = (await _process.ReplaceAsync(rejected)).Value.Token;

        _process.Confirm(next);
        writing.SetResult();

        Assert.Equal((true, null, "token-2"), (Row.ServedLogin, Row.RejectionRetryAt, Row.Open(TokenProcess.Secret)?.Value));
    }

    [Fact]
    public async Task Without_a_table_a_process_remembers_its_rejections_by_itself_until_a_token_works()
    {
        _process.Table.BeforeRead = _ => throw new HttpRequestException("no table");
        var rejected = (await _process.GetAsync()).Value.Token;
        var second = (await _process.ReplaceAsync(rejected)).Value.Token;
        var held = await _process.ReplaceAsync(second);
        Assert.Equal((FailureKind.Misconfigured, 42001), (held.Failure?.Kind, held.Failure?.Errcode));
        _process.Confirm(second);

        var third = await _process.ReplaceAsync(second);

        Assert.Equal("token-3", third.Value.Token.Value);
        Assert.Equal(0, _process.Table.Writes);
    }

    [Fact]
    public async Task A_second_rejection_is_held_off_for_five_seconds_to_the_tick()
    {
        var rejected = (await _process.GetAsync()).Value.Token;
        var second = (await _process.ReplaceAsync(rejected)).Value.Token;
        _clock.Advance((5 * Second) - Tick);
        var held = await _process.ReplaceAsync(second);
        _clock.Advance(Tick);

        var third = await _process.ReplaceAsync(second);

        Assert.Equal(Tick, held.Failure?.RetryAfter);
        Assert.Equal("token-3", third.Value.Token.Value);
        Assert.Equal((2, Now + (10 * Second)), (Row.Rejections, Row.RejectionRetryAt));
    }

    [Fact]
    public async Task A_login_whose_token_another_login_replaced_already_takes_the_replacement()
    {
        var rejected = (await _process.GetAsync()).Value.Token;
        await _process.ReplaceAsync(rejected);
        var reads = _process.Table.Reads;

        var next = await _process.ReplaceAsync(rejected);

        Assert.Equal(("token-2", TokenSource.Memory), (next.Value.Token.Value, next.Value.Source));
        Assert.Equal(new { GetTokenCalls = 2, Reads = reads }, new { _process.GetTokenCalls, _process.Table.Reads });
    }

    [Fact]
    public async Task A_renewal_that_gives_the_rejected_token_is_followed_by_one_of_its_own()
    {
        var rejected = (await _process.GetAsync()).Value.Token;
        var reading = new TaskCompletionSource();
        _process.Table.BeforeRead = _ => reading.Task;
        _clock.Advance(20 * Minute);
        var run = _process.RefreshAsync();

        var replacing = _process.ReplaceAsync(rejected);
        _process.Table.BeforeRead = null;
        reading.SetResult();
        await run;

        Assert.Equal("token-2", (await replacing).Value.Token.Value);
    }

    [Fact]
    public async Task The_life_of_a_token_counts_from_the_instant_before_gettoken_was_sent()
    {
        var answer = new TaskCompletionSource<string>();
        _process.WeCom = (_, _) => answer.Task;
        var sentAt = Now;
        var login = _process.GetAsync();
        _clock.Advance(2 * Second);
        answer.SetResult(TokenProcess.Issue("token"));
        await login;

        Assert.Equal((sentAt, sentAt + (120 * Minute), Now + Minute), (Row.ObtainedAt, Row.ExpiresAt, Row.RenewableAt));
    }

    [Fact]
    public async Task Without_a_timer_a_day_costs_one_gettoken_per_token()
    {
        for (var minutes = 0; minutes < 24 * 60; minutes += 4)
        {
            Assert.Null((await _process.GetAsync()).Failure);
            _clock.Advance(4 * Minute);
        }

        Assert.Equal(13, _process.GetTokenCalls);
    }

    [Fact]
    public async Task A_token_of_five_minutes_is_renewed_once_a_minute_at_most()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Issue($"token-{_process.GetTokenCalls}", 300));
        for (var seconds = 0; seconds < 600; seconds += 5)
        {
            Assert.Null((await _process.GetAsync()).Failure);
            _clock.Advance(5 * Second);
        }

        Assert.Equal(10, _process.GetTokenCalls);
    }

    [Fact]
    public async Task A_failed_renewal_keeps_the_token_until_it_ends()
    {
        await _process.GetAsync();
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));
        _clock.Advance((120 * Minute) - Tick);
        var last = await _process.GetAsync();
        _clock.Advance(Tick);

        Assert.Equal("token-1", last.Value.Token.Value);
        Assert.Equal(60020, (await _process.GetAsync()).Failure?.Errcode);
    }

    [Fact]
    public async Task The_same_token_again_keeps_its_times_and_puts_the_next_try_off_for_half_its_life()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("same"));
        await _process.GetAsync();
        var (obtainedAt, expiresAt) = (Row.ObtainedAt, Row.ExpiresAt);
        _clock.Advance(112 * Minute);

        await _process.GetAsync();

        Assert.Equal((obtainedAt, expiresAt, Now + (4 * Minute)), (Row.ObtainedAt, Row.ExpiresAt, Row.RenewableAt));
        Assert.Equal("Information reason ahead, outcome same_token, 8 minutes left", _process.Renewals.Last());
        var reads = _process.Table.Reads;
        _clock.Advance((8 * Minute) - Tick);
        await _process.GetAsync();
        Assert.Equal(reads, _process.Table.Reads);
    }

    [Fact]
    public async Task The_same_token_with_less_time_left_than_was_known_ends_earlier()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("same"));
        await _process.GetAsync();
        _clock.Advance(112 * Minute);
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("same", 60));

        await _process.GetAsync();

        Assert.Equal((Now + Minute, Now + Minute), (Row.ExpiresAt, Row.RenewableAt));
    }

    [Fact]
    public async Task The_same_token_after_its_end_counts_anew()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("same"));
        await _process.GetAsync();
        _clock.Advance(120 * Minute);

        await _process.GetAsync();

        Assert.Equal((Now, Now + (120 * Minute)), (Row.ObtainedAt, Row.ExpiresAt));
    }

    [Fact]
    public async Task A_lease_that_does_not_change_is_taken_over_after_six_seconds_to_the_poll()
    {
        _table.Put(TokenRow.For(TokenProcess.App) with { Lease = "another", LeasedAt = Now });
        var login = _process.GetAsync();

        // Without jitter the row is looked at every 200 ms: the thirtieth look is at six seconds.
        for (var looks = 1; looks < 30; looks++)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(200));
        }

        var before = _process.GetTokenCalls;
        _clock.Advance(TimeSpan.FromMilliseconds(200));
        await login;

        Assert.Equal(new { before = 0, GetTokenCalls = 1, Reads = 31 }, new { before, _process.GetTokenCalls, _process.Table.Reads });
        Assert.Contains(
            "Warning The process that was renewing the access_token of wwtokenprocess did not finish: its lease is taken over",
            _process.Log.All);
        Assert.Null(Row.Lease);
    }

    [Fact]
    public async Task A_lease_that_changes_hands_is_watched_from_the_beginning()
    {
        _table.Put(TokenRow.For(TokenProcess.App) with { Lease = "another", LeasedAt = Now });
        var login = _process.GetAsync();
        _clock.Advance(5 * Second);
        _table.Put(Row with { Lease = "a third" });
        _clock.Advance(5 * Second);
        var before = _process.GetTokenCalls;
        _clock.Advance(2 * Second);

        await login;

        Assert.Equal(new { before = 0, GetTokenCalls = 1 }, new { before, _process.GetTokenCalls });
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    public async Task A_lease_of_five_minutes_is_dead_at_sight_and_a_tick_less_is_not(int direction)
    {
        _table.Put(TokenRow.For(TokenProcess.App) with { Lease = "another", LeasedAt = Now + (direction * ((5 * Minute) - Tick)) });
        var waiting = _process.GetAsync();
        var alive = _process.GetTokenCalls;
        var (clock, table) = (new ManualTimeProvider(), new MemoryTokenStore());
        var other = new TokenProcess(clock, table);
        table.Put(TokenRow.For(TokenProcess.App) with { Lease = "another", LeasedAt = clock.GetUtcNow() + (direction * 5 * Minute) });

        await other.GetAsync();

        Assert.Equal((0, false, 1), (alive, waiting.IsCompleted, other.GetTokenCalls));
    }

    [Fact]
    public async Task While_another_renews_the_token_in_use_does_and_the_row_is_looked_at_after_six_seconds()
    {
        await _process.GetAsync();
        _clock.Advance(111 * Minute);
        _table.Put(Row with { Lease = "another", LeasedAt = Now, RenewableAt = null });
        await _process.GetAsync();
        var reads = _process.Table.Reads;
        var (before, at) = await AroundAsync(6 * Second, () => _process.GetAsync(), () => _process.Table.Reads);

        Assert.Equal(new { before = reads, at = reads + 1, GetTokenCalls = 1 }, new { before, at, _process.GetTokenCalls });
        Assert.Equal("Debug reason ahead, outcome elsewhere, 9 minutes left", _process.Renewals.Last());
    }

    [Fact]
    public async Task The_lease_stands_in_the_row_while_gettoken_is_under_way()
    {
        var answer = new TaskCompletionSource<string>();
        _process.WeCom = (_, _) => answer.Task;

        var login = _process.GetAsync();

        Assert.Equal((32, Now, Now + Minute), (Row.Lease?.Length, Row.LeasedAt, Row.RenewableAt));
        answer.SetResult(TokenProcess.Issue("token"));
        await login;
        Assert.Equal((null, null, Now + Minute), (Row.Lease, Row.LeasedAt, Row.RenewableAt));
        Assert.DoesNotContain(_process.Log.All, line => line.Contains("taken over"));
    }

    [Fact]
    public async Task Whoever_loses_the_race_for_the_lease_takes_what_the_winner_got()
    {
        var other = new TokenProcess(_clock, _table);
        var isFirst = true;
        _process.Table.BeforeWrite = async (_, _) =>
        {
            if (isFirst)
            {
                isFirst = false;
                await other.GetAsync(CancellationToken.None);
            }
        };

        var login = await _process.GetAsync();

        Assert.Equal(
            ("token-1", TokenSource.Table, 0, 1),
            (login.Value.Token.Value, login.Value.Source, _process.GetTokenCalls, other.GetTokenCalls));
    }

    [Fact]
    public async Task A_table_that_refuses_every_write_is_tried_twice_and_then_gone_without()
    {
        var process = new TokenProcess(_clock, new Refusing());

        await process.GetAsync();

        Assert.Equal(
            new { GetTokenCalls = 1, Reads = 2, Writes = 2 },
            new { process.GetTokenCalls, process.Table.Reads, process.Table.Writes });
    }

    [Fact]
    public async Task A_table_that_does_not_answer_is_given_up_after_two_seconds_to_the_tick()
    {
        _process.Table.BeforeRead = Hang<bool>;
        var login = _process.GetAsync();
        _clock.Advance((2 * Second) - Tick);
        var before = _process.GetTokenCalls;
        _clock.Advance(Tick);
        await login;

        Assert.Equal(new { before = 0, GetTokenCalls = 1, Writes = 0 }, new { before, _process.GetTokenCalls, _process.Table.Writes });
        Assert.Contains(_process.Log.All, line => line.StartsWith("Warning The token row could not be read: no answer in time."));
    }

    [Fact]
    public async Task A_table_that_ignores_its_limit_is_given_up_all_the_same()
    {
        var never = new TaskCompletionSource();
        _process.Table.BeforeRead = _ => never.Task;
        _process.Table.BeforeWrite = (_, _) => never.Task;
        var login = _process.GetAsync();

        _clock.Advance(2 * Second);

        Assert.Equal("token-1", (await login).Value.Token.Value);
    }

    [Fact]
    public async Task A_table_that_takes_no_writes_is_tried_twice_for_the_lease_and_not_for_the_token()
    {
        _process.Table.BeforeWrite = (_, _) => throw new RequestFailedException(403, "no", "AuthorizationFailure", null);

        await _process.GetAsync();

        Assert.Equal(new { GetTokenCalls = 1, Writes = 2 }, new { _process.GetTokenCalls, _process.Table.Writes });
        Assert.Contains(
            _process.Log.All,
            line => line.StartsWith("Warning The token row could not be written: HTTP status 403, AuthorizationFailure."));
    }

    [Theory]
    [InlineData(0, "no connection")]
    [InlineData(400, "HTTP status 400")]
    [InlineData(-1, "InvalidOperationException")]
    public async Task What_the_table_failed_with_stands_in_the_log(int status, string expected)
    {
        _process.Table.BeforeRead = _ =>
            throw (status < 0 ? new InvalidOperationException("odd") : new RequestFailedException(status, "no"));

        await _process.GetAsync();

        Assert.Contains(_process.Log.All, line => line.StartsWith($"Warning The token row could not be read: {expected}."));
    }

    [Fact]
    public async Task Without_the_table_a_process_keeps_the_pauses_it_knew()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));
        await _process.GetAsync();
        _process.Table.BeforeRead = _ => throw new HttpRequestException("no table");

        var held = await _process.GetAsync();

        Assert.Equal((60020, 1), (held.Failure?.Errcode, _process.GetTokenCalls));
        _clock.Advance(5 * Second);
        await _process.GetAsync();
        Assert.Equal(2, _process.GetTokenCalls);
    }

    [Fact]
    public async Task A_lease_seen_before_the_table_went_away_keeps_nobody_waiting()
    {
        _table.Put(TokenRow.For(TokenProcess.App) with { Lease = "another", LeasedAt = Now });
        var login = _process.GetAsync();
        _process.Table.BeforeRead = _ => throw new HttpRequestException("no table");

        _clock.Advance(Second);

        Assert.Equal("token-1", (await login).Value.Token.Value);
        Assert.DoesNotContain(_process.Log.All, line => line.Contains("taken over"));
    }

    [Fact]
    public async Task Gettoken_is_given_up_after_three_seconds_to_the_tick()
    {
        _process.WeCom = (_, limit) => Hang<string>(limit);
        var login = _process.GetAsync();
        _clock.Advance((3 * Second) - Tick);
        var early = login.IsCompleted;
        _clock.Advance(Tick);

        Assert.Equal((false, new Failure(FailureKind.Busy, null, Second)), (early, (await login).Failure));
        Assert.Equal((1, nameof(FailureKind.Busy), Now + Second), (Row.Failures, Row.FailureKind, Row.RetryAt));
    }

    [Fact]
    public async Task A_failure_holds_the_fleet_off_to_the_tick_and_a_success_ends_it()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));
        await _process.GetAsync();
        var other = new TokenProcess(_clock, _table);
        _clock.Advance((5 * Second) - Tick);
        var held = await other.GetAsync();
        _clock.Advance(Tick);

        var next = await other.GetAsync();

        Assert.Equal(new Failure(FailureKind.Misconfigured, 60020, Tick), held.Failure);
        Assert.Equal(("token-1", 0, null), (next.Value.Token.Value, Row.Failures, Row.RetryAt));
    }

    [Fact]
    public async Task A_failed_renewal_ahead_of_time_is_tried_again_after_its_pause_and_not_before()
    {
        await _process.GetAsync();
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));
        _clock.Advance(111 * Minute);
        Assert.Equal("token-1", (await _process.GetAsync()).Value.Token.Value);
        var reads = _process.Table.Reads;
        var (before, at) = await AroundAsync(5 * Second, () => _process.GetAsync(), () => _process.Table.Reads);

        Assert.Equal(new { before = reads, at = reads + 1 }, new { before, at });
    }

    [Fact]
    public async Task What_another_process_failed_with_is_looked_at_again_after_its_pause_and_not_before()
    {
        await _process.GetAsync();
        _clock.Advance(111 * Minute);
        _table.Put(Row with { Failures = 1, FailureKind = nameof(FailureKind.Busy), RetryAt = Now + (5 * Second) });
        await _process.GetAsync();
        var reads = _process.Table.Reads;
        var (before, at) = await AroundAsync(5 * Second, () => _process.GetAsync(), () => _process.Table.Reads);

        Assert.Equal(new { before = reads, at = reads + 1, GetTokenCalls = 2 }, new { before, at, _process.GetTokenCalls });
    }

    [Fact]
    public async Task Without_the_vault_a_cold_process_has_no_token()
    {
        await _process.GetAsync();
        var other = new TokenProcess(_clock, _table) { Vault = _ => Task.FromResult<Result<CorpSecret>>(new Failure(FailureKind.Busy)) };

        var none = await other.GetAsync();

        Assert.Equal(new Failure(FailureKind.Busy), none.Failure);
        Assert.StartsWith("Warning reason missing, outcome failed, 0 minutes left, failure Busy,", other.Renewals.Single());
    }

    [Fact]
    public async Task A_vault_that_breaks_the_code_answers_all_and_the_next_login_begins_anew()
    {
        var read = new TaskCompletionSource<Result<CorpSecret>>();
        _process.Vault = _ => read.Task;
        var (one, two) = (_process.GetAsync(), _process.GetAsync());
        read.SetException(new InvalidOperationException("a defect"));

        await Assert.ThrowsAsync<InvalidOperationException>(() => one);
        await Assert.ThrowsAsync<InvalidOperationException>(() => two);
        Assert.Contains(_process.Log.All, line => line.StartsWith("Error The renewal of the access_token of wwtokenprocess broke off"));
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(TokenProcess.Secret);
        await _process.WhenIdle();
        Assert.Equal("token-1", (await _process.GetAsync()).Value.Token.Value);
    }

    [Theory]
    [InlineData(40001)]
    [InlineData(40091)]
    public async Task A_corpsecret_that_changed_is_tried_at_once_in_the_same_login(int errcode)
    {
        var rotated = new CorpSecret("the-corpsecret-after-the-rotation-00000001");
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(_process.VaultReads > 1 ? rotated : TokenProcess.Secret);
        _process.WeCom = (secret, _) =>
            Task.FromResult(secret == rotated.Value ? TokenProcess.Issue("token") : TokenProcess.Refuse(errcode));

        var login = await _process.GetAsync();

        Assert.Equal(("token", 2, 2), (login.Value.Token.Value, _process.GetTokenCalls, _process.VaultReads));
        Assert.Equal((rotated.Fingerprint, 0), (Row.SealedWith, Row.Failures));
        Assert.Equal("token", Row.Open(rotated)?.Value);
    }

    [Fact]
    public async Task A_corpsecret_that_did_not_change_is_not_tried_twice_and_holds_the_fleet_off()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(40001));

        var login = await _process.GetAsync();

        Assert.Equal(
            (new Failure(FailureKind.Misconfigured, 40001, 5 * Second), 1, 2),
            (login.Failure, _process.GetTokenCalls, _process.VaultReads));
        Assert.Equal(TokenProcess.Secret.Fingerprint, Row.RefusedSecret);
    }

    [Fact]
    public async Task Another_failure_is_no_reason_to_ask_the_vault_again()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));

        await _process.GetAsync();

        Assert.Equal(new { GetTokenCalls = 1, VaultReads = 1 }, new { _process.GetTokenCalls, _process.VaultReads });
        Assert.Null(Row.RefusedSecret);
    }

    [Fact]
    public async Task A_row_sealed_with_another_corpsecret_is_a_reason_to_ask_the_vault_again()
    {
        var rotated = new CorpSecret("the-corpsecret-after-the-rotation-00000001");
        await _process.GetAsync();
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(rotated);
        var other = new TokenProcess(_clock, _table)
        {
            Vault = _process.Vault,
            WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("sealed anew")),
        };
        await other.GetAsync();
        _clock.Advance(Second);

        await _process.RefreshAsync();

        Assert.Equal("sealed anew", (await _process.GetAsync()).Value.Token.Value);
        var told = _process.Log.All.Count(line => line.Contains("The corpsecret was read"));
        Assert.Equal(new { GetTokenCalls = 1, VaultReads = 2, told = 2 }, new { _process.GetTokenCalls, _process.VaultReads, told });
    }

    [Fact]
    public async Task A_row_that_says_that_tokens_of_the_corpsecret_are_rejected_for_good_is_a_reason_to_ask_the_vault_again()
    {
        await _process.GetAsync();
        _table.Put(Row with { Rejections = 2, RejectionErrcode = 40014 });
        await _process.RefreshAsync();
        var reads = _process.VaultReads;

        var (before, at) = await AroundAsync(Minute, () => _process.RefreshAsync(), () => _process.VaultReads);

        Assert.Equal((2, 2, 3), (reads, before, at));
    }

    [Fact]
    public async Task While_a_refused_corpsecret_is_held_off_the_vault_is_asked_once_a_minute_to_the_tick()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(40001));
        await _process.GetAsync();
        var reads = _process.VaultReads;
        await _process.GetAsync();
        var (before, at) = await AroundAsync(Minute, () => _process.GetAsync(), () => _process.VaultReads);

        Assert.Equal(new { before = reads, at = reads + 1 }, new { before, at });
    }

    [Fact]
    public async Task A_corpsecret_is_kept_for_an_hour_to_the_tick()
    {
        await _process.Secrets.GetAsync();
        var (before, at) = await AroundAsync(60 * Minute, _process.Secrets.GetAsync, () => _process.VaultReads);

        Assert.Equal(new { before = 1, at = 2 }, new { before, at });
        Assert.Single(
            _process.Log.All,
            $"Information The corpsecret was read from wecom-corpsecret; its fingerprint is {TokenProcess.Secret.Fingerprint}");
    }

    [Fact]
    public async Task While_the_vault_fails_the_kept_corpsecret_goes_on_and_it_is_asked_once_a_minute_to_the_tick()
    {
        await _process.Secrets.GetAsync();
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(new Failure(FailureKind.Busy));
        _clock.Advance(60 * Minute);
        var kept = await _process.Secrets.GetAsync();
        var (before, at) = await AroundAsync(Minute, _process.Secrets.GetAsync, () => _process.VaultReads);

        Assert.Equal((TokenProcess.Secret, FailureKind.Busy), (kept.Value, _process.Secrets.Failure?.Kind));
        Assert.Equal(new { before = 2, at = 3 }, new { before, at });
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Without_any_corpsecret_the_vault_is_asked_once_a_second_to_the_tick(bool isReread)
    {
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(new Failure(FailureKind.Misconfigured));
        Task<Result<CorpSecret>> ReadAsync() =>
            isReread ? _process.Secrets.RereadAsync(CancellationToken.None) : _process.Secrets.GetAsync();
        await ReadAsync();
        _clock.Advance(Second - Tick);
        var again = await ReadAsync();
        var before = _process.VaultReads;
        _clock.Advance(Tick);

        await ReadAsync();

        Assert.Equal((1, 2, FailureKind.Misconfigured), (before, _process.VaultReads, again.Failure?.Kind));
    }

    [Fact]
    public async Task Everybody_who_wants_the_corpsecret_at_once_shares_one_reading()
    {
        var read = new TaskCompletionSource<Result<CorpSecret>>();
        _process.Vault = _ => read.Task;
        var readings = Enumerable.Range(0, 3).Select(_ => _process.Secrets.GetAsync()).ToArray();
        read.SetResult(TokenProcess.Secret);

        Assert.All(await Task.WhenAll(readings), secret => Assert.Equal(TokenProcess.Secret, secret.Value));
        Assert.Equal(1, _process.VaultReads);
    }

    [Fact]
    public async Task A_reading_of_the_vault_ends_after_three_seconds_and_the_waiting_for_it_with_its_callers_limit()
    {
        _process.Vault = limit => Hang<Result<CorpSecret>>(limit);
        var reading = Task.Run(_process.Secrets.GetAsync);
        await _clock.WaitForTimersAsync(1);
        _clock.Advance((3 * Second) - Tick);
        var early = reading.IsCompleted;
        _clock.Advance(Tick);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        Assert.False(early);
        Assert.Equal(FailureKind.Busy, (await _process.Secrets.RereadAsync(new CancellationToken(canceled: true))).Failure?.Kind);
    }

    /// <summary>A count after a look a tick before an instant, and after another one at the very instant.</summary>
    private async Task<(int Before, int At)> AroundAsync(TimeSpan instant, Func<Task> look, Func<int> count)
    {
        _clock.Advance(instant - Tick);
        await look();
        var before = count();
        _clock.Advance(Tick);
        await look();
        return (before, count());
    }

    private static async Task<T> Hang<T>(CancellationToken limit)
    {
        await Task.Delay(Timeout.Infinite, limit);
        throw new InvalidOperationException("never");
    }

    /// <summary>A table whose every write comes too late.</summary>
    private sealed class Refusing : ITokenStore
    {
        public Task<TokenRow?> ReadAsync(WeComApp app, CancellationToken cancellationToken) => Task.FromResult<TokenRow?>(null);

        public Task<ETag?> WriteAsync(TokenRow row, CancellationToken cancellationToken) => Task.FromResult<ETag?>(null);
    }
}
