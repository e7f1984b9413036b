namespace WeComFunc.Tests.Doubles;

/// <summary>Waits for something that happens behind a test's back; it is an error of the test run when it never does.</summary>
internal static class Wait
{
    // Real time: so seldom that asking a process is no load of its own.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static async Task UntilAsync(Func<Task<bool>> happened)
    {
        using var limit = new CancellationTokenSource(Patience.Limit);
        while (!await happened())
        {
            await Task.Delay(Pause, limit.Token);
        }
    }

    public static Task UntilAsync(Func<bool> happened) => UntilAsync(() => Task.FromResult(happened()));
}
