using Azure;
using Microsoft.Extensions.Logging;

namespace WeComFunc.AccessTokens;

/// <summary>
/// The fleet's row as this process knows it (rule T10). What could not be written holds here for as long as nobody else has changed the
/// row, and is written as soon as the table takes it; without that, a table that can be read but not written would switch every pause off.
/// </summary>
internal sealed partial class SharedRow(WeComApp app, ITokenStore store, TimeProvider time, ILogger logger)
{
    private readonly Lock _gate = new();
    private readonly Watch<DateTimeOffset?> _retry = new(time);
    private readonly Watch<DateTimeOffset?> _rejection = new(time);
    private readonly Watch<string?> _token = new(time);
    private bool _hasFailedToWrite;
    private volatile Known _known = new(TokenRow.For(app), WrittenNext: null);

    /// <summary>Whether the table has all that this process knows.</summary>
    public bool IsWritten => _known.WrittenNext is null;

    /// <summary>What this process knows of the age of what is in the row.</summary>
    public RowSight Sight
    {
        get
        {
            lock (_gate)
            {
                return new(_retry.Sight, _rejection.Sight, _token.Sight);
            }
        }
    }

    /// <summary>Whether the last writing was answered; true before the first.</summary>
    public bool IsWritable => !Volatile.Read(ref _hasFailedToWrite);

    /// <summary>Reads the row.</summary>
    /// <returns>
    /// The row, and whether the table can be asked for it; where it cannot, the row is what this process last knew, held by nobody.
    /// </returns>
    public async Task<(TokenRow Row, bool IsShared)> ReadAsync()
    {
        var before = _known;
        using var activity = Telemetry.StartPart("table read");
        using var limit = new CancellationTokenSource(TokenRules.TableLimit, time);
        try
        {
            var row = await store.ReadAsync(app, limit.Token).WaitAsync(limit.Token) ?? TokenRow.For(app);
            if (row.Version <= TokenRow.CurrentVersion)
            {
                activity?.SetTag("outcome", "ok");
                return (Learn(row, before), true);
            }

            activity?.SetTag("outcome", "unreadable");
            LogNewerVersion(logger, row.Version, TokenRow.CurrentVersion);
        }
        catch (InvalidDataException)
        {
            activity?.SetTag("outcome", "unreadable");
            LogSpoilt(logger, app.CorpId, app.Name);
        }
        catch (Exception exception)
        {
            activity?.SetTag("outcome", "unreachable");
            LogOutOfReach(logger, "read", ForeignText.Explain(exception));
        }

        return (_known.Row with { Lease = null }, false);
    }

    /// <summary>Takes the lease by writing it.</summary>
    /// <returns>The row with its new ETag, null where it was not written, and whether that was because somebody else was faster.</returns>
    public async Task<(TokenRow? Leased, bool IsBeaten)> LeaseAsync(TokenRow leased)
    {
        var (etag, isBeaten) = await WriteAsync(leased);
        return (etag is { } written ? leased with { ETag = written } : null, isBeaten);
    }

    /// <summary>Writes what has come of something; keeps it in this process where the table does not take it.</summary>
    /// <param name="row">The row, with the ETag that it was read or leased with.</param>
    public async Task SaveAsync(TokenRow row)
    {
        Keep(row);
        if (await WriteAsync(row) is not { ETag: { } etag })
        {
            return;
        }

        lock (_gate)
        {
            if (_known.Row == row)
            {
                _known = new(row with { ETag = etag }, null);
            }
        }
    }

    /// <summary>Writes a row as it was read, to see whether that can be done; <see cref="IsWritable"/> tells.</summary>
    public Task TryWriteAsync(TokenRow row) => WriteAsync(row);

    /// <summary>Keeps in this process what the table does not take now.</summary>
    /// <param name="row">The row, with the ETag of the one in the table that it is made of.</param>
    public void Keep(TokenRow row)
    {
        lock (_gate)
        {
            _known = new(row, time.GetUtcNow() + TokenRules.WritePause);
            See(row, isOwn: true);
        }
    }

    /// <summary>Writes what could not be written before, where that is due.</summary>
    public async Task FlushAsync()
    {
        if (_known is { WrittenNext: { } due } unwritten && due <= time.GetUtcNow())
        {
            await SaveAsync(unwritten.Row);
        }
    }

    /// <summary>What counts after a reading: the table's row, or what is to be written over it.</summary>
    private TokenRow Learn(TokenRow row, Known before)
    {
        lock (_gate)
        {
            if (_known.WrittenNext is not null && (_known.Row.ETag == row.ETag || !ReferenceEquals(_known, before)))
            {
                return _known.Row;
            }

            _known = new(row, null);
            See(row, isOwn: false);
            return row;
        }
    }

    private void See(TokenRow row, bool isOwn)
    {
        _retry.See(row.RetryAt, isOwn);
        _rejection.See(row.RejectionRetryAt, isOwn);
        _token.See(row.SealedToken, isOwn);
    }

    private async Task<(ETag? ETag, bool IsBeaten)> WriteAsync(TokenRow row)
    {
        using var activity = Telemetry.StartPart("table write");
        using var limit = new CancellationTokenSource(TokenRules.TableLimit, time);
        try
        {
            var etag = await store.WriteAsync(row, limit.Token).WaitAsync(limit.Token);
            Volatile.Write(ref _hasFailedToWrite, false);
            activity?.SetTag("outcome", etag is null ? "beaten" : "ok");
            return (etag, etag is null);
        }
        catch (Exception exception)
        {
            Volatile.Write(ref _hasFailedToWrite, true);
            activity?.SetTag("outcome", "unreachable");
            LogOutOfReach(logger, "written", ForeignText.Explain(exception));
            return (null, false);
        }
    }

    [LoggerMessage(
        301, LogLevel.Warning,
        "The token row could not be {Done}: {Reason}. Logins go on by what this process holds; check the table's network and the role "
        + "Storage Table Data Contributor")]
    private static partial void LogOutOfReach(ILogger logger, string done, string reason);

    [LoggerMessage(
        302, LogLevel.Warning,
        "The token row is of version {Version}, this software knows version {Known}: it is left alone, and this process fetches a token "
        + "for itself; update the software")]
    private static partial void LogNewerVersion(ILogger logger, int version, int known);

    [LoggerMessage(
        304, LogLevel.Error,
        "The token row cannot be read, because a column is not of its type: every process fetches a token for itself. Delete the row with "
        + "partition key {CorpId} and row key {AppName}; it is made anew at once")]
    private static partial void LogSpoilt(ILogger logger, string corpId, string appName);

    /// <param name="Row">The row; its ETag is that of the table's.</param>
    /// <param name="WrittenNext">
    /// When it is to be written, where the table has another one with that ETag; null where the table has it.
    /// </param>
    private sealed record Known(TokenRow Row, DateTimeOffset? WrittenNext);
}
