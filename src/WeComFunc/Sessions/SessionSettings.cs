using System.Text.RegularExpressions;

namespace WeComFunc.Sessions;

/// <summary>The session that a login gives: the settings <c>Session__…</c>.</summary>
/// <param name="Issuer">
/// The address at which callers reach this app's <c>/api</c>, as it is written in the settings, without a last slash.
/// </param>
/// <param name="Audiences">Whom the token is for, one at least.</param>
/// <param name="Lifetime">How long it is good: 5 minutes to a day.</param>
/// <param name="Claims">Members of the profile that it has.</param>
/// <param name="KeySecretName">Name of the Key Vault secret with the keys that sign it.</param>
public sealed partial record SessionSettings(
    string Issuer, IReadOnlyList<string> Audiences, TimeSpan Lifetime, IReadOnlyCollection<string> Claims, string KeySecretName)
{
    /// <summary>
    /// What the token says itself (RFC 7519, RFC 9068), and what back ends decide by when they find it in a token (IANA's registry of
    /// claims): a member of the profile must not pass for it.
    /// </summary>
    private static readonly HashSet<string> Taken = new(StringComparer.Ordinal)
    {
        "iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "corpid", "userid",
        "acr", "act", "amr", "auth_time", "azp", "cnf", "entitlements", "groups", "may_act", "nonce", "roles", "scope", "scp", "sid", "typ",
    };

    /// <summary>The settings; null where sessions are off, whatever else is set.</summary>
    internal static SessionSettings? Read(SettingsReader reader)
    {
        if (!reader.Has("Session:Issuer"))
        {
            return null;
        }

        reader.Url(
            "Session:Issuer",
            "the https address at which callers reach this app's /api, such as https://login.example.com/api (http in Development and for "
                + "loopback only)",
            uri => reader.IsSafe(uri) && Uri.IsWellFormedUriString(reader.Text("Session:Issuer"), UriKind.Absolute));
        var audiences = reader.Names(
            "Session:Audience", AudiencePattern(), "a comma-separated list of audiences without spaces, such as orders-api");
        if (!reader.Has("Session:Audience"))
        {
            reader.Refuse(
                "Session:Audience", "is missing: with Session__Issuer, it must say whom the session token is for, such as orders-api");
        }

        var claims = reader.MemberNames("Session:Claims");
        if (claims.Where(Taken.Contains).ToList() is { Count: > 0 } taken)
        {
            reader.Refuse("Session:Claims", $"has {string.Join(", ", taken)}, which mean something else in a token: leave them out");
        }

        return new(
            reader.Text("Session:Issuer")!.TrimEnd('/'),
            [.. audiences],
            TimeSpan.FromMinutes(reader.WholeNumber("Session:LifetimeMinutes", 60, 5, 1440)),
            claims,
            reader.SecretName("Session:KeySecretName", "wecomfunc-session-key"));
    }

    [GeneratedRegex(@"\A[!-~]{1,256}\z")]
    private static partial Regex AudiencePattern();
}
