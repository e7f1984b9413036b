using System.Diagnostics.Metrics;
using Microsoft.Extensions.Configuration;
using WeComFunc.Apps;
using WeComFunc.Login;

namespace WeComFunc.Fleet;

/// <summary>One process of the fleet: the real code of the login for every app, with a clock of its own.</summary>
internal sealed class FleetProcess : IDisposable
{
    private readonly Meters _meters = new();

    public FleetProcess(World world, Settings settings, IReadOnlyList<SimulatedApp> apps, int slot, TimeSpan skew)
    {
        var clock = new World.Clock(world, skew);
        var telemetry = new Telemetry(_meters);
        LoginHandler? handler = null;
        Instances = [.. apps.Select(app => new Instance(world, settings, app, slot, clock, telemetry, () => handler!))];
        handler = new LoginHandler(
            new CorpApps([.. Instances.Select(instance => instance.App)]), settings.Login, clock, telemetry);
    }

    /// <summary>What each app is to it, in the order of the apps.</summary>
    public IReadOnlyList<Instance> Instances { get; }

    public bool IsDead => Instances[0].IsDead;

    /// <summary>The settings of a fleet with so many apps, of two corps in turn.</summary>
    public static Settings SettingsOf(int apps)
    {
        var settings = new Dictionary<string, string?>
        {
            ["DOTNET_ENVIRONMENT"] = "Development",
            ["WeCom:CorpId"] = "wwfleet",
            ["WeCom:CorpSecret"] = "that of the vault counts",
            ["TokenStore:ConnectionString"] = "UseDevelopmentStorage=true",
        };
        for (var further = 1; further < apps; further++)
        {
            settings[$"WeCom:Apps:app{further:00}:CorpId"] = further % 2 == 0 ? "wwfleet" : "wwother";
            settings[$"WeCom:Apps:app{further:00}:CorpSecret"] = "that of the vault counts";
        }

        return Settings.Read(new ConfigurationBuilder().AddInMemoryCollection(settings).Build());
    }

    /// <summary>The framework keeps every meter until it is disposed of, and all that it measures with it.</summary>
    public void Dispose() => _meters.Dispose();

    private sealed class Meters : IMeterFactory
    {
        private readonly List<Meter> _meters = [];

        public Meter Create(MeterOptions options)
        {
            _meters.Add(new Meter(options));
            return _meters[^1];
        }

        public void Dispose() => _meters.ForEach(meter => meter.Dispose());
    }
}
