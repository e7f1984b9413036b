using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

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
/// <param name="Value">The rest of it; null where a documented member is missing.</param>
internal readonly record struct Answer<T>(int? Errcode, string? Errmsg, T? Value)
    where T : class;

/// <summary>Reads the answers of <c>gettoken</c> (document 91039) and <c>miniprogram/jscode2session</c> (document 96959).</summary>
internal static partial class Answers
{
    public static Answer<IssuedToken> OfGetToken(ReadOnlySpan<byte> json)
    {
        var (errcode, errmsg, token, expiresIn) = Read(json, AnswerJson.Default.GetTokenAnswer);
        return new(errcode, errmsg, token is { Length: > 0 } && expiresIn > 0 ? new IssuedToken(token, TimeSpan.FromSeconds(expiresIn)) : null);
    }

    public static Answer<Session> OfGetSession(ReadOnlySpan<byte> json)
    {
        var (errcode, errmsg, corpId, userId) = Read(json, AnswerJson.Default.SessionAnswer);
        return new(errcode, errmsg, corpId is { Length: > 0 } && userId is { Length: > 0 } ? new Session(corpId, userId) : null);
    }

    private static T Read<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(json, type) ?? throw new JsonException("The answer is null.");

    private sealed record GetTokenAnswer(int? Errcode, string? Errmsg, string? AccessToken, int ExpiresIn);

    /// <summary>Its session_key is not even read.</summary>
    private sealed record SessionAnswer(
        int? Errcode, string? Errmsg, [property: JsonPropertyName("corpid")] string? CorpId, [property: JsonPropertyName("userid")] string? UserId);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
    [JsonSerializable(typeof(GetTokenAnswer))]
    [JsonSerializable(typeof(SessionAnswer))]
    private sealed partial class AnswerJson : JsonSerializerContext;
}
