using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
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

    /// <summary>Reads the code, and which app it is for.</summary>
    /// <returns>The code and the app, or the problem with the body.</returns>
    public static ValueTask<((string Code, CorpApp App) Request, Problem? Problem)> ReadAsync(
        HttpCall call, CorpApps apps, CancellationToken cancellationToken) =>
        JsonBody.ReadAsync<CorpApps, (string, CorpApp)>(
            call, LargestBody, TryRead, apps, Problem.PayloadTooLarge, Problem.InvalidRequest, cancellationToken);

    private static bool TryRead(ref Utf8JsonReader reader, CorpApps apps, out (string Code, CorpApp App) request)
    {
        request = default;
        string? code = null;
        CorpApp? app = null;
        var isForApp = false;
        while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
        {
            var (isCode, isApp) = (reader.ValueTextEquals("code"u8), reader.ValueTextEquals("app"u8));
            reader.Read();
            if (isCode && (code is not null || reader.TokenType is not JsonTokenType.String))
            {
                return false;
            }

            if (isApp)
            {
                if (isForApp || (app = Find(ref reader, apps)) is null)
                {
                    return false;
                }

                isForApp = true;
            }

            code = isCode ? reader.GetString() : code;
            reader.Skip();
        }

        if (!IsCode(code))
        {
            return false;
        }

        request = (code, app ?? apps.Default);
        return true;
    }

    private static bool IsCode([NotNullWhen(true)] string? text) =>
        text is { Length: <= LongestCode } && !string.IsNullOrWhiteSpace(text) && !text.AsSpan().ContainsAnyExceptInRange(' ', '~');

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
