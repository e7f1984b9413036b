using Azure.Core;
using Azure.Core.Pipeline;

namespace WeComFunc.Azure;

/// <summary>Gives up an answer of more than 1 MiB: the Azure SDK keeps a whole answer in memory before it looks at it.</summary>
/// <param name="inner">What brings the answers.</param>
internal sealed class LimitedTransport(HttpPipelineTransport inner) : HttpPipelineTransport
{
    private const int Largest = 1024 * 1024;

    /// <summary>
    /// Options of a client without endless answers, and without traces: those have the text of exceptions, which may quote a secret, a row,
    /// or whatever the identity's endpoint says.
    /// </summary>
    public static TOptions Guard<TOptions>(TOptions options)
        where TOptions : ClientOptions
    {
        options.Transport = new LimitedTransport(options.Transport);
        options.Diagnostics.IsDistributedTracingEnabled = false;
        return options;
    }

    /// <summary>As <see cref="Guard{TOptions}(TOptions)"/>, for a client that has one more try.</summary>
    /// <param name="options">The options.</param>
    /// <param name="delay">Before that try.</param>
    /// <param name="limit">Of each of the two.</param>
    public static TOptions Guard<TOptions>(TOptions options, TimeSpan delay, TimeSpan limit)
        where TOptions : ClientOptions
    {
        (options.Retry.MaxRetries, options.Retry.Delay, options.Retry.NetworkTimeout) = (1, delay, limit);
        return Guard(options);
    }

    /// <inheritdoc />
    public override Request CreateRequest() => inner.CreateRequest();

    /// <inheritdoc />
    /// <exception cref="IOException">The answer is larger.</exception>
    public override async ValueTask ProcessAsync(HttpMessage message)
    {
        await inner.ProcessAsync(message);
        if (message.Response.ContentStream is not { } answer)
        {
            return;
        }

        var kept = new MemoryStream();
        var part = new byte[4096];
        await using (answer)
        {
            for (int read; (read = await answer.ReadAsync(part, message.CancellationToken)) > 0;)
            {
                kept.Write(part, 0, kept.Length + read <= Largest ? read : throw new IOException("An answer is larger than 1 MiB."));
            }
        }

        kept.Position = 0;
        message.Response.ContentStream = kept;
    }

    /// <inheritdoc />
    public override void Process(HttpMessage message) => throw new NotSupportedException("Every call is asynchronous here.");
}
