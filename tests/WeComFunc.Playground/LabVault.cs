using System.Collections.Concurrent;
using WeComFunc.Secrets;

namespace WeComFunc.Playground;

/// <summary>A vault of the corpsecrets in memory, which begins with those of the settings.</summary>
internal sealed class LabVault(Settings settings) : ICorpSecretStore
{
    private readonly ConcurrentDictionary<string, string> _secrets = new(
        settings.Apps.ToDictionary(app => app.App.SecretName, app => app.CorpSecret!));

    /// <summary>Stores a corpsecret, as an operator does.</summary>
    public void Store(string name, string secret) => _secrets[name] = secret;

    /// <inheritdoc />
    public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) =>
        Task.FromResult<Result<CorpSecret>>(new CorpSecret(_secrets[name]));
}
