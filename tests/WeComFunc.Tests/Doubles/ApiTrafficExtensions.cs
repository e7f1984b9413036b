using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

public static class ApiTrafficExtensions
{
    // Real time, and only to end a test that would hang otherwise.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>Completes when so many calls have arrived since the last reset; fails after half a minute of real time.</summary>
    public static Task ArrivalAsync(this ApiTraffic traffic, int count) => traffic.WaitForCallsAsync(count).WaitAsync(Patience);
}
