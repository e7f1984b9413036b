using Microsoft.Extensions.Configuration;
using WeComFunc.LocalHost;

namespace WeComFunc.Playground;

/// <summary>The corp at WeCom itself that a <c>local.settings.json</c> names.</summary>
/// <param name="CorpId">Its 企业ID.</param>
/// <param name="UsesEmulator">Whether its tokens are to be kept in the Table Storage emulator at its usual port.</param>
internal sealed record LocalCorp(string CorpId, bool UsesEmulator)
{
    private const string Sample = "local.settings.sample.json";

    /// <summary>Reads the file as the local host does, and says what it means for this run.</summary>
    /// <returns>
    /// <see langword="null"/> where there is no such file, or where it names no corp at WeCom itself: the simulator is used then.
    /// </returns>
    /// <exception cref="SettingsException">The file is not what it should be, or is still the sample.</exception>
    public static LocalCorp? Read(string path)
    {
        if (!File.Exists(path))
        {
            return null;
        }

        var settings = Values(path);
        if (settings["WeCom:CorpId"] is not { Length: > 0 } corpId || IsOnThisMachine(settings["WeCom:BaseUrl"]))
        {
            Console.WriteLine($"{path} names no corp at WeCom itself: it is left aside, and the simulator used.");
            return null;
        }

        if (settings["WeCom:CorpSecret"] is { Length: > 0 } secret
            && secret == Values(Path.Combine(Repository.Root, Sample))["WeCom:CorpSecret"])
        {
            throw new SettingsException(
                [$"{path} still has the words of {Sample} as WeCom__CorpSecret: put the corpsecret itself there."]);
        }

        Console.WriteLine($"Serving {corpId} against WeCom itself, as {path} says.");
        return new(corpId, settings["TokenStore:ConnectionString"] == "UseDevelopmentStorage=true");
    }

    private static IConfiguration Values(string path) => new ConfigurationBuilder().Add(LocalSettings.Source(path)).Build();

    private static bool IsOnThisMachine(string? url) => Uri.TryCreate(url, UriKind.Absolute, out var address) && address.IsLoopback;
}
