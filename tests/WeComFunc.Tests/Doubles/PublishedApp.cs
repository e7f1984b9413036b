using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

/// <summary>
/// The function app as the pipeline publishes it, once in a run of the tests; with a WeCom, a table, and two hosts of it that tests share
/// as long as they leave them as they found them.
/// </summary>
public sealed class PublishedApp : IAsyncLifetime
{
    private SimulatorServer? _simulator;
    private PublishedHost? _shared;
    private PublishedHost? _strict;

    /// <summary>Where it is.</summary>
    public static string Folder { get; } = Path.Combine(Repository.Root, "artifacts", "app");

    /// <summary>Settings by which an address may make one login in the course of a test.</summary>
    public static Dictionary<string, string?> OneLogin { get; } = new()
    {
        ["Limits__LoginsPerSecondPerAddress"] = "0.001",
        ["Limits__BurstPerAddress"] = "1",
    };

    public Azurite Azurite { get; } = new();

    /// <summary>The WeCom of the shared hosts, on the system's clock.</summary>
    public SimulatorState WeCom => _simulator!.State;

    public async Task InitializeAsync()
    {
        await Task.WhenAll(PublishAsync(), Azurite.InitializeAsync());
        _simulator = await SimulatorServer.StartAsync();
    }

    public async Task DisposeAsync()
    {
        foreach (var host in new[] { _shared, _strict }.OfType<PublishedHost>())
        {
            await host.DisposeAsync();
        }

        Output.Run.Secrets(WeCom.IssuedSecrets);
        await _simulator!.DisposeAsync();
        await Azurite.DisposeAsync();
    }

    /// <summary>A host with the settings of every day; it takes bodies of 64 KiB, as infra has it.</summary>
    public async Task<PublishedHost> SharedAsync() => _shared ??= await PublishedHost.StartAsync(_simulator!, Azurite, settings: new()
    {
        ["FUNCTIONS_REQUEST_BODY_SIZE_LIMIT"] = "65536",
    });

    /// <summary>A host that asks for a profile, and takes one login from an address.</summary>
    public async Task<PublishedHost> StrictAsync()
    {
        var settings = new Dictionary<string, string?>(OneLogin) { ["Login__RequireProfile"] = "true" };
        return _strict ??= await PublishedHost.StartAsync(_simulator!, Azurite, settings: settings);
    }

    private static async Task PublishAsync()
    {
        if (Directory.Exists(Folder))
        {
            Directory.Delete(Folder, recursive: true);
        }

        string[] command = ["publish", "src/WeComFunc.AzureFunctions", "--configuration", "Release", "--output", Folder];
        var start = new ProcessStartInfo("dotnet", command)
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
        };
        // No compiler stays behind.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["UseSharedCompilation"] = "false";
        using var publish = Process.Start(start)!;
        var output = await publish.StandardOutput.ReadToEndAsync();
        await publish.WaitForExitAsync();
        if (publish.ExitCode != 0)
        {
            throw new InvalidOperationException(output);
        }
    }
}

/// <summary>Tests of the published app; they run one after the other.</summary>
[CollectionDefinition(Name)]
[SuppressMessage("Naming", "CA1711", Justification = "A collection is what xunit calls it.")]
public sealed class PublishedAppCollection : ICollectionFixture<PublishedApp>
{
    public const string Name = "published app";
}
