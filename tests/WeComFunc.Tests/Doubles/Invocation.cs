using System.Net;
using System.Security.Claims;
using System.Text;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;

namespace WeComFunc.Tests.Doubles;

/// <summary>A run of a function, of which only the id, the cancellation and the trace are there.</summary>
internal sealed class Invocation(string? traceParent, CancellationToken cancellationToken) : FunctionContext
{
    public override string InvocationId { get; } = $"{Guid.NewGuid()}";

    public override string FunctionId => throw new NotSupportedException();

    public override TraceContext TraceContext { get; } = new Trace(traceParent);

    public override BindingContext BindingContext => throw new NotSupportedException();

    public override RetryContext RetryContext => throw new NotSupportedException();

    public override IServiceProvider InstanceServices { get; set; } = null!;

    public override FunctionDefinition FunctionDefinition => throw new NotSupportedException();

    public override IDictionary<object, object> Items { get; set; } = new Dictionary<object, object>();

    public override IInvocationFeatures Features => throw new NotSupportedException();

    public override CancellationToken CancellationToken => cancellationToken;

    private sealed class Trace(string? parent) : TraceContext
    {
        public override string TraceParent => parent!;

        public override string TraceState => "";
    }
}

/// <summary>A request as the Functions host hands it over.</summary>
/// <param name="body">Called whenever the body is asked for.</param>
/// <param name="headers">Names and values; a name may occur twice.</param>
/// <param name="cancellationToken">That the run is cancelled.</param>
/// <param name="traceParent">The trace that the host has the run in.</param>
internal sealed class InvocationRequest(
    Func<Stream> body, (string Name, string Value)[] headers, CancellationToken cancellationToken, string? traceParent = null)
    : HttpRequestData(new Invocation(traceParent, cancellationToken))
{
    public override Stream Body => body();

    public override HttpHeadersCollection Headers { get; } =
        new(headers.GroupBy(header => header.Name, header => header.Value).Select(
            group => KeyValuePair.Create(group.Key, group.AsEnumerable())));

    public override IReadOnlyCollection<IHttpCookie> Cookies => [];

    public override Uri Url => throw new NotSupportedException();

    public override IEnumerable<ClaimsIdentity> Identities => [];

    public override string Method => "POST";

    public override HttpResponseData CreateResponse() => new InvocationResponse(FunctionContext);
}

/// <summary>What a function answers.</summary>
internal sealed class InvocationResponse(FunctionContext context) : HttpResponseData(context)
{
    public override HttpStatusCode StatusCode { get; set; }

    public override HttpHeadersCollection Headers { get; set; } = [];

    public override Stream Body { get; set; } = new MemoryStream();

    public override HttpCookies Cookies => throw new NotSupportedException();

    /// <summary>The answer as a client would get it; it goes to <see cref="Output.Run"/> too.</summary>
    public async Task<LoginAnswer> ReadAsync()
    {
        using var response = new HttpResponseMessage(StatusCode) { Content = new ByteArrayContent(((MemoryStream)Body).ToArray()) };
        foreach (var (name, values) in Headers)
        {
            _ = response.Headers.TryAddWithoutValidation(name, values) || response.Content.Headers.TryAddWithoutValidation(name, values);
        }

        await Output.Run.WriteAsync(response);
        return await LoginAnswer.OfAsync(response);
    }
}

/// <summary>A body that fails or hangs on reading.</summary>
internal sealed class FaultyBody(Func<CancellationToken, Task> read) : MemoryStream(Encoding.UTF8.GetBytes("{}"))
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await read(cancellationToken);
        return 0;
    }
}
