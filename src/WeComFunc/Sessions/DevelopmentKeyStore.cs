using System.Security.Cryptography;

namespace WeComFunc.Sessions;

/// <summary>A key that this process has made for itself, in Development without a vault; its sessions end with it.</summary>
internal sealed class DevelopmentKeyStore(TimeProvider time) : ISigningKeyStore
{
    private readonly SecretVersion[] _versions = [new("development", time.GetUtcNow())];
    private readonly string _key = Create();

    /// <inheritdoc />
    public Task<Result<SecretVersion[]>> ListAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult<Result<SecretVersion[]>>(_versions);

    /// <inheritdoc />
    public Task<Result<string>> ReadAsync(string name, string version, CancellationToken cancellationToken) =>
        Task.FromResult<Result<string>>(_key);

    private static string Create()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return key.ExportPkcs8PrivateKeyPem();
    }
}
