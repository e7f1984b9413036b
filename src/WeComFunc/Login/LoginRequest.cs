using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Unicode;
using WeComFunc.Http;

namespace WeComFunc.Login;

/// <summary>Reads the request of a login by the contract (rule L1).</summary>
internal static class LoginRequest
{
    private const int LargestBody = 8 * 1024;
    private const int LongestCode = 512;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xef, 0xbb, 0xbf];

    /// <summary>Whether a Content-Type is JSON in UTF-8, however that is spelt; a semicolon at its end does not matter.</summary>
    public static bool IsJson(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType?.TrimEnd(' ', '\t', ';'), out var type)
        && (string.Equals(type.MediaType, "application/json", StringComparison.OrdinalIgnoreCase)
            || (type.MediaType!.StartsWith("application/", StringComparison.OrdinalIgnoreCase) && type.MediaType.EndsWith("+json", StringComparison.OrdinalIgnoreCase)))
        && (type.CharSet is null || type.CharSet.Trim('"').ToUpperInvariant() is "UTF-8" or "UTF8");

    /// <summary>Reads the code.</summary>
    /// <returns>The code, or the problem with the body.</returns>
    public static async ValueTask<(string Code, Problem? Problem)> ReadAsync(HttpCall call, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(LargestBody + 1);
        try
        {
            var length = await call.Body.ReadAtLeastAsync(buffer, LargestBody + 1, throwOnEndOfStream: false, cancellationToken);
            return length > LargestBody ? ("", Problem.PayloadTooLarge)
                : length == 0 && call.LostEncoding is not null ? ("", Problem.LengthRequired)
                : Parse(buffer.AsSpan(0, length)) is { } code ? (code, null)
                : ("", Problem.InvalidRequest);
        }
        catch (IOException) when (!cancellationToken.IsCancellationRequested)
        {
            return ("", Problem.InvalidRequest);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static string? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            string? code = null;
            json = json.StartsWith(ByteOrderMark) ? json[ByteOrderMark.Length..] : json;
            var reader = new Utf8JsonReader(json);
            if (!Utf8.IsValid(json) || !reader.Read() || reader.TokenType is not JsonTokenType.StartObject)
            {
                return null;
            }

            while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
            {
                var isCode = reader.ValueTextEquals("code"u8);
                reader.Read();
                if (isCode && (code is not null || reader.TokenType is not JsonTokenType.String))
                {
                    return null;
                }

                code = isCode ? reader.GetString() : code;
                reader.Skip();
            }

            // Anything but white space behind the object is refused by this last read.
            reader.Read();
            return code is { Length: <= LongestCode } && !string.IsNullOrWhiteSpace(code) && !code.AsSpan().ContainsAnyExceptInRange(' ', '~') ? code : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
