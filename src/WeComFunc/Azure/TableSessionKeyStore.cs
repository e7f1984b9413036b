using Azure;
using Azure.Data.Tables;
using WeComFunc.MemberData;

namespace WeComFunc.Azure;

/// <summary>Sealed session_keys in Table Storage.</summary>
internal sealed class TableSessionKeyStore(TableClient table) : ISessionKeyStore
{
    private const string SealedKey = nameof(SealedKey);

    /// <summary>The most that Table Storage gives at once.</summary>
    private const int Page = 1000;

    /// <inheritdoc />
    public async Task WriteAsync(SessionPlace place, string sealedKey, CancellationToken cancellationToken)
    {
        var row = new TableEntity(place.Partition, place.Id) { [SealedKey] = sealedKey };
        try
        {
            await table.UpsertEntityAsync(row, TableUpdateMode.Replace, cancellationToken);
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            await table.CreateIfNotExistsAsync(cancellationToken);
            await table.UpsertEntityAsync(row, TableUpdateMode.Replace, cancellationToken);
        }
    }

    /// <inheritdoc />
    public async Task<string?> ReadAsync(SessionPlace place, CancellationToken cancellationToken)
    {
        var row = await table.GetEntityIfExistsAsync<TableEntity>(place.Partition, place.Id, cancellationToken: cancellationToken);
        return row.HasValue && row.Value!.TryGetValue(SealedKey, out var value) ? value as string : null;
    }

    /// <inheritdoc />
    public async Task<IReadOnlyList<SessionPlace>> FindAsync(string from, string before, CancellationToken cancellationToken)
    {
        var rows = table.QueryAsync<TableEntity>(
            TableClient.CreateQueryFilter($"PartitionKey ge {from} and PartitionKey lt {before}"),
            Page,
            [nameof(TableEntity.PartitionKey), nameof(TableEntity.RowKey)],
            cancellationToken);
        try
        {
            // A page may be empty where there are more (the service says so between its own parts).
            await foreach (var page in rows.AsPages())
            {
                if (page.Values.Count > 0)
                {
                    return [.. page.Values.Select(row => new SessionPlace(row.PartitionKey, row.RowKey))];
                }
            }
        }
        catch (RequestFailedException missing) when (missing.Status == 404)
        {
            // Nobody has made the table yet.
        }

        return [];
    }

    /// <inheritdoc />
    public async Task<bool> DeleteAsync(IReadOnlyList<SessionPlace> rows, CancellationToken cancellationToken)
    {
        try
        {
            await table.SubmitTransactionAsync(
                rows.Select(row => new TableTransactionAction(
                    TableTransactionActionType.Delete, new TableEntity(row.Partition, row.Id), ETag.All)),
                cancellationToken);
            return true;
        }
        catch (RequestFailedException gone) when (gone.Status == 404)
        {
            return false;
        }
    }
}
