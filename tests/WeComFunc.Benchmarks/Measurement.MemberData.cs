namespace WeComFunc.Benchmarks;

/// <summary>
/// A login with a session beside one without: what the signature costs. Then one whose session opens member data beside one with a session
/// alone: what the row costs that it writes.
/// </summary>
internal sealed partial class Measurement
{
    private const string On = "ours";

    /// <summary>As WeCom takes it; a double that answers at once leaves no time to write the row in.</summary>
    private static readonly TimeSpan CallOfWeCom = TimeSpan.FromMilliseconds(30);

    private async Task MemberDataAsync()
    {
        await BesideAsync("no session", () => Settings(), SettingsOfSessions, (connections, loads) =>
        {
            Add($"CPU of the process per login in µs, concurrency {connections}", "0", loads, load => load.Cpu);
            Add($"bytes allocated per login, concurrency {connections}", "0", loads, load => load.Bytes);
            Add($"p50 in ms, concurrency {connections}", "0.000", loads, load => load.P50);
        });
        upstream.Delay = CallOfWeCom;
        await BesideAsync("session alone", SettingsOfSessions, SettingsOfMemberData, (connections, loads) =>
        {
            Add($"p50 in ms, concurrency {connections}", "0.0", loads, load => load.P50, new Goal(1.10));
            Add($"p99 in ms, concurrency {connections}", "0.0", loads, load => load.P99);
        });
    }

    /// <summary>Ours with some settings beside ours with others.</summary>
    private Task BesideAsync(
        string without,
        Func<Dictionary<string, string>> settingsWithout,
        Func<Dictionary<string, string>> settings,
        Action<int, ILookup<string, Load>> add) =>
        WarmAsync(
            [without, On],
            name => Host.StartAsync(Of("ours") with { Settings = name == On ? settings() : settingsWithout() }, isObserved: true),
            async hosts =>
            {
                report.Head(without);
                foreach (var connections in (int[])[1, 16])
                {
                    add(connections, await LoadAsync(hosts, connections));
                }
            });

    private Dictionary<string, string> SettingsOfSessions() => new(Settings())
    {
        ["Session__Issuer"] = "http://127.0.0.1/api",
        ["Session__Audience"] = "any",
        ["WeCom__MiniProgramAppId"] = "wx0123456789abcdef",
    };

    private Dictionary<string, string> SettingsOfMemberData() => new(SettingsOfSessions())
    {
        ["MemberData__Enabled"] = "true",
        ["MemberData__TableName"] = NewTable(),
    };
}
