using Microsoft.Extensions.Hosting;
using WeComFunc.AccessTokens;

namespace WeComFunc.Apps;

/// <summary>The timer's work, for any host.</summary>
public sealed class TokenRefresh : IHostedService
{
    private readonly CorpApps _apps;
    private readonly TimeProvider _time;
    private readonly Func<CancellationToken, Task>? _afterwards;

    /// <param name="apps">Whose tokens.</param>
    /// <param name="time">The clock.</param>
    /// <param name="afterwards">What every run does when the tokens are renewed, or have not been; it never throws.</param>
    internal TokenRefresh(CorpApps apps, TimeProvider time, Func<CancellationToken, Task>? afterwards = null) =>
        (_apps, _time, _afterwards) = (apps, time, afterwards);

    /// <summary>
    /// Begins to look for the tokens of all apps while the host still starts, so that the first login finds one or waits less. What goes
    /// wrong is in the log, and that login meets it again.
    /// </summary>
    public void Begin()
    {
        foreach (var app in _apps.All)
        {
            _ = Task.Run(() => app.Tokens.GetAsync(CancellationToken.None).AsTask());
        }
    }

    /// <summary>Renews the tokens of all apps that are due, side by side (rule T4); then does what else a run does.</summary>
    /// <exception cref="TokenRenewalException">
    /// For some app nothing could be renewed, and its token has lapsed or is about to. Each such app is named.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was ended; a renewal under way goes on.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        try
        {
            await RenewAsync(cancellationToken);
        }
        finally
        {
            await (_afterwards?.Invoke(cancellationToken) ?? Task.CompletedTask);
        }
    }

    private async Task RenewAsync(CancellationToken cancellationToken)
    {
        var runs = _apps.All.Select(app => RefreshAsync(app, cancellationToken)).ToList();
        await Task.WhenAll(runs).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        string[] lapsed = [.. runs.Select(run => run.Exception?.InnerException).OfType<TokenRenewalException>().Select(
            failure => failure.Message)];
        if (lapsed.Length > 1)
        {
            throw new TokenRenewalException(string.Join(" ", lapsed));
        }

        await Task.WhenAll(runs);
    }

    /// <summary>Does nothing: <see cref="Begin"/> comes before the host starts.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>
    /// Waits for renewals that are under way, five seconds at most: broken off, one would leave its lease behind, and the fleet waiting
    /// (rule T5).
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TokenRules.StopLimit, _time);
        using var host = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        await Task.WhenAll(_apps.All.Select(app => app.Tokens.WhenQuiet())).WaitAsync(host.Token).ConfigureAwait(
            ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task RefreshAsync(CorpApp app, CancellationToken cancellationToken)
    {
        try
        {
            await app.Tokens.RefreshAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is not (TokenRenewalException or OperationCanceledException))
        {
            // The host logs what is thrown here, text and all.
            throw new RedactedException(exception);
        }
    }
}
