namespace WeComFunc.Tests.Doubles;

/// <summary>Real time, and only to end a test that would hang otherwise: far beyond what the slowest machine takes.</summary>
internal static class Patience
{
    public static TimeSpan Limit { get; } = TimeSpan.FromMinutes(5);
}
