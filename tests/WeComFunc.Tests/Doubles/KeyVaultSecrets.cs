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

    public string Add(string name, string value, DateTimeOffset? createdOn, DateTimeOffset? notBefore, DateTimeOffset? expiresOn)
    {
        // A PEM is on several lines, and its boundaries are no secret.
        foreach (var line in value.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith("-----")))
        {
            Remember(line.TrimEnd('\r'));
        }

        var version = new KeyVaultSecretVersion(
            Guid.NewGuid().ToString("n"),
            value,
            (createdOn ?? DateTimeOffset.UtcNow).ToUnixTimeSeconds(),
            notBefore?.ToUnixTimeSeconds(),
            expiresOn?.ToUnixTimeSeconds());
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

    /// <summary>Disables the version with this id, or the newest without one.</summary>
    public void Disable(string name, string? id)
    {
        lock (_lock)
        {
            var versions = _versions[name];
            var index = id is null ? versions.Count - 1 : versions.FindIndex(version => version.Id == id);
            versions[index] = versions[index] with { Enabled = false };
        }
    }

    public void Remove(string name)
    {
        lock (_lock)
        {
            _versions.Remove(name);
        }
    }

    /// <summary>All versions, enabled or not.</summary>
    public IReadOnlyList<KeyVaultSecretVersion> List(string name)
    {
        lock (_lock)
        {
            return _versions.TryGetValue(name, out var versions) ? [.. versions] : [];
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

internal sealed record KeyVaultSecretVersion(
    string Id, string Value, long Created, long? NotBefore = null, long? Expires = null, bool Enabled = true);
