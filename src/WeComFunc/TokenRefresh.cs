using WeComFunc.AccessTokens;

namespace WeComFunc;

/// <summary>The timer's work, for any host.</summary>
public sealed class TokenRefresh
{
    private readonly AccessTokenSource _tokens;

    internal TokenRefresh(AccessTokenSource tokens) => _tokens = tokens;

    /// <summary>Renews the token of the row if it is due (rule T4).</summary>
    /// <exception cref="TokenRenewalException">Nothing could be renewed, and the token has lapsed or is about to.</exception>
    public Task RunAsync(CancellationToken cancellationToken) => _tokens.RefreshAsync(cancellationToken);
}
