using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Web;
using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

/// <summary>What a login calls that starts from nothing, in the order in which it may.</summary>
public enum CloudCall
{
    Identity,
    Vault,
    VaultVersions,
    VaultKey,
    TableRead,
    TableWrite,
    GetToken,
    JsCode2Session,
    UserGet,
    DepartmentGet,
    SessionWrite,
}

/// <summary>An answer before it is sent.</summary>
/// <param name="Status">Its HTTP status.</param>
/// <param name="Body">Its body; a status without one has null.</param>
internal sealed record CloudAnswer(int Status, byte[]? Body = null)
{
    public string ContentType { get; init; } = "application/json; charset=utf-8";

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>Bytes of white space behind the body, which are sent as they are made.</summary>
    public long Padding { get; init; }
}

/// <summary>
/// WeCom, Key Vault, Table Storage and the endpoint of the managed identity on one port, without TLS, each answering as the real one does
/// as far as a login sees it; and any of their calls answered by a fault instead. Every call has a connection of its own.
/// </summary>
internal sealed class Cloud : IAsyncDisposable
{
    /// <summary>
    /// A second app, of another corp: its name is in all of its calls, and no fault meets them, but for those of the identity and
    /// of the keys of sessions, which are the same for both.
    /// </summary>
    public const string Neighbour = "neighbour";

    /// <summary>Its corp.</summary>
    public const string NeighboursCorpId = $"ww{Neighbour}0123456";

    /// <summary>Small, so that what was sent and what was taken differ by little.</summary>
    private const int SocketBuffer = 64 * 1024;

    private static readonly CloudCall[] OfTheVault = [CloudCall.Vault, CloudCall.VaultVersions, CloudCall.VaultKey];

    private static readonly CloudCall[] OfWeCom =
        [CloudCall.GetToken, CloudCall.JsCode2Session, CloudCall.UserGet, CloudCall.DepartmentGet];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

    // Bound and never listening: what connects to its port is refused for sure.
    private readonly Socket _closed = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _ending = new();
    private readonly ManualTimeProvider _clock;
    private readonly Task _accepting;
    private readonly Dictionary<string, (int ETag, byte[] Json)> _rows = [];
    private readonly ConcurrentDictionary<string, int> _tokens = new();
    private readonly ConcurrentDictionary<string, bool> _waiting = new();
    private long _mostTaken;

    public Cloud(ManualTimeProvider clock)
    {
        _clock = clock;
        _closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Server.SendBufferSize = SocketBuffer;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string CorpId { get; } = "wwcloud0123456789";

    public string CorpSecret { get; } = $"corpsecret-{Guid.NewGuid():n}";

    /// <summary>The only version of the signing key, in PKCS#8 PEM.</summary>
    public string SessionKey { get; } = SigningSecret.Create();

    public Uri VaultUri { get; } = new($"https://v{Guid.NewGuid():n}"[..30] + ".vault.azure.net/");

    /// <summary>Which call the fault meets.</summary>
    public CloudCall Faulty { get; set; }

    /// <summary>What it is answered with; null for what is right.</summary>
    public Func<CloudExchange, Task>? Fault { get; set; }

    /// <summary>Whether connections for the faulty call are refused.</summary>
    public bool Refuses { get; set; }

    /// <summary>How often the faulty call has met its fault.</summary>
    public int Faults { get; private set; }

    /// <summary>The most bytes that a client has taken of one answer.</summary>
    public long MostTaken => Volatile.Read(ref _mostTaken);

    /// <summary>Every secret that there has been here.</summary>
    public IEnumerable<string> IssuedSecrets => [CorpSecret, SecretOf(Neighbour), .. _tokens.Keys];

    /// <summary>Who the member is whose code this is.</summary>
    public static string UserOf(string code) => $"user-of-{code}";

    /// <summary>Brings each request here, wherever it is for, and counts it while it is under way.</summary>
    public HttpMessageHandler CreateHandler(SocketsHttpHandler? handler = null)
    {
        handler ??= new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false };
        handler.UseProxy = false;
        handler.ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveBufferSize = SocketBuffer };
            try
            {
                var request = context.InitialRequestMessage;
                var path = request.RequestUri!.PathAndQuery;
                var isRefused = Refuses && CallOf(request.Method.Method, path, request.RequestUri.Host) == Faulty && !IsNeighbours(path);
                Faults += isRefused ? 1 : 0;
                await socket.ConnectAsync((isRefused ? _closed.LocalEndPoint : _listener.LocalEndpoint)!, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        };
        return new PlainHandler(new CountingHandler(() => _clock.Calls, _waiting.ContainsKey, handler));
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _accepting;
        _listener.Stop();
        _closed.Dispose();
        _ending.Dispose();
    }

