using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Unicode;

namespace WeComFunc.Http;

/// <summary>Reads what an endpoint wants of a body.</summary>
/// <param name="reader">The body, behind the beginning of its object; read to the end of that, unless it is not what it should be.</param>
/// <param name="state">What that depends on.</param>
/// <param name="value">What it wants.</param>
/// <returns>Whether it is what it should be.</returns>
/// <exception cref="JsonException">It is not JSON.</exception>
/// <exception cref="InvalidOperationException">A text in it is no text.</exception>
internal delegate bool BodyReader<in TState, TValue>(
    ref Utf8JsonReader reader, TState state, [MaybeNullWhen(false)] out TValue value);

/// <summary>Bodies as every endpoint takes them: a JSON object in UTF-8, a byte order mark before it allowed (rule L1).</summary>
internal static class JsonBody
{
    private static ReadOnlySpan<byte> ByteOrderMark => [0xef, 0xbb, 0xbf];

    /// <summary>Whether a Content-Type is JSON in UTF-8, however that is spelt; a semicolon at its end does not matter.</summary>
    public static bool IsJson(string? contentType) =>
        contentType is "application/json"
        || (MediaTypeHeaderValue.TryParse(contentType?.TrimEnd(' ', '\t', ';'), out var type)
            && (string.Equals(type.MediaType, "application/json", StringComparison.OrdinalIgnoreCase)
                || (type.MediaType!.StartsWith("application/", StringComparison.OrdinalIgnoreCase)
                    && type.MediaType.EndsWith("+json", StringComparison.OrdinalIgnoreCase)))
            && type.Parameters.Where(parameter => parameter.Name.Equals("charset", StringComparison.OrdinalIgnoreCase))
                .All(charset => charset.Value?.Trim('"').ToUpperInvariant() is "UTF-8" or "UTF8"));

    /// <summary>Reads a body.</summary>
    /// <param name="call">The request.</param>
    /// <param name="largest">So many bytes it may have.</param>
    /// <param name="read">Reads it.</param>
    /// <param name="state">What that depends on.</param>
    /// <param name="tooLarge">The problem of one that is larger.</param>
    /// <param name="malformed">The problem of one that is not what it should be.</param>
    /// <param name="cancellationToken">Ends the waiting for it.</param>
    /// <returns>What was read, or the problem with the body.</returns>
    public static async ValueTask<(TValue Value, Problem? Problem)> ReadAsync<TState, TValue>(
        HttpCall call,
        int largest,
        BodyReader<TState, TValue> read,
        TState state,
        Problem tooLarge,
        Problem malformed,
        CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(largest + 1);
        try
        {
            var length = await call.Body.ReadAtLeastAsync(buffer, largest + 1, throwOnEndOfStream: false, cancellationToken);
            return length > largest ? (default!, tooLarge)
                : length == 0 && call.LostEncoding is not null ? (default!, Problem.LengthRequired)
                : TryRead(buffer.AsSpan(0, length), read, state, out var value) ? (value, null)
                : (default!, malformed);
        }
        catch (IOException) when (!cancellationToken.IsCancellationRequested)
        {
            return (default!, malformed);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static bool TryRead<TState, TValue>(
        ReadOnlySpan<byte> json, BodyReader<TState, TValue> read, TState state, [MaybeNullWhen(false)] out TValue value)
    {
        try
        {
            json = json.StartsWith(ByteOrderMark) ? json[ByteOrderMark.Length..] : json;
            var reader = new Utf8JsonReader(json);
            if (Utf8.IsValid(json) && reader.Read() && reader.TokenType is JsonTokenType.StartObject && read(ref reader, state, out value))
            {
                // Anything but white space behind the object is refused by this last read.
                reader.Read();
                return true;
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // It is not JSON.
        }

        value = default;
        return false;
    }
}
