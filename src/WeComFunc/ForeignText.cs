using System.ComponentModel;
using System.Globalization;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Azure;
using Azure.Identity;
using Microsoft.Identity.Client;

namespace WeComFunc;

/// <summary>
/// What a log line may say of what others sent (rule T13). The text of an exception about it may quote an answer, a token, or a proxy's
/// password, so it never is in one: kind, codes and position are.
/// </summary>
internal static partial class ForeignText
{
    private const int MostCauses = 6;
    private const int LongestCode = 64;

    private static readonly HashSet<string> CertificateFaults =
        [.. Enum.GetNames<SslPolicyErrors>().Skip(1), .. Enum.GetNames<X509ChainStatusFlags>().Skip(1)];

    /// <summary>
    /// Why WeCom, the vault or the table did not answer as they should, cause after cause:
    /// <c>HttpRequestException ConnectionError, SocketException ConnectionRefused</c>.
    /// </summary>
    public static string Explain(Exception exception) => string.Join(", ", Causes(exception).Take(MostCauses).Select(Describe));

    /// <summary>
    /// A text for operators as it may be logged: on one line, not longer than <paramref name="longest"/>, and without what a terminal obeys
    /// or hides. Control and format characters (the bidirectional ones are among them) and line ends are a space, however many follow each
    /// other; half of a surrogate pair is U+FFFD.
    /// </summary>
    public static string Printable(string text, int longest)
    {
        var printable = new StringBuilder(Math.Min(text.Length, longest));
        foreach (var rune in text.EnumerateRunes())
        {
            var isHidden = Rune.GetUnicodeCategory(rune)
                is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
            if (printable.Length + rune.Utf16SequenceLength > longest)
            {
                break;
            }

            if (!isHidden)
            {
                printable.Append(rune.ToString());
            }
            else if (printable.Length > 0 && printable[^1] != ' ')
            {
                printable.Append(' ');
            }
        }

        return printable.ToString();
    }

    /// <summary>
    /// The code inside the error that Key Vault answered (<c>error.innererror.code</c>), which tells causes apart that share a status; null
    /// when there is none.
    /// </summary>
    public static string? InnerCode(RequestFailedException failed)
    {
        try
        {
            using var json = JsonDocument.Parse(failed.GetRawResponse()?.Content.ToMemory() ?? default);
            return json.RootElement.GetProperty("error").GetProperty("innererror").GetProperty("code").GetString() is { Length: > 0 } code
                ? Code(code)
                : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    private static IEnumerable<Exception> Causes(Exception? exception)
    {
        for (; exception is not null; exception = exception is OperationCanceledException ? null : exception.InnerException)
        {
            // The Azure SDK's, around what its attempts ended with.
            if (exception is not AggregateException { InnerException: not null })
            {
                yield return exception;
            }
        }
    }

    private static string Describe(Exception exception) => exception switch
    {
        OperationCanceledException => "no answer in time",
        PlainException => exception.Message,
        JsonException json => $"JsonException{(json.LineNumber is { } line ? $" at line {line + 1}, byte {json.BytePositionInLine}" : "")}",
        RequestFailedException { Status: 0 } => "no connection",
        RequestFailedException failed => string.Join(
            ", ",
            [$"HTTP status {failed.Status}", .. Codes(failed.ErrorCode is { Length: > 0 } code ? Code(code) : null, InnerCode(failed))]),
        MsalServiceException msal => Named(
            exception,
            msal.ErrorCode is { Length: > 0 } code ? Code(code) : "",
            msal.StatusCode > 0 ? $"HTTP status {msal.StatusCode}" : ""),
        AuthenticationFailedException => Named(exception, EntraErrorPattern().Match(exception.Message).Value),
        HttpRequestException http => Named(
            exception,
            http.HttpRequestError is HttpRequestError.Unknown ? "" : $"{http.HttpRequestError}",
            http.StatusCode is { } status ? $"HTTP status {(int)status}" : ""),
        SocketException socket => Named(exception, $"{socket.SocketErrorCode}"),
        AuthenticationException =>
            Named(exception, [.. WordPattern().Matches(exception.Message).Select(word => word.Value).Where(CertificateFaults.Contains)]),
        Win32Exception win32 => Named(exception, $"0x{win32.NativeErrorCode:X8}"),
        CryptographicException => Named(exception, $"0x{exception.HResult:X8}"),
        _ => exception.GetType().Name,
    };

    private static IEnumerable<string> Codes(params string?[] codes) => codes.OfType<string>();

    private static string Named(Exception exception, params string[] facts) =>
        string.Join(' ', [exception.GetType().Name, .. facts.Where(fact => fact.Length > 0)]);

    /// <summary>An error code of the vault or the table, if it is one.</summary>
    private static string Code(string code) =>
        code.Length <= LongestCode && code.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '_' or '-')
            ? code
            : "an error code that is none";

    /// <summary>The error codes of Microsoft Entra ID, in a text that may quote anything.</summary>
    [GeneratedRegex(@"\bAADSTS[0-9]{4,8}\b")]
    private static partial Regex EntraErrorPattern();

    [GeneratedRegex("[A-Za-z]+")]
    private static partial Regex WordPattern();
}
