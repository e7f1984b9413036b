using System.Net;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.Extensions.Logging;

namespace WeComFunc.AzureFunctions;

/// <summary>Between the Functions host's HTTP types and those of the library.</summary>
internal static class HttpTranslation
{
    /// <summary>The last value of a header; null when it is absent.</summary>
    public static string? Header(this HttpRequestData request, string name) =>
        request.Headers.TryGetValues(name, out var values) ? values.LastOrDefault() : null;

    /// <summary>The trace that the host has the request in; where it has none, the caller's.</summary>
    public static string? TraceParent(this HttpRequestData request) =>
        request.FunctionContext.TraceContext.TraceParent is { Length: > 0 } parent ? parent : request.Header("traceparent");

    /// <summary>Sends what an endpoint answers. The host would answer an exception with an empty body: it gets the problem instead.</summary>
    public static async Task<HttpResponseData> AnswerAsync<TEndpoint>(
        this HttpRequestData request,
        UnheardLines unheard,
        ILogger logger,
        TEndpoint endpoint,
        Func<TEndpoint, HttpRequestData, Task<EndpointAnswer>> ask)
    {
        using var invocation = unheard.Begin(request.FunctionContext, logger);
        EndpointAnswer answer;
        try
        {
            answer = await ask(endpoint, request);
        }
        catch (Exception exception)
        {
            answer = Defect.Answer(exception, logger, EndpointAnswer.TraceId(request.TraceParent()));
        }

        var response = request.CreateResponse((HttpStatusCode)answer.Status);
        foreach (var (name, value) in answer.Headers)
        {
            response.Headers.Add(name, value);
        }

        if (request.Method != "HEAD")
        {
            await response.Body.WriteAsync(answer.Body);
        }

        return response;
    }
}
