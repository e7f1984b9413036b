using Azure;
using Azure.Core;
using Azure.Data.Tables;
using WeComFunc.AccessTokens;

namespace WeComFunc.Azure;

/// <summary>The rows in Table Storage, by compare-and-swap on their ETags.</summary>
internal sealed class TableTokenStore(TableClient table) : ITokenStore
{
    /// <summary>The client of the table of the access_tokens.</summary>
    public static TableClient CreateClient(AzureSettings settings, Func<TokenCredential> credential, TableClientOptions? options = null) =>
        CreateClient(settings, settings.TableName, credential, options);

    /// <summary>
    /// A client as the rules need it: one more try within the two seconds of an operation, and the audience of the cloud that the endpoint
    /// is in.
    /// </summary>
    public static TableClient CreateClient(
        AzureSettings settings, string tableName, Func<TokenCredential> credential, TableClientOptions? options = null)
    {
        options = LimitedTransport.Guard(options ?? new(), TimeSpan.FromMilliseconds(100), TokenRules.TableLimit);
        if (settings.TableServiceUri is not { } uri)
        {
            return new TableClient(settings.TableConnectionString, tableName, options);
        }

        options.Audience = uri.Host switch
        {
            var host when host.EndsWith(".chinacloudapi.cn", StringComparison.OrdinalIgnoreCase) => TableAudience.AzureChina,
            var host when host.EndsWith(".usgovcloudapi.net", StringComparison.OrdinalIgnoreCase) => TableAudience.AzureGovernment,
            _ => TableAudience.AzurePublicCloud,
        };

        // With the slash at its end, the client makes addresses of two slashes where the account is in the path.
        return new TableClient(new Uri(uri.AbsoluteUri.TrimEnd('/')), tableName, credential(), options);
    }

    /// <summary>
    /// Whether a client can be made from a connection string. What it throws otherwise is of several types, and may show the value.
    /// </summary>
    public static bool Accepts(string connectionString)
    {
        try
        {
            _ = new TableClient(connectionString, "any");
            return true;
        }
        catch (Exception)
        {
            return false;
        }
    }

    /// <inheritdoc />
    public async Task<TokenRow?> ReadAsync(WeComApp app, CancellationToken cancellationToken)
    {
        try
        {
            var row = await table.GetEntityIfExistsAsync<TableEntity>(app.CorpId, app.Name, cancellationToken: cancellationToken);
            return row.HasValue ? ToRow(row.Value!) : null;
        }
        catch (Exception exception) when (
            exception is InvalidCastException or InvalidOperationException or FormatException or OverflowException or ArgumentException)
        {
            // Without the exception: its text may have the value.
            throw new InvalidDataException("A column of the token row is of another type.");
        }
    }

    /// <inheritdoc />
    public async Task<ETag?> WriteAsync(TokenRow row, CancellationToken cancellationToken)
    {
        try
        {
            return await SendAsync(row, cancellationToken);
        }
        catch (RequestFailedException missing) when (missing.Status == 404 && row.ETag == default)
        {
            await table.CreateIfNotExistsAsync(cancellationToken);
            return await SendAsync(row, cancellationToken);
        }
    }

    /// <returns>The new ETag; null when somebody else was faster: the row is there already, has changed since, or is gone.</returns>
    private async Task<ETag?> SendAsync(TokenRow row, CancellationToken cancellationToken)
    {
        try
        {
            var written = row.ETag == default
                ? await table.AddEntityAsync(ToEntity(row), cancellationToken)
                : await table.UpdateEntityAsync(ToEntity(row), row.ETag, TableUpdateMode.Replace, cancellationToken);
            return written.Headers.ETag;
        }
        catch (RequestFailedException faster) when (faster.Status is 409 or 412 || (faster.Status == 404 && row.ETag != default))
        {
            return null;
        }
    }

