namespace WeComFunc.Tests.Doubles;

/// <summary>The limits of processes of their own, which are of real time: a busy machine exceeds them.</summary>
internal static class RealLimits
{
    private static readonly string[] Excuses = ["The token row could not be ", "its lease is taken over", "outcome failed"];

    /// <summary>
    /// How often processes logged that the table (T10), the holder of the lease (T5) or <c>gettoken</c> (T7) was too slow for them. Each
    /// time allows the fleet one <c>gettoken</c> more.
    /// </summary>
    public static int Exceeded(IEnumerable<string> lines) => lines.Count(line => Excuses.Any(line.Contains));

    /// <summary>Logs in, again where that took more than the ten seconds of a login.</summary>
    public static async Task<LoginAnswer> ServedAsync(Func<Task<LoginAnswer>> login)
    {
        LoginAnswer? answer = null;
        await Wait.UntilAsync(async () =>
        {
            answer = await login();
            return answer.Status != 503 || answer["code"] is not "wecom_busy";
        });
        return answer!;
    }
}
