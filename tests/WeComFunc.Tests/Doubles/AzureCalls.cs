using System.Globalization;
using Azure.Core;
using Azure.Core.Pipeline;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// What a client of Azure does by real time, beside a clock that is moved: that stands still in the pauses before it tries again, but for
/// those that the service asked for and that are longer than any limit; and an attempt has no limit but the clock's.
/// </summary>
internal static class AzureCalls
{
    /// <summary>In seconds: what a call to Azure may take.</summary>
    private const int LongestLimit = 3;

    /// <summary>Has a client's pauses counted beside a clock.</summary>
    /// <param name="options">The client's.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="needsToken">Whether the identity is being asked for a token now, which a call may wait for.</param>
    public static T CountedBeside<T>(this T options, ManualTimeProvider clock, Func<bool>? needsToken = null)
        where T : ClientOptions
    {
        options.AddPolicy(new Call(), HttpPipelinePosition.PerCall);
        options.AddPolicy(new Attempt(clock.Calls, needsToken ?? (() => false)), HttpPipelinePosition.BeforeTransport);
        return options;
    }

    /// <summary>What comes after an attempt: a pause, a token for another one, or the end of the call.</summary>
    private sealed class Rest : IDisposable
    {
        public IDisposable? Counted { get; set; }

        public void Dispose() => Counted?.Dispose();
    }

    private sealed class Call : HttpPipelinePolicy
    {
        public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            // The client's own limit of an attempt is real time; those of whoever waits for it are the clock's.
            message.NetworkTimeout = Timeout.InfiniteTimeSpan;
            using var rest = new Rest();
            message.SetProperty(typeof(Rest), rest);
            await ProcessNextAsync(message, pipeline);
        }

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();
    }

    private sealed class Attempt(CallsUnderWay calls, Func<bool> needsToken) : HttpPipelinePolicy
    {
        public override async ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            var rest = message.TryGetProperty(typeof(Rest), out var value) ? (Rest)value! : throw new InvalidOperationException();
            rest.Dispose();
            try
            {
                await ProcessNextAsync(message, pipeline);
            }
            finally
            {
                var isTooLong = message.HasResponse && message.Response.Headers.TryGetValue("Retry-After", out var seconds)
                    && int.Parse(seconds, CultureInfo.InvariantCulture) > LongestLimit;
                rest.Counted = calls.Begin(() => isTooLong ? true : needsToken() ? null : false);
            }
        }

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();
    }
}
