namespace WeComFunc.Sessions;

/// <summary>Where the keys that sign sessions are kept. What can be expected to go wrong there is a value (rule L6).</summary>
internal interface ISigningKeyStore
{
    /// <summary>Lists the enabled versions of a secret; none where there is no such secret.</summary>
    /// <returns>
    /// The versions; <see cref="FailureKind.Misconfigured"/> when the store refuses, <see cref="FailureKind.Busy"/> when it is out of
    /// reach.
    /// </returns>
    Task<Result<SecretVersion[]>> ListAsync(string name, CancellationToken cancellationToken);

    /// <summary>Reads what one version holds, which never changes.</summary>
    /// <returns>The text as somebody has stored it; otherwise as <see cref="ListAsync"/>.</returns>
    Task<Result<string>> ReadAsync(string name, string version, CancellationToken cancellationToken);
}

/// <summary>An enabled version of a secret.</summary>
/// <param name="Id">The name that the vault gave it.</param>
/// <param name="CreatedOn">Since when it has been there.</param>
/// <param name="NotBefore">Its activation date, where it has one.</param>
/// <param name="ExpiresOn">Its expiration date, where it has one.</param>
internal sealed record SecretVersion(
    string Id, DateTimeOffset CreatedOn, DateTimeOffset? NotBefore = null, DateTimeOffset? ExpiresOn = null);
