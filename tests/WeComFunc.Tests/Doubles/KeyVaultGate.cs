using System.Net;
using System.Net.Sockets;
using Azure.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// How a process of its own gets to a <see cref="KeyVault"/> at its real address: a proxy that leads there whatever the host, a file with
/// the certificate to trust, and the endpoint of a managed identity, which gives the token.
/// </summary>
internal sealed class KeyVaultGate : IAsyncDisposable
{
    private readonly CancellationTokenSource _closing = new();
    private readonly TcpListener _proxy = new(IPAddress.Loopback, 0);
    private readonly string _certificate = Path.GetTempFileName();
    private readonly KeyVault _vault;
    private readonly WebApplication _identity;

    private KeyVaultGate(KeyVault vault)
    {
        _vault = vault;
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore();
        _identity = builder.Build();
        _identity.Urls.Add("http://127.0.0.1:0");
        _identity.Run(GiveTokenAsync);
    }

    /// <summary>The HTTP status with which the identity answers; it gives no answer at all while this is null.</summary>
    public int? IdentityStatus { get; set; } = StatusCodes.Status200OK;

    /// <summary>What the process needs, names with <c>__</c>.</summary>
    public Dictionary<string, string?> Settings => new()
    {
        ["DOTNET_ENVIRONMENT"] = null,
        ["WeCom__CorpSecret"] = null,
        ["KeyVault__Uri"] = _vault.Uri.AbsoluteUri,
        ["HTTPS_PROXY"] = $"http://{_proxy.LocalEndpoint}",
        ["SSL_CERT_FILE"] = _certificate,
        ["IDENTITY_ENDPOINT"] = _identity.Urls.First(),
        ["IDENTITY_HEADER"] = "any",
    };

    /// <summary>The vault's only token, as whoever may read the vault gets it.</summary>
    public AccessToken Token => _vault.Credential.GetToken(new(["https://vault.azure.net/.default"]), CancellationToken.None);

    public static async Task<KeyVaultGate> OpenAsync(KeyVault vault)
    {
        var gate = new KeyVaultGate(vault);
        await File.WriteAllTextAsync(gate._certificate, KeyVaultTransport.Certificate.ExportCertificatePem());
        gate._proxy.Start();
        _ = gate.LeadAllAsync();
        await gate._identity.StartAsync();
        return gate;
    }

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _proxy.Dispose();
        await _identity.StopAsync(_closing.Token);
        await _identity.DisposeAsync();
        File.Delete(_certificate);
        _closing.Dispose();
    }

    private async Task GiveTokenAsync(HttpContext context)
    {
        if (IdentityStatus is not { } status)
        {
            await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return;
        }

        context.Response.StatusCode = status;
        object answer = status == StatusCodes.Status200OK
            ? new { access_token = Token.Token, expires_on = $"{Token.ExpiresOn.ToUnixTimeSeconds()}", token_type = "Bearer" }
            : new { statusCode = status, message = "No identity today." };
        await context.Response.WriteAsJsonAsync(answer, context.RequestAborted);
    }

    private async Task LeadAllAsync()
    {
        while (!_closing.IsCancellationRequested)
        {
            try
            {
                _ = LeadAsync(await _proxy.AcceptTcpClientAsync(_closing.Token));
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException)
            {
            }
        }
    }

    /// <summary>Takes a <c>CONNECT</c>, and passes on what both sides say until one of them has no more to say.</summary>
    private async Task LeadAsync(TcpClient caller)
    {
        using var vault = new TcpClient();
        using (caller)
        {
            try
            {
                var stream = caller.GetStream();
                using var request = new StreamReader(stream, leaveOpen: true);
                while (await request.ReadLineAsync(_closing.Token) is { Length: > 0 })
                {
                }

                await vault.ConnectAsync(IPAddress.Loopback, _vault.Port, _closing.Token);
                await stream.WriteAsync("HTTP/1.1 200 OK\r\n\r\n"u8.ToArray(), _closing.Token);
                await Task.WhenAny(
                    stream.CopyToAsync(vault.GetStream(), _closing.Token), vault.GetStream().CopyToAsync(stream, _closing.Token));
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException or IOException)
            {
            }
        }
    }
}
