using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;

namespace WeComFunc.Tests.Doubles;

/// <summary>Writes every activity and every metric of the process to an <see cref="Output"/>.</summary>
internal sealed class OutputTelemetry : IDisposable
{
    private readonly Output _output;
    private readonly ActivityListener _activities;
    private readonly MeterListener _meters = new();

    // Measurements are many, and only their names and tags can hold a secret: each combination is written once.
    private readonly ConcurrentDictionary<string, byte> _written = new(StringComparer.Ordinal);

    public OutputTelemetry(Output output)
    {
        _output = output;
        _activities = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            SampleUsingParentId = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => _output.Write("activity", Format(activity)),
        };
        ActivitySource.AddActivityListener(_activities);

        _meters.InstrumentPublished = (instrument, listener) => listener.EnableMeasurementEvents(instrument);
        _meters.SetMeasurementEventCallback<byte>(Measured);
        _meters.SetMeasurementEventCallback<short>(Measured);
        _meters.SetMeasurementEventCallback<int>(Measured);
        _meters.SetMeasurementEventCallback<long>(Measured);
        _meters.SetMeasurementEventCallback<float>(Measured);
        _meters.SetMeasurementEventCallback<double>(Measured);
        _meters.SetMeasurementEventCallback<decimal>(Measured);
        _meters.Start();
    }

    public void Collect()
    {
        try
        {
            _meters.RecordObservableInstruments();
        }
        catch (AggregateException e)
        {
            _output.Write("metric", e.ToString());
        }
    }

    public void Dispose()
    {
        _activities.Dispose();
        _meters.Dispose();
    }

    private static string Format(Activity activity)
    {
        var text = new StringBuilder($"{activity.Source.Name} {activity.OperationName} {activity.DisplayName} {activity.Kind} ");
        text.Append($"{activity.Id} {activity.TraceStateString} {activity.Status} {activity.StatusDescription}");
        OutputValue.AppendTo(text, activity.TagObjects);
        foreach (var (key, value) in activity.Baggage)
        {
            text.Append($" {key}={value}");
        }

        foreach (var e in activity.Events)
        {
            text.Append($"\n  event {e.Name}");
            OutputValue.AppendTo(text, e.Tags);
        }

        foreach (var link in activity.Links)
        {
            text.Append($"\n  link {link.Context.TraceId} {link.Context.TraceState}");
            OutputValue.AppendTo(text, link.Tags ?? []);
        }

        return text.ToString();
    }

    private void Measured<T>(Instrument instrument, T measurement, ReadOnlySpan<KeyValuePair<string, object?>> tags, object? state)
    {
        var text = new StringBuilder($"{instrument.Meter.Name} {instrument.Name} {instrument.Unit}");
        OutputValue.AppendTo(text, tags.ToArray());
        OutputValue.AppendTo(text, instrument.Tags ?? []);
        OutputValue.AppendTo(text, instrument.Meter.Tags ?? []);
        if (_written.TryAdd(text.ToString(), 0))
        {
            _output.Write("metric", text.ToString());
        }
    }
}
