namespace WeComFunc.Benchmarks;

/// <summary>A login with a session that opens member data, beside one with a session alone: what the row costs that it writes.</summary>
internal sealed partial class Measurement
{
    private const string On = "ours";
    private const string Off = "off";

    /// <summary>As WeCom takes it; a double that answers at once leaves no time to write the row in.</summary>
    private static readonly TimeSpan CallOfWeCom = TimeSpan.FromMilliseconds(30);

    public static async Task RunMemberDataAsync(string directory)
    {
        var report = new Report();
        var url = new Uri($"http://127.0.0.1:{Host.FreePort()}/");
        await using var azurite = await Azurite.StartAsync();
        await using var upstream = await Upstream.StartAsync(url);
        upstream.Delay = CallOfWeCom;
        var measurement = new Measurement(report, upstream, url, azurite.ConnectionString, directory, isQuick: false);
        report.Say(
            $"{Environment.ProcessorCount} cores shared by all; {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC; {measurement._rounds} rounds.");
        await measurement.MemberDataAsync();
        Console.Write(report);
    }

    private async Task MemberDataAsync()
    {
        string[] names = [Off, On];
        var hosts = new Dictionary<string, Host>();
        try
        {
            foreach (var name in names)
            {
                var host = hosts[name] = new Host(Of("ours") with { Settings = SettingsOfSessions(name == On) });
                await host.ListeningAsync();
                await host.LoginAsync();
                await Load.RunAsync(host.Login, 16, 6);
            }

            report.Head(Off);
            foreach (var connections in (int[])[1, 16])
            {
                var (p50, p99) = (SamplesOf(names), SamplesOf(names));
                foreach (var name in Enumerable.Range(0, _rounds).SelectMany(round => Turns(round, names)))
                {
                    Note($"{name}: concurrency {connections}");
                    var load = await Load.RunAsync(hosts[name].Login, connections, _seconds);
                    p50[name].Add(load.P50);
                    p99[name].Add(load.P99);
                    if (load.Lost > 0)
                    {
                        throw new InvalidOperationException($"{load.Lost} of {load.Answers} logins with member data {name} failed.");
                    }
                }

                report.Add($"p50 in ms, concurrency {connections}", "0.0", name => [.. p50[name]], new Goal(1.10));
                report.Add($"p99 in ms, concurrency {connections}", "0.0", name => [.. p99[name]]);
            }
        }
        finally
        {
            foreach (var host in hosts.Values)
            {
                await host.DisposeAsync();
            }
        }
    }

    private Dictionary<string, string> SettingsOfSessions(bool withMemberData) => new(Settings(null))
    {
        ["Session__Issuer"] = "http://127.0.0.1/api",
        ["Session__Audience"] = "any",
        ["MemberData__Enabled"] = $"{withMemberData}",
        ["MemberData__TableName"] = NewTable(),
        ["WeCom__MiniProgramAppId"] = "wx0123456789abcdef",
    };
}
