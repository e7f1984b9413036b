namespace WeComFunc.Tests.Doubles;

/// <summary>Writes each response that a client of a host gets to an <see cref="Output"/>.</summary>
public sealed class OutputHandler(Output output, HttpMessageHandler inner) : DelegatingHandler(inner)
{
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        await output.WriteAsync(response).ConfigureAwait(false);
        return response;
    }
}
