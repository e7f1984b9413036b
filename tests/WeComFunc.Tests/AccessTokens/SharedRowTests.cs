using System.Diagnostics;
using WeComFunc.AccessTokens;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The fleet's row as one process knows it, while the table comes and goes (rule T10).</summary>
public sealed class SharedRowTests : IDisposable
{
    private static readonly TimeSpan Tick = new(1);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly WeComApp App = new("wwsharedrow", "any");

    private readonly ManualTimeProvider _clock = new();
    private readonly MemoryTokenStore _rows = new();
    private readonly WatchedTokenStore _table;
    private readonly LogLines _log = new();
    private readonly SharedRow _row;

    public SharedRowTests()
    {
        _table = new WatchedTokenStore(_rows, _clock);
        _row = new SharedRow(App, _table, _clock, _log.CreateLogger("any"));
    }

    private DateTimeOffset Now => _clock.GetUtcNow();

    public void Dispose() => _log.Dispose();

    [Fact]
    public async Task A_table_without_the_row_has_an_empty_one()
    {
        var (row, isShared) = await _row.ReadAsync();

        Assert.Equal((TokenRow.For(App), true, true, true), (row, isShared, _row.IsWritten, _row.IsWritable));
        Assert.Empty(_log.All);
    }

    [Fact]
    public async Task What_was_saved_is_written_and_known()
    {
        var (row, _) = await _row.ReadAsync();

        await _row.SaveAsync(row with { Failures = 3 });

        Assert.Equal((3, true, true), (_rows.Row!.Failures, _row.IsWritten, _row.IsWritable));
        Assert.Equal((_rows.Row, true), await _row.ReadAsync());
    }

    [Fact]
    public async Task A_lease_has_the_ETag_that_the_table_gave_it_and_who_is_late_has_none()
    {
        var (row, _) = await _row.ReadAsync();

        var won = await _row.LeaseAsync(row with { Lease = "one" });
        var lost = await _row.LeaseAsync(row with { Lease = "two" });
        _table.BeforeWrite = (_, _) => throw new HttpRequestException();
        var unanswered = await _row.LeaseAsync(_rows.Row! with { Lease = "three" });

        Assert.Equal((_rows.Row, false), won);
        Assert.Equal((null, true), lost);
        Assert.Equal((null, false), unanswered);
        Assert.Equal("one", _rows.Row!.Lease);
    }

    [Fact]
    public async Task Its_readings_and_writings_are_a_part_of_what_is_traced_with_their_outcome()
    {
        using var root = new Activity("a test").Start();
        using var traces = new Traces(activity => activity.TraceId == root.TraceId);
        var (row, _) = await _row.ReadAsync();
        await _row.LeaseAsync(row with { Lease = "one" });
        await _row.LeaseAsync(row with { Lease = "two" });
        _rows.Put(_rows.Row! with { Version = TokenRow.CurrentVersion + 1 });
        await _row.ReadAsync();
        foreach (var trouble in (Exception[])[new InvalidDataException(), new HttpRequestException()])
        {
            _table.BeforeRead = _ => throw trouble;
            await _row.ReadAsync();
        }

        _table.BeforeWrite = (_, _) => throw new HttpRequestException();
        await _row.SaveAsync(row);

        Assert.Equal(
            [
                "Client table read outcome=ok", "Client table write outcome=ok", "Client table write outcome=beaten",
                "Client table read outcome=unreadable", "Client table read outcome=unreadable", "Client table read outcome=unreachable",
                "Client table write outcome=unreachable",
            ],
            traces.Ended);
    }

    [Fact]
    public void What_is_a_part_of_nothing_is_not_traced()
    {
        Activity.Current = null;
        using var traces = new Traces(_ => false);

        Assert.Null(Telemetry.StartPart("table read"));
    }

