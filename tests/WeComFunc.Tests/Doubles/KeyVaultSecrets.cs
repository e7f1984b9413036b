using System.Collections.Concurrent;

namespace WeComFunc.Tests.Doubles;

/// <summary>The versions of a vault's secrets. Names are case-insensitive, as in Key Vault.</summary>
internal sealed class KeyVaultSecrets
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<KeyVaultSecretVersion>> _versions = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, byte> _issued = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Issued => [.. _issued.Keys];

    public void Remember(string value) => _issued.TryAdd(value, 0);

    public string Add(string name, string value)
    {
        Remember(value);
        var version = new KeyVaultSecretVersion(Guid.NewGuid().ToString("n"), value, DateTimeOffset.UtcNow.ToUnixTimeSeconds());
        lock (_lock)
        {
            if (!_versions.TryGetValue(name, out var versions))
            {
                _versions.Add(name, versions = []);
            }

            versions.Add(version);
        }

        return version.Id;
    }

    public void Disable(string name)
    {
        lock (_lock)
        {
            _versions[name][^1] = _versions[name][^1] with { Enabled = false };
        }
    }

    public void Remove(string name)
    {
        lock (_lock)
        {
            _versions.Remove(name);
        }
    }

    /// <summary>The version with this id, or the newest without one.</summary>
    public KeyVaultSecretVersion? Find(string name, string? id)
    {
        lock (_lock)
        {
            return _versions.TryGetValue(name, out var versions)
                ? versions.FindLast(v => id is null || string.Equals(v.Id, id, StringComparison.OrdinalIgnoreCase))
                : null;
        }
    }
}

internal sealed record KeyVaultSecretVersion(string Id, string Value, long Created, bool Enabled = true);
