using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

namespace WeComFunc;

/// <summary>The metrics and traces of the login: meter and activity source are both named <see cref="Name"/>.</summary>
public sealed class Telemetry
{
    /// <summary>Name of the meter and of the activity source.</summary>
    public const string Name = "WeComFunc";

    /// <summary>Where the activities come from.</summary>
    public static readonly ActivitySource Source = new(Name);

    private readonly Meter _meter;
    private readonly Histogram<double> _logins;
    private readonly Histogram<double> _calls;
    private readonly Counter<long> _uses;
    private readonly Counter<long> _renewals;
    private readonly Histogram<double> _waits;

    /// <summary>Creates the instruments.</summary>
    public Telemetry(IMeterFactory meters)
    {
        _meter = meters.Create(Name);
        _logins = _meter.CreateHistogram<double>("wecomfunc.login.duration", "s", "Duration of a login, by outcome: ok or the code of the problem.");
        _calls = _meter.CreateHistogram<double>("wecomfunc.wecom.call.duration", "s", "Duration of one attempt of a call to WeCom, by api and errcode.");
        _uses = _meter.CreateCounter<long>("wecomfunc.token.uses", "{use}", "Uses of the access_token, by source and reason.");
        _renewals = _meter.CreateCounter<long>("wecomfunc.token.renewals", "{renewal}", "Renewals of the access_token, by reason and outcome.");
        _waits = _meter.CreateHistogram<double>("wecomfunc.token.wait.duration", "s", "How long a login waited for an access_token, by reason.");
    }

    internal void Login(string outcome, TimeSpan elapsed) =>
        _logins.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("outcome", outcome));

    internal void Call(string api, string errcode, TimeSpan elapsed) =>
        _calls.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("api", api), new KeyValuePair<string, object?>("errcode", errcode));

    internal void TokenUsed(string source, string reason) =>
        _uses.Add(1, new KeyValuePair<string, object?>("source", source), new KeyValuePair<string, object?>("reason", reason));

    internal void Renewed(string reason, string outcome) =>
        _renewals.Add(1, new KeyValuePair<string, object?>("reason", reason), new KeyValuePair<string, object?>("outcome", outcome));

    internal void Waited(string reason, TimeSpan elapsed) =>
        _waits.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("reason", reason));

    /// <summary>A gauge, in seconds, of something that is not always there.</summary>
    internal void Observe(string name, string description, string corpId, Func<TimeSpan?> measure) => _meter.CreateObservableGauge(
        name,
        () => measure() is { } value ? [new Measurement<double>(value.TotalSeconds, new KeyValuePair<string, object?>("corpid", corpId))] : Array.Empty<Measurement<double>>(),
        "s",
        description);

    /// <summary>An errcode as it stands in logs and metrics.</summary>
    internal static string Label(int? errcode) => errcode?.ToString(CultureInfo.InvariantCulture) ?? "none";
}
