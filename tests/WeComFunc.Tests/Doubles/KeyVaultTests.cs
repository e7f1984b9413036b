using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Authentication;
using Azure;
using Azure.Core;
using Azure.Security.KeyVault.Secrets;

namespace WeComFunc.Tests.Doubles;

public sealed class KeyVaultTests : IAsyncLifetime
{
    private KeyVault _vault = null!;
    private SecretClient _client = null!;

    public async Task InitializeAsync()
    {
        _vault = await KeyVault.CreateAsync();
        _client = _vault.CreateClient();
    }

    public async Task DisposeAsync() => await _vault.DisposeAsync();

    [Fact]
    public async Task Gives_the_newest_version_of_a_secret()
    {
        var first = _vault.Set("corpsecret", "the first value");
        var second = _vault.Set("corpsecret", "the second value");

        KeyVaultSecret newest = await _client.GetSecretAsync("corpsecret");
        KeyVaultSecret older = await _client.GetSecretAsync("CorpSecret", first);

        Assert.Equal(("the second value", second), (newest.Value, newest.Properties.Version));
        Assert.Equal(("the first value", first), (older.Value, older.Properties.Version));
        Assert.Equal(new Uri($"https://wecomfunc-test.vault.azure.net/secrets/corpsecret/{second}"), newest.Id);
        Assert.True(newest.Properties.Enabled);
    }

    [Fact]
    public async Task Challenges_the_first_request_of_a_process()
    {
        await using var vault = await KeyVault.CreateAsync("wecomfunc-challenge");
        vault.Set("corpsecret", "the first value");
        var client = vault.CreateClient();

        await client.GetSecretAsync("corpsecret");
        await client.GetSecretAsync("corpsecret");

        Assert.Equal(new { Challenges = 1, Reads = 2 }, new { vault.Challenges, vault.Reads });
    }

    [Theory]
    [InlineData(null)]
    [InlineData("someone-elses-token")]
    public async Task Refuses_a_request_without_its_token(string? token)
    {
        using var client = KeyVaultTransport.CreateClient(() => _vault.Port);
        client.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);