    private static CloudCall CallOf(string method, string path, string host) =>
        path.StartsWith("/cgi-bin/gettoken", StringComparison.Ordinal) ? CloudCall.GetToken
        : path.StartsWith("/cgi-bin/miniprogram/jscode2session", StringComparison.Ordinal) ? CloudCall.JsCode2Session
        : path.StartsWith("/cgi-bin/user/get", StringComparison.Ordinal) ? CloudCall.UserGet
        : path.StartsWith("/cgi-bin/department/get", StringComparison.Ordinal) ? CloudCall.DepartmentGet
        : path.StartsWith("/metadata/identity", StringComparison.Ordinal) ? CloudCall.Identity
        : path.StartsWith($"/secrets/{SigningSecret.SecretName}/versions", StringComparison.Ordinal) ? CloudCall.VaultVersions
        : path.StartsWith($"/secrets/{SigningSecret.SecretName}/", StringComparison.Ordinal) ? CloudCall.VaultKey
        : host.EndsWith(".vault.azure.net", StringComparison.Ordinal) ? CloudCall.Vault
        : path.Contains("wecomsessions", StringComparison.Ordinal) ? CloudCall.SessionWrite
        : method == "GET" ? CloudCall.TableRead
        : CloudCall.TableWrite;

    private static bool IsNeighbours(string path) => path.Contains(Neighbour, StringComparison.Ordinal);