    // By hand: the client's own binding compiles an accessor for each property as it is first used, a tenth of the start.
    private static TokenRow ToRow(TableEntity entity) => new()
    {
        PartitionKey = entity.PartitionKey,
        RowKey = entity.RowKey,
        ETag = entity.ETag,
        Version = entity.GetInt32(nameof(TokenRow.Version)) ?? TokenRow.CurrentVersion,
        SealedToken = entity.GetString(nameof(TokenRow.SealedToken)),
        SealedWith = entity.GetString(nameof(TokenRow.SealedWith)),
        ObtainedAt = entity.GetDateTimeOffset(nameof(TokenRow.ObtainedAt)),
        ExpiresAt = entity.GetDateTimeOffset(nameof(TokenRow.ExpiresAt)),
        RenewableAt = entity.GetDateTimeOffset(nameof(TokenRow.RenewableAt)),
        Lease = entity.GetString(nameof(TokenRow.Lease)),
        LeasedAt = entity.GetDateTimeOffset(nameof(TokenRow.LeasedAt)),
        Failures = entity.GetInt32(nameof(TokenRow.Failures)) ?? 0,
        FailureKind = entity.GetString(nameof(TokenRow.FailureKind)),
        FailureErrcode = entity.GetInt32(nameof(TokenRow.FailureErrcode)),
        RefusedSecret = entity.GetString(nameof(TokenRow.RefusedSecret)),
        RetryAt = entity.GetDateTimeOffset(nameof(TokenRow.RetryAt)),
        RetrySeconds = entity.GetDouble(nameof(TokenRow.RetrySeconds)),
        Rejections = entity.GetInt32(nameof(TokenRow.Rejections)) ?? 0,
        RejectionErrcode = entity.GetInt32(nameof(TokenRow.RejectionErrcode)),
        RejectionRetryAt = entity.GetDateTimeOffset(nameof(TokenRow.RejectionRetryAt)),
        RejectionRetrySeconds = entity.GetDouble(nameof(TokenRow.RejectionRetrySeconds)),
        ServedLogin = entity.GetBoolean(nameof(TokenRow.ServedLogin)) ?? false,
        ProvenSecret = entity.GetString(nameof(TokenRow.ProvenSecret)),
    };

    private static TableEntity ToEntity(TokenRow row) => new(row.PartitionKey, row.RowKey)
    {
        [nameof(TokenRow.Version)] = row.Version,
        [nameof(TokenRow.SealedToken)] = row.SealedToken,
        [nameof(TokenRow.SealedWith)] = row.SealedWith,
        [nameof(TokenRow.ObtainedAt)] = row.ObtainedAt,
        [nameof(TokenRow.ExpiresAt)] = row.ExpiresAt,
        [nameof(TokenRow.RenewableAt)] = row.RenewableAt,
        [nameof(TokenRow.Lease)] = row.Lease,
        [nameof(TokenRow.LeasedAt)] = row.LeasedAt,
        [nameof(TokenRow.Failures)] = row.Failures,
        [nameof(TokenRow.FailureKind)] = row.FailureKind,
        [nameof(TokenRow.FailureErrcode)] = row.FailureErrcode,
        [nameof(TokenRow.RefusedSecret)] = row.RefusedSecret,
        [nameof(TokenRow.RetryAt)] = row.RetryAt,
        [nameof(TokenRow.RetrySeconds)] = row.RetrySeconds,
        [nameof(TokenRow.Rejections)] = row.Rejections,
        [nameof(TokenRow.RejectionErrcode)] = row.RejectionErrcode,
        [nameof(TokenRow.RejectionRetryAt)] = row.RejectionRetryAt,
        [nameof(TokenRow.RejectionRetrySeconds)] = row.RejectionRetrySeconds,
        [nameof(TokenRow.ServedLogin)] = row.ServedLogin,
        [nameof(TokenRow.ProvenSecret)] = row.ProvenSecret,
    };
}
