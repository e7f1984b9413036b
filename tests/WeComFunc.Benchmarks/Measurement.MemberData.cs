namespace WeComFunc.Benchmarks;

/// <summary>A login with a session that opens member data, beside one with a session alone: what the row costs that it writes.</summary>
internal sealed partial class Measurement
{
    private const string On = "ours";
    private const string Off = "off";

    /// <summary>As WeCom takes it; a double that answers at once leaves no time to write the row in.</summary>
    private static readonly TimeSpan CallOfWeCom = TimeSpan.FromMilliseconds(30);

    private Task MemberDataAsync()
    {
        upstream.Delay = CallOfWeCom;
        return WarmAsync([Off, On], name => Host.StartAsync(Of("ours") with { Settings = SettingsOfSessions(name == On) }), async hosts =>
        {
            report.Head(Off);
            foreach (var connections in (int[])[1, 16])
            {
                var loads = await LoadAsync(hosts, connections);
                Add($"p50 in ms, concurrency {connections}", "0.0", loads, load => load.P50, new Goal(1.10));
                Add($"p99 in ms, concurrency {connections}", "0.0", loads, load => load.P99);
            }
        });
    }

    private Dictionary<string, string> SettingsOfSessions(bool withMemberData) => new(Settings())
    {
        ["Session__Issuer"] = "http://127.0.0.1/api",
        ["Session__Audience"] = "any",
        ["MemberData__Enabled"] = $"{withMemberData}",
        ["MemberData__TableName"] = NewTable(),
        ["WeCom__MiniProgramAppId"] = "wx0123456789abcdef",
    };
}
