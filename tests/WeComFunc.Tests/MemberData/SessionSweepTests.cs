using System.Diagnostics;
using System.Security.Cryptography;
using Azure.Data.Tables;
using Microsoft.Extensions.Logging;
using WeComFunc.Azure;
using WeComFunc.MemberData;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What is over is deleted, all of it and nothing else, within a time, by any number of processes.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class SessionSweepTests(Azurite azurite) : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly ManualTimeProvider _clock = new(Noon);
    private readonly WatchedKeyStore _store = new();
    private readonly LogLines _log = new();

    public void Dispose() => _log.Dispose();

    [Theory]
    [InlineData("11:44:59", true)]
    [InlineData("11:49:59", true)]
    [InlineData("11:50:00", false)]
    [InlineData("11:53:00", false)]
    [InlineData("12:00:00", false)]
    [InlineData("13:00:00", false)]
    [InlineData("00:00:00", true)]
    public async Task A_partition_is_deleted_when_its_last_session_has_ended_by_any_clock(string end, bool isDeleted)
    {
        var expiresAt = Noon.Date + TimeSpan.Parse(end, null);
        _store.Put(SessionPlace.Of(NewId(), new(expiresAt, TimeSpan.Zero)));

        await SweepAsync();

        Assert.Equal(isDeleted, _store.Places.Count == 0);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(5, false)]
    [InlineData(6, true)]
    public async Task Whole_partitions_go_six_minutes_after_their_ten(int minutes, bool isDeleted)
    {
        _store.Put(SessionPlace.Of(NewId(), Noon - TimeSpan.FromSeconds(1)));
        _store.Put(SessionPlace.Of(NewId(), Noon - TimeSpan.FromMinutes(10)));
        _clock.Advance(TimeSpan.FromMinutes(minutes));

        await SweepAsync();

        Assert.Equal(isDeleted ? 0 : 2, _store.Places.Count);
    }

    [Fact]
    public async Task What_an_app_left_that_was_stopped_for_a_year_is_deleted_too()
    {
        foreach (var shard in SessionPlace.Shards)
        {
            _store.Put(SessionPlace.Of($"{shard}{NewId()[1..]}", Noon.AddYears(-1)));
            _store.Put(SessionPlace.Of($"{shard}{NewId()[1..]}", Noon.AddDays(-3)));
            _store.Put(SessionPlace.Of($"{shard}{NewId()[1..]}", Noon.AddMinutes(1)));
        }

        await SweepAsync();

        Assert.Equal(16, _store.Places.Count);
        Assert.All(_store.Places, place => Assert.EndsWith("-202601011200", place.Partition, StringComparison.Ordinal));
        Assert.Contains("Information Sessions that are over: 32 rows deleted", _log.All);
    }

    [Fact]
    public async Task Where_nothing_is_over_there_is_no_line_that_anybody_reads()
    {
        await SweepAsync();

        Assert.Equal(["Debug Sessions that are over: 0 rows deleted"], _log.All);
    }

    [Fact]
    public async Task A_table_that_fails_is_one_warning_and_no_exception()
    {
        Fill(10);
        _store.Delete = _ => throw new IOException("down");

        await SweepAsync();

        Assert.Equal(10, _store.Places.Count);
        Assert.StartsWith(
            "Warning Sessions that are over: 0 rows deleted, then the table failed: IOException.", Assert.Single(_log.All),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_a_minute_the_rest_is_the_next_runs()
    {
        Fill(3000);
        _store.Delete = _ =>
        {
            _clock.Advance(TimeSpan.FromSeconds(10));
            return Task.CompletedTask;
        };

        await SweepAsync();

        Assert.InRange(_store.Places.Count, 1, 2999);
        Assert.EndsWith("rows deleted; the next run of the timer goes on", Assert.Single(_log.All), StringComparison.Ordinal);
        _store.Delete = null;
        await SweepAsync();
        Assert.Empty(_store.Places);
    }

    [Fact]
    public async Task A_host_that_ends_ends_it()
    {
        Fill(100);
        using var stop = new CancellationTokenSource();
        _store.Read = async limit =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, limit);
        };

        await Sweep(_store).RunAsync(stop.Token);

        Assert.EndsWith("0 rows deleted; the next run of the timer goes on", Assert.Single(_log.All), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_somebody_else_deletes_meanwhile_stops_nothing()
    {
        Fill(2500, shard: '7');
        var thieves = 0;
        _store.Delete = rows =>
        {
            if (++thieves % 3 == 0)
            {
                _store.Remove(rows[^1]);
            }

            return Task.CompletedTask;
        };

        await SweepAsync();

        // Each theft leaves 99 for the round after it, and what the last one leaves is the next run's.
        Assert.InRange(_store.Places.Count, 0, 99);
        _store.Delete = null;
        await SweepAsync();
        Assert.Empty(_store.Places);
        Assert.DoesNotContain(_log.All, line => line.StartsWith("Warning", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_somebody_else_deletes_everything_first_it_ends()
    {
        Fill(500, shard: '7');
        _store.Delete = rows =>
        {
            _store.Remove(rows[0]);
            return Task.CompletedTask;
        };

        await SweepAsync();

        Assert.Equal(495, _store.Places.Count);
    }

    /// <summary>Against the emulator, where a transaction is what it is in Azure.</summary>
    [Fact]
    public async Task Thousands_of_rows_are_deleted_by_three_processes_side_by_side()
    {
        const int count = 4000;
        var table = new TableClient(azurite.ConnectionString, LoginHost.NewTable());
        await table.CreateIfNotExistsAsync();
        var places = Enumerable.Range(0, count).Select(i => SessionPlace.Of(NewId(), Noon.AddMinutes(-20 - (i % 3 * 10)))).ToList();
        var good = SessionPlace.Of(NewId(), Noon.AddMinutes(30));
        await Parallel.ForEachAsync(
            places.Append(good).GroupBy(place => place.Partition).SelectMany(partition => partition.Chunk(100)),
            async (rows, token) => await table.SubmitTransactionAsync(rows.Select(row => new TableTransactionAction(
                TableTransactionActionType.Add, new TableEntity(row.Partition, row.Id) { ["SealedKey"] = "any" })), token));

        var clock = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Task.Run(
            () => Sweep(new TableSessionKeyStore(table)).RunAsync(CancellationToken.None))));
        clock.Stop();
        do
        {
            // What two of them took from each other is the next run's.
            await Sweep(new TableSessionKeyStore(table)).RunAsync(CancellationToken.None);
        }
        while (_log.All.Last() != "Debug Sessions that are over: 0 rows deleted");

        var left = new List<string>();
        await foreach (var row in table.QueryAsync<TableEntity>())
        {
            left.Add(row.RowKey);
        }

        Assert.Equal([good.Id], left);
        Assert.DoesNotContain(_log.All, line => line.StartsWith("Warning", StringComparison.Ordinal));
        Figures.Write("7-sweep", [$"Sweep: {count} rows by three processes in {clock.ElapsedMilliseconds} ms against the emulator"]);
    }

    [Fact]
    public async Task A_table_that_is_not_there_is_an_empty_one()
    {
        var store = new TableSessionKeyStore(new TableClient(azurite.ConnectionString, LoginHost.NewTable()));

        await Sweep(store).RunAsync(CancellationToken.None);

        Assert.Null(await store.ReadAsync(SessionPlace.Of(NewId(), Noon), CancellationToken.None));
        Assert.Equal(["Debug Sessions that are over: 0 rows deleted"], _log.All);
    }

    [Fact]
    public async Task Rows_are_deleted_all_or_none()
    {
        var store = new TableSessionKeyStore(new TableClient(azurite.ConnectionString, LoginHost.NewTable()));
        var id = NewId();
        SessionPlace[] places = [SessionPlace.Of(id, Noon), SessionPlace.Of($"{id[0]}{NewId()[1..]}", Noon)];
        await store.WriteAsync(places[0], "sealed", CancellationToken.None);

        Assert.False(await store.DeleteAsync(places, CancellationToken.None));
        Assert.Equal("sealed", await store.ReadAsync(places[0], CancellationToken.None));
        await store.WriteAsync(places[1], "sealed", CancellationToken.None);
        Assert.True(await store.DeleteAsync(places, CancellationToken.None));
        Assert.Null(await store.ReadAsync(places[0], CancellationToken.None));
    }

    [Fact]
    public async Task Twenty_first_rows_at_once_make_the_table_and_are_all_there()
    {
        var store = new TableSessionKeyStore(new TableClient(azurite.ConnectionString, LoginHost.NewTable()));
        var places = Enumerable.Range(0, 20).Select(_ => SessionPlace.Of(NewId(), Noon)).ToList();

        await Task.WhenAll(places.Select(place => store.WriteAsync(place, place.Id, CancellationToken.None)));

        foreach (var place in places)
        {
            Assert.Equal(place.Id, await store.ReadAsync(place, CancellationToken.None));
        }
    }

    [Theory]
    [InlineData("2026-01-01T11:59:59Z", "a-202601011150")]
    [InlineData("2026-01-01T12:00:00Z", "a-202601011200")]
    [InlineData("2026-01-01T20:09:59+08:00", "a-202601011200")]
    [InlineData("2026-12-31T23:59:59Z", "a-202612312350")]
    public void A_place_is_ten_minutes_and_the_first_digit(string expiresAt, string partition)
    {
        const string id = "a123456789abcdef0123456789abcdef";

        Assert.Equal(new SessionPlace(partition, id), SessionPlace.Of(id, DateTimeOffset.Parse(expiresAt, null)));
    }

    private static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private void Fill(int count, char? shard = null)
    {
        for (var i = 0; i < count; i++)
        {
            var id = NewId();
            _store.Put(SessionPlace.Of(shard is { } digit ? $"{digit}{id[1..]}" : id, Noon.AddMinutes(-30)));
        }
    }

    private Task SweepAsync() => Sweep(_store).RunAsync(CancellationToken.None);

    private SessionSweep Sweep(ISessionKeyStore store) => new(
        store,
        _clock,
        LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Trace).AddProvider(_log)).CreateLogger<SessionSweep>());
}
