using Microsoft.Extensions.Hosting;

namespace WeComFunc.AccessTokens;

/// <summary>The timer's work, for any host.</summary>
public sealed class TokenRefresh : IHostedService
{
    private readonly AccessTokenSource _tokens;
    private readonly TimeProvider _time;

    internal TokenRefresh(AccessTokenSource tokens, TimeProvider time) => (_tokens, _time) = (tokens, time);

    /// <summary>
    /// Begins to look for a token while the host still starts, so that the first login finds one or waits less. What goes wrong is in the log,
    /// and that login meets it again.
    /// </summary>
    public void Begin() => _ = Task.Run(() => _tokens.GetAsync(CancellationToken.None).AsTask());

    /// <summary>Renews the token of the row if it is due (rule T4).</summary>
    /// <exception cref="TokenRenewalException">Nothing could be renewed, and the token has lapsed or is about to.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _tokens.RefreshAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is not (TokenRenewalException or OperationCanceledException))
        {
            // The host logs what is thrown here, text and all.
            throw new RedactedException(exception);
        }
    }

    /// <summary>Does nothing: <see cref="Begin"/> comes before the host starts.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Waits for a renewal that is under way, five seconds at most: broken off, it would leave its lease behind, and the fleet waiting (rule T5).</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TokenRules.StopLimit, _time);
        using var host = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        await _tokens.WhenQuiet().WaitAsync(host.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
