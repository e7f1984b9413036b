using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;

namespace WeComFunc.WeCom;

/// <summary>
/// The members of an answer of <c>user/get</c> (document 96255), byte for byte as WeCom sent them, without errcode and errmsg:
/// a member nobody has heard of passes through as well as a number of twenty digits.
/// </summary>
internal static class Profile
{
    /// <summary>Reads the answer; its value is the profile as one JSON object, to be disposed of by whoever gets it, and null without a userid.</summary>
    /// <param name="json">The whole answer.</param>
    /// <param name="fields">The members to keep; empty for all.</param>
    /// <exception cref="UnfitAnswerException">It is not an object, or not UTF-8.</exception>
    /// <inheritdoc cref="Answers.OfGetToken" path="/exception" />
    public static Answer<RentedBytes> Read(ReadOnlySpan<byte> json, IReadOnlyCollection<string> fields)
    {
        if (!Utf8.IsValid(json))
        {
            throw new UnfitAnswerException("it is not UTF-8");
        }

        int? errcode = null;
        string? errmsg = null;
        var hasUserId = false;
        var profile = new RentedBytes(json.Length + 2);
        profile.Write("{"u8);
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType is not JsonTokenType.StartObject)
        {
            throw new UnfitAnswerException("it is not an object");
        }

        while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            if (reader.ValueTextEquals("errcode"u8))
            {
                reader.Read();
                errcode = reader.GetInt32();
                continue;
            }

            if (reader.ValueTextEquals("errmsg"u8))
            {
                reader.Read();
                errmsg = reader.GetString();
                continue;
            }

            var isUserId = reader.ValueTextEquals("userid"u8);
            var isWanted = fields.Count == 0 || fields.Contains(reader.GetString()!);
            reader.Read();
            hasUserId |= isUserId && reader.TokenType is JsonTokenType.String;
            reader.Skip();
            if (isWanted)
            {
                profile.Write(profile.Length > 1 ? ","u8 : []);
                profile.Write(json[start..(int)reader.BytesConsumed]);
            }
        }

        // Anything but white space behind the object is refused by this last read.
        reader.Read();
        profile.Write("}"u8);
        return new(errcode, errmsg, hasUserId ? profile : null);
    }
}

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
