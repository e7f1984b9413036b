namespace WeComFunc.MemberData;

/// <summary>Where sealed session_keys are kept. Whatever it throws counts as out of reach.</summary>
internal interface ISessionKeyStore
{
    /// <summary>Writes one, whatever is there.</summary>
    Task WriteAsync(SessionPlace place, string sealedKey, CancellationToken cancellationToken);

    /// <summary>Reads one; null when there is none, or something else.</summary>
    Task<string?> ReadAsync(SessionPlace place, CancellationToken cancellationToken);

    /// <summary>The first rows within partitions, without what they hold.</summary>
    /// <param name="from">The first partition.</param>
    /// <param name="before">The partition before which they end.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>At most 1,000, in the order of their places; none where there is none, or no table.</returns>
    Task<IReadOnlyList<SessionPlace>> FindAsync(string from, string before, CancellationToken cancellationToken);

    /// <summary>Deletes rows of one partition, 100 at most, all of them or none.</summary>
    /// <returns>Whether it has; somebody else has deleted one of them otherwise.</returns>
    Task<bool> DeleteAsync(IReadOnlyList<SessionPlace> rows, CancellationToken cancellationToken);
}
