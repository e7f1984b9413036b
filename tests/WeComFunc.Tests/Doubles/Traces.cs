using System.Collections.Concurrent;
using System.Diagnostics;

namespace WeComFunc.Tests.Doubles;

/// <summary>The traces of what a test does from now on, and of nothing that other tests do meanwhile.</summary>
internal sealed class Traces : IDisposable
{
    private readonly ActivityListener _listener;
    private readonly ConcurrentQueue<Activity> _ended = new();

    /// <param name="isOurs">Whether one is of this test.</param>
    public Traces(Func<Activity, bool> isOurs)
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Telemetry.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (isOurs(activity))
                {
                    _ended.Enqueue(activity);
                }
            },
        };
        ActivitySource.AddActivityListener(_listener);
    }

    /// <summary>Those that have ended: their kind, their name, and the tags by name.</summary>
    public IEnumerable<string> Ended => _ended.Select(activity => $"{activity.Kind} {activity.OperationName} {Tags(activity)}");

    /// <summary>Those that have ended, themselves.</summary>
    public IReadOnlyCollection<Activity> All => _ended;

    public void Dispose() => _listener.Dispose();

    private static string Tags(Activity activity) => string.Join(
        ' ', activity.TagObjects.OrderBy(tag => tag.Key, StringComparer.Ordinal).Select(tag => $"{tag.Key}={tag.Value}"));
}
