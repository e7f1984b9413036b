using System.Buffers;
using System.Diagnostics;
using System.Text;

namespace WeComFunc.Benchmarks;

/// <summary><see cref="LeastLogin"/> on bare Kestrel; any failure is a 500.</summary>
internal static class Floor
{
    public static async Task RunAsync(string url, string upstream)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ListenOn(url);
        builder.Logging.AddSameConsole();
        var app = builder.Build();
        app.Run(new Endpoint(LeastLogin.Create(upstream, Upstream.FirstToken), app.Logger).AnswerAsync);
        await app.RunAsync();
    }

    private sealed class Endpoint(LeastLogin login, ILogger logger)
    {
        public async Task AnswerAsync(HttpContext context)
        {
            var started = Stopwatch.GetTimestamp();
            var body = await context.Request.BodyReader.ReadAtLeastAsync((int)context.Request.ContentLength!, context.RequestAborted);
            var (head, profile, length) = await login.RunAsync(body.Buffer.First, context.RequestAborted);
            context.Request.BodyReader.AdvanceTo(body.Buffer.End);
            context.Response.ContentType = "application/json";
            context.Response.Headers.CacheControl = "no-store";
            context.Response.ContentLength = Encoding.UTF8.GetByteCount(head) + length + 1;
            Encoding.UTF8.GetBytes(head, context.Response.BodyWriter);
            context.Response.BodyWriter.Write(profile.AsSpan(0, length));
            context.Response.BodyWriter.Write("}"u8);
            ArrayPool<byte>.Shared.Return(profile);
            await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
            Logging.Login(logger, "ok", Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }
    }
}
