using Microsoft.Extensions.Hosting;
using WeComFunc.Http;

namespace WeComFunc.Login;

/// <summary>Ends the logins with their host: those under way are answered, new ones are refused.</summary>
internal sealed class LoginDrain(CallerLimiter limiter, TimeProvider time) : IHostedService
{
    /// <summary>An answer is on its way when the login has ended, and the Functions worker does not wait until it is sent.</summary>
    private static readonly TimeSpan Sending = TimeSpan.FromMilliseconds(200);

    /// <summary>Does nothing.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Waits for the logins under way.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(WeComFuncServices.ShutdownLimit, time);
        using var host = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            if (await limiter.EndAsync(host.Token))
            {
                await Task.Delay(Sending, time, host.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // The host ends without them.
        }
    }
}
