namespace WeComFunc;

/// <summary>Settings that are missing or malformed; the message is one line for each, naming it and what it expects.</summary>
public sealed class SettingsException(IReadOnlyCollection<string> errors) : Exception(string.Join(Environment.NewLine, errors))
{
    /// <summary>
    /// Tells them on standard error, for a host that ends because of them. The Functions host goes by the words of a line to tell how bad
    /// it is, so each begins with the one for an error.
    /// </summary>
    /// <returns>The exit code: 78, a configuration error by sysexits.h.</returns>
    public int Report()
    {
        foreach (var error in errors)
        {
            Console.Error.WriteLine($"error: {error}");
        }

        return 78;
    }
}
