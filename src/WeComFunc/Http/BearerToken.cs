namespace WeComFunc.Http;

/// <summary>The header <c>Authorization</c> with a bearer token (RFC 6750, 2.1).</summary>
internal static class BearerToken
{
    /// <summary>The name of the scheme, also for <c>WWW-Authenticate</c>.</summary>
    public const string Scheme = "Bearer";

    /// <summary>The token in a header; null where there is none, or more than one.</summary>
    public static string? In(string? authorization) =>
        authorization is not null
            && authorization.StartsWith($"{Scheme} ", StringComparison.OrdinalIgnoreCase)
            && authorization[Scheme.Length..].Trim(' ') is { Length: > 0 } token
            && !token.AsSpan().ContainsAny(' ', ',')
            ? token
            : null;
}
