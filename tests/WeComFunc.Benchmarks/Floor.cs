using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace WeComFunc.Benchmarks;

/// <summary>
/// The least that any login does: the code out of the body, the two calls with a token that is simply there, the bytes of the profile passed
/// through. No limits, no retries, no checks; any failure is a 500.
/// </summary>
internal static class Floor
{
    private const int LargestAnswer = 16 * 1024;

    public static async Task RunAsync(string url, string upstream)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ListenOn(url);
        builder.Logging.AddSameConsole();
        var app = builder.Build();
        using var http = new HttpMessageInvoker(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, ActivityHeadersPropagator = null });
        app.Run(new Login(http, upstream, app.Logger).AnswerAsync);
        await app.RunAsync();
    }

    private sealed class Login(HttpMessageInvoker http, string upstream, ILogger logger)
    {
        public async Task AnswerAsync(HttpContext context)
        {
            var started = Stopwatch.GetTimestamp();
            var body = await context.Request.BodyReader.ReadAtLeastAsync((int)context.Request.ContentLength!, context.RequestAborted);
            var code = Member(body.Buffer.FirstSpan, "code"u8);
            context.Request.BodyReader.AdvanceTo(body.Buffer.End);
            var (session, sessionLength) = await GetAsync(
                $"{upstream}cgi-bin/miniprogram/jscode2session?access_token={Upstream.FirstToken}&js_code={Uri.EscapeDataString(code)}&grant_type=authorization_code",
                context.RequestAborted);
            var userId = Member(session.AsSpan(0, sessionLength), "userid"u8);
            var corpId = Member(session.AsSpan(0, sessionLength), "corpid"u8);
            ArrayPool<byte>.Shared.Return(session);
            var (profile, profileLength) = await GetAsync(
                $"{upstream}cgi-bin/user/get?access_token={Upstream.FirstToken}&userid={Uri.EscapeDataString(userId)}", context.RequestAborted);
            var head = $$"""{"userid":"{{userId}}","corpid":"{{corpId}}","profile":""";
            context.Response.ContentType = "application/json";
            context.Response.Headers.CacheControl = "no-store";
            context.Response.ContentLength = Encoding.UTF8.GetByteCount(head) + profileLength + 1;
            Encoding.UTF8.GetBytes(head, context.Response.BodyWriter);
            context.Response.BodyWriter.Write(profile.AsSpan(0, profileLength));
            context.Response.BodyWriter.Write("}"u8);
            ArrayPool<byte>.Shared.Return(profile);
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            Logging.Login(logger, "ok", Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        private async Task<(byte[] Buffer, int Length)> GetAsync(string url, CancellationToken cancellationToken)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            using var response = await http.SendAsync(request, cancellationToken);
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
}
