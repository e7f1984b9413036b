using System.Net;
using Microsoft.Azure.Functions.Worker.Http;
using WeComFunc.Http;

namespace WeComFunc.AzureFunctions;

/// <summary>Between the Functions host's HTTP types and those of the library.</summary>
internal static class HttpTranslation
{
    /// <summary>Answers a request as an endpoint of the library does; where that is off, as if it did not exist.</summary>
    public static async Task<HttpResponseData> AnswerAsync(this HttpRequestData request, Endpoint? endpoint)
    {
        if (endpoint is null)
        {
            return request.CreateResponse(HttpStatusCode.NotFound);
        }

        var answer = await endpoint.AnswerAsync(new FunctionsCall(request), request.FunctionContext.CancellationToken);
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
