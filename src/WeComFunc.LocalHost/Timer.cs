using WeComFunc.Apps;

namespace WeComFunc.LocalHost;

/// <summary>Does the timer function's work on its schedule.</summary>
internal sealed partial class Timer(Settings settings, TokenRefresh refresh, TimeProvider time, ILogger<Timer> logger) : BackgroundService
{
    private static readonly TimeSpan LongestDelay = TimeSpan.FromDays(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            for (var next = Next(); ; next = Next())
            {
                while (next - Now() is { Ticks: > 0 } left)
                {
                    await Task.Delay(left < LongestDelay ? left : LongestDelay, time, stoppingToken);
                }

                await RunAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host ends.
        }
    }

    private DateTime Now() => time.GetUtcNow().UtcDateTime;

    private DateTime Next() => settings.RefreshSchedule.GetNextOccurrence(Now());

    private async Task RunAsync(CancellationToken stoppingToken)
    {
        try
        {
            await refresh.RunAsync(stoppingToken);
        }
        catch (Exception exception) when (!stoppingToken.IsCancellationRequested)
        {
            LogFailed(logger, exception);
        }
    }

    [LoggerMessage(1, LogLevel.Error, "RefreshAccessToken failed")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
