namespace WeComFunc.Sessions;

/// <summary>A session as a login gives it.</summary>
/// <param name="Token">The token, for the answer of the login and for nothing else.</param>
/// <param name="ExpiresAt">When it ends, in whole seconds.</param>
internal sealed record Session(string Token, DateTimeOffset ExpiresAt)
{
    /// <summary><c>***</c></summary>
    public override string ToString() => "***";
}

/// <summary>What a session will be, before it is signed.</summary>
/// <param name="Id">Its <c>jti</c>: 128 bits of chance, in hexadecimal.</param>
/// <param name="IssuedAt">When it begins, in whole seconds.</param>
/// <param name="ExpiresAt">When it ends, in whole seconds.</param>
internal sealed record SessionTerm(string Id, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt);

/// <summary>What a session token of ours says.</summary>
/// <param name="Id">Its <c>jti</c>.</param>
/// <param name="CorpId">The corp, in the spelling of the settings.</param>
/// <param name="UserId">The member.</param>
/// <param name="App">The name of the app, <c>client_id</c>.</param>
/// <param name="ExpiresAt">When it ends.</param>
internal sealed record SessionClaims(string Id, string CorpId, string UserId, string App, DateTimeOffset ExpiresAt);
