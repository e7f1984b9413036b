using System.Diagnostics.Tracing;

namespace WeComFunc.Tests.Doubles;

/// <summary>Writes what .NET's HTTP client and the Azure SDK trace, at their most talkative, to an <see cref="Output"/>.</summary>
internal sealed class OutputEvents(Output output) : EventListener
{
    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name is "System.Net.Http" || eventSource.Name.StartsWith("Azure-", StringComparison.Ordinal))
        {
            EnableEvents(eventSource, EventLevel.Verbose, EventKeywords.All);
        }
    }

    protected override void OnEventWritten(EventWrittenEventArgs eventData) =>
        output.Write("event", $"{eventData.EventSource.Name} {eventData.EventName} {string.Join(' ', eventData.Payload?.Select(OutputValue.Format) ?? [])}");
}
