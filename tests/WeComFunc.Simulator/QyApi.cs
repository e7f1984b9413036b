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
        var (fault, held) = traffic.Arrive();
        var answer = Answer.Lost;
        try
        {
            answer = fault is null ? Process(context.Request.Query, api) : await ApplyAsync(fault, held, context, api);
        }
        catch (OperationCanceledException)
        {
            // The caller has gone, or the simulator stops: nobody is left to answer.
        }
        finally
        {
            // Before the answer goes out: a caller that has it must find it counted, and no longer in flight.
            traffic.Leave(answer.Errcode);
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

    private async Task<Answer> ApplyAsync(Fault fault, Task? held, HttpContext context, Api api)
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
            await state.WaitAsync(call, held, given.Token);
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