    private static byte[] Json(object value) => JsonSerializer.SerializeToUtf8Bytes(value);

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptSocketAsync(_ending.Token));
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using (socket)
        {
            try
            {
                if (await CloudRequest.ReadAsync(socket, _ending.Token) is not { } request)
                {
                    return;
                }

                var call = CallOf(request.Method, request.Path, request.Host);
                var exchange = new CloudExchange(
                    socket,
                    OfWeCom.Contains(call),
                    () => Process(call, request),
                    _clock,
                    () => _waiting[request.Name] = true,
                    _ending.Token);
                try
                {
                    // Of the vault, what comes with a token: it is challenged first.
                    if (Fault is { } fault && call == Faulty && !IsNeighbours(request.Path)
                        && (!OfTheVault.Contains(call) || request.Authorization is not null))
                    {
                        Faults++;
                        await fault(exchange);
                    }
                    else
                    {
                        await exchange.SendAsync(exchange.Process());
                    }
                }
                finally
                {
                    InterlockedMax(ref _mostTaken, exchange.Sent);
                }
            }
            catch (Exception exception) when (
                exception is IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The client has gone.
            }
        }
    }

    private static void InterlockedMax(ref long most, long value)
    {
        for (var seen = Volatile.Read(ref most); seen < value && Interlocked.CompareExchange(ref most, value, seen) != seen;)
        {
            seen = Volatile.Read(ref most);
        }
    }

    private CloudAnswer Process(CloudCall call, CloudRequest request)
    {
        var query = HttpUtility.ParseQueryString(request.Path.Split('?', 2).ElementAtOrDefault(1) ?? "");
        if (OfWeCom.Contains(call) && call is not CloudCall.GetToken && !_tokens.ContainsKey(query["access_token"] ?? ""))
        {
            return new(200, Json(new { errcode = 40014, errmsg = "invalid access_token" }));
        }

        var of = IsNeighbours(request.Path) ? Neighbour : "wecom";
        return call switch
        {
            CloudCall.Identity => new(200, Json(new
            {
                access_token = IssueToken("identity"),
                expires_in = "86399",
                expires_on = $"{DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeSeconds()}",
                resource = query["resource"],
                token_type = "Bearer",
            })),
            CloudCall.Vault or CloudCall.VaultVersions or CloudCall.VaultKey when request.Authorization is null => new(401)
            {
                Headers = new Dictionary<string, string>
                {
                    ["WWW-Authenticate"] =
                        "Bearer authorization=\"https://login.microsoftonline.com/0f1e2d3c-4b5a-4697-8796-a5b4c3d2e1f0\", "
                        + "resource=\"https://vault.azure.net\"",
                },
            },
            CloudCall.Vault => new(200, Json(new
            {
                value = SecretOf(request.Path),
                id = $"{VaultUri}secrets/wecom-corpsecret/1",
                contentType = "text",
                attributes = new { enabled = true },
            })),
            CloudCall.VaultVersions => new(200, Json(new
            {
                value = (object[])
                [
                    new
                    {
                        id = $"{VaultUri}secrets/{SigningSecret.SecretName}/1",
                        attributes = new { enabled = true, created = 1_700_000_000, updated = 1_700_000_000 },
                    },
                ],
                nextLink = (string?)null,
            })),
            CloudCall.VaultKey => new(200, Json(new
            {
                value = SessionKey,
                id = $"{VaultUri}secrets/{SigningSecret.SecretName}/1",
                attributes = new { enabled = true },
            })),
            CloudCall.TableRead => ReadRow(IsNeighbours(request.Path)),
            CloudCall.TableWrite => WriteRow(request),
            CloudCall.SessionWrite => new(204) { Headers = new Dictionary<string, string> { ["ETag"] = "W/\"1\"" } },
            CloudCall.GetToken when query["corpsecret"] != SecretOf(request.Path) =>
                new(200, Json(new { errcode = 40001, errmsg = "invalid credential" })),
            CloudCall.GetToken => new(200, Json(new { errcode = 0, errmsg = "ok", access_token = IssueToken(of), expires_in = 7200 })),
            CloudCall.JsCode2Session => new(200, Json(new
            {
                errcode = 0,
                errmsg = "ok",
                corpid = IsNeighbours(request.Path) ? NeighboursCorpId : CorpId,
                userid = UserOf(query["js_code"]!),
                session_key = "kJtdi6RF+Dv67QkbLlPGjw==",
            })),
            CloudCall.DepartmentGet => new(200, Json(new { errcode = 0, errmsg = "ok", department = new { id = 1, name = "the corp" } })),
            _ => new(200, Json(new { errcode = 0, errmsg = "ok", userid = query["userid"], name = "a name", department = (int[])[1] })),
        };
    }

    private string SecretOf(string path) => IsNeighbours(path) ? $"{CorpSecret}-of-{Neighbour}" : CorpSecret;

    private string IssueToken(string of)
    {
        var token = $"{of}-token-{Guid.NewGuid():n}";
        _tokens[token] = 1;
        return token;
    }

    /// <summary>An app's row; at first one that says nothing, so that it is there to be read.</summary>
    private CloudAnswer ReadRow(bool isNeighbours)
    {
        lock (_rows)
        {
            var (corpId, name) = isNeighbours ? (NeighboursCorpId, Neighbour) : (CorpId, "default");
            var (etag, row) = _rows.GetValueOrDefault(name, (0, Encoding.UTF8.GetBytes(
                $$"""{"PartitionKey":"{{corpId}}","RowKey":"{{name}}","Version":1,"Failures":0,"Rejections":0,"ServedLogin":false}""")));
            return new(
                200, [.. Encoding.UTF8.GetBytes($$"""{"odata.etag":"W/\"{{etag}}\"","Timestamp":"2026-01-01T00:00:00Z","""), .. row[1..]]);
        }
    }

    private CloudAnswer WriteRow(CloudRequest request)
    {
        lock (_rows)
        {
            var name = IsNeighbours(request.Path) ? Neighbour : "default";
            var etag = _rows.GetValueOrDefault(name).ETag;
            if (request.IfMatch is { } match && match != $"W/\"{etag}\"")
            {
                return new(412, Json(new Dictionary<string, object> { ["odata.error"] = new { code = "UpdateConditionNotSatisfied" } }));
            }

            _rows[name] = (++etag, request.Body);
            return new(204) { Headers = new Dictionary<string, string> { ["ETag"] = $"W/\"{etag}\"" } };
        }
    }

    /// <summary>Leaves TLS out.</summary>
    private sealed class PlainHandler(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.RequestUri!.Scheme == "https")
            {
                request.RequestUri = new UriBuilder(request.RequestUri) { Scheme = "http", Port = 80 }.Uri;
            }

            return base.SendAsync(request, cancellationToken);
        }
    }
}

/// <summary>A request as it arrived.</summary>
internal sealed record CloudRequest(
    string Method, string Path, string Host, string Name, string? Authorization, string? IfMatch, byte[] Body)
{
    /// <summary>Reads one; null where the client sent none.</summary>
    public static async Task<CloudRequest?> ReadAsync(Socket socket, CancellationToken cancellationToken)
    {
        var (buffer, length, head) = (new byte[64 * 1024], 0, -1);
        while (head < 0)
        {
            var read = await socket.ReceiveAsync(buffer.AsMemory(length), cancellationToken);
            if (read == 0)
            {
                return null;
            }

            length += read;
            head = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
        }

        var lines = Encoding.ASCII.GetString(buffer, 0, head).Split("\r\n");
        string? Header(string name) =>
            lines.Skip(1)
                .Where(line => line.StartsWith($"{name}: ", StringComparison.OrdinalIgnoreCase))
                .Select(line => line[(name.Length + 2)..])
                .FirstOrDefault();
        var body = new byte[int.Parse(Header("Content-Length") ?? "0", System.Globalization.CultureInfo.InvariantCulture)];
        buffer.AsSpan(head + 4, length - head - 4).CopyTo(body);
        for (var got = length - head - 4; got < body.Length;)
        {
            var read = await socket.ReceiveAsync(body.AsMemory(got), cancellationToken);
            if (read == 0)
            {
                return null;
            }

            got += read;
        }

        var start = lines[0].Split(' ');
        return new(
            start[0],
            start[1],
            (Header("Host") ?? "").Split(':')[0],
            Header(SimulatorState.CallHeader) ?? "",
            Header("Authorization"),
            Header("If-Match"),
            body);
    }
}

