using System.Globalization;
using System.Net;
using Google.Protobuf;
using WeComFunc.FunctionsHost.Rpc;

namespace WeComFunc.FunctionsHost;

/// <summary>Runs a function.</summary>
internal delegate Task<InvocationResponse> Invoke(
    Function function, TypedData input, RpcTraceContext trace, CancellationToken cancellationToken);

/// <summary>HTTP functions on Kestrel: what the host makes of a request and of the answer to it.</summary>
internal sealed class HttpFunctions(FunctionAppOptions options, Invoke invoke)
{
    private const string BodyLimitSetting = "FUNCTIONS_REQUEST_BODY_SIZE_LIMIT";
    private const long DefaultBodyLimit = 104_857_600;

    /// <summary>Makes the server; it is not started.</summary>
    public static WebApplication Create(IEnumerable<Function> functions, FunctionAppOptions options, Invoke invoke)
    {
        var bodyLimit = options.Settings.GetValueOrDefault(BodyLimitSetting);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddRouting();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = bodyLimit is null ? DefaultBodyLimit : long.Parse(bodyLimit, CultureInfo.InvariantCulture);
        });
        var app = builder.Build();
        app.Urls.Add(options.Url);
        app.UseRouting();
        // The host knows no 405: where no function takes the method there is nothing.
        app.Use((context, next) => context.GetEndpoint() is RouteEndpoint ? next(context) : RefuseAsync(context, HttpStatusCode.NotFound));
        var served = new HttpFunctions(options, invoke);
        foreach (var function in functions.Where(function => function.IsHttp))
        {
            RequestDelegate answer = context => served.AnswerAsync(context, function);
            _ = function.Methods is { Length: > 0 } methods
                ? app.MapMethods(function.Route, methods, answer)
                : app.Map(function.Route, answer);
        }

        return app;
    }

    private static Task RefuseAsync(HttpContext context, HttpStatusCode status)
    {
        context.Response.StatusCode = (int)status;
        return Task.CompletedTask;
    }

    private static NullableString Nullable(object? value) => new() { Value = value?.ToString() ?? "" };

    private static async Task<RpcHttp> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        var http = new RpcHttp { Method = request.Method, Url = $"{request.Scheme}://{request.Host}{request.Path}{request.QueryString}" };
        foreach (var (name, values) in request.Headers)
        {
            http.NullableHeaders[name.ToLowerInvariant()] = Nullable(values);
        }

        foreach (var (name, values) in request.Query)
        {
            http.NullableQuery[name] = Nullable(values);
        }

        foreach (var (name, value) in request.RouteValues)
        {
            http.NullableParams[name] = Nullable(value);
        }

        // So a body that comes without a length is lost, as it is with the host.
        if (request.ContentLength > 0)
        {
            http.Body = new() { Bytes = await ByteString.FromStreamAsync(request.Body, cancellationToken) };
        }

        return http;
    }

    private async Task AnswerAsync(HttpContext context, Function function)
    {
        var request = context.Request;
        if (options.HasFrontEnd)
        {
            var caller = new IPEndPoint(context.Connection.RemoteIpAddress!, context.Connection.RemotePort);
            request.Headers.Append("X-Forwarded-For", caller.ToString());
        }

        var http = await ReadAsync(request, context.RequestAborted);
        var trace = TraceContext.Of(request.Headers.TraceParent, request.Headers.TraceState);
        try
        {
            var response = await invoke(function, new() { Http = http }, trace, context.RequestAborted);
            await (response.ReturnValue?.Http is { } answer
                ? WriteAsync(context.Response, answer)
                : RefuseAsync(context, HttpStatusCode.InternalServerError));
        }
        catch (WorkerExitedException)
        {
            await RefuseAsync(context, HttpStatusCode.InternalServerError);
        }
    }

    private static async Task WriteAsync(HttpResponse response, RpcHttp answer)
    {
        response.StatusCode = int.Parse(answer.StatusCode, CultureInfo.InvariantCulture);
        foreach (var (name, value) in answer.Headers)
        {
            response.Headers.Append(name, value);
        }

        if (answer.Body?.Bytes is { IsEmpty: false } body)
        {
            await response.Body.WriteAsync(body.Memory);
        }
    }
}
