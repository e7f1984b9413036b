using System.Net;
using System.Text;
using System.Web;
using Azure;
using WeComFunc.AccessTokens;
using WeComFunc.Secrets;

namespace WeComFunc.Fleet;

/// <summary>The surroundings as one process sees them: nothing answers it once it is dead.</summary>
internal sealed class Connection(
    World world, WeComModel weCom, TableModel table, VaultModel vault, int slot, WeComApp app, Action<string, string> broken)
    : HttpMessageHandler, ITokenStore, ICorpSecretStore
{
    /// <summary>The process's place in the fleet; whoever follows it there has its troubles too.</summary>
    public int Slot { get; } = slot;

    public bool IsDead { get; set; }

    /// <summary>The lease it holds, or is about to take or to give back.</summary>
    public string? Lease { get; private set; }

    /// <summary>The corpsecret that it last read.</summary>
    public CorpSecret? Kept { get; private set; }

    /// <summary>The corpsecret that it last called <c>gettoken</c> with.</summary>
    public string? Secret { get; private set; }

    public int TableReads { get; private set; }

    /// <summary>When the table last failed it or did not answer within the limit.</summary>
    public TimeSpan TableFailedAt { get; private set; } = TimeSpan.MinValue;

    /// <summary>The <c>gettoken</c> that it made by itself, without the table.</summary>
    public Ledger Calls { get; } = new();

    /// <summary>Called when it begins to write the row.</summary>
    public Action Writing { get; set; } = () => { };

    public async Task<TokenRow?> ReadAsync(WeComApp of, CancellationToken cancellationToken)
    {
        Check(of == app);
        TableReads++;
        return await FromTableAsync(() => table.ReadAsync(this), cancellationToken);
    }

    public async Task<ETag?> WriteAsync(TokenRow row, CancellationToken cancellationToken)
    {
        Check((row.PartitionKey, row.RowKey) == (app.CorpId, app.Name));
        Lease = row.Lease == table.Row?.Lease ? Lease : row.Lease ?? Lease;
        Writing();
        try
        {
            return await FromTableAsync(() => table.WriteAsync(row, this), cancellationToken);
        }
        finally
        {
            Lease = row.Lease is null ? null : Lease;
        }
    }

    public async Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken)
    {
        Check(name == app.SecretName);
        var secret = await UnlessDeadAsync(() => vault.ReadAsync(Slot));
        Kept = secret.TryGet(out var kept) ? kept : Kept;
        return secret;
    }

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var (path, query) = (request.RequestUri!.AbsolutePath, HttpUtility.ParseQueryString(request.RequestUri.Query));
        var json = await UnlessDeadAsync(() => path.EndsWith("gettoken", StringComparison.Ordinal)
            ? weCom.GetTokenAsync(this, query["corpid"], Secret = query["corpsecret"], cancellationToken)
            : weCom.CallAsync(this, path, query["access_token"], query["js_code"], cancellationToken));
        return new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(json)) };
    }

    private void Check(bool isOwn)
    {
        if (!isOwn)
        {
            broken("what is another app's was touched", $"by {app.Name} at {Slot}");
        }
    }

    private async Task<T> FromTableAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await UnlessDeadAsync(() => call().WaitAsync(cancellationToken));
        }
        catch (Exception)
        {
            TableFailedAt = world.Now;
            throw;
        }
    }

    /// <summary>A dead process neither calls nor hears an answer, though its timers still run.</summary>
    private async Task<T> UnlessDeadAsync<T>(Func<Task<T>> call)
    {
        try
        {
            return await (IsDead ? new TaskCompletionSource<T>().Task : call());
        }
        finally
        {
            if (IsDead)
            {
                await new TaskCompletionSource().Task;
            }
        }
    }
}
