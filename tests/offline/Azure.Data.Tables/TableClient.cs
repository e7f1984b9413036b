using System.Text.Json;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables.Models;

namespace Azure.Data.Tables;

public class TableClient
{
    private readonly HttpPipeline _pipeline;
    private readonly Uri _endpoint;
    private readonly string _version;

    public TableClient(string connectionString, string tableName)
        : this(connectionString, tableName, null)
    {
    }

    public TableClient(string connectionString, string tableName, TableClientOptions options = null)
        : this(ConnectionString.Parse(connectionString), tableName, options ?? new())
    {
    }

    public TableClient(Uri endpoint, string tableName, TokenCredential tokenCredential, TableClientOptions options = null)
        : this(endpoint, tableName, options ??= new(), Bearer(tokenCredential, options))
    {
    }

    protected TableClient()
    {
    }

    private TableClient(ConnectionString account, string tableName, TableClientOptions options)
        : this(account.Endpoint, tableName, options, account.Authentication)
    {
    }

    private TableClient(Uri endpoint, string tableName, TableClientOptions options, HttpPipelinePolicy authentication)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        ArgumentException.ThrowIfNullOrEmpty(tableName);
        Name = tableName;
        _endpoint = endpoint;
        _version = options.Version;
        _pipeline = HttpPipelineBuilder.Build(new HttpPipelineOptions(options)
        {
            PerRetryPolicies = { authentication },
            ResponseClassifier = new ResponseClassifier(),
            RequestFailedDetailsParser = new ODataErrorParser(),
        });
    }

    public virtual string Name { get; }

    /// <returns>201 or 204 when the table is new, 409 when it exists.</returns>
    public virtual async Task<Response<TableItem>> CreateIfNotExistsAsync(CancellationToken cancellationToken = default)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string> { ["TableName"] = Name });
        var response = await SendAsync(RequestMethod.Post, "/Tables", RequestContent.Create(body), ifMatch: null, cancellationToken).ConfigureAwait(false);
        if (response.Status == 409 && new RequestFailedException(response).ErrorCode != "TableBeingDeleted")
        {
            return Response.FromValue(new TableItem(Name), response);
        }

        return Response.FromValue(new TableItem(Name), Succeeded(response));
    }

    /// <returns>No value when the row or the table is missing.</returns>
    public virtual async Task<NullableResponse<T>> GetEntityIfExistsAsync<T>(
        string partitionKey, string rowKey, IEnumerable<string> select = null, CancellationToken cancellationToken = default)
        where T : class, ITableEntity
    {
        var query = select is null ? "" : "?$select=" + Uri.EscapeDataString(string.Join(',', select));
        var response = await SendAsync(RequestMethod.Get, Row(partitionKey, rowKey) + query, content: null, ifMatch: null, cancellationToken).ConfigureAwait(false);
        return response.Status == 404
            ? new NoValueResponse<T>(response)
            : Response.FromValue(EntityJson.Read<T>(Succeeded(response).ContentStream), response);
    }

    /// <returns>204 with the new ETag in its headers; the ETag of the entity is left alone.</returns>
    public virtual async Task<Response> AddEntityAsync<T>(T entity, CancellationToken cancellationToken = default)
        where T : ITableEntity
    {
        RequireKeys(entity);
        return Succeeded(await SendAsync(RequestMethod.Post, "/" + Name, EntityJson.Write(entity), ifMatch: null, cancellationToken).ConfigureAwait(false));
    }

    public virtual async Task<Response> UpdateEntityAsync<T>(
        T entity, ETag ifMatch, TableUpdateMode mode = TableUpdateMode.Merge, CancellationToken cancellationToken = default)
        where T : ITableEntity
    {
        RequireKeys(entity);
        if (ifMatch == default)
        {
            throw new ArgumentException("The ETag must not be the default one; ETag.All updates whatever is there.", nameof(ifMatch));
        }

        var method = mode switch
        {
            TableUpdateMode.Merge => RequestMethod.Patch,
            TableUpdateMode.Replace => RequestMethod.Put,
            _ => throw new ArgumentException($"Unexpected value for mode: {mode}", nameof(mode)),
        };
        var row = Row(entity.PartitionKey, entity.RowKey);
        return Succeeded(await SendAsync(method, row, EntityJson.Write(entity), ifMatch, cancellationToken).ConfigureAwait(false));
    }

    /// <returns>204, or 404 when the row is missing.</returns>
    public virtual async Task<Response> DeleteEntityAsync(
        string partitionKey, string rowKey, ETag ifMatch = default, CancellationToken cancellationToken = default)
    {
        var etag = ifMatch == default ? ETag.All : ifMatch;
        var response = await SendAsync(RequestMethod.Delete, Row(partitionKey, rowKey), content: null, etag, cancellationToken).ConfigureAwait(false);
        return response.Status == 404 ? response : Succeeded(response);
    }

    private static BearerTokenAuthenticationPolicy Bearer(TokenCredential credential, TableClientOptions options) =>
        new(credential, (options.Audience ?? TableAudience.AzurePublicCloud).Scope);

    private static Response Succeeded(Response response) => response.Status is >= 200 and < 300 ? response : throw new RequestFailedException(response);

    private static void RequireKeys(ITableEntity entity)
    {
        ArgumentNullException.ThrowIfNull(entity);
        ArgumentNullException.ThrowIfNull(entity.PartitionKey);
        ArgumentNullException.ThrowIfNull(entity.RowKey);
    }

    private static string Key(string key) => Uri.EscapeDataString(key.Replace("'", "''", StringComparison.Ordinal));

    private string Row(string partitionKey, string rowKey)
    {
        ArgumentNullException.ThrowIfNull(partitionKey);
        ArgumentNullException.ThrowIfNull(rowKey);
        return $"/{Name}(PartitionKey='{Key(partitionKey)}',RowKey='{Key(rowKey)}')";
    }

    private async Task<Response> SendAsync(RequestMethod method, string path, RequestContent content, ETag? ifMatch, CancellationToken cancellationToken)
    {
        using var message = _pipeline.CreateMessage();
        var request = message.Request;
        request.Method = method;
        request.Uri.Reset(new Uri(_endpoint.AbsoluteUri.TrimEnd('/') + path));
        request.Headers.Add("Accept", "application/json;odata=minimalmetadata");
        request.Headers.Add("DataServiceVersion", "3.0");
        request.Headers.Add("x-ms-version", _version);
        if (ifMatch is { } etag)
        {
            request.Headers.Add("If-Match", etag.ToString());
        }

        if (content is not null)
        {
            request.Content = content;
            request.Headers.Add("Content-Type", "application/json");
            request.Headers.Add("Prefer", "return-no-content");
        }

        await _pipeline.SendAsync(message, cancellationToken).ConfigureAwait(false);
        return message.Response;
    }
}
