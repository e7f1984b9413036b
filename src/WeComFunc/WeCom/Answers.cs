using System.Text.Json;

namespace WeComFunc.WeCom;

/// <summary>Whom a code stands for.</summary>
/// <param name="CorpId">The corp the member belongs to.</param>
/// <param name="UserId">The member's userid within it.</param>
internal sealed record Session(string CorpId, string UserId);

/// <summary>An access_token as <c>gettoken</c> gave it.</summary>
internal sealed record IssuedToken(string Value, TimeSpan ExpiresIn)
{
    public override string ToString() => "***";
}

/// <summary>An answer of WeCom's server API, read.</summary>
/// <param name="Errcode">WeCom's errcode; null when the answer has none, which is not documented.</param>
/// <param name="Errmsg">WeCom's errmsg, for the log only.</param>
/// <param name="Value">The rest of a success; null where a documented member is missing.</param>
internal readonly record struct Answer<T>(int? Errcode, string? Errmsg, T? Value)
    where T : class;

/// <summary>Reads the answers of <c>gettoken</c> (document 91039) and <c>miniprogram/jscode2session</c> (document 96959).</summary>
internal static class Answers
{
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="InvalidOperationException">It is no object, or a member is of another type than documented.</exception>
    /// <exception cref="FormatException">A number is not what it should be.</exception>
    public static Answer<IssuedToken> OfGetToken(ReadOnlyMemory<byte> json) => Read(json, static answer =>
        Text(answer, "access_token"u8) is { } token && answer.TryGetProperty("expires_in"u8, out var seconds) && seconds.GetInt32() is > 0 and var expiresIn
            ? new IssuedToken(token, TimeSpan.FromSeconds(expiresIn))
            : null);

    /// <summary>Its session_key is not even read.</summary>
    /// <inheritdoc cref="OfGetToken" path="/exception" />
    public static Answer<Session> OfGetSession(ReadOnlyMemory<byte> json) => Read(json, static answer =>
        Text(answer, "corpid"u8) is { } corpId && Text(answer, "userid"u8) is { } userId ? new Session(corpId, userId) : null);

    private static Answer<T> Read<T>(ReadOnlyMemory<byte> json, Func<JsonElement, T?> read)
        where T : class
    {
        using var document = JsonDocument.Parse(json);
        var answer = document.RootElement;
        int? errcode = answer.TryGetProperty("errcode"u8, out var code) ? code.GetInt32() : null;
        return errcode == 0 ? new(0, null, read(answer)) : new(errcode, Text(answer, "errmsg"u8), null);
    }

    /// <summary>A member that is a string; null when it is absent or empty.</summary>
    private static string? Text(JsonElement answer, ReadOnlySpan<byte> name) =>
        answer.TryGetProperty(name, out var member) && member.GetString() is { Length: > 0 } text ? text : null;
}
