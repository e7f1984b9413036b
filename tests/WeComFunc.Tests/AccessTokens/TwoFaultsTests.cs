using Azure;
using WeComFunc.AccessTokens;
using WeComFunc.Secrets;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>One fault on top of another: what keeps the token rules where two things break at once.</summary>
public sealed class TwoFaultsTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly ManualTimeProvider _clock = new();
    private readonly MemoryTokenStore _table = new();
    private readonly TokenProcess _process;

    /// <summary>The token that WeCom takes; each new one kills the one before.</summary>
    private string? _valid;
    private int _issued;

    public TwoFaultsTests() => _process = new(_clock, _table);

    private TokenRow Row => _table.Row!;

    public static TheoryData<string, Func<int, string>, int> Failures => new()
    {
        { "a wrong corpsecret", _ => TokenProcess.Refuse(40001), 30 },
        { "a wrong corpsecret and HTML in between", call => call % 2 == 0 ? "<html>" : TokenProcess.Refuse(40001), 30 },
        { "a wrong corpsecret and -1 in between", call => call % 4 == 0 ? TokenProcess.Refuse(40001) : TokenProcess.Refuse(-1), 30 },
        { "a wrong corpsecret and 45009 in between", call => call % 2 == 0 ? TokenProcess.Refuse(45009) : TokenProcess.Refuse(40001), 30 },
        {
            "every kind in turn",
            call => (call % 3) switch { 0 => "<html>", 1 => TokenProcess.Refuse(40013), _ => TokenProcess.Refuse(40001) },
            30
        },
        { "an address that is not trusted and HTML in between", call => call % 2 == 0 ? "<html>" : TokenProcess.Refuse(60020), 30 },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task Failures_in_a_row_count_whatever_their_kinds(string what, Func<int, string> answer, int most)
    {
        Assert.NotNull(what);
        _process.WeCom = (_, _) => Task.FromResult(answer(_process.GetTokenCalls));

        await AskForAnHourAsync();

        Assert.InRange(_process.GetTokenCalls, 5, most);
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public async Task A_table_that_takes_no_writes_switches_no_pause_off(string what, Func<int, string> answer, int most)
    {
        Assert.NotNull(what);
        _process.WeCom = (_, _) => Task.FromResult(answer(_process.GetTokenCalls));
        _process.Table.BeforeWrite = (_, _) => throw new RequestFailedException(403, "no", "AuthorizationPermissionMismatch", null);

        await AskForAnHourAsync();

        Assert.InRange(_process.GetTokenCalls, 5, most);
    }

    [Theory]
    [InlineData("<html>")]
    [InlineData("{\"errcode\":40001,\"errmsg\":\"no\"}")]
    public async Task Two_corpsecrets_that_fail_in_turn_do_not_reset_each_others_pauses(string answer)
    {
        var rotated = new CorpSecret("the-corpsecret-after-the-rotation-00000001");
        var other = new TokenProcess(_clock, _table)
        {
            Vault = _ => Task.FromResult<Result<CorpSecret>>(rotated),
            WeCom = (_, _) => Task.FromResult(answer),
        };
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(40001));
        for (var second = 0; second < 3600; second++)
        {
            await _process.GetAsync();
            await other.GetAsync();
            _clock.Advance(Second);
        }

        Assert.InRange(_process.GetTokenCalls + other.GetTokenCalls, 10, 30);
    }

    [Fact]
    public async Task A_busy_WeCom_is_asked_once_a_minute_also_where_the_table_takes_no_writes()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(45033));
        _process.Table.BeforeWrite = (_, _) => throw new RequestFailedException(403, "no", "AuthorizationPermissionMismatch", null);

        await AskForAnHourAsync();

        Assert.InRange(_process.GetTokenCalls, 60, 70);
    }

    [Fact]
    public async Task Rejected_tokens_are_held_off_also_where_the_table_takes_no_writes()
    {
        _process.Table.BeforeWrite = (_, _) => throw new RequestFailedException(403, "no", "AuthorizationPermissionMismatch", null);
        var token = (await _process.GetAsync()).Value.Token;

        for (var second = 0; second < 3600; second++)
        {
            var next = await _process.ReplaceAsync(token);
            token = next.Failure is null ? next.Value.Token : token;
            _clock.Advance(Second);
        }

        Assert.InRange(_process.GetTokenCalls, 8, 14);
    }

    [Fact]
    public async Task What_the_table_did_not_take_is_written_within_minutes_once_it_takes_writes()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));
        _process.Table.BeforeWrite = (_, _) => throw new RequestFailedException(403, "no", "AuthorizationPermissionMismatch", null);
        for (var minute = 0; minute < 20; minute++)
        {
            await _process.GetAsync();
            _clock.Advance(Minute);
        }

        _process.Table.BeforeWrite = null;
        var calls = _process.GetTokenCalls;
        await _process.GetAsync();
        await _process.WhenIdle();

        Assert.Equal(
            new { GetTokenCalls = calls, Failures = calls, FailureErrcode = (int?)60020 },
            new { _process.GetTokenCalls, Row.Failures, Row.FailureErrcode });
    }

    [Fact]
    public async Task What_the_table_did_not_take_gives_way_to_what_another_process_wrote()
    {
        _process.WeCom = (_, _) => Task.FromResult(TokenProcess.Refuse(60020));
        _process.Table.BeforeWrite = (_, _) => throw new RequestFailedException(403, "no", "AuthorizationPermissionMismatch", null);
        await _process.GetAsync();
        var other = new TokenProcess(_clock, _table);
        await other.GetAsync();

        var login = await _process.GetAsync();

        Assert.Equal(("token-1", TokenSource.Table, 1), (login.Value.Token.Value, login.Value.Source, _process.GetTokenCalls));
    }

    [Fact]
    public async Task A_process_without_the_table_and_the_others_do_not_fetch_tokens_from_each_other_without_end()
    {
        var other = new TokenProcess(_clock, _table) { WeCom = IssueAsync };
        _process.WeCom = IssueAsync;
        other.Table.BeforeRead = _ => throw new HttpRequestException("no table");
        for (var second = 0; second < 600; second++)
        {
            await LoginAsync(_process);
            await LoginAsync(other);
            _clock.Advance(Second);
        }

        var during = _issued;
        other.Table.BeforeRead = null;
        _clock.Advance(2 * Minute);
        await LoginAsync(_process);
        await LoginAsync(other);
        var once = _issued;
        for (var second = 0; second < 600; second++)
        {
            Assert.True(await LoginAsync(_process));
            Assert.True(await LoginAsync(other));
            _clock.Advance(Second);
        }

        Assert.InRange(during, 10, 80);
        Assert.InRange(once - during, 0, 2);
        Assert.Equal(once, _issued);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    public async Task Honest_revocations_seconds_apart_cost_no_login(int revocations)
    {
        var other = new TokenProcess(_clock, _table) { WeCom = IssueAsync };
        _process.WeCom = IssueAsync;
        for (var i = 0; i <= revocations; i++)
        {
            Assert.True(await LoginAsync(_process));
            Assert.True(await LoginAsync(other));
            _clock.Advance(2.5 * Second);
            _valid = "none";
        }

        Assert.True(await LoginAsync(other));
    }

    [Fact]
    public async Task A_confirmation_that_was_not_written_is_tried_again()
    {
        _process.WeCom = IssueAsync;
        await LoginAsync(_process);
        _clock.Advance(2 * Minute);
        _valid = "none";
        _process.Table.BeforeWrite = (row, _) => row.ServedLogin ? throw new RequestFailedException(500, "no") : Task.CompletedTask;
        Assert.True(await LoginAsync(_process));
        Assert.Equal((1, false), (Row.Rejections, Row.ServedLogin));

        _process.Table.BeforeWrite = null;
        _clock.Advance(Minute);
        await LoginAsync(_process);
        await LoginAsync(_process);

        Assert.Equal((0, null), (Row.Rejections, Row.RejectionRetryAt));
    }

    [Fact]
    public async Task A_confirmation_leaves_the_row_to_the_holder_of_the_lease_and_comes_later()
    {
        _process.WeCom = IssueAsync;
        await LoginAsync(_process);
        _clock.Advance(2 * Minute);
        _valid = "none";
        var token = (await _process.ReplaceAsync((await _process.GetAsync()).Value.Token)).Value.Token;
        var answer = new TaskCompletionSource<string>();
        var other = new TokenProcess(_clock, _table) { WeCom = (_, _) => answer.Task };
        _table.Put(Row with { ExpiresAt = _clock.GetUtcNow() + (30 * Minute), RenewableAt = null });
        var renewal = other.RefreshAsync();
        Assert.NotNull(Row.Lease);

        _process.Confirm(token);

        answer.SetResult(TokenProcess.Issue(token.Value));
        await renewal;
        Assert.Equal((null, 1, false), (Row.Lease, Row.Rejections, Row.ServedLogin));
        _clock.Advance(6 * Second);
        _process.Confirm(token);
        Assert.True(Row.ServedLogin);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(1.9)]
    public async Task A_living_holder_is_done_within_five_seconds_of_its_lease_though_the_table_answers_late(double late)
    {
        _process.WeCom = (_, limit) => Hang<string>(limit);
        _process.Table.AfterWrite = limit => Task.Delay(late * Second, _clock, limit);

        var login = _process.GetAsync();

        Assert.NotNull(Row.Lease);
        _clock.Advance(late * Second);
        _clock.Advance((3 - late) * Second);
        Assert.Equal(FailureKind.Busy, (await login).Failure?.Kind);
        Assert.Equal((null, 1), (Row.Lease, Row.Failures));
    }

    [Fact]
    public async Task A_lease_whose_answer_was_lost_is_held_all_the_same()
    {
        _process.Table.AfterWrite = _ => _process.Table.Writes == 1 ? throw new RequestFailedException(500, "lost") : Task.CompletedTask;

        var login = await _process.GetAsync();

        Assert.Equal(("token-1", 1, null, 2), (login.Value.Token.Value, _process.GetTokenCalls, Row.Lease, _process.Table.Writes));
        Assert.DoesNotContain(_process.Log.All, line => line.Contains("taken over"));
    }

    [Fact]
    public async Task A_row_whose_column_has_another_type_is_to_be_deleted()
    {
        _process.Table.BeforeRead = _ => throw new InvalidDataException("a column");

        Assert.Equal("token-1", (await _process.GetAsync()).Value.Token.Value);

        Assert.Contains(_process.Log.All, line => line.Contains("Delete the row with partition key wwtokenprocess and row key default"));
    }

    private static async Task<T> Hang<T>(CancellationToken limit)
    {
        await Task.Delay(Timeout.Infinite, limit);
        throw new InvalidOperationException("never");
    }

    private Task<string> IssueAsync(string secret, CancellationToken cancellationToken)
    {
        _valid = $"token-{++_issued}";
        return Task.FromResult(TokenProcess.Issue(_valid));
    }

    /// <summary>A login as the handler makes one: two replacements at most, and a confirmation at its end.</summary>
    private async Task<bool> LoginAsync(TokenProcess process)
    {
        var use = await process.GetAsync();
        for (var replacements = 0; use.Failure is null && use.Value.Token.Value != _valid && replacements < 2; replacements++)
        {
            use = await process.ReplaceAsync(use.Value.Token);
        }

        if (use.Failure is not null || use.Value.Token.Value != _valid)
        {
            return false;
        }

        process.Confirm(use.Value.Token);
        return true;
    }

    private async Task AskForAnHourAsync()
    {
        for (var second = 0; second < 3600; second++)
        {
            await _clock.RunUntilAsync(_process.GetAsync(), 10 * Second);
            _clock.Advance(Second);
        }
    }
}