        using var response = await client.GetAsync(new Uri(_vault.Uri, "secrets/corpsecret?api-version=7.6"));

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Matches(
            "^Bearer authorization=\"https://login.microsoftonline.com/[0-9a-f-]{36}\", resource=\"https://vault.azure.net\"$",
            response.Headers.WwwAuthenticate.ToString());
        Assert.Equal(0, _vault.Reads);
    }

    [Fact]
    public async Task Has_no_token_for_anything_but_Key_Vault() =>
        await Assert.ThrowsAsync<InvalidOperationException>(async () =>
            await _vault.Credential.GetTokenAsync(new TokenRequestContext(["https://storage.azure.com/.default"]), default));

    [Fact]
    public async Task Is_trusted_as_a_vault_only()
    {
        using var client = KeyVaultTransport.CreateClient(() => _vault.Port);

        var e = await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri("https://login.microsoftonline.com/")));

        Assert.IsType<AuthenticationException>(e.InnerException);
    }

    [Fact]
    public async Task Does_not_find_an_unknown_or_removed_secret()
    {
        _vault.Set("removed", "the removed value");
        _vault.Remove("removed");

        Assert.Equal((404, "SecretNotFound"), await FailureAsync("unknown"));
        Assert.Equal((404, "SecretNotFound"), await FailureAsync("removed"));
    }

    [Fact]
    public async Task Refuses_a_disabled_secret_until_there_is_a_new_version()
    {
        _vault.Set("corpsecret", "the first value");
        _vault.Disable("corpsecret");

        var e = await Assert.ThrowsAsync<RequestFailedException>(() => _client.GetSecretAsync("corpsecret"));
        _vault.Set("corpsecret", "the second value");
        KeyVaultSecret second = await _client.GetSecretAsync("corpsecret");

        Assert.Equal((403, "Forbidden"), (e.Status, e.ErrorCode));
        Assert.Contains("\"innererror\":{\"code\":\"SecretDisabled\"}", e.Message, StringComparison.Ordinal);
        Assert.Equal("the second value", second.Value);
    }

    [Fact]
    public async Task Forbids_an_identity_without_a_role()
    {
        _vault.Mode = KeyVaultMode.Forbidden;

        var e = await Assert.ThrowsAsync<RequestFailedException>(() => _client.GetSecretAsync("corpsecret"));

        Assert.Equal(403, e.Status);
        Assert.Contains("ForbiddenByRbac", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(KeyVaultMode.InternalError, 500, "InternalServerError")]
    [InlineData(KeyVaultMode.Unavailable, 503, "ServiceUnavailable")]
    public async Task Fails(KeyVaultMode mode, int status, string code)
    {
        _vault.Mode = mode;

        Assert.Equal((status, code), await FailureAsync("corpsecret"));
        Assert.Equal(1, _vault.Reads);
    }

    [Fact]
    public async Task Throttles_and_says_for_how_long()
    {
        _vault.Mode = KeyVaultMode.Throttled;
        _vault.RetryAfter = TimeSpan.FromSeconds(17);

        var e = await Assert.ThrowsAsync<RequestFailedException>(() => _client.GetSecretAsync("corpsecret"));

        Assert.Equal((429, "Throttled"), (e.Status, e.ErrorCode));
        Assert.Equal("17", e.GetRawResponse()!.Headers.TryGetValue("Retry-After", out var seconds) ? seconds : null);
    }

    [Fact]
    public async Task Counts_retries_as_reads()
    {
        _vault.Mode = KeyVaultMode.Unavailable;
        var client = _vault.CreateClient(new SecretClientOptions { Retry = { MaxRetries = 2, Delay = TimeSpan.FromMilliseconds(1) } });

        await Assert.ThrowsAsync<RequestFailedException>(() => client.GetSecretAsync("corpsecret"));

        Assert.Equal(
            new { All = 3, Corpsecret = 3, Other = 0 },
            new { All = _vault.Reads, Corpsecret = _vault.ReadsOf("corpsecret"), Other = _vault.ReadsOf("other") });
    }

    [Fact]
    public async Task Hangs_until_the_mode_changes()
    {
        _vault.Set("corpsecret", "the first value");
        _vault.Mode = KeyVaultMode.Hang;

        var reading = _client.GetSecretAsync("corpsecret");
        await _vault.WaitForReadsAsync(1);
        Assert.False(reading.IsCompleted);
        _vault.Mode = KeyVaultMode.Normal;

        Assert.Equal("the first value", (await reading).Value.Value);
    }

    [Fact]
    public async Task Hangs_until_the_client_gives_up()
    {
        _vault.Mode = KeyVaultMode.Hang;
        using var patience = new CancellationTokenSource();

        var reading = _client.GetSecretAsync("corpsecret", cancellationToken: patience.Token);
        await _vault.WaitForReadsAsync(1);
        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    [Fact]
    public async Task Loses_hanging_requests_and_refuses_connections_while_stopped()
    {
        _vault.Set("corpsecret", "the first value");
        await _client.GetSecretAsync("corpsecret");
        _vault.Mode = KeyVaultMode.Hang;
        var reading = _client.GetSecretAsync("corpsecret");
        await _vault.WaitForReadsAsync(2);

        await _vault.StopAsync();
        _vault.Mode = KeyVaultMode.Normal;
        var lost = await Assert.ThrowsAsync<RequestFailedException>(() => reading);
        var refused = await Assert.ThrowsAsync<RequestFailedException>(() => _client.GetSecretAsync("corpsecret"));
        await _vault.StartAsync();
        KeyVaultSecret again = await _client.GetSecretAsync("corpsecret");

        Assert.Equal(0, lost.Status);
        Assert.Equal(SocketError.ConnectionRefused, Assert.IsType<SocketException>(refused.GetBaseException()).SocketErrorCode);
        Assert.Equal("the first value", again.Value);
    }

    [Fact]
    public async Task Waits_for_reads()
    {
        _vault.Set("corpsecret", "the first value");
        var two = _vault.WaitForReadsAsync(2);

        await _client.GetSecretAsync("corpsecret");
        Assert.False(two.IsCompleted);
        await _client.GetSecretAsync("corpsecret");

        await two;
        await _vault.WaitForReadsAsync(1);
    }

    [Fact]
    public async Task Tells_which_call_it_does_not_know()
    {
        var e = await Assert.ThrowsAsync<RequestFailedException>(() => _client.SetSecretAsync("corpsecret", "a written value"));

        Assert.Equal(400, e.Status);
        Assert.Contains("got PUT /secrets/corpsecret", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Remembers_every_secret_it_gave_out()
    {
        _vault.Set("corpsecret", "the first value");
        _vault.Set("corpsecret", "the second value");
        _vault.Remove("corpsecret");
        var token = await _vault.Credential.GetTokenAsync(new TokenRequestContext(["https://vault.azure.net/.default"]), default);

        Assert.Equal(
            new HashSet<string> { "the first value", "the second value", token.Token },
            _vault.IssuedSecrets.ToHashSet());
    }

    private async Task<(int Status, string? Code)> FailureAsync(string name)
    {
        var e = await Assert.ThrowsAsync<RequestFailedException>(() => _client.GetSecretAsync(name));
        return (e.Status, e.ErrorCode);
    }
}
