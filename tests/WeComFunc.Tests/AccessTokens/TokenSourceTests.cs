using WeComFunc.AccessTokens;
using WeComFunc.Secrets;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// What a process leaves behind when it renews, confirms and doubts: lines, measurements, and no call too many (rules T6, T8, T12).
/// </summary>
public sealed class TokenSourceTests
{
    private static readonly TimeSpan Tick = new(1);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);
    private static readonly CorpSecret Rotated = new("the-corpsecret-after-the-rotation-00000001");

    private readonly ManualTimeProvider _clock = new();
    private readonly MemoryTokenStore _table = new();
    private readonly TokenProcess _process;

    public TokenSourceTests() => _process = new(_clock, _table);

    private DateTimeOffset Now => _clock.GetUtcNow();

    private TokenRow Row => _table.Row!;

    [Fact]
    public async Task The_age_of_the_token_and_what_it_has_left_are_measured_while_there_is_one()
    {
        var age = _process.Meters.Measure<double>("wecomfunc.token.age");
        var left = _process.Meters.Measure<double>("wecomfunc.token.left");
        age.RecordObservableInstruments();
        left.RecordObservableInstruments();
        Assert.Empty(age.Lines().Concat(left.Lines()));

        await _process.GetAsync();
        _clock.Advance(10 * Minute);
        age.RecordObservableInstruments();
        left.RecordObservableInstruments();

        Assert.Equal(
            ["600 app=default corpid=wwtokenprocess", "6600 app=default corpid=wwtokenprocess"], age.Lines().Concat(left.Lines()));
        Assert.Equal(("s", "s"), (age.Instrument!.Unit, left.Instrument!.Unit));
        Assert.Equal(
            ("Seconds since the access_token in memory was obtained.",
                "Seconds until the access_token in memory expires; negative once it has."),
            (age.Instrument.Description, left.Instrument.Description));
    }

    [Fact]
    public async Task Renewals_and_waits_are_measured_with_their_reasons()
    {
        var renewals = _process.Meters.Measure<long>("wecomfunc.token.renewals");
        var waits = _process.Meters.Measure<double>("wecomfunc.token.wait.duration");
        var answer = new TaskCompletionSource<string>();
        _process.WeCom = (_, _) => answer.Task;
        var login = _process.GetAsync();
        _clock.Advance(2 * Second);
        answer.SetResult(TokenProcess.Issue("token-1"));
        await login;
        await _process.GetAsync();
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));
        await _process.ReplaceAsync((await _process.GetAsync()).Value.Token);

        Assert.Equal(
            ["1 app=default outcome=renewed reason=missing", "1 app=default outcome=failed reason=rejected"], renewals.Lines());
        Assert.Equal(["2 app=default reason=missing", "0 app=default reason=rejected"], waits.Lines());
    }

    [Fact]
    public async Task What_another_process_renewed_ahead_of_time_and_what_the_timer_finds_under_way_stand_in_the_log()
    {
        await _process.GetAsync();
        var other = new TokenProcess(_clock, _table) { WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("another")) };
        _clock.Advance(111 * Minute);
        await other.RefreshAsync();
        await _process.GetAsync();
        _clock.Advance(90 * Minute);
        _table.Put(Row with { Lease = "a third", LeasedAt = Now });
        await _process.RefreshAsync();

        Assert.Equal(
            [
                "Information reason ahead, outcome from_table, 120 minutes left",
                "Information reason timer, outcome elsewhere, 30 minutes left",
            ],
            _process.Renewals.Skip(1));
    }

    [Fact]
    public async Task A_failure_that_says_nothing_of_a_pause_is_tried_again_with_the_next_login()
    {
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(new Failure(FailureKind.Misconfigured));

        await _process.GetAsync();

        Assert.StartsWith(
            "Warning reason missing, outcome failed, 0 minutes left, failure Misconfigured, errcode none, next try with the next login or "
            + "run. Check that the Key Vault secret exists, ",
            _process.Renewals.Single());
    }

    [Fact]
    public async Task What_health_is_told_is_what_can_be_seen_now()
    {
        var before = await _process.StatusAsync();
        await _process.GetAsync();
        var after = await _process.StatusAsync();

        Assert.Equal(("missing", "ok", "ok"), (before.State, before.Store, before.Secret));
        Assert.Equal(("fresh", Now + (120 * Minute), Now), (after.State, after.ExpiresAt, after.RenewedAt));
    }

    [Fact]
    public async Task A_token_that_is_not_the_one_in_use_or_not_on_probation_is_confirmed_without_a_look_at_the_row()
    {
        var first = (await _process.GetAsync()).Value.Token;
        var second = (await _process.ReplaceAsync(first)).Value.Token;
        var reads = _process.Table.Reads;

        _process.Confirm(first);
        _process.Confirm(new AccessToken(second.Value, second.ObtainedAt, second.ExpiresAt));

        Assert.Equal(reads, _process.Table.Reads);
        _process.Confirm(second);
        Assert.Equal(reads + 1, _process.Table.Reads);
    }

    [Fact]
    public async Task A_token_that_works_says_nothing_of_another_one_in_the_row()
    {
        var token = (await _process.GetAsync()).Value.Token;
        await new TokenProcess(_clock, _table) { WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("another")) }.ReplaceAsync(token);
        var row = Row;

        _process.Confirm(token);

        Assert.Equal((1, row), (row.Rejections, Row));
    }

    [Fact]
    public async Task One_confirmation_is_under_way_at_a_time_and_it_is_waited_for_at_the_end()
    {
        var token = (await _process.GetAsync()).Value.Token;
        var (reads, reading) = (_process.Table.Reads, new TaskCompletionSource());
        _process.Table.BeforeRead = _ => reading.Task;

        _process.Confirm(token);
        _process.Confirm(token);
        var (during, isQuiet) = (_process.Table.Reads, _process.WhenQuiet().IsCompleted);
        reading.SetResult();
        await _process.WhenQuiet();

        Assert.Equal((reads + 1, false, true), (during, isQuiet, Row.ProvenSecret is not null));
        Assert.False((await _process.GetAsync()).Value.Token.OnProbation);
    }

    [Fact]
    public async Task A_confirmation_comes_again_when_the_token_has_lived_for_a_minute_and_not_before()
    {
        var token = (await _process.ReplaceAsync((await _process.GetAsync()).Value.Token)).Value.Token;
        _clock.Advance(20 * Second);
        _process.Confirm(token);
        var reads = _process.Table.Reads;
        _clock.Advance((40 * Second) - Tick);
        _process.Confirm(token);
        var before = _process.Table.Reads;
        _clock.Advance(Tick);
        _process.Confirm(token);

        Assert.Equal((reads, reads + 1, 0), (before, _process.Table.Reads, Row.Rejections));
    }

    [Fact]
    public async Task Another_token_is_confirmed_at_once_whatever_the_one_before_was_put_off_for()
    {
        var token = (await _process.ReplaceAsync((await _process.GetAsync()).Value.Token)).Value.Token;
        _process.Confirm(token);
        var next = (await _process.ReplaceAsync(token)).Value.Token;

        _process.Confirm(next);

        Assert.Equal((2, true), (Row.Rejections, Row.ServedLogin));
    }

    [Fact]
    public async Task A_confirmation_that_was_not_written_comes_again_after_a_minute()
    {
        var token = (await _process.GetAsync()).Value.Token;
        _process.Table.BeforeWrite = (_, _) => throw new HttpRequestException();
        _process.Confirm(token);
        _process.Table.BeforeWrite = null;
        var reads = _process.Table.Reads;
        _clock.Advance(Minute - Tick);
        _process.Confirm(token);
        var before = _process.Table.Reads;
        _clock.Advance(Tick);
        _process.Confirm(token);

        Assert.Equal((reads, true), (before, Row.ProvenSecret is not null));
    }

    [Fact]
    public async Task A_confirmation_leaves_the_row_alone_while_it_is_leased_for_six_seconds_to_the_tick()
    {
        var token = (await _process.GetAsync()).Value.Token;
        var free = Row;
        _table.Put(free with { Lease = "another", LeasedAt = Now });
        _process.Confirm(token);
        _table.Put(free);
        _clock.Advance((6 * Second) - Tick);
        _process.Confirm(token);
        var early = Row.ProvenSecret;
        _clock.Advance(Tick);
        _process.Confirm(token);

        Assert.Equal((null, true), (early, Row.ProvenSecret is not null));
    }

    [Fact]
    public async Task A_defect_of_a_confirmation_is_told_and_the_next_one_is_made()
    {
        var token = (await _process.GetAsync()).Value.Token;
        var good = Row;
        _table.Put(good with { Rejections = 2 });
        _process.Vault = _ => throw new InvalidOperationException("a defect");

        _process.Confirm(token);

        Assert.Single(_process.Log.All, line => line.StartsWith("Error The renewal of the access_token of wwtokenprocess broke off"));
        _table.Put(good);
        _process.Confirm(token);
        Assert.NotNull(Row.ProvenSecret);
    }

    [Fact]
    public async Task A_doubt_that_finds_the_same_corpsecret_changes_nothing()
    {
        await _process.GetAsync();

        await _process.DoubtAsync();

        Assert.Equal((TokenSource.Memory, 2), ((await _process.GetAsync()).Value.Source, _process.VaultReads));
    }

    [Fact]
    public async Task A_doubt_that_finds_another_corpsecret_ends_the_token_of_the_one_before()
    {
        await _process.GetAsync();
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(Rotated);

        await _process.DoubtAsync();

        var next = (await _process.GetAsync()).Value;
        Assert.Equal(("token-2", RenewalReason.Missing), (next.Token.Value, next.Reason));
        await _process.DoubtAsync();
        Assert.Equal(TokenSource.Memory, (await _process.GetAsync()).Value.Source);
    }

    [Fact]
    public async Task A_doubt_without_any_corpsecret_changes_nothing_and_one_that_breaks_is_told()
    {
        var cold = new TokenProcess(_clock, _table)
        {
            Vault = _ => Task.FromResult<Result<CorpSecret>>(new Failure(FailureKind.Misconfigured)),
        };
        await cold.DoubtAsync();
        Assert.Empty(cold.Log.All);
        await _process.GetAsync();
        _process.Vault = _ => throw new InvalidOperationException("a defect");

        await _process.DoubtAsync();

        Assert.Single(_process.Log.All, line => line.StartsWith("Error The renewal of the access_token of wwtokenprocess broke off"));
        Assert.Equal("token-1", (await _process.GetAsync()).Value.Token.Value);
    }

    [Fact]
    public async Task The_row_is_looked_at_by_chance_every_200_to_300_milliseconds_while_another_renews()
    {
        var process = new TokenProcess(_clock, _table, new FixedChance { Value = 1 });
        _table.Put(TokenRow.For(TokenProcess.App) with { Lease = "another", LeasedAt = Now });
        var login = process.GetAsync();
        var reads = new List<int>();

        foreach (var time in (TimeSpan[])[(0.3 * Second) - Tick, Tick, (0.3 * Second) - Tick, Tick])
        {
            _clock.Advance(time);
            reads.Add(process.Table.Reads);
        }

        Assert.Equal([1, 2, 2, 3], reads);
        Assert.False(login.IsCompleted);
    }

    [Fact]
    public async Task While_the_table_is_out_of_reach_nobody_tries_to_write_to_it()
    {
        _process.Table.BeforeRead = _ => throw new HttpRequestException();
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));
        for (var failures = 0; failures < 5; failures++)
        {
            await _process.GetAsync();
            _clock.Advance(TimeSpan.FromSeconds(5 << failures));
        }

        await _process.GetAsync();
        _clock.Advance(2 * Minute);
        var held = await _process.GetAsync();

        Assert.Equal((6, 60020, 0), (_process.GetTokenCalls, held.Failure?.Errcode, _process.Table.Writes));
    }

    [Fact]
    public async Task A_lease_that_is_known_of_too_late_is_taken_anew_with_all_its_time()
    {
        var never = new TaskCompletionSource();
        _process.Table.AfterWrite = _ => _process.Table.Writes == 1 ? never.Task : Task.CompletedTask;
        _process.Table.BeforeRead = limit => _process.Table.Reads == 2 ? Task.Delay(1.5 * Second, _clock, limit) : Task.CompletedTask;
        var answer = new TaskCompletionSource<string>();
        _process.WeCom = (_, limit) => answer.Task.WaitAsync(limit);
        var login = _process.GetAsync();

        await _clock.RunUntilAsync(_process.Table.WaitForWritesAsync(2), 4 * Second);
        _clock.Advance(2.4 * Second);
        answer.SetResult(TokenProcess.Issue("token-1"));

        Assert.Equal("token-1", (await login).Value.Token.Value);
        await _process.WhenIdle();
        Assert.Equal(0, _clock.ActiveTimers);
    }

    [Fact]
    public async Task A_second_lease_without_an_answer_is_the_last_though_another_process_has_changed_the_row()
    {
        _process.Table.BeforeWrite = (row, _) =>
        {
            _table.Put(TokenRow.For(TokenProcess.App) with { Failures = _process.Table.Writes });
            throw new HttpRequestException();
        };

        Assert.Equal("token-1", (await _process.GetAsync()).Value.Token.Value);
        Assert.Equal(new { GetTokenCalls = 1, Writes = 2 }, new { _process.GetTokenCalls, _process.Table.Writes });
    }

    [Fact]
    public async Task A_probe_writes_the_row_as_it_is_unless_it_is_anothers()
    {
        await _process.GetAsync();
        var row = Row;

        Assert.True((await _process.ProbeAsync()).IsWritable);
        Assert.Equal(row with { ETag = Row.ETag }, Row);
        Assert.NotEqual(row.ETag, Row.ETag);
        _table.Put(row with { Lease = "another", LeasedAt = Now });
        var (writes, leased) = (_process.Table.Writes, Row);
        await _process.ProbeAsync();
        Assert.Equal((writes, leased), (_process.Table.Writes, Row));
    }

    [Fact]
    public async Task A_probe_tells_of_a_table_that_takes_no_writes_and_tries_none_where_it_cannot_be_read()
    {
        _process.Table.BeforeWrite = (_, _) => throw new HttpRequestException();
        Assert.False((await _process.ProbeAsync()).IsWritable);
        var writes = _process.Table.Writes;
        _process.Table.BeforeRead = _ => throw new HttpRequestException();

        Assert.False((await _process.ProbeAsync()).IsShared);
        Assert.Equal(writes, _process.Table.Writes);
    }

    [Fact]
    public async Task A_renewal_leaves_no_timer_behind()
    {
        await _process.GetAsync();
        await _process.WhenIdle();

        Assert.Equal(0, _clock.ActiveTimers);
    }

    [Fact]
    public async Task A_token_that_only_memory_knows_is_the_same_one_too()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Issue("same"));
        await _process.GetAsync();
        var expiresAt = Row.ExpiresAt;
        _table.Put(TokenRow.For(TokenProcess.App));
        _clock.Advance(90 * Minute);

        await _process.RefreshAsync();

        Assert.Equal(expiresAt, Row.ExpiresAt);
        Assert.Equal("Information reason timer, outcome same_token, 30 minutes left", _process.Renewals.Last());
    }

    [Fact]
    public async Task Another_corpsecret_that_seals_the_row_once_may_be_a_rotation_and_twice_it_is_told_once()
    {
        await _process.GetAsync();
        for (var times = 0; times < 3; times++)
        {
            _table.Put(Row with { SealedToken = $"any-{times}", SealedWith = "another" });
            await _process.StatusAsync();
            await _process.StatusAsync();
            Assert.Equal(times == 0 ? 0 : 1, _process.Log.All.Count(line => line.Contains("keeps overwriting")));
        }
    }

    [Fact]
    public async Task The_vault_is_asked_again_when_the_row_says_that_the_corpsecret_has_changed_or_will_not_do()
    {
        await _process.GetAsync();
        var good = Row;
        TokenRow[] rows =
        [
            good,
            good with { SealedWith = null },
            good with { Failures = 1, RefusedSecret = "another" },
            good with { Rejections = 1 },
            good with { SealedWith = "another" },
            good with { Failures = 1, RefusedSecret = TokenProcess.Secret.Fingerprint },
            good with { Rejections = 2 },
        ];
        var asked = new List<int>();
        foreach (var row in rows)
        {
            _table.Put(row);
            _clock.Advance(Minute);
            var reads = _process.VaultReads;
            await _process.StatusAsync();
            asked.Add(_process.VaultReads - reads);
        }

        Assert.Equal([0, 0, 0, 0, 1, 1, 1], asked);
    }
}
