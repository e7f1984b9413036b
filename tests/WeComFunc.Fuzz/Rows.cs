using System.Net;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Azure;
using WeComFunc.Secrets;

namespace WeComFunc.Fuzz;

/// <summary>
/// What the table holds, or somebody who may write to it has put there: a login gets a token of WeCom's, or one that was sealed with the
/// corpsecret.
/// </summary>
internal static class Rows
{
    private const string SealedToken = "the-token-that-the-row-holds";

    private static readonly WeComApp App = new(Process.CorpId, "wecom-corpsecret");
    private static readonly CorpSecret Secret = new(Process.CorpSecret);
    private static readonly Process Login = new();
    private static readonly Table Transport = new();
    private static readonly TableTokenStore Store = new(new TableClient(
        new Uri("https://account.table.core.windows.net"), "wecomtokens", new TableSharedKeyCredential("account", "a2V5"),
        new TableClientOptions { Transport = new HttpClientTransport(new HttpClient(Transport)), Retry = { MaxRetries = 0 } }));

    /// <summary>A row in order; one whose every column is set; one of a newer version; none.</summary>
    public static readonly string[] Values =
    [
        $$"""
        {"odata.etag":"W/\"1\"","PartitionKey":"{{App.CorpId}}","RowKey":"{{App.Name}}","Timestamp":"2026-01-01T00:00:00Z","Version":1,
        "SealedToken":"{{Seal()}}","SealedWith":"{{Secret.Fingerprint}}","ObtainedAt@odata.type":"Edm.DateTime",
        "ObtainedAt":"2026-01-01T00:00:00Z","ExpiresAt@odata.type":"Edm.DateTime","ExpiresAt":"2027-01-01T02:00:00Z","Failures":0,
        "Rejections":0,"ServedLogin":true,"ProvenSecret":"{{Secret.Fingerprint}}"}
        """,
        $$"""
        {"odata.etag":"W/\"2\"","PartitionKey":"{{App.CorpId}}","RowKey":"{{App.Name}}","Version":1,"SealedToken":"AAAA",
        "SealedWith":"0123456789abcdef","ExpiresAt@odata.type":"Edm.DateTime","ExpiresAt":"2026-01-01T02:00:00Z",
        "RenewableAt@odata.type":"Edm.DateTime","RenewableAt":"2026-01-01T00:01:00Z","Lease":"somebody",
        "LeasedAt@odata.type":"Edm.DateTime","LeasedAt":"2026-01-01T00:00:00Z","Failures":3,"FailureKind":"Busy","FailureErrcode":-1,
        "RefusedSecret":"{{Secret.Fingerprint}}","RetryAt@odata.type":"Edm.DateTime","RetryAt":"2026-01-01T00:00:30Z",
        "RetrySeconds":30.5,"Rejections":2,"RejectionErrcode":40014,"RejectionRetryAt@odata.type":"Edm.DateTime",
        "RejectionRetryAt":"9999-12-31T23:59:59Z","RejectionRetrySeconds":1E+300,"ServedLogin":false}
        """,
        """{"odata.etag":"W/\"3\"","Version":2}""",
        "{}",
    ];

    public static void TryRow(byte[] row)
    {
        Transport.Row = row;
        var (services, time) = (Login.Services, Login.Services.GetRequiredService<TimeProvider>());
        using var secrets = new CorpSecretSource(
            App, services.GetRequiredService<ICorpSecretStore>(), time, NullLogger<CorpSecretSource>.Instance);
        var renewer = new TokenRenewer(
            App,
            services.GetRequiredService<CorpApps>().Default.Client,
            secrets,
            Store,
            time,
            new Random(1),
            NullLogger<TokenRenewer>.Instance);

        var renewal = Process.Finish(renewer.RunAsync(new(RenewalReason.Missing, null)));

        BrokenPromiseException.Unless(Process.Finish(EndAsync(renewal.Written)), "The row is not written.");
        BrokenPromiseException.Unless(
            !renewal.Token.TryGet(out var use)
                || use.Token.Value is SealedToken
                || use.Token.Value.StartsWith("token-", StringComparison.Ordinal),
            "It is a token of nobody.");
        BrokenPromiseException.Unless(
            renewal.Token.Failure is not null || use.Token.ExpiresAt > time.GetUtcNow(), "The token has expired.");
    }

    private static async Task<bool> EndAsync(Task task)
    {
        await task;
        return true;
    }

    private static string Seal() => Secret.Seal(SealPurpose.AccessToken, SealedToken, $"{App.CorpId}\n{App.Name}");

    /// <summary>A table with one row, which takes every writing.</summary>
    private sealed class Table : HttpMessageHandler
    {
        public byte[] Row { get; set; } = [];

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = request.Method == HttpMethod.Get
                ? new HttpResponseMessage(HttpStatusCode.OK)
                {
                    Content = new ByteArrayContent(Row) { Headers = { { "Content-Type", "application/json" } } },
                }
                : new HttpResponseMessage(HttpStatusCode.NoContent) { Headers = { ETag = new("\"4\"") } };
            response.RequestMessage = request;
            return Task.FromResult(response);
        }
    }
}
