using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// Takes what is sent by OTLP over HTTP, writes it to an <see cref="Output"/> byte for byte, and reads what tests look at
/// (opentelemetry-proto 1.x: trace, metrics, logs, common).
/// </summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly ConcurrentQueue<(string Path, ProtoMessage Request)> _requests;

    private OtlpReceiver(WebApplication server, ConcurrentQueue<(string Path, ProtoMessage Request)> requests) =>
        (_server, _requests) = (server, requests);

    /// <summary>Makes a host send metrics before its end.</summary>
    public const string MetricInterval = "OTEL_METRIC_EXPORT_INTERVAL";

    /// <summary>What makes a host send here: traces and lines at once, metrics only at its end.</summary>
    public Dictionary<string, string?> Settings => new()
    {
        ["OTEL_EXPORTER_OTLP_ENDPOINT"] = _server.Urls.Single(),
        ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        ["OTEL_BSP_SCHEDULE_DELAY"] = "50",
        ["OTEL_BLRP_SCHEDULE_DELAY"] = "50",
        [MetricInterval] = "3600000",
    };

    public IReadOnlyList<OtlpSpan> Spans => [.. Items("/v1/traces").Select(item => new OtlpSpan(
        item.Value.Text(5),
        item.Value.Hex(1),
        item.Value.Hex(2),
        item.Value.Hex(4),
        Attributes(item.Value, 9)))];

    public IReadOnlyList<OtlpLine> Lines => [.. Items("/v1/logs").Select(item => new OtlpLine(
        item.Scope,
        item.Value.Text(3),
        Value(item.Value.All(5).Single()),
        item.Value.Hex(9),
        item.Value.Hex(10),
        Attributes(item.Value, 6)))];

    /// <summary>The points that were sent last of each metric.</summary>
    public IReadOnlyList<OtlpPoint> Points =>
    [
        ..
        from item in Items("/v1/metrics", lastOnly: true)
        from data in (int[])[5, 7, 9]
        from metric in item.Value.All(data)
        from point in metric.All(1)
        select new OtlpPoint(
            item.Value.Text(1),
            item.Value.Text(3),
            data == 9 ? (long)point.Number(4) : point.Has(6) ? (long)point.Number(6) : 0,
            data == 9 ? [.. point.Doubles(7)] : [],
            Attributes(point, data == 9 ? 9 : 7)),
    ];

    /// <summary>What each request says that it is about, all the same.</summary>
    public Dictionary<string, string> Resource =>
        Attributes(_requests.First().Request.All(1).First().All(1).Single(), 1);

    public static async Task<OtlpReceiver> StartAsync(Output? output = null)
    {
        var requests = new ConcurrentQueue<(string, ProtoMessage)>();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore();
        var server = builder.Build();
        server.Urls.Add("http://127.0.0.1:0");
        server.Run(async context =>
        {
            var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            (output ?? Output.Run).Write($"otlp {context.Request.Path}", Encoding.UTF8.GetString(body.ToArray()));
            requests.Enqueue((context.Request.Path.Value!, new(body.ToArray())));
            context.Response.ContentType = "application/x-protobuf";
        });
        await server.StartAsync();
        return new(server, requests);
    }

    /// <summary>Completes once a span of this name has arrived; fails when patience ends.</summary>
    public Task WaitForSpanAsync(string name) => Wait.UntilAsync(() => Spans.Any(span => span.Name == name));

    /// <summary>Completes once a line that begins so has arrived; fails when patience ends.</summary>
    public Task WaitForLineAsync(string beginning) =>
        Wait.UntilAsync(() => Lines.Any(line => line.Text.StartsWith(beginning, StringComparison.Ordinal)));

    /// <summary>Completes once a point of this metric has so high a count; fails when patience ends.</summary>
    public Task WaitForPointAsync(string name, long count) =>
        Wait.UntilAsync(() => Points.Any(point => point.Name == name && point.Count >= count));

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    /// <summary>
    /// Spans, metrics or lines, each with the name of its scope: all three are as deep in a request, under the same numbers.
    /// </summary>
    private IEnumerable<(string Scope, ProtoMessage Value)> Items(string path, bool lastOnly = false) =>
        from request in _requests.Where(request => request.Path == path).TakeLast(lastOnly ? 1 : int.MaxValue)
        from resource in request.Request.All(1)
        from scope in resource.All(2)
        from value in scope.All(2)
        select (scope.All(1).Single().Text(1), value);

    private static Dictionary<string, string> Attributes(ProtoMessage message, int field) =>
        message.All(field).ToDictionary(pair => pair.Text(1), pair => Value(pair.All(2).Single()));

    /// <summary>A value of one of the kinds that there are here: text, a whole number, any other number.</summary>
    private static string Value(ProtoMessage any) =>
        any.Has(1) ? any.Text(1)
        : any.Has(3) ? $"{(long)any.Number(3)}"
        : $"{BitConverter.UInt64BitsToDouble(any.Number(4))}";
}

