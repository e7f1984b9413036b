using Microsoft.Azure.Functions.Worker.Http;
using WeComFunc.Http;

namespace WeComFunc.AzureFunctions;

/// <summary>
/// A request as the Functions host hands it over: its front end appends the caller's address to X-Forwarded-For, and bodies without a
/// length are lost.
/// </summary>
internal sealed class FunctionsCall(HttpRequestData request) : HttpCall
{
    public override string? ContentType => LastOf("Content-Type");

    public override string? Authorization => AllOf("Authorization");

    public override string? ForwardedFor => AllOf("X-Forwarded-For");

    public override Stream Body => request.Body;

    /// <summary>The trace that the host has the request in; where it has none, the caller's.</summary>
    public override string? TraceParent =>
        request.FunctionContext.TraceContext.TraceParent is { Length: > 0 } parent ? parent : LastOf("traceparent");

    public override string? LostEncoding => LastOf("Transfer-Encoding");

    private string? AllOf(string header) => request.Headers.TryGetValues(header, out var values) ? string.Join(',', values) : null;

    private string? LastOf(string header) => request.Headers.TryGetValues(header, out var values) ? values.LastOrDefault() : null;
}
