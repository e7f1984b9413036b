using System.Diagnostics.Tracing;
using System.Text.RegularExpressions;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// Writes what .NET's HTTP client and the Azure SDK trace, at their most talkative, to an <see cref="Output"/>. Where a proxy refuses a
/// tunnel, .NET itself traces the proxy's address with the password in it, which nobody can keep it from (docs/security.md): that is left
/// out.
/// </summary>
internal sealed partial class OutputEvents(Output output) : EventListener
{
    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name is "System.Net.Http" || eventSource.Name.StartsWith("Azure-", StringComparison.Ordinal))
        {
            EnableEvents(eventSource, EventLevel.Verbose, EventKeywords.All);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData) =>
        output.Write(
            "event",
            ProxyPattern().Replace(
                $"{eventData.EventSource.Name} {eventData.EventName} "
                + $"{string.Join(' ', eventData.Payload?.Select(OutputValue.Format) ?? [])}",
                "***"));

    [GeneratedRegex("(?<=tunnel request to proxy '[a-z]+://)[^@'/]*(?=@)")]
    private static partial Regex ProxyPattern();
}
