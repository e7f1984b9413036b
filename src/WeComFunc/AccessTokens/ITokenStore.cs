using Azure;

namespace WeComFunc.AccessTokens;

/// <summary>
/// Where the fleet keeps its rows. Whatever it throws counts as out of reach, and so does what takes longer than two seconds (rule T10).
/// </summary>
public interface ITokenStore
{
    /// <summary>Reads the row of an app; null when there is none.</summary>
    /// <exception cref="InvalidDataException">There is one, but a column of it is of another type.</exception>
    Task<TokenRow?> ReadAsync(WeComApp app, CancellationToken cancellationToken);

    /// <summary>
    /// Writes a row if nobody else has since it was read: inserts it when its ETag is <c>default</c>, replaces it otherwise.
    /// </summary>
    /// <returns>The new ETag; null when somebody else was faster.</returns>
    Task<ETag?> WriteAsync(TokenRow row, CancellationToken cancellationToken);
}
