using System.Diagnostics;
using System.Globalization;

namespace WeComFunc.Http;

/// <summary>What a host sends back, whatever host it is: a status, headers, and a body that is always JSON.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="ContentType">The media type of the body.</param>
/// <param name="Body">The body, in UTF-8.</param>
/// <param name="RetryAfter">When to try again, if that is worth it; whole seconds, rounded up, and one at least.</param>
public sealed record HttpAnswer(int Status, string ContentType, ReadOnlyMemory<byte> Body, TimeSpan? RetryAfter = null)
{
    /// <summary>When to try again, where nobody says anything else.</summary>
    internal static readonly TimeSpan DefaultPause = TimeSpan.FromSeconds(2);

    /// <summary>Who may keep it for how long; nobody, if nothing else is said.</summary>
    public string CacheControl { get; init; } = "no-store";

    /// <summary>What the caller has to show who it is by (RFC 9110, 11.6.1); null where that is not the problem.</summary>
    public string? Challenge { get; init; }

    /// <summary>The headers, Content-Type among them.</summary>
    public IEnumerable<KeyValuePair<string, string>> Headers
    {
        get
        {
            yield return new("Content-Type", ContentType);
            yield return new("Cache-Control", CacheControl);
            if (Challenge is not null)
            {
                yield return new("WWW-Authenticate", Challenge);
            }

            if (RetryAfter is { } pause)
            {
                yield return new("Retry-After", Math.Max(1, Math.Ceiling(pause.TotalSeconds)).ToString(CultureInfo.InvariantCulture));
            }
        }
    }

    internal static HttpAnswer OfProblem(Problem problem, int? errcode, string traceId, TimeSpan? retryAfter = null, string? app = null) =>
        new(
            problem.Status,
            "application/problem+json",
            problem.ToJson(errcode, traceId, app),
            problem is { IsRetryable: true, IsAtOnce: false } ? retryAfter ?? DefaultPause : null)
        {
            Challenge = problem == Problem.InvalidSession ? BearerToken.Scheme : null,
        };

    /// <summary>
    /// What a caller is told to report: the trace under way, otherwise the one that the request is part of, otherwise a new one.
    /// </summary>
    /// <param name="traceParent">W3C's <c>traceparent</c>; what is no such thing counts as none.</param>
    /// <returns>32 digits, in hexadecimal.</returns>
    public static string TraceId(string? traceParent)
    {
        var trace = Activity.Current?.TraceId ?? (ActivityContext.TryParse(traceParent, null, out var arrived) ? arrived.TraceId : default);
        return (trace == default ? ActivityTraceId.CreateRandom() : trace).ToHexString();
    }
}
