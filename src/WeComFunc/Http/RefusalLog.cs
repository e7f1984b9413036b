using Microsoft.Extensions.Logging;

namespace WeComFunc.Http;

/// <summary>
/// Requests that were refused before any call: malformed ones, and those over the limit of their address or of the process. Anybody can
/// send them without end, so they are counted, and one line a minute says how many there were since the line before.
/// </summary>
internal sealed partial class RefusalLog(TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private int _malformed;
    private int _limited;
    private int _crowded;
    private long? _writtenAt;

    /// <summary>Counts one.</summary>
    public void Count(Problem problem)
    {
        int malformed, limited, crowded;
        lock (_gate)
        {
            ref var count = ref problem.Code == Problem.TooManyRequests.Code ? ref _limited
                : ref problem.Code == Problem.WeComBusy.Code ? ref _crowded : ref _malformed;
            count++;
            if (_writtenAt is { } at && time.GetElapsedTime(at) < Pause)
            {
                return;
            }

            (malformed, limited, crowded, _writtenAt) = (_malformed, _limited, _crowded, time.GetTimestamp());
            (_malformed, _limited, _crowded) = (0, 0, 0);
        }

        LogRefused(logger, malformed, limited, crowded, problem.Code);
    }

    [LoggerMessage(
        4, LogLevel.Information,
        "Refused requests since the last such line: {Malformed} malformed, {Limited} too_many_requests, {Crowded} over "
        + "Limits__ConcurrentLogins; the last one {Code}")]
    private static partial void LogRefused(ILogger logger, int malformed, int limited, int crowded, string code);
}