/// <summary>One call at the side of the service.</summary>
internal sealed class CloudExchange(
    Socket socket,
    bool isOfWeCom,
    Func<CloudAnswer> process,
    ManualTimeProvider clock,
    Action waits,
    CancellationToken ending)
{
    /// <summary>What a client reads of an answer, at most.</summary>
    public const int MostRead = 1024 * 1024;

    /// <summary>How many bytes the client has taken, buffers included.</summary>
    public long Sent { get; private set; }

    /// <summary>Has the call take effect.</summary>
    /// <returns>The right answer.</returns>
    public CloudAnswer Process() => process();

    /// <summary>The right answer with another body; a body of its own where there is none.</summary>
    public CloudAnswer ProcessAs(Func<byte[], byte[]> body)
    {
        var right = Process();
        return right.Body is { } bytes
            ? right with { Body = body(bytes) }
            : right with { Status = 200, Body = body("""{"text":"any","number":1}"""u8.ToArray()) };
    }

    /// <summary>WeCom's refusal with an errcode as it is written in JSON; another service's with a status and a body.</summary>
    public CloudAnswer ErrcodeOr(int status, string errcode, string body) => isOfWeCom
        ? new(200, Encoding.UTF8.GetBytes($$"""{"errcode":{{errcode}},"errmsg":"no"}"""))
        : new(status, Encoding.UTF8.GetBytes(body));

    /// <summary>Has the call take effect, and then does something else than answer.</summary>
    public Task After(Func<Task> otherwise)
    {
        _ = Process();
        return otherwise();
    }

    public async Task SendAsync(CloudAnswer answer)
    {
        // To the client it is under way until its answer begins. A client that has been sent more than it takes may leave it unread.
        using (clock.Calls.Begin(() => Sent > MostRead ? null : false))
        {
            await SendAsync(Head(answer));
            await SendAsync(answer.Body ?? []);
            var padding = new byte[16 * 1024];
            padding.AsSpan().Fill((byte)' ');
            for (var left = answer.Padding; left > 0; left -= padding.Length)
            {
                await SendAsync(padding.AsMemory(0, (int)Math.Min(left, padding.Length)));
            }

            socket.Shutdown(SocketShutdown.Send);
        }

        await DrainAsync();
    }

    /// <summary>Ends the connection by force.</summary>
    public Task ResetAsync()
    {
        socket.LingerState = new LingerOption(enable: true, 0);
        socket.Close();
        return Task.CompletedTask;
    }

    /// <summary>Never answers.</summary>
    public Task HangAsync()
    {
        waits();
        return DrainAsync();
    }

    /// <summary>Sends an answer by one byte a second of the clock.</summary>
    public async Task DripAsync(CloudAnswer answer)
    {
        waits();
        var gone = DrainAsync();
        foreach (var next in (byte[])[.. Head(answer), .. answer.Body ?? []])
        {
            await socket.SendAsync(new[] { next }, ending);
            if (await Task.WhenAny(gone, Task.Delay(TimeSpan.FromSeconds(1), clock, ending)) == gone)
            {
                return;
            }
        }
    }

    private static byte[] Head(CloudAnswer answer)
    {
        var head = new StringBuilder($"HTTP/1.1 {answer.Status} Any\r\nConnection: close\r\nContent-Type: {answer.ContentType}\r\n");
        if (answer.Status != 204)
        {
            head.Append($"Content-Length: {(answer.Body?.Length ?? 0) + answer.Padding}\r\n");
        }

        foreach (var (name, value) in answer.Headers)
        {
            head.Append($"{name}: {value}\r\n");
        }

        return Encoding.ASCII.GetBytes(head.Append("\r\n").ToString());
    }

    /// <summary>Ends when the client has closed the connection.</summary>
    private async Task DrainAsync()
    {
        var rest = new byte[1024];
        while (await socket.ReceiveAsync(rest, ending) > 0)
        {
        }
    }

    private async Task SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var sent = await socket.SendAsync(bytes, ending);
            Sent += sent;
            bytes = bytes[sent..];
        }
    }
}
