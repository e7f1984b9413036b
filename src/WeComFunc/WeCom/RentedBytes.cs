using System.Buffers;

namespace WeComFunc.WeCom;

/// <summary>Bytes in an array of the shared pool; whoever has them gives them back by disposing of them, once.</summary>
/// <param name="capacity">How many there can be.</param>
internal sealed class RentedBytes(int capacity) : IDisposable
{
    private readonly byte[] _array = ArrayPool<byte>.Shared.Rent(capacity);

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Span => _array.AsSpan(0, Length);

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_array.AsSpan(Length));
        Length += bytes.Length;
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_array);
}
