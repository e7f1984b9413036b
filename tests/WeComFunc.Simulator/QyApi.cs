using System.Globalization;
using System.Text;

namespace WeComFunc.Simulator;

/// <summary>The calls as WeCom serves them: GET, and HTTP 200 with an errcode even for failures.</summary>
internal sealed class QyApi(SimulatorState state, TextWriter? log, CancellationToken stopping)
{
    public static Api? Find(HttpRequest request) => !HttpMethods.IsGet(request.Method) ? null : request.Path.Value switch
    {
        "/cgi-bin/gettoken" => Api.GetToken,
        "/cgi-bin/miniprogram/jscode2session" => Api.JsCode2Session,
        "/cgi-bin/user/get" => Api.UserGet,
        "/cgi-bin/department/get" => Api.DepartmentGet,
        _ => null,
    };

    public async Task AnswerAsync(HttpContext context, Api api)
    {
        var traffic = state[api];
        var arrival = traffic.Arrive();
        var answer = Answer.Lost;
        try
        {
            answer = arrival switch
            {
                { Refusal: { } errcode } => Answer.Failure(errcode, state.UtcNow),
                { Fault: { } fault } => await ApplyAsync(fault, arrival.Held, context, api),
                _ => Process(context.Request.Query, api),
            };
        }
        catch (OperationCanceledException)
        {
            // The caller has gone, or the simulator stops: nobody is left to answer.
        }
        finally
        {
            // Before the answer goes out: a caller that has it must find it counted, and no longer in flight.
            traffic.Leave(arrival, answer.Errcode);
        }

        log?.WriteLine($"GET {context.Request.Path} -> {answer}");
        if (answer == Answer.Lost)
        {
            context.Abort();
            return;
        }

        context.Response.StatusCode = answer.Status;
        context.Response.ContentType = "application/json; charset=UTF-8";
        context.Response.ContentLength = answer.Body.Length;
        await context.Response.BodyWriter.WriteAsync(answer.Body, context.RequestAborted);
    }

    private Answer Process(IQueryCollection query, Api api) => api switch
    {
        Api.GetToken => state.GetToken(query["corpid"], query["corpsecret"]),
        Api.JsCode2Session => state.JsCode2Session(query["access_token"], query["js_code"], query["grant_type"]),
        Api.UserGet => state.GetUser(query["access_token"], query["userid"]),
        _ => state.GetDepartment(query["access_token"], query["id"]),
    };

    private async Task<Answer> ApplyAsync(Fault fault, TaskCompletionSource? held, HttpContext context, Api api)
    {
        Answer? processed = fault.TakesEffect ? Process(context.Request.Query, api) : null;

        string? call = context.Request.Headers[SimulatorState.CallHeader];
        using var given = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        if (fault.DelaySeconds > 0)
        {
            var delay = Task.Delay(TimeSpan.FromSeconds(fault.DelaySeconds), state.Time, given.Token);
            await state.WaitAsync(state.Time == TimeProvider.System ? null : call, delay, given.Token);
        }

        if (held is not null)
        {
            await state.WaitAsync(call, held.Task, given.Token);
        }

        return fault switch
        {
            { Abort: true } => Answer.Lost,
            { Body: { } body } => new(null, fault.Status ?? 200, Encoding.UTF8.GetBytes(body)),
            { Errcode: { } errcode } => Answer.Failure(errcode, state.UtcNow) with { Status = fault.Status ?? 200 },
            { Status: { } status } => new(null, status, default),
            _ => processed ?? Process(context.Request.Query, api),
        };
    }
}

/// <summary>What a call gets; HTTP status 0 means that the connection is lost instead.</summary>
internal readonly record struct Answer(int? Errcode, int Status, ReadOnlyMemory<byte> Body)
{
    public static Answer Lost => default;

    public static Answer Success(byte[] body) => new(0, 200, body);

    public static Answer Success(string body) => Success(Encoding.UTF8.GetBytes(body));

    /// <summary>Worded as WeCom words it; the hint is a time and a number that only WeCom can look up.</summary>
    public static Answer Failure(int errcode, DateTimeOffset now)
    {
        var hint = $"{now.ToUnixTimeSeconds()}{Random.Shared.NextInt64((long)1e14, (long)1e15)}";
        var text = $"{Text(errcode)}, hint: [{hint}], from ip: 127.0.0.1, "
            + $"more info at https://open.work.weixin.qq.com/devtool/query?e={errcode}";
        return new(errcode, 200, Encoding.UTF8.GetBytes($$"""{"errcode":{{errcode}},"errmsg":"{{text}}"}"""));
    }

    public override string ToString() =>
        Errcode?.ToString(CultureInfo.InvariantCulture) ?? (Status == 0 ? "lost" : $"HTTP {Status}");

    private static string Text(int errcode) => errcode switch
    {
        -1 => "system busy",
        40001 => "invalid credential",
        40013 => "invalid corpid",
        40014 => "invalid access_token",
        40029 => "invalid code",
        40035 => "invalid parameter",
        40091 => "secret is invalid",
        41001 => "access_token missing",
        41002 => "corpid missing",
        41004 => "corpsecret missing",
        41008 => "code missing",
        41009 => "userid missing",
        42001 => "access_token expired",
        42003 => "code expired",
        45009 => "api freq out of limit",
        45033 => "api concurrent out of limit",
        48002 => "api forbidden",
        60011 => "no privilege to access/modify contact/party/agent",
        60020 => "not allow to access from your ip",
        60111 => "userid not found",
        _ => "simulated failure",
    };
}
