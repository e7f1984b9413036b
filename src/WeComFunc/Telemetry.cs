using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using WeComFunc.AccessTokens;

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

    internal void TokenUsed(TokenUse use) =>
        _uses.Add(1, new KeyValuePair<string, object?>("source", Label(use.Source)), new KeyValuePair<string, object?>("reason", Label(use.Reason)));

    internal void Renewed(string reason, string outcome) =>
        _renewals.Add(1, new KeyValuePair<string, object?>("reason", reason), new KeyValuePair<string, object?>("outcome", outcome));

    internal void Waited(RenewalReason reason, TimeSpan elapsed) =>
        _waits.Record(elapsed.TotalSeconds, new KeyValuePair<string, object?>("reason", Label(reason)));

    /// <summary>Gauges of the token in memory; without one there is nothing to measure.</summary>
    internal void ObserveToken(Func<AccessToken?> current, TimeProvider time, WeComApp app)
    {
        Observe("wecomfunc.token.age", "Seconds since the access_token in memory was obtained.", token => time.GetUtcNow() - token.ObtainedAt);
        Observe("wecomfunc.token.left", "Seconds until the access_token in memory expires; negative once it has.", token => token.ExpiresAt - time.GetUtcNow());

        void Observe(string name, string description, Func<AccessToken, TimeSpan> measure) => _meter.CreateObservableGauge(
            name,
            () => current() is { } token ? [new Measurement<double>(measure(token).TotalSeconds, new KeyValuePair<string, object?>("corpid", app.CorpId))] : Array.Empty<Measurement<double>>(),
            "s",
            description);
    }

    internal static string Label(int? errcode) => errcode?.ToString(CultureInfo.InvariantCulture) ?? "none";

    internal static string Label(TokenSource source) => source switch
    {
        TokenSource.Memory => "memory",
        TokenSource.Table => "table",
        _ => "wecom",
    };

    internal static string Label(RenewalOutcome outcome) => outcome switch
    {
        RenewalOutcome.Renewed => "renewed",
        RenewalOutcome.SameToken => "same_token",
        RenewalOutcome.FromTable => "from_table",
        RenewalOutcome.NotDue => "not_due",
        RenewalOutcome.Elsewhere => "elsewhere",
        RenewalOutcome.HeldOff => "held_off",
        _ => "failed",
    };

    internal static string Label(RenewalReason reason) => reason switch
    {
        RenewalReason.None => "none",
        RenewalReason.Missing => "missing",
        RenewalReason.Expired => "expired",
        RenewalReason.Ahead => "ahead",
        RenewalReason.Rejected => "rejected",
        _ => "timer",
    };
}
