namespace WeComFunc.Secrets;

/// <summary>Where corpsecrets are kept. What can be expected to go wrong there is a value (rule L6).</summary>
public interface ICorpSecretStore
{
    /// <summary>Reads a corpsecret.</summary>
    /// <param name="name">Its name in the store.</param>
    /// <param name="cancellationToken">Its three seconds are over (rule T8): that is out of reach, too.</param>
    /// <returns>
    /// The secret; <see cref="FailureKind.Misconfigured"/> when the store refuses it or has none, <see cref="FailureKind.Busy"/> when it is
    /// out of reach.
    /// </returns>
    Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken);
}
