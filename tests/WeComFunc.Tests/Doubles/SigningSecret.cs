using System.Buffers.Text;
using System.Security.Cryptography;
using WeComFunc.Sessions;

namespace WeComFunc.Tests.Doubles;

/// <summary>Keys that sign sessions, as an operator stores them; what is private of them must not show up in any output.</summary>
internal static class SigningSecret
{
    /// <summary>The name of the secret by default.</summary>
    public const string SecretName = "wecomfunc-session-key";

    /// <summary>The settings of every day.</summary>
    public static Dictionary<string, string?> Settings => new()
    {
        ["Session__Issuer"] = "https://login.example.com/api",
        ["Session__Audience"] = "orders-api",
    };

    /// <summary>A new private key on P-256, in PKCS#8 PEM.</summary>
    public static string Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var d = key.ExportParameters(includePrivateParameters: true).D!;
        Output.Run.Secret(Base64Url.EncodeToString(d), "signing key");
        Output.Run.Secret(Convert.ToBase64String(d), "signing key");
        return key.ExportPkcs8PrivateKeyPem();
    }

    /// <summary>The <c>kid</c> of a key.</summary>
    public static string IdOf(string pem) => SigningKey.Read(pem).Key!.Id;
}

/// <summary>Versions of the secret in memory, which answer at once and on the caller's thread.</summary>
internal sealed class MemoryKeyStore : ISigningKeyStore
{
    private readonly Dictionary<string, (SecretVersion Version, string Value)> _versions = [];

    /// <summary>How often the versions were listed.</summary>
    public int Lists { get; private set; }

    /// <summary>How often a version was read.</summary>
    public int Reads { get; private set; }

    /// <summary>What every call fails with; null when it succeeds.</summary>
    public Failure? Failure { get; set; }

    /// <summary>Stores a version.</summary>
    public void Set(
        string id, string value, DateTimeOffset createdOn, DateTimeOffset? notBefore = null, DateTimeOffset? expiresOn = null) =>
        _versions[id] = (new(id, createdOn, notBefore, expiresOn), value);

    /// <summary>Disables a version.</summary>
    public void Disable(string id) => _versions.Remove(id);

    public Task<Result<SecretVersion[]>> ListAsync(string name, CancellationToken cancellationToken)
    {
        Lists++;
        return Task.FromResult<Result<SecretVersion[]>>(
            Failure is not null ? Failure : _versions.Values.Select(version => version.Version).ToArray());
    }

    public Task<Result<string>> ReadAsync(string name, string version, CancellationToken cancellationToken)
    {
        Reads++;
        return Task.FromResult<Result<string>>(Failure is not null ? Failure : _versions[version].Value);
    }
}
