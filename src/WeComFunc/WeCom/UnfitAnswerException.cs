namespace WeComFunc.WeCom;

/// <summary>An answer of WeCom that cannot be used.</summary>
/// <param name="message">What is wrong with it; quotes nothing of it.</param>
internal sealed class UnfitAnswerException(string message) : PlainException(message);
