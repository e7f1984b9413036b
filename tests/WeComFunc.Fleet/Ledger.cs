namespace WeComFunc.Fleet;

/// <summary>
/// Counts <c>gettoken</c> where one back-off counts for all of them: the calls of all that share the table, or of one process that is
/// without it.
/// </summary>
internal sealed class Ledger
{
    /// <summary>
    /// A few a minute: no more even of failures that pass by themselves, three calls each, and of tokens that die as soon as they are used.
    /// Of processes whose clocks are ahead, those that have not looked at the row for longer than a pause add a call of their own (rule
    /// T7).
    /// </summary>
    private const int MostInTenMinutes = 100;

    /// <summary>WeCom bans the address for an hour after that (rule T7).</summary>
    private const int MostRefusedInAnHour = 30;

    /// <summary>
    /// The pauses end at a minute once the corpsecret has served a login (rule T14): the first four double up to it, and clocks add some.
    /// </summary>
    private const int MostRejectedInTenMinutes = 25;

    private readonly Queue<TimeSpan> _calls = [];
    private readonly Queue<TimeSpan> _refused = [];

    /// <returns>Whether it was one too many.</returns>
    public bool Called(TimeSpan at) => Add(_calls, at, TimeSpan.FromMinutes(10)) == MostInTenMinutes + 1;

    /// <returns>Whether it was one too many without a success in between.</returns>
    public bool Refused(TimeSpan at) => Add(_refused, at, TimeSpan.FromHours(1)) == MostRefusedInAnHour + 1;

    /// <returns>Whether it was one too many for tokens that are rejected.</returns>
    public bool Rejected(TimeSpan at) => Add(_calls, at, TimeSpan.FromMinutes(10)) == MostRejectedInTenMinutes + 1;

    public void Clear() => _calls.Clear();

    public void Succeeded() => _refused.Clear();

    private static int Add(Queue<TimeSpan> queue, TimeSpan at, TimeSpan window)
    {
        queue.Enqueue(at);
        while (queue.Peek() < at - window)
        {
            queue.Dequeue();
        }

        return queue.Count;
    }
}
