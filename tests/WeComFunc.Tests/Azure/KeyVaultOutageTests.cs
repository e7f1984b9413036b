using System.Diagnostics.CodeAnalysis;
using System.Text;
using Azure;
using Azure.Core;
using Azure.Security.KeyVault.Secrets;
using Microsoft.Extensions.Logging;
using WeComFunc.Azure;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What a log line says of a vault that gives no secret; that of the table is among the renewals.</summary>
public sealed class KeyVaultOutageTests
{
    [Theory]
    [InlineData(0, null, "is out of reach for the secret wecom-corpsecret: no connection.")]
    [InlineData(502, null, "is out of reach for the secret wecom-corpsecret: HTTP status 502.")]
    [InlineData(429, "Throttled", "is out of reach for the secret wecom-corpsecret: HTTP status 429, Throttled.")]
    [InlineData(400, null, "gives no secret wecom-corpsecret: HTTP status 400.")]
    [InlineData(403, "Forbidden", "gives no secret wecom-corpsecret: HTTP status 403, Forbidden.")]
    public async Task The_log_has_what_the_vault_failed_with_and_nothing_that_it_did_not_say(int status, string? code, string expected)
    {
        using var log = new LogLines();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
        var store = new KeyVaultSecretStore(new FailingVault(new(status, "no", code, null)), loggers.CreateLogger<KeyVaultSecretStore>());

        await store.ReadAsync("wecom-corpsecret", CancellationToken.None);

        Assert.Contains($"Key Vault {expected}", Assert.Single(log.All), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(
        """{"error":{"code":"Forbidden","message":"no","innererror":{"code":"ForbiddenByConnection"}}}""",
        "HTTP status 403, Forbidden, ForbiddenByConnection. The vault takes calls through its private endpoint only")]
    [InlineData(
        """{"error":{"code":"Forbidden","message":"no","innererror":{"code":"ForbiddenByPolicy"}}}""",
        "HTTP status 403, Forbidden, ForbiddenByPolicy. Let the app's identity get secrets")]
    [InlineData(
        """{"error":{"code":"Forbidden","message":"no","innererror":{"code":"NeverHeardOf"}}}""",
        "HTTP status 403, Forbidden, NeverHeardOf. Check that the secret exists")]
    [InlineData(
        """{"error":{"code":"Forbidden","message":"no","innererror":{"code":"not a \u001b[31m code"}}}""",
        "HTTP status 403, Forbidden, an error code that is none. Check")]
    [InlineData("""{"error":{"code":"Forbidden","message":"no","innererror":{"code":7}}}""", "HTTP status 403. Check")]
    [InlineData("""{"error":{"code":"Forbidden","message":"no","innererror":null}}""", "HTTP status 403, Forbidden. Check")]
    [InlineData("<html>no</html>", "HTTP status 403. Check")]
    [InlineData("", "HTTP status 403. Check")]
    public async Task A_refusal_is_told_by_its_inner_error_code_with_the_remedy_of_its_own(string body, string expected)
    {
        using var log = new LogLines();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
        using var refusal = new Refusal(body);
        var store = new KeyVaultSecretStore(new FailingVault(new(refusal)), loggers.CreateLogger<KeyVaultSecretStore>());

        var read = await store.ReadAsync("wecom-corpsecret", CancellationToken.None);

        Assert.Equal(FailureKind.Misconfigured, read.Failure?.Kind);
        Assert.StartsWith(
            $"Error Key Vault gives no secret wecom-corpsecret: {expected}", Assert.Single(log.All), StringComparison.Ordinal);
    }

    /// <summary>403 with a body.</summary>
    private sealed class Refusal(string body) : Response
    {
        public override int Status => 403;

        public override string ReasonPhrase => "Forbidden";

        public override Stream? ContentStream { get; set; } = new MemoryStream(Encoding.UTF8.GetBytes(body));

        public override string ClientRequestId { get; set; } = "";

        public override void Dispose() => ContentStream?.Dispose();

        protected override bool ContainsHeader(string name) => name == "Content-Type";

        protected override IEnumerable<HttpHeader> EnumerateHeaders() => [new("Content-Type", "application/json")];

        protected override bool TryGetHeader(string name, [NotNullWhen(true)] out string? value)
        {
            value = ContainsHeader(name) ? "application/json" : null;
            return value is not null;
        }

        protected override bool TryGetHeaderValues(string name, [NotNullWhen(true)] out IEnumerable<string>? values)
        {
            values = ContainsHeader(name) ? ["application/json"] : null;
            return values is not null;
        }
    }

    private sealed class FailingVault(RequestFailedException failure) : SecretClient
    {
        public override Task<Response<KeyVaultSecret>> GetSecretAsync(
            string name, string? version, SecretContentType? outContentType, CancellationToken cancellationToken) => throw failure;
    }
}
