namespace WeComFunc.AccessTokens;

/// <summary>How what a token came from, and what came of a renewal, is called in logs and metrics (rule T12).</summary>
internal static class TokenMetrics
{
    public static void TokenUsed(this Telemetry telemetry, TokenUse use, WeComApp app) =>
        telemetry.TokenUsed(use.Source.Label(), use.Reason.Label(), app.Name);

    /// <summary>Gauges of the token in memory; without one there is nothing to measure.</summary>
    public static void ObserveToken(this Telemetry telemetry, Func<AccessToken?> current, TimeProvider time, WeComApp app)
    {
        telemetry.Observe(
            "wecomfunc.token.age",
            "Seconds since the access_token in memory was obtained.",
            app,
            () => time.GetUtcNow() - current()?.ObtainedAt);
        telemetry.Observe(
            "wecomfunc.token.left",
            "Seconds until the access_token in memory expires; negative once it has.",
            app,
            () => current()?.ExpiresAt - time.GetUtcNow());
    }

    public static string Label(this TokenSource source) => source switch
    {
        TokenSource.Memory => "memory",
        TokenSource.Table => "table",
        _ => "wecom",
    };

    public static string Label(this RenewalOutcome outcome) => outcome switch
    {
        RenewalOutcome.Renewed => "renewed",
        RenewalOutcome.SameToken => "same_token",
        RenewalOutcome.FromTable => "from_table",
        RenewalOutcome.NotDue => "not_due",
        RenewalOutcome.LeasedByAnother => "elsewhere",
        RenewalOutcome.BackedOff => "held_off",
        _ => "failed",
    };

    public static string Label(this RenewalReason reason) => reason switch
    {
        RenewalReason.None => "none",
        RenewalReason.Missing => "missing",
        RenewalReason.Expired => "expired",
        RenewalReason.Ahead => "ahead",
        RenewalReason.Rejected => "rejected",
        _ => "timer",
    };
}