/// <summary>A span; ids in hexadecimal, the parent's empty where there is none.</summary>
internal sealed record OtlpSpan(string Name, string TraceId, string Id, string ParentId, Dictionary<string, string> Attributes);

/// <summary>A line of the log.</summary>
internal sealed record OtlpLine(
    string Category, string Level, string Text, string TraceId, string SpanId, Dictionary<string, string> Attributes);

/// <summary>A point of a metric; its count is that of a histogram or a counter, its bounds those of a histogram.</summary>
internal sealed record OtlpPoint(string Name, string Unit, long Count, double[] Bounds, Dictionary<string, string> Attributes);

/// <summary>A message of Protocol Buffers, by field numbers (protobuf.dev/programming-guides/encoding).</summary>
internal sealed class ProtoMessage
{
    private readonly List<(int Field, ulong Number, byte[] Bytes)> _fields = [];

    public ProtoMessage(byte[] message)
    {
        for (var at = 0; at < message.Length;)
        {
            var key = Varint();
            var field = (int)(key >> 3);
            switch (key & 7)
            {
                case 0:
                    _fields.Add((field, Varint(), []));
                    break;
                case 1:
                    _fields.Add((field, BitConverter.ToUInt64(message, at), []));
                    at += 8;
                    break;
                case 5:
                    _fields.Add((field, BitConverter.ToUInt32(message, at), []));
                    at += 4;
                    break;
                case 2:
                    var length = (int)Varint();
                    _fields.Add((field, 0, message[at..(at + length)]));
                    at += length;
                    break;
                default:
                    throw new InvalidDataException($"Wire type {key & 7} of field {field}.");
            }

            ulong Varint()
            {
                var (value, shift) = (0UL, 0);
                byte next;
                do
                {
                    next = message[at++];
                    value |= (ulong)(next & 0x7f) << shift;
                    shift += 7;
                }
                while (next >= 0x80);
                return value;
            }
        }
    }

    public bool Has(int field) => _fields.Any(one => one.Field == field);

    public IEnumerable<ProtoMessage> All(int field) => Of(field).Select(one => new ProtoMessage(one.Bytes));

    public string Text(int field) => Encoding.UTF8.GetString(Last(field).Bytes);

    public string Hex(int field) => Has(field) ? Convert.ToHexStringLower(Last(field).Bytes) : "";

    /// <summary>An integer, or the bits of a double.</summary>
    public ulong Number(int field) => Last(field).Number;

    public IEnumerable<double> Doubles(int field) =>
        Of(field).SelectMany(one => one.Bytes.Chunk(8)).Select(bits => BitConverter.ToDouble(bits));

    private IEnumerable<(int Field, ulong Number, byte[] Bytes)> Of(int field) => _fields.Where(one => one.Field == field);

    private (int Field, ulong Number, byte[] Bytes) Last(int field) => Of(field).Last();
}
