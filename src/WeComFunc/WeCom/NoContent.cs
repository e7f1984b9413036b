using System.Net;

namespace WeComFunc.WeCom;

/// <summary>Content of zero bytes, one for all requests: it has nothing that could be disposed of.</summary>
internal sealed class NoContent : HttpContent
{
    /// <summary>The only one.</summary>
    public static readonly NoContent Shared = new();

    // Its length goes into its headers now: from then on requests only read them, side by side.
    private NoContent() => Headers.ContentLength = 0;

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => Task.CompletedTask;

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return true;
    }

#pragma warning disable CA2215 // The next request needs it as well.
    protected override void Dispose(bool disposing)
#pragma warning restore CA2215
    {
    }
}
