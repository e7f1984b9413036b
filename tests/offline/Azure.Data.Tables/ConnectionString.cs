using Azure.Core.Pipeline;

namespace Azure.Data.Tables;

/// <summary>A storage connection string with an account key; the whole string never shows in an exception.</summary>
internal sealed record ConnectionString(Uri Endpoint, HttpPipelinePolicy Authentication)
{
    private const string DevelopmentAccount = "devstoreaccount1";

    // Public: the key of every emulator, as documented.
    private const string DevelopmentKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    public static ConnectionString Parse(string text)
    {
        ArgumentException.ThrowIfNullOrEmpty(text);
        var settings = Settings(text);
        if (settings.GetValueOrDefault("UseDevelopmentStorage") == "true")
        {
            var proxy = new Uri(settings.GetValueOrDefault("DevelopmentStorageProxyUri", "http://127.0.0.1"));
            return new(new UriBuilder(proxy.Scheme, proxy.Host, 10002, DevelopmentAccount).Uri, Authenticate(DevelopmentAccount, DevelopmentKey));
        }

        if (!settings.TryGetValue("AccountName", out var name) || !settings.TryGetValue("AccountKey", out var key))
        {
            throw new ArgumentException("The connection string has no AccountName or no AccountKey.");
        }

        if (settings.TryGetValue("TableEndpoint", out var endpoint))
        {
            return new(new Uri(endpoint), Authenticate(name, key));
        }

        if (!settings.TryGetValue("EndpointSuffix", out var suffix))
        {
            throw new ArgumentException("The connection string has neither TableEndpoint nor EndpointSuffix.");
        }

        var scheme = settings.GetValueOrDefault("DefaultEndpointsProtocol", "https");
        return new(new Uri($"{scheme}://{name}.table.{suffix}"), Authenticate(name, key));
    }

    private static SharedKeyPolicy Authenticate(string accountName, string accountKey) => new(accountName, Convert.FromBase64String(accountKey));

    private static Dictionary<string, string> Settings(string text)
    {
        var settings = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var setting in text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || !settings.TryAdd(setting[..equals].Trim(), setting[(equals + 1)..].Trim()))
            {
                throw new InvalidOperationException("The connection string is not a list of distinct settings of the form name=value.");
            }
        }

        return settings;
    }
}
