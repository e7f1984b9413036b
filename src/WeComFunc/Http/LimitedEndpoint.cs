using System.Diagnostics.CodeAnalysis;
using System.Threading.RateLimiting;
using Microsoft.Extensions.Logging;

namespace WeComFunc.Http;

/// <summary>
/// A route that takes something from its caller, who may send it without end: it has the limits of the address and of the process, and what
/// it refuses is counted instead of told line by line.
/// </summary>
internal abstract class LimitedEndpoint(CallerLimiter limiter, TimeProvider time, Random random, ILogger logger) : Endpoint(time, logger)
{
    private readonly RefusalLog _refusals = new(time, logger);

    /// <inheritdoc />
    public sealed override IReadOnlyList<string> Methods { get; } = ["POST"];

    /// <summary>What a caller is told while as many requests are under way as may be.</summary>
    private protected abstract Problem Busy { get; }

    /// <summary>To be told how long a request took.</summary>
    private protected abstract void Record(string outcome, string app, TimeSpan elapsed);

    /// <summary>Asks the limits for a request.</summary>
    /// <param name="exchange">The request.</param>
    /// <param name="address">The address that it is counted for.</param>
    /// <param name="place">Its place among those under way, to be disposed of.</param>
    /// <param name="refusal">The answer where a limit keeps it out.</param>
    private protected bool TryAdmit(
        Exchange exchange,
        out string address,
        [NotNullWhen(true)] out RateLimitLease? place,
        [NotNullWhen(false)] out HttpAnswer? refusal)
    {
        (place, refusal) = (null, null);
        address = limiter.AddressOf(exchange.Call);
        if (limiter.Refuse(address) is { } pause)
        {
            refusal = TurnAway(exchange, Problem.TooManyRequests, pause);
            return false;
        }

        place = limiter.Begin();
        if (!place.IsAcquired)
        {
            place.Dispose();
            refusal = TurnAway(exchange, Busy, Spread());
            return false;
        }

        return true;
    }

    /// <summary>Answers a request that is none, or one too many, without a line of its own: anybody can send those without end.</summary>
    private protected HttpAnswer TurnAway(Exchange exchange, Problem problem, TimeSpan? retryAfter = null)
    {
        Measure(exchange, problem.Code);
        _refusals.Count(problem);
        return HttpAnswer.OfProblem(problem, null, exchange.TraceId, retryAfter);
    }

    /// <summary>Measures a request that has its answer.</summary>
    /// <returns>How long it took.</returns>
    private protected TimeSpan Measure(Exchange exchange, string outcome, string app = "none")
    {
        var elapsed = Time.GetElapsedTime(exchange.Started);
        Record(outcome, app, elapsed);
        exchange.Activity?.SetTag("outcome", outcome);
        return elapsed;
    }

    /// <summary>Many fail together; those that wait for half as long again as others do not come back together.</summary>
    private protected TimeSpan Spread(TimeSpan? pause = null) => (pause ?? HttpAnswer.DefaultPause) * (1 + (random.NextDouble() / 2));
}
