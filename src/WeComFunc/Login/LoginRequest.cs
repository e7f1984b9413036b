using System.Buffers;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Unicode;
using WeComFunc.Apps;
using WeComFunc.Http;

namespace WeComFunc.Login;

/// <summary>Reads the request of a login by the contract (rule L1).</summary>
internal static class LoginRequest
{
    private const int LargestBody = 8 * 1024;
    private const int LongestCode = 512;

    // Each of its 32 letters may be written as an escape of six.
    private const int LongestAppName = 6 * 32;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xef, 0xbb, 0xbf];

    /// <summary>Whether a Content-Type is JSON in UTF-8, however that is spelt; a semicolon at its end does not matter.</summary>
    public static bool IsJson(string? contentType) =>
        contentType is "application/json"
        || (MediaTypeHeaderValue.TryParse(contentType?.TrimEnd(' ', '\t', ';'), out var type)
            && (string.Equals(type.MediaType, "application/json", StringComparison.OrdinalIgnoreCase)
                || (type.MediaType!.StartsWith("application/", StringComparison.OrdinalIgnoreCase)
                    && type.MediaType.EndsWith("+json", StringComparison.OrdinalIgnoreCase)))
            && (type.CharSet is null || type.CharSet.Trim('"').ToUpperInvariant() is "UTF-8" or "UTF8"));

    /// <summary>Reads the code, and which app it is for.</summary>
    /// <returns>The code and the app, or the problem with the body.</returns>
    public static async ValueTask<(string Code, CorpApp App, Problem? Problem)> ReadAsync(
        HttpCall call, CorpApps apps, CancellationToken cancellationToken)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(LargestBody + 1);
        try
        {
            var length = await call.Body.ReadAtLeastAsync(buffer, LargestBody + 1, throwOnEndOfStream: false, cancellationToken);
            return length > LargestBody ? ("", apps.Default, Problem.PayloadTooLarge)
                : length == 0 && call.LostEncoding is not null ? ("", apps.Default, Problem.LengthRequired)
                : Parse(buffer.AsSpan(0, length), apps) is (string code, CorpApp app) ? (code, app, null)
                : ("", apps.Default, Problem.InvalidRequest);
        }
        catch (IOException) when (!cancellationToken.IsCancellationRequested)
        {
            return ("", apps.Default, Problem.InvalidRequest);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static (string Code, CorpApp App)? Parse(ReadOnlySpan<byte> json, CorpApps apps)
    {
        try
        {
            string? code = null;
            CorpApp? app = null;
            var isForApp = false;
            json = json.StartsWith(ByteOrderMark) ? json[ByteOrderMark.Length..] : json;
            var reader = new Utf8JsonReader(json);
            if (!Utf8.IsValid(json) || !reader.Read() || reader.TokenType is not JsonTokenType.StartObject)
            {
                return null;
            }

            while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
            {
                var (isCode, isApp) = (reader.ValueTextEquals("code"u8), reader.ValueTextEquals("app"u8));
                reader.Read();
                if (isCode && (code is not null || reader.TokenType is not JsonTokenType.String))
                {
                    return null;
                }

                if (isApp)
                {
                    if (isForApp || (app = Find(ref reader, apps)) is null)
                    {
                        return null;
                    }

                    isForApp = true;
                }

                code = isCode ? reader.GetString() : code;
                reader.Skip();
            }

            // Anything but white space behind the object is refused by this last read.
            reader.Read();
            return code is { Length: <= LongestCode }
                && !string.IsNullOrWhiteSpace(code)
                && !code.AsSpan().ContainsAnyExceptInRange(' ', '~')
                ? (code, app ?? apps.Default)
                : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>The app that a value names, the default one by null; null when there is none of that name.</summary>
    private static CorpApp? Find(ref Utf8JsonReader value, CorpApps apps)
    {
        if (value.TokenType is not JsonTokenType.String)
        {
            return value.TokenType is JsonTokenType.Null ? apps.Default : null;
        }

        Span<char> name = stackalloc char[LongestAppName];
        return value.ValueSpan.Length <= name.Length ? apps.Find(name[..value.CopyString(name)]) : null;
    }
}
