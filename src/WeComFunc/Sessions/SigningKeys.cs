using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Microsoft.IdentityModel.Tokens;

namespace WeComFunc.Sessions;

/// <summary>An enabled version of the secret, and the key that it holds or why it holds none.</summary>
internal sealed record KeyVersion(SecretVersion Version, SigningKey? Key, string? Fault);

/// <summary>The keys of sessions, as the vault had them at one time: all of them verify, one of them signs.</summary>
internal sealed class SigningKeys
{
    /// <summary>
    /// How long a key is shown before it signs: back ends keep what they were shown, ASP.NET Core for twelve hours, and some refuse for
    /// minutes what a key signed that they have never seen.
    /// </summary>
    public static readonly TimeSpan Shown = TimeSpan.FromHours(24);

    private const int MostFaults = 3;

    private readonly KeyVersion[] _versions;

    public SigningKeys(IEnumerable<KeyVersion> versions)
    {
        _versions =
            [.. versions.OrderBy(version => version.Version.CreatedOn).ThenBy(version => version.Version.Id, StringComparer.Ordinal)];

        // The same key stored twice is one key: who verifies looks for one of that id.
        var keys = _versions.Select(version => version.Key).OfType<SigningKey>().DistinctBy(key => key.Id).ToList();
        All = [.. keys.Select(key => key.Credentials.Key)];
        Json = Compose(keys);
    }

    /// <summary>The versions, the oldest first.</summary>
    public IReadOnlyList<KeyVersion> Versions => _versions;

    /// <summary>The keys that verify; none where no version holds one.</summary>
    public IReadOnlyList<SecurityKey> All { get; }

    /// <summary>Their public parts as a JWK set (RFC 7517).</summary>
    public ReadOnlyMemory<byte> Json { get; }

    /// <summary>
    /// The key that signs: the newest that has been shown for a day, otherwise the oldest. One before its activation date, or after its
    /// expiration date, verifies and does not sign.
    /// </summary>
    /// <returns>The key; null when there is none.</returns>
    public SigningKey? ForSigning(DateTimeOffset now)
    {
        SigningKey? signing = null;
        foreach (var version in _versions)
        {
            if (version.Key is { } key && Obstacle(version, now) is null && (signing is null || now - version.Version.CreatedOn >= Shown))
            {
                signing = key;
            }
        }

        return signing;
    }

    /// <summary>Why no key signs now, for operators.</summary>
    public string WhyNone(DateTimeOffset now) => _versions.Length == 0
        ? "there is no such secret, or it has no enabled version"
        : string.Join(
            "; ", _versions.Reverse().Take(MostFaults).Select(version => $"version {version.Version.Id}: {Obstacle(version, now)}"));

    private static string? Obstacle(KeyVersion version, DateTimeOffset now) => version switch
    {
        { Fault: { } fault } => fault,
        { Version.NotBefore: { } from } when from > now => $"its activation date is {Text(from)}",
        { Version.ExpiresOn: { } until } when until <= now => $"it expired on {Text(until)}",
        _ => null,
    };

    private static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static ReadOnlyMemory<byte> Compose(List<SigningKey> keys)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteStartArray("keys"u8);
        foreach (var key in keys)
        {
            key.WriteTo(json);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenMemory;
    }
}