    [Fact]
    public async Task What_the_table_did_not_take_holds_here_and_is_written_after_a_minute_to_the_tick()
    {
        var (row, _) = await _row.ReadAsync();
        _table.BeforeWrite = (_, _) => throw new HttpRequestException();
        await _row.SaveAsync(row with { Failures = 3 });
        Assert.Equal((false, false), (_row.IsWritten, _row.IsWritable));
        _table.BeforeWrite = null;

        var known = await _row.ReadAsync();
        Assert.Equal((3, true), (known.Row.Failures, known.IsShared));
        _clock.Advance((60 * Second) - Tick);
        await _row.FlushAsync();
        var early = _rows.Row;
        _clock.Advance(Tick);
        await _row.FlushAsync();

        Assert.Null(early);
        Assert.Equal((3, true, true), (_rows.Row!.Failures, _row.IsWritten, _row.IsWritable));
        var writes = _table.Writes;
        _clock.Advance(60 * Second);
        await _row.FlushAsync();
        Assert.Equal(writes, _table.Writes);
    }

    [Fact]
    public async Task What_another_process_wrote_meanwhile_counts_instead()
    {
        var (row, _) = await _row.ReadAsync();
        _table.BeforeWrite = (_, _) => throw new HttpRequestException();
        await _row.SaveAsync(row with { Failures = 3 });
        _rows.Put(row with { Failures = 5 });

        var (known, _) = await _row.ReadAsync();

        Assert.Equal((5, true, false), (known.Failures, _row.IsWritten, _row.IsWritable));
    }

    [Fact]
    public async Task A_reading_that_began_before_something_was_kept_does_not_undo_it()
    {
        var (row, _) = await _row.ReadAsync();
        var reading = new TaskCompletionSource();
        _rows.Put(row with { Failures = 1 });
        _table.BeforeRead = _ => reading.Task;
        var look = _row.ReadAsync();

        _row.Keep(row with { Failures = 3 });
        reading.SetResult();

        Assert.Equal(3, (await look).Row.Failures);
        Assert.Equal(1, (await _row.ReadAsync()).Row.Failures);
    }

    [Fact]
    public async Task What_was_kept_while_something_was_written_is_not_taken_for_written()
    {
        var (row, _) = await _row.ReadAsync();
        var writing = new TaskCompletionSource();
        _table.BeforeWrite = (_, _) => writing.Task;
        var save = _row.SaveAsync(row with { Failures = 1 });

        _row.Keep(row with { Failures = 3 });
        writing.SetResult();
        await save;

        Assert.False(_row.IsWritten);
    }

    [Theory]
    [InlineData(TokenRow.CurrentVersion, true)]
    [InlineData(TokenRow.CurrentVersion + 1, false)]
    public async Task A_row_of_a_newer_version_counts_as_out_of_reach(int version, bool isShared)
    {
        _rows.Put(TokenRow.For(App) with { Version = version, Failures = 3 });

        var read = await _row.ReadAsync();

        Assert.Equal((isShared ? 3 : 0, isShared), (read.Row.Failures, read.IsShared));
        Assert.Equal(isShared ? 0 : 1, _log.All.Count);
    }

    [Fact]
    public async Task Out_of_reach_the_last_known_row_counts_and_nobody_holds_it()
    {
        _rows.Put(TokenRow.For(App) with { Failures = 3, Lease = "another" });
        await _row.ReadAsync();
        _table.BeforeRead = _ => throw new HttpRequestException();

        var (row, isShared) = await _row.ReadAsync();

        Assert.Equal((3, null, false), (row.Failures, row.Lease, isShared));
    }

    /// <summary>Each pause and the token is watched by itself.</summary>
    [Fact]
    public async Task It_is_known_since_when_each_thing_is_in_the_row()
    {
        await _row.ReadAsync();
        _clock.Advance(Second);
        _rows.Put(TokenRow.For(App) with { RetryAt = Now });
        await _row.ReadAsync();
        _clock.Advance(2 * Second);
        _rows.Put(_rows.Row! with { RejectionRetryAt = Now });
        await _row.ReadAsync();
        _clock.Advance(4 * Second);
        _row.Keep(_rows.Row! with { SealedToken = "any" });
        _clock.Advance(8 * Second);
        await _row.ReadAsync();

        Assert.Equal(
            new RowSight(
                Retry: new(14 * Second, 15 * Second), Rejection: new(12 * Second, 14 * Second), Token: new(8 * Second, 8 * Second)),
            _row.Sight);
    }

    [Fact]
    public void What_never_was_in_the_row_has_been_seen_since_the_beginning()
    {
        _clock.Advance(Second);

        Assert.Equal(new RowSight(new(Second, null), new(Second, null), new(Second, null)), _row.Sight);
    }
}
