using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Threading.Channels;

namespace WeComFunc.LocalHost;

/// <summary>
/// The calls that logins make, as server-sent events, for as long as somebody watches: only then anybody listens to the traces they come
/// from. Of a trace it tells name, time and outcome, and nothing else.
/// </summary>
internal static partial class CallFeed
{
    /// <summary>Who does not keep up with a storm of logins misses its beginning.</summary>
    private const int Kept = 1000;

    /// <summary>Tells every call from now on.</summary>
    /// <param name="context">The request.</param>
    /// <param name="stopping">That the host ends.</param>
    public static async Task ServeAsync(HttpContext context, CancellationToken stopping)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        var calls = Channel.CreateBounded<Call>(new BoundedChannelOptions(Kept) { FullMode = BoundedChannelFullMode.DropOldest });
        using var listener = new ActivityListener
        {
            ShouldListenTo = static source => source == Telemetry.Source,
            Sample = static (ref _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity => calls.Writer.TryWrite(Call.Of(activity)),
        };
        ActivitySource.AddActivityListener(listener);
        var response = context.Response;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        try
        {
            await response.WriteAsync("event: ready\ndata: 1\n\n", end.Token);
            await response.Body.FlushAsync(end.Token);
            await foreach (var call in calls.Reader.ReadAllAsync(end.Token))
            {
                await response.WriteAsync($"data: {JsonSerializer.Serialize(call, CallJson.Default.Call)}\n\n", end.Token);
                await response.Body.FlushAsync(end.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Who watched has gone, or the host ends.
        }
    }

    /// <summary>A call, or a whole login.</summary>
    /// <param name="Trace">The trace it belongs to, which is that of its login.</param>
    /// <param name="Name">
    /// The api, <c>table read</c>, <c>table write</c>, <c>secret read</c>, <c>session write</c> or <c>session read</c>; or the whole,
    /// <c>login</c> or <c>member-data</c>.
    /// </param>
    /// <param name="Began">When it began, in milliseconds since 1970.</param>
    /// <param name="Took">How long it took, in milliseconds.</param>
    /// <param name="Outcome">The errcode, <c>none</c> where there was none, or a word.</param>
    internal sealed record Call(string Trace, string Name, double Began, double Took, string? Outcome)
    {
        public static Call Of(Activity activity) => new(
            activity.TraceId.ToHexString(),
            activity.OperationName,
            Math.Round((activity.StartTimeUtc - DateTime.UnixEpoch).TotalMilliseconds, 2),
            Math.Round(activity.Duration.TotalMilliseconds, 2),
            (activity.GetTagItem("wecom.errcode") ?? activity.GetTagItem("outcome")) as string);
    }

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(Call))]
    private sealed partial class CallJson : JsonSerializerContext;
}
