namespace WeComFunc.AccessTokens;

/// <summary>The access_token was not renewed and is about to lapse; thrown by the timer's run, so that the platform shows it.</summary>
public sealed class TokenRenewalException(string message) : Exception(message);
