namespace Azure.Data.Tables;

public interface ITableEntity
{
    string PartitionKey { get; set; }

    string RowKey { get; set; }

    /// <summary>Time of the last change, set by the service.</summary>
    DateTimeOffset? Timestamp { get; set; }

    /// <summary>Version of the row as it was read.</summary>
    ETag ETag { get; set; }
}
