using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Web;
using Azure;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WeComFunc.AccessTokens;
using WeComFunc.Http;
using WeComFunc.MemberData;

namespace WeComFunc.Fuzz;

/// <summary>
/// The login without a network: WeCom and the table are in memory and answer at once; one of WeCom's calls answers with the input.
/// </summary>
internal sealed class Process : HttpMessageHandler, ITokenStore, ISessionKeyStore
{
    public const string CorpId = "ww1234567890abcdef";
    public const string Code = "a-code-of-the-one-who-asks";
    public const string CorpSecret = "the-corpsecret-of-the-fuzzed-process-0000001";

    public const string AppId = "wx0123456789abcdef";
    public const string SessionKey = "kJtdi6RF+Dv67QkbLlPGjw==";

    // Real time, and only to tell a hang.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<SessionPlace, string> _keys = new();
    private readonly IHost _host;
    private TokenRow? _row;
    private int _etag;
    private int _tokens;
    private int _departments;

    public Process(bool withMemberData = false)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["DOTNET_ENVIRONMENT"] = "Development",
            ["WeCom:CorpId"] = CorpId,
            ["WeCom:CorpSecret"] = CorpSecret,
            ["TokenStore:ConnectionString"] = "UseDevelopmentStorage=true",
            ["Limits:LoginsPerSecondPerAddress"] = "0",
            ["Login:DepartmentNames"] = "true",
            ["Session:Issuer"] = withMemberData ? "http://127.0.0.1/api" : null,
            ["Session:Audience"] = "any",
            ["MemberData:Enabled"] = $"{withMemberData}",
            ["WeCom:MiniProgramAppId"] = AppId,
        });
        builder.Services.AddSingleton<TimeProvider>(new Hurry())
            .AddSingleton<ITokenStore>(this)
            .AddSingleton<ISessionKeyStore>(this)
            .AddSingleton(new HttpMessageInvoker(this));
        builder.AddWeComFunc();
        _host = builder.Build();
    }

    /// <summary>The path, from <c>/cgi-bin/</c> on, of the call that answers with <see cref="Answer"/>.</summary>
    public string Fuzzed { get; init; } = "";

    /// <summary>The department of the last profile: one that was never asked for.</summary>
    public int LastDepartment => _departments;

    /// <summary>What that call answers.</summary>
    public byte[] Answer { get; set; } = [];

    public IServiceProvider Services => _host.Services;

    /// <summary>Who the member is whose code this is.</summary>
    public static string UserOf(string code) => $"user-of-{code}";

    /// <summary>Waits for what is not to hang.</summary>
    public static T Finish<T>(Task<T> task)
    {
        BrokenPromiseException.Unless(task.Wait(Patience), "It hangs.");
        return task.Result;
    }

    /// <summary>Logs in.</summary>
    public HttpAnswer LogIn(byte[] body, string? contentType = "application/json", string? forwardedFor = null, string? traceParent = null)
    {
        var answer = Finish(Services.GetRequiredService<Endpoints>().Login.AnswerAsync(
            new Call(body, contentType, forwardedFor, traceParent, null), CancellationToken.None));
        BrokenPromiseException.Unless(
            answer.Status is 200 or 400 or 401 or 403 or 413 or 415 or 502 or 503
                || Json(answer).GetProperty("code").GetString() == "misconfigured",
            $"The answer is {answer.Status}.");
        return answer;
    }

    /// <summary>Logs in with <see cref="Code"/>.</summary>
    public HttpAnswer LogIn() => LogIn(JsonSerializer.SerializeToUtf8Bytes(new { code = Code }));

    /// <summary>Asks for member data.</summary>
    public HttpAnswer Ask(byte[] body, string authorization)
    {
        var answer = Finish(Services.GetRequiredService<Endpoints>().MemberData!.AnswerAsync(
            new Call(body, "application/json", null, null, authorization), CancellationToken.None));
        BrokenPromiseException.Unless(
            answer.Status is 200 || Json(answer).GetProperty("code").GetString() is "invalid_session" or "invalid_data",
            $"The answer is {answer.Status}.");
        return answer;
    }

    /// <summary>Whom a login is counted for.</summary>
    public static string? AddressOf(string forwardedFor, int proxies) => CallerAddress.Of(forwardedFor, null, proxies);

    public static JsonElement Json(HttpAnswer answer) => JsonSerializer.Deserialize<JsonElement>(answer.Body.Span);

    Task<TokenRow?> ITokenStore.ReadAsync(WeComApp app, CancellationToken cancellationToken) => Task.FromResult(_row);

    Task<ETag?> ITokenStore.WriteAsync(TokenRow row, CancellationToken cancellationToken)
    {
        _row = row with { ETag = new ETag($"W/\"{++_etag}\"") };
        return Task.FromResult<ETag?>(_row.ETag);
    }

    Task ISessionKeyStore.WriteAsync(SessionPlace place, string sealedKey, CancellationToken cancellationToken)
    {
        _keys[place] = sealedKey;
        return Task.CompletedTask;
    }

    Task<string?> ISessionKeyStore.ReadAsync(SessionPlace place, CancellationToken cancellationToken) =>
        Task.FromResult(_keys.GetValueOrDefault(place));

    Task<IReadOnlyList<SessionPlace>> ISessionKeyStore.FindAsync(string from, string before, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<SessionPlace>>([]);

    Task<bool> ISessionKeyStore.DeleteAsync(IReadOnlyList<SessionPlace> rows, CancellationToken cancellationToken) => Task.FromResult(true);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var path = request.RequestUri!.AbsolutePath["/cgi-bin/".Length..];
        var query = HttpUtility.ParseQueryString(request.RequestUri.Query);
        var answer = path == Fuzzed ? Answer : Encoding.UTF8.GetBytes(path switch
        {
            "gettoken" =>
                $$"""{"errcode":0,"errmsg":"ok","access_token":"token-{{Interlocked.Increment(ref _tokens)}}","expires_in":7200}""",
            "user/get" => JsonSerializer.Serialize(
                new { errcode = 0, errmsg = "ok", userid = query["userid"], name = "a name", department = (int[])[++_departments] }),
            "department/get" => JsonSerializer.Serialize(new { errcode = 0, department = new { id = query["id"], name = "a department" } }),
            _ =>
                JsonSerializer.Serialize(
                    new { errcode = 0, errmsg = "ok", corpid = CorpId, userid = UserOf(query["js_code"]!), session_key = SessionKey }),
        });
        return Task.FromResult(
            new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(answer), RequestMessage = request });
    }

    protected override void Dispose(bool disposing)
    {
        _host.Dispose();
        base.Dispose(disposing);
    }

    private sealed class Call(byte[] body, string? contentType, string? forwardedFor, string? traceParent, string? authorization) : HttpCall
    {
        public override string? ContentType => contentType;

        public override string? ForwardedFor => forwardedFor;

        public override string? Authorization => authorization;

        public override Stream Body { get; } = new MemoryStream(body);

        public override string? TraceParent => traceParent;
    }
}
