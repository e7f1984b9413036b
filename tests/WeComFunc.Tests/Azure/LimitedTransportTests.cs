using System.Net;
using Azure.Core;
using Azure.Core.Pipeline;
using WeComFunc.Azure;

namespace WeComFunc.Tests;

/// <summary>How large an answer of Azure may be.</summary>
public sealed class LimitedTransportTests
{
    private const int Largest = 1024 * 1024;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Largest)]
    public async Task An_answer_of_up_to_1_MiB_arrives_as_it_is(int length)
    {
        var sent = Enumerable.Range(0, length).Select(i => (byte)(i * 31)).ToArray();

        Assert.Equal(sent, await GetAsync(sent));
    }

    [Theory]
    [InlineData(Largest + 1)]
    [InlineData(2 * Largest)]
    public async Task A_larger_one_is_given_up(int length)
    {
        var failure = await Assert.ThrowsAsync<IOException>(() => GetAsync(new byte[length]));

        Assert.Equal("An answer is larger than 1 MiB.", failure.Message);
    }

    private static async Task<byte[]> GetAsync(byte[] answer)
    {
        using var client = new HttpClient(new Answering(answer));
        var transport = new LimitedTransport(new HttpClientTransport(client));
        using var message = new HttpMessage(transport.CreateRequest(), new ResponseClassifier());
        message.Request.Method = RequestMethod.Get;
        message.Request.Uri.Reset(new("https://account.table.core.windows.net/"));

        await transport.ProcessAsync(message);

        return message.Response.Content.ToArray();
    }

    private sealed class Answering(byte[] answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(new HttpResponseMessage(HttpStatusCode.OK) { Content = new ByteArrayContent(answer) });
    }
}
