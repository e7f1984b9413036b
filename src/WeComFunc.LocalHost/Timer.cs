namespace WeComFunc.LocalHost;

/// <summary>Does the timer function's work on its schedule.</summary>
internal sealed partial class Timer(Settings settings, TokenRefresh refresh, TimeProvider time, ILogger<Timer> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            var now = time.GetUtcNow();
            var next = settings.RefreshSchedule.GetNextOccurrence(now.UtcDateTime);
            await Task.Delay(next - now.UtcDateTime, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await refresh.RunAsync(stoppingToken);
            }
            catch (Exception exception)
            {
                LogFailed(logger, exception);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Error, "RefreshAccessToken failed")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
