namespace WeComFunc;

/// <summary>An exception whose message is ours and quotes nobody, so that it may be logged (rule T13).</summary>
internal abstract class PlainException(string message, Exception? cause = null) : Exception(message, cause);
