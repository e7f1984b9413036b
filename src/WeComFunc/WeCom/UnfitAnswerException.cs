namespace WeComFunc.WeCom;

/// <summary>An answer of WeCom that cannot be used.</summary>
/// <param name="message">What is wrong with it; quotes nothing of it.</param>
/// <param name="kind">What that is to the login.</param>
internal sealed class UnfitAnswerException(string message, FailureKind kind = FailureKind.Unexpected) : PlainException(message)
{
    /// <summary>What that is to the login.</summary>
    public FailureKind Kind { get; } = kind;
}
