using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Connections;

namespace WeComFunc.Benchmarks;

/// <summary>
/// A WeCom with prepared answers straight on Kestrel's connections, faster than what is measured: any code is valid and stands for one
/// member. It knows one token, counts <c>gettoken</c> calls, and answers a POST as a login would, for the ceiling of the load generator.
/// </summary>
internal sealed class Upstream : ConnectionHandler, IAsyncDisposable
{
    public const string CorpId = "ww1234567890abcdef";
    public const string CorpSecret = "corpsecret-of-the-benchmark-0123456789-abcd";
    public static readonly string FirstToken = Token(0);

    private static readonly JsonSerializerOptions AsWeCom = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly byte[] Profile = JsonSerializer.SerializeToUtf8Bytes(
        JsonSerializer.Deserialize<JsonElement>(typeof(Upstream).Assembly.GetManifestResourceStream("user-get.json")!), AsWeCom);

    private static readonly byte[] Session = Answer(Encoding.UTF8.GetBytes(
        $$"""{"corpid":"{{CorpId}}","userid":"zhangsan","session_key":"kJtdi6RF+Dv67QkbLlPGjw==","errcode":0,"errmsg":"ok"}"""));

    private static readonly byte[] Rejection = Answer("""{"errcode":40014,"errmsg":"invalid access_token"}"""u8);
    private static readonly byte[] User = Answer(Profile);
    private static readonly byte[] Nothing = Answer(Encoding.UTF8.GetBytes(PreparedAnswer));

    private volatile byte[] _token = Encoding.ASCII.GetBytes(FirstToken);
    private WebApplication? _app;
    private int _getTokenCalls;
    private int _tokens;

    /// <summary>What a login answers.</summary>
    public static string PreparedAnswer =>
        $$"""{"userid":"zhangsan","corpid":"{{CorpId}}","profile":{{Encoding.UTF8.GetString(Profile)}}}""";

    /// <summary>How long it takes to answer.</summary>
    public TimeSpan Delay { get; set; }

    public int GetTokenCalls => Volatile.Read(ref _getTokenCalls);

    public static async Task<Upstream> StartAsync(Uri url)
    {
        var upstream = new Upstream();
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton(upstream);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
            kestrel.ListenLocalhost(url.Port, listen => listen.UseConnectionHandler<Upstream>()));
        upstream._app = builder.Build();
        await upstream._app.StartAsync();
        return upstream;
    }

    /// <summary>The token in use dies; <c>gettoken</c> gives another one from now on.</summary>
    public void Revoke() => _token = Encoding.ASCII.GetBytes(Token(++_tokens));

    /// <summary>The first token counts again, as the floor knows no other.</summary>
    public void Reset()
    {
        _token = Encoding.ASCII.GetBytes(FirstToken);
        Volatile.Write(ref _getTokenCalls, 0);
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(0);
        await _app!.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    public override async Task OnConnectedAsync(ConnectionContext connection)
    {
        var (input, output) = (connection.Transport.Input, connection.Transport.Output);
        try
        {
            while (true)
            {
                var read = await input.ReadAsync();
                var rest = read.Buffer;
                while (TryRead(ref rest, out var request))
                {
                    output.Write(AnswerTo(request));
                }

                input.AdvanceTo(rest.Start, rest.End);
                if (Delay > TimeSpan.Zero)
                {
                    await Task.Delay(Delay);
                }

                if (read.IsCompleted || (await output.FlushAsync()).IsCompleted)
                {
                    return;
                }
            }
        }
        catch (ConnectionResetException)
        {
        }
    }

    /// <summary>Takes one request, as far as the end of its headers, and of its body if it has one.</summary>
    private static bool TryRead(ref ReadOnlySequence<byte> rest, out ReadOnlySpan<byte> request)
    {
        request = rest.IsSingleSegment ? rest.FirstSpan : rest.ToArray();
        if (request.IndexOf("\r\n\r\n"u8) is not (>= 0 and var end))
        {
            return false;
        }

        var length = end + 4;
        if (request.StartsWith("POST"u8) && request.IndexOf("Content-Length: "u8) is >= 0 and var at)
        {
            var digits = request[(at + 16)..end];
            length += int.Parse(
                digits[..(digits.IndexOf((byte)'\r') is >= 0 and var line ? line : digits.Length)], CultureInfo.InvariantCulture);
        }

        if (request.Length < length)
        {
            return false;
        }

        request = request[..length];
        rest = rest.Slice(length);
        return true;
    }

    private ReadOnlySpan<byte> AnswerTo(ReadOnlySpan<byte> request)
    {
        if (request.StartsWith("POST"u8))
        {
            return Nothing;
        }

        if (request.StartsWith("GET /cgi-bin/gettoken?"u8))
        {
            Interlocked.Increment(ref _getTokenCalls);
            return Answer([.. "{\"errcode\":0,\"errmsg\":\"ok\",\"access_token\":\""u8, .. _token, .. "\",\"expires_in\":7200}"u8]);
        }

        return request.IndexOf(_token) < 0 ? Rejection : request.StartsWith("GET /cgi-bin/user/get?"u8) ? User : Session;
    }

    private static byte[] Answer(ReadOnlySpan<byte> body) =>
        [.. Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nContent-Length: "
            + $"{body.Length}\r\n\r\n"), .. body];

    /// <summary>As long as WeCom's are.</summary>
    private static string Token(int number) => $"benchmark-{number}-".PadRight(214, 'x');
}
