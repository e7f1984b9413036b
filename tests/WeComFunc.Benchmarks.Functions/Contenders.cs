using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Text;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.Extensions.Logging;

namespace WeComFunc.Benchmarks.Functions;

/// <summary>What the login is measured against on the worker.</summary>
public sealed partial class Contenders(LeastLogin login, ILogger<Contenders> logger)
{
    private static readonly byte[] Prepared = Encoding.UTF8.GetBytes(Environment.GetEnvironmentVariable("ANSWER")!);

    /// <summary>The bytes of a login's answer without a login: what the worker itself costs.</summary>
    [Function("Hello")]
    public static async Task<HttpResponseData> HelloAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "hello")] HttpRequestData request)
    {
        var response = Begin(request);
        await response.Body.WriteAsync(Prepared);
        return response;
    }

    /// <summary>The least that any login does.</summary>
    [Function("Floor")]
    public async Task<HttpResponseData> FloorAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "floor")] HttpRequestData request)
    {
        var started = Stopwatch.GetTimestamp();
        var body = new byte[request.Body.Length];
        await request.Body.ReadExactlyAsync(body);
        var (head, profile, length) = await login.RunAsync(body, request.FunctionContext.CancellationToken);
        var response = Begin(request);
        response.Body.Write(Encoding.UTF8.GetBytes(head));
        response.Body.Write(profile.AsSpan(0, length));
        response.Body.WriteByte((byte)'}');
        ArrayPool<byte>.Shared.Return(profile);
        LogLogin(logger, "ok", Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        return response;
    }

    private static HttpResponseData Begin(HttpRequestData request)
    {
        var response = request.CreateResponse(HttpStatusCode.OK);
        response.Headers.Add("Content-Type", "application/json");
        response.Headers.Add("Cache-Control", "no-store");
        return response;
    }

    [LoggerMessage(1, LogLevel.Information, "Login: outcome {Outcome}, {ElapsedMs:0.0} ms")]
    private static partial void LogLogin(ILogger logger, string outcome, double elapsedMs);
}
