using Microsoft.Extensions.Logging;

namespace WeComFunc.MemberData;

/// <summary>
/// Deletes the rows of sessions that are over, a hundred of a partition at a time. Any number of processes may do so side by side.
/// </summary>
internal sealed partial class SessionSweep(ISessionKeyStore store, TimeProvider time, ILogger<SessionSweep> logger)
{
    /// <summary>What a transaction of Table Storage takes.</summary>
    private const int Batch = 100;

    /// <summary>So many sixteenths at once: some ten thousand rows a second, where a million logins a day leave twelve.</summary>
    private const int AtOnce = 4;

    /// <summary>Deletes for a minute at most. It never throws: what is left is the next run's.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var deleted = 0;
        using var limit = new CancellationTokenSource(MemberDataRules.SweepLimit, time);
        using var all = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        var over = time.GetUtcNow() - MemberDataRules.Grace;
        try
        {
            await Parallel.ForEachAsync(
                SessionPlace.Shards,
                new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = all.Token },
                async (shard, token) => await SweepAsync(shard, over, count => Interlocked.Add(ref deleted, count), token));
            LogSwept(logger, deleted > 0 ? LogLevel.Information : LogLevel.Debug, deleted);
        }
        catch (OperationCanceledException) when (all.IsCancellationRequested)
        {
            LogNotDone(logger, deleted);
        }
        catch (Exception exception)
        {
            LogFailed(logger, deleted, ForeignText.Explain(exception));
        }
    }

    private async Task SweepAsync(char shard, DateTimeOffset over, Action<int> count, CancellationToken cancellationToken)
    {
        var (from, before) = SessionPlace.PartitionsBefore(shard, over);
        for (var hasDeleted = true; hasDeleted;)
        {
            hasDeleted = false;
            foreach (var partition in (await store.FindAsync(from, before, cancellationToken)).GroupBy(row => row.Partition))
            {
                from = partition.Key;
                foreach (var rows in partition.Chunk(Batch))
                {
                    // Where it has not, somebody else sweeps here too.
                    if (await store.DeleteAsync(rows, cancellationToken))
                    {
                        hasDeleted = true;
                        count(rows.Length);
                    }
                }
            }
        }
    }

    [LoggerMessage(EventId = 602, Message = "Sessions that are over: {Deleted} rows deleted")]
    private static partial void LogSwept(ILogger logger, LogLevel level, int deleted);

    [LoggerMessage(603, LogLevel.Information, "Sessions that are over: {Deleted} rows deleted; the next run of the timer goes on")]
    private static partial void LogNotDone(ILogger logger, int deleted);

    [LoggerMessage(
        604, LogLevel.Warning,
        "Sessions that are over: {Deleted} rows deleted, then the table failed: {Reason}. The next run of the timer goes on; "
        + MemberDataRules.TableAdvice)]
    private static partial void LogFailed(ILogger logger, int deleted, string reason);
}
