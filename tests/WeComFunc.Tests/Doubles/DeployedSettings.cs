using Microsoft.Extensions.Configuration;

namespace WeComFunc.Tests.Doubles;

/// <summary>The settings that a deployed app needs, and a test's own.</summary>
internal static class DeployedSettings
{
    /// <summary>What a session needs besides.</summary>
    public static (string Name, string? Value)[] OfSessions { get; } =
        [("Session__Issuer", "https://login.example.com/api"), ("Session__Audience", "orders-api")];

    /// <summary>Names with <c>__</c>; what comes later wins.</summary>
    public static Dictionary<string, string?> With(params (string Name, string? Value)[] changes)
    {
        var settings = new Dictionary<string, string?>
        {
            ["WeCom__CorpId"] = "ww1234567890abcdef",
            ["KeyVault__Uri"] = "https://name.vault.azure.net/",
            ["TokenStore__ServiceUri"] = "https://account.table.core.windows.net/",
        };
        foreach (var (name, value) in changes)
        {
            settings[name] = value;
        }

        return settings;
    }

    /// <inheritdoc cref="With"/>
    public static Settings Read(params (string Name, string? Value)[] changes) => Settings.Read(new ConfigurationBuilder()
        .AddInMemoryCollection(With(changes).Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":"), setting.Value)))
        .Build());
}
