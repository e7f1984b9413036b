using System.Net;
using System.Net.Sockets;

namespace WeComFunc.Tests.Doubles;

/// <summary>Calls a host, and fails where an answer is not as <c>docs/openapi.yaml</c> describes it.</summary>
internal static class HostClient
{
    /// <param name="address">Where the host listens.</param>
    /// <param name="output">Gets every answer; <see cref="Output.Run"/> by default.</param>
    /// <param name="from">The address of this machine that it calls from.</param>
    public static HttpClient Create(Uri address, Output? output = null, IPAddress? from = null) =>
        Create(address, new OutputHandler(output ?? Output.Run, Transport(from)));

    /// <summary>As <see cref="Create(Uri, Output?, IPAddress?)"/>, for more answers than an output should keep.</summary>
    public static HttpClient CreateSilent(Uri address) => Create(address, Transport(null));

    private static HttpClient Create(Uri address, HttpMessageHandler handler) =>
        new(new Described(handler)) { BaseAddress = address, Timeout = Patience.Limit };

    private static SocketsHttpHandler Transport(IPAddress? from)
    {
        var handler = new SocketsHttpHandler();
        if (from is not null)
        {
            handler.ConnectCallback = async (context, cancellationToken) =>
            {
                var socket = new Socket(from.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(from, 0));
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            };
        }

        return handler;
    }

    private sealed class Described(HttpMessageHandler inner) : DelegatingHandler(inner)
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var response = await base.SendAsync(request, cancellationToken);
            if (await ApiDescription.ComplaintsAsync(request, response) is { Count: > 0 } complaints)
            {
                Assert.Fail(
                    $"{request.Method} {request.RequestUri!.AbsolutePath} {(int)response.StatusCode}, against docs/openapi.yaml: "
                    + string.Join("; ", complaints));
            }

            return response;
        }
    }
}
