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

    /// <summary>
    /// Bounds of histograms of seconds, for whoever makes some: those of OpenTelemetry's conventions for HTTP, and two below. Its defaults
    /// are for milliseconds.
    /// </summary>
    private static readonly InstrumentAdvice<double> Seconds = new()
    {
        HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
    };

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
        _logins = Durations("wecomfunc.login.duration", "Duration of a login, by outcome: ok or the code of the problem, and app.");
        _calls = Durations("wecomfunc.wecom.call.duration", "Duration of one attempt of a call to WeCom, by api, errcode and app.");
        _uses = _meter.CreateCounter<long>("wecomfunc.token.uses", "{use}", "Uses of the access_token, by source, reason and app.");
        _renewals = _meter.CreateCounter<long>(
            "wecomfunc.token.renewals", "{renewal}", "Renewals of the access_token, by reason, outcome and app.");
        _waits = Durations("wecomfunc.token.wait.duration", "How long a login waited for an access_token, by reason and app.");
    }

    /// <summary>
    /// Begins the trace of a part of a login that is no call to WeCom; null where nobody traces what it is part of. What health asks for
    /// is part of nothing.
    /// </summary>
    internal static Activity? StartPart(string name) => Activity.Current is null ? null : Source.StartActivity(name, ActivityKind.Client);

    internal void Login(string outcome, string app, TimeSpan elapsed) =>
        _logins.Record(elapsed.TotalSeconds, Tag("outcome", outcome), Tag("app", app));

    internal void Call(string api, string errcode, string app, TimeSpan elapsed) =>
        _calls.Record(elapsed.TotalSeconds, Tag("api", api), Tag("errcode", errcode), Tag("app", app));

    internal void TokenUsed(string source, string reason, string app) =>
        _uses.Add(1, Tag("source", source), Tag("reason", reason), Tag("app", app));

    internal void Renewed(string reason, string outcome, string app) =>
        _renewals.Add(1, Tag("reason", reason), Tag("outcome", outcome), Tag("app", app));

    internal void Waited(string reason, string app, TimeSpan elapsed) =>
        _waits.Record(elapsed.TotalSeconds, Tag("reason", reason), Tag("app", app));

    /// <summary>A gauge, in seconds, of something that is not always there.</summary>
    internal void Observe(string name, string description, WeComApp app, Func<TimeSpan?> measure) => _meter.CreateObservableGauge(
        name,
        () => measure() is { } value
            ? [new Measurement<double>(value.TotalSeconds, Tag("corpid", app.CorpId), Tag("app", app.Name))]
            : Array.Empty<Measurement<double>>(),
        "s",
        description);

    /// <summary>An errcode as it stands in logs and metrics.</summary>
    internal static string Label(int? errcode) => errcode?.ToString(CultureInfo.InvariantCulture) ?? "none";

    /// <summary>A histogram of durations, in seconds.</summary>
    internal Histogram<double> Durations(string name, string description) =>
        _meter.CreateHistogram(name, "s", description, tags: null, Seconds);

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
