namespace WeComFunc;

/// <summary>
/// Stands for an unexpected exception wherever its text would be logged: what and where, without its words, which may be those of others
/// (rule T13).
/// </summary>
internal sealed class RedactedException(Exception exception)
    : Exception(ForeignText.Explain(exception), exception.InnerException is { } inner ? new RedactedException(inner) : null)
{
    /// <inheritdoc />
    public override string? StackTrace => exception.StackTrace;
}
