namespace WeComFunc.Apps;

/// <summary>
/// Who posted codes that WeCom answers as those of another mini program, since the last code that it took (rule T14). One caller may do so
/// for good; three of them mean that it is not their codes, but the association of the mini program.
/// </summary>
internal sealed class ForeignCodes
{
    private const int Enough = 3;

    private readonly Lock _gate = new();
    private readonly HashSet<string> _callers = new(StringComparer.Ordinal);

    /// <summary>Counts a caller.</summary>
    /// <returns>Whether these codes are the callers' fault still.</returns>
    public bool AreCallersFault(string caller)
    {
        lock (_gate)
        {
            if (_callers.Count < Enough)
            {
                _callers.Add(caller);
            }

            return _callers.Count < Enough;
        }
    }

    /// <summary>To be told of a code that WeCom took.</summary>
    public void Forget()
    {
        // Most logins find nothing to forget; one more or less, where two meet, does not matter.
        if (_callers.Count > 0)
        {
            lock (_gate)
            {
                _callers.Clear();
            }
        }
    }
}
