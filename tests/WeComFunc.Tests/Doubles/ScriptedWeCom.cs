using System.Globalization;
using System.Net;
using System.Text;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// WeCom in memory, as a test has it answer: at once and on the caller's thread, unless the answer waits. What no test has said anything
/// about is a success.
/// </summary>
internal sealed class ScriptedWeCom : HttpMessageHandler
{
    public const string GetToken = "gettoken";
    public const string Exchange = "miniprogram/jscode2session";
    public const string UserGet = "user/get";
    public const string DepartmentGet = "department/get";

    private const string Root = "/cgi-bin/";

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Queue<Reply>> _scripts = [];
    private readonly List<ArrivedCall> _arrived = [];
    private int _tokens;

    /// <summary>How a call is answered.</summary>
    public delegate Task<HttpResponseMessage> Reply(HttpRequestMessage request, CancellationToken cancellationToken);

    /// <summary>The calls that have arrived, in order.</summary>
    public IReadOnlyList<ArrivedCall> Arrived
    {
        get
        {
            lock (_gate)
            {
                return [.. _arrived];
            }
        }
    }

    /// <summary>The calls that have arrived, in order, by their paths below <c>/cgi-bin/</c>.</summary>
    public IEnumerable<string> Calls => Arrived.Select(call => call.Api);

    /// <summary>Answers a call so, one after the other, and from then on as the last.</summary>
    public void Answer(string api, params Reply[] replies)
    {
        lock (_gate)
        {
            _scripts[api] = new(replies);
        }
    }

    /// <summary>Forgets the calls that have arrived.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _arrived.Clear();
        }
    }

    public static Reply OfJson(string json) => Body(Encoding.UTF8.GetBytes(json));

    public static Reply Body(byte[] body, string? encoding = null) => (_, _) =>
    {
        var content = new ByteArrayContent(body);
        if (encoding is not null)
        {
            content.Headers.TryAddWithoutValidation("Content-Encoding", encoding);
        }

        return Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = content });
    };

    public static Reply Errcode(int errcode, string errmsg = "no") =>
        OfJson(string.Create(CultureInfo.InvariantCulture, $$"""{"errcode":{{errcode}},"errmsg":"{{errmsg}}"}"""));

    public static Reply Status(int status, string? retryAfter = null) => (_, _) =>
    {
        var response = new HttpResponseMessage((HttpStatusCode)status);
        if (retryAfter is not null)
        {
            response.Headers.TryAddWithoutValidation("Retry-After", retryAfter);
        }

        return Task.FromResult(response);
    };

    public static Reply Throws(Func<Exception> exception) => (_, _) => throw exception();

    /// <summary>No answer until the attempt is given up.</summary>
    public static Task<HttpResponseMessage> Hang(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        // Not Task.Delay, which ends on another thread.
        var answer = new TaskCompletionSource<HttpResponseMessage>();
        cancellationToken.Register(() => answer.TrySetCanceled(cancellationToken));
        return answer.Task;
    }

    /// <summary>The right answer of a call, once something has happened.</summary>
    public static Reply After(Task happened, string json) => async (request, cancellationToken) =>
    {
        await happened.WaitAsync(cancellationToken);
        return await OfJson(json)(request, cancellationToken);
    };

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return Task.FromCanceled<HttpResponseMessage>(cancellationToken);
        }

        var api = request.RequestUri!.AbsolutePath[Root.Length..];
        Reply? reply = null;
        lock (_gate)
        {
            _arrived.Add(new(api, request.RequestUri.AbsoluteUri, request.Content?.Headers.ContentLength));
            if (_scripts.TryGetValue(api, out var script))
            {
                reply = script.Count > 1 ? script.Dequeue() : script.Peek();
            }
        }

        return (reply ?? OfJson(Success(api)))(request, cancellationToken);
    }

    private string Success(string api) => api switch
    {
        GetToken => TokenProcess.Issue($"token-{Interlocked.Increment(ref _tokens)}"),
        Exchange => $$"""{"errcode":0,"errmsg":"ok","corpid":"{{MemoryLogin.CorpId}}","userid":"zhangsan","session_key":"any"}""",
        UserGet => """{"errcode":0,"errmsg":"ok","userid":"zhangsan","name":"张三"}""",
        _ => """{"errcode":0,"errmsg":"ok","department":{"id":1,"name":"a department","name_en":"A Department"}}""",
    };
}

/// <summary>A call as it arrived.</summary>
/// <param name="Api">Its path below <c>/cgi-bin/</c>.</param>
/// <param name="Url">The whole URL.</param>
/// <param name="ContentLength">How long its content was; null without one.</param>
internal sealed record ArrivedCall(string Api, string Url, long? ContentLength);
