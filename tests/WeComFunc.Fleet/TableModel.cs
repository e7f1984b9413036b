using Azure;
using WeComFunc.AccessTokens;

namespace WeComFunc.Fleet;

/// <summary>A lease in the row: when its holder wrote it, and when it came there.</summary>
internal sealed record HeldLease(string Id, Connection Holder, TimeSpan WrittenAt, TimeSpan At);

/// <summary>
/// The table: one row with the ETag semantics of Table Storage, and what goes wrong with it. What has been sent arrives, whether its sender
/// still waits or not.
/// </summary>
internal sealed class TableModel(World world, Troubles troubles)
{
    private int _etag;

    public TokenRow? Row { get; private set; }

    /// <summary>The last lease that stood in the row.</summary>
    public HeldLease? Lease { get; private set; }

    public int Reads { get; private set; }

    public int Writes { get; private set; }

    /// <summary>Called when a lease has come into the row: with the one that stood there until then.</summary>
    public Action<HeldLease, HeldLease?> Leased { get; set; } = (_, _) => { };

    public async Task<TokenRow?> ReadAsync(Connection from)
    {
        Reads++;
        var trouble = troubles.Now(Troubles.Table, from.Slot);
        var isLateAfter = await SendAsync(trouble);
        var row = Row;
        if (isLateAfter)
        {
            await world.DelayAsync(Late());
        }

        return row;
    }

    public async Task<ETag?> WriteAsync(TokenRow row, Connection from)
    {
        Writes++;
        var writtenAt = world.Now;
        var trouble = troubles.Now(Troubles.Table, from.Slot);
        var isLateAfter = await SendAsync(trouble);
        if (trouble is Trouble.TableReadOnly)
        {
            throw new RequestFailedException(403, "the role is Reader");
        }

        if (row.ETag != (Row?.ETag ?? default) || trouble is Trouble.TableConflicts)
        {
            return null;
        }

        var before = Row?.Lease;
        Row = row with { ETag = new ETag($"W/\"{++_etag}\"") };
        var etag = Row.ETag;
        if (row.Lease is { } lease && lease != before)
        {
            var (taken, left) = (new HeldLease(lease, from, writtenAt, world.Now), before is null ? null : Lease);
            Lease = taken;
            Leased(taken, left);
        }

        await world.DelayAsync(isLateAfter ? Late() : world.Between(1, 10));
        return trouble is Trouble.TableAnswersLost || (trouble is Trouble.TableFlaky && world.Random.Next(3) == 0)
            ? throw new HttpRequestException("the answer was lost")
            : etag;
    }

    /// <returns>Whether what is late is the answer.</returns>
    private async Task<bool> SendAsync(Trouble? trouble)
    {
        var isLateAfter = trouble is Trouble.TableLate && world.Random.Next(2) == 0;
        await world.DelayAsync(trouble is Trouble.TableLate && !isLateAfter ? Late() : world.Between(2, 20));
        if (trouble is Trouble.TableHangs)
        {
            await world.DelayAsync(TimeSpan.FromMinutes(1));
        }

        return trouble is Trouble.TableDown or Trouble.TableHangs || (trouble is Trouble.TableFlaky && world.Random.Next(3) == 0)
            ? throw new HttpRequestException("the table is down")
            : isLateAfter;
    }

    /// <summary>Most often just within the limit of two seconds.</summary>
    private TimeSpan Late() => world.Between(1200, 2100);
}
