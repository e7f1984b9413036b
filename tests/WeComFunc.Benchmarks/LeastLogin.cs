using System.Buffers;
using System.Text.Json;

namespace WeComFunc.Benchmarks;

/// <summary>
/// The least that any login does: the code out of the body, the two calls with a token that is simply there, the bytes of the profile
/// passed through. No limits, no retries, no checks; any failure is an exception.
/// </summary>
public sealed class LeastLogin
{
    private const int LargestAnswer = 16 * 1024;

    private readonly HttpMessageInvoker _http;
    private readonly string _upstream;
    private readonly string _token;

    private LeastLogin(HttpMessageInvoker http, string upstream, string token) => (_http, _upstream, _token) = (http, upstream, token);

    public static LeastLogin Create(string upstream, string token) =>
        new(
            new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ActivityHeadersPropagator = null }),
            upstream,
            token);

    /// <returns>What comes before the profile, and the profile in a rented array, so much of it.</returns>
    public async Task<(string Head, byte[] Profile, int Length)> RunAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var code = Member(body.Span, "code"u8);
        var (session, sessionLength) = await GetAsync(
            $"{_upstream}cgi-bin/miniprogram/jscode2session?access_token={_token}"
                + $"&js_code={Uri.EscapeDataString(code)}&grant_type=authorization_code",
            cancellationToken);
        var userId = Member(session.AsSpan(0, sessionLength), "userid"u8);
        var corpId = Member(session.AsSpan(0, sessionLength), "corpid"u8);
        ArrayPool<byte>.Shared.Return(session);
        var (profile, length) = await GetAsync(
            $"{_upstream}cgi-bin/user/get?access_token={_token}&userid={Uri.EscapeDataString(userId)}", cancellationToken);
        return ($$"""{"userid":"{{userId}}","corpid":"{{corpId}}","profile":""", profile, length);
    }

    private async Task<(byte[] Buffer, int Length)> GetAsync(string url, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        using var response = await _http.SendAsync(request, cancellationToken);
        var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = ArrayPool<byte>.Shared.Rent(LargestAnswer);
        return (buffer, await stream.ReadAtLeastAsync(buffer, LargestAnswer, throwOnEndOfStream: false, cancellationToken));
    }

    private static string Member(ReadOnlySpan<byte> json, ReadOnlySpan<byte> name)
    {
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName && reader.ValueTextEquals(name))
            {
                reader.Read();
                return reader.GetString()!;
            }
        }

        throw new JsonException("A member is missing.");
    }
}
