using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using WeComFunc.Http;

namespace WeComFunc.Sessions;

/// <summary>
/// <c>GET /api/.well-known/openid-configuration</c>: where the keys are (OpenID Connect Discovery 1.0, RFC 8414). There is nothing to be
/// authorised by at this issuer, so there is no authorization_endpoint, and no response type is supported.
/// </summary>
internal sealed class DiscoveryEndpoint(SessionSettings settings, TimeProvider time, ILogger<DiscoveryEndpoint> logger)
    : Endpoint(time, logger)
{
    private readonly ReadOnlyMemory<byte> _body = Compose(settings.Issuer);

    /// <inheritdoc />
    public override string Route => ".well-known/openid-configuration";

    /// <inheritdoc />
    public override IReadOnlyList<string> Methods { get; } = ["GET", "HEAD"];

    private protected override Task<HttpAnswer> RespondAsync(Exchange exchange) =>
        Task.FromResult(new HttpAnswer(200, "application/json", _body) { CacheControl = SigningKeysEndpoint.CacheControl });

    private static ReadOnlyMemory<byte> Compose(string issuer)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        json.WriteString("issuer"u8, issuer);
        json.WriteString("jwks_uri"u8, $"{issuer}/{SigningKeysEndpoint.Path}");
        json.WriteStartArray("response_types_supported"u8);
        json.WriteEndArray();
        json.WriteStartArray("subject_types_supported"u8);
        json.WriteStringValue("public"u8);
        json.WriteEndArray();
        json.WriteStartArray("id_token_signing_alg_values_supported"u8);
        json.WriteStringValue("ES256"u8);
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}
