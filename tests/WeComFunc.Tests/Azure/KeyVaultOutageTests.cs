using System.Diagnostics.CodeAnalysis;
using System.Text;
using Azure;
using Azure.Core;
using Azure.Security.KeyVault.Secrets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using WeComFunc.Azure;
using WeComFunc.Sessions;
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

    [Theory]
    [InlineData(
        "ForbiddenByRbac",
        "Give the app's identity the role Key Vault Secrets User on the secret; a new role counts after some minutes")]
    [InlineData("ForbiddenByPolicy", "Let the app's identity get and list secrets, in the access policies of the vault")]
    [InlineData("SecretDisabled", "Enable the newest version of the secret, or store the signing key as a new one")]
    [InlineData(
        "SecretNotFound",
        "Store the signing key under this name in this vault, recover the secret if it was deleted, or correct Session__KeySecretName or "
        + "KeyVault__Uri")]
    public async Task A_refused_signing_key_has_the_remedies_of_one(string innerCode, string remedy)
    {
        using var log = new LogLines();
        using var loggers = LoggerFactory.Create(logging => logging.AddProvider(log));
        using var refusal = new Refusal("""{"error":{"code":"Forbidden","innererror":{"code":"CODE"}}}""".Replace("CODE", innerCode));
        var store = new KeyVaultSecretStore(new FailingVault(new(refusal)), loggers.CreateLogger<KeyVaultSecretStore>());

        var (list, read) = (
            await store.ListAsync("a-key", CancellationToken.None), await store.ReadAsync("a-key", "any", CancellationToken.None));

        Assert.Equal((FailureKind.Misconfigured, FailureKind.Misconfigured), (list.Failure?.Kind, read.Failure?.Kind));
        Assert.Equal(
            Enumerable.Repeat(
                $"Error Key Vault gives no secret a-key: HTTP status 403, Forbidden, {innerCode}. {remedy}", 2), log.All);
    }

    [Fact]
    public async Task A_secret_that_is_not_there_has_no_versions()
    {
        var store = new KeyVaultSecretStore(
            new FailingVault(new(404, "no", "SecretNotFound", null)), NullLogger<KeyVaultSecretStore>.Instance);

        Assert.Empty((await store.ListAsync("a-key", CancellationToken.None)).Value);
    }

    [Fact]
    public async Task What_is_disabled_is_no_version_and_what_has_no_date_is_the_oldest()
    {
        var date = new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
        var store = new KeyVaultSecretStore(
            new FailingVault(new("never"))
            {
                Versions =
                [
                    Version("enabled", true, date),
                    Version("disabled", false, date),
                    Version("neither", null, null),
                ],
            },
            NullLogger<KeyVaultSecretStore>.Instance);

        var versions = (await store.ListAsync("a-key", CancellationToken.None)).Value;

        Assert.Equal(
            (SecretVersion[])[
                new("enabled", date, date.AddDays(1), date.AddDays(2)),
                new("neither", DateTimeOffset.MinValue, null, null),
            ],
            versions);
    }

    private static SecretProperties Version(string version, bool? isEnabled, DateTimeOffset? createdOn)
    {
        var properties = SecretModelFactory.SecretProperties(name: "a-key", version: version, createdOn: createdOn);
        properties.Enabled = isEnabled;
        (properties.NotBefore, properties.ExpiresOn) = (createdOn?.AddDays(1), createdOn?.AddDays(2));
        return properties;
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
        /// <summary>What it lists; null where it fails.</summary>
        public IReadOnlyList<SecretProperties>? Versions { get; init; }

        public override Task<Response<KeyVaultSecret>> GetSecretAsync(
            string name, string? version, SecretContentType? outContentType, CancellationToken cancellationToken) => throw failure;

        public override AsyncPageable<SecretProperties> GetPropertiesOfSecretVersionsAsync(
            string name, CancellationToken cancellationToken) =>
            Versions is null
                ? throw failure
                : AsyncPageable<SecretProperties>.FromPages([Page<SecretProperties>.FromValues(Versions, null, null!)]);
    }
}
