using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace WeComFunc.WeCom;

/// <summary>Whom a code stands for.</summary>
/// <param name="CorpId">The corp the member belongs to.</param>
/// <param name="UserId">The member's userid within it.</param>
/// <param name="SessionKey">The session_key; null where member data is off, and where WeCom gave none.</param>
internal sealed record Member(string CorpId, string UserId, string? SessionKey = null)
{
    public override string ToString() => "***";
}

/// <summary>A department.</summary>
/// <param name="Id">Its id; 1 is the corp itself.</param>
/// <param name="Name">Its name; null where WeCom gives none to this app.</param>
/// <param name="EnglishName">Its English name; null where the corp has none.</param>
internal sealed record Department(int Id, string? Name, string? EnglishName);

/// <summary>An access_token as <c>gettoken</c> gave it.</summary>
internal sealed record IssuedToken(string Value, TimeSpan ExpiresIn)
{
    public override string ToString() => "***";
}

/// <summary>An answer of WeCom's server API, read.</summary>
/// <param name="Errcode">WeCom's errcode; 0 also for a success that lacks it, null where there is nothing else of a success either.</param>
/// <param name="Errmsg">WeCom's errmsg, for the log only.</param>
/// <param name="Value">The rest of a success; null where a documented member is missing.</param>
internal readonly record struct Answer<T>(int? Errcode, string? Errmsg, T? Value)
    where T : class;

/// <summary>
/// Reads the answers of <c>gettoken</c> (document 91039) and <c>miniprogram/jscode2session</c> (document 96959). Numbers may be strings, as
/// they are with some gateways.
/// </summary>
internal static class Answers
{
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="InvalidOperationException">It is no object, or a text in it is no text.</exception>
    /// <exception cref="UnfitAnswerException">Its errcode is no whole number of 32 bits.</exception>
    public static Answer<IssuedToken> OfGetToken(ReadOnlyMemory<byte> json) => Read(json, static answer =>
        Identifier(answer, "access_token"u8) is { } token && answer.TryGetProperty("expires_in"u8, out var seconds)
            && Integer(JsonMarshal.GetRawUtf8Value(seconds)) is > 0 and var expiresIn
            ? new IssuedToken(token, TimeSpan.FromSeconds(expiresIn))
            : null);

    /// <summary>Its session_key is not even read, unless it is asked for.</summary>
    /// <inheritdoc cref="OfGetToken" path="/exception" />
    public static Answer<Member> OfExchange(ReadOnlyMemory<byte> json, bool withSessionKey) =>
        Read<Member>(json, withSessionKey ? ReadMemberWithKey : ReadMember);

    /// <summary>Document 95407.</summary>
    /// <inheritdoc cref="OfGetToken" path="/exception" />
    public static Answer<Department> OfGetDepartment(ReadOnlyMemory<byte> json, int id) => Read(json, answer =>
        answer.TryGetProperty("department"u8, out var department)
            && department.ValueKind is JsonValueKind.Object
            && Text(department, "name"u8) is { } name
            ? new Department(id, name, Text(department, "name_en"u8))
            : null);

    /// <summary>The errcode of an answer that cannot be read to its end; null where it has none before that.</summary>
    public static int? ErrcodeAhead(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json, isFinalBlock: false, default);
            if (reader.Read() && reader.TokenType is JsonTokenType.StartObject)
            {
                while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
                {
                    var isErrcode = reader.ValueTextEquals("errcode"u8);
                    if (!reader.Read() || isErrcode || !reader.TrySkip())
                    {
                        return isErrcode ? Integer(reader.ValueSpan) : null;
                    }
                }
            }
        }
        catch (JsonException)
        {
            // There is none that can be read.
        }

        return null;
    }

    /// <summary>An errcode, which has to be a number if it is there.</summary>
    /// <inheritdoc cref="OfGetToken" path="/exception[@cref='T:WeComFunc.WeCom.UnfitAnswerException']" />
    public static int Errcode(ReadOnlySpan<byte> json) =>
        Integer(json) ?? throw new UnfitAnswerException("its errcode is no whole number of 32 bits");

    /// <summary>A whole number of 32 bits, as <c>7200</c>, <c>7200.0</c> or either in quotes; null for anything else.</summary>
    public static int? Integer(ReadOnlySpan<byte> json)
    {
        var text = json.Trim("\" "u8);
        return Utf8Parser.TryParse(text, out decimal value, out var length) && length == text.Length
            && decimal.IsInteger(value) && value is >= int.MinValue and <= int.MaxValue
            ? (int)value
            : null;
    }

    private static Answer<T> Read<T>(ReadOnlyMemory<byte> json, Func<JsonElement, T?> read)
        where T : class
    {
        using var document = JsonDocument.Parse(json);
        var answer = document.RootElement;
        int? errcode = answer.TryGetProperty("errcode"u8, out var code) ? Errcode(JsonMarshal.GetRawUtf8Value(code)) : null;
        if (errcode is not (null or 0))
        {
            return new(errcode, Text(answer, "errmsg"u8), null);
        }

        var value = read(answer);
        return new(value is null ? errcode : 0, null, value);
    }

    private static Member? ReadMemberWithKey(JsonElement answer) =>
        ReadMember(answer) is { } member ? member with { SessionKey = Identifier(answer, "session_key"u8) } : null;

    private static Member? ReadMember(JsonElement answer) =>
        Identifier(answer, "corpid"u8) is { } corpId && Identifier(answer, "userid"u8) is { } userId ? new Member(corpId, userId) : null;

    /// <summary>
    /// A text that stands for somebody or something; null also where a part of it could not be read, as two of those would be one, and
    /// where the answer has two that differ.
    /// </summary>
    private static string? Identifier(JsonElement answer, ReadOnlySpan<byte> name)
    {
        if (Text(answer, name) is not { } text || text.Contains('\ufffd'))
        {
            return null;
        }

        foreach (var member in answer.EnumerateObject())
        {
            if (member.NameEquals(name) && !member.Value.ValueEquals(text))
            {
                return null;
            }
        }

        return text;
    }

    /// <summary>A member that is a string; null when it is absent, empty or something else.</summary>
    private static string? Text(JsonElement answer, ReadOnlySpan<byte> name) =>
        answer.TryGetProperty(name, out var member)
            && member.ValueKind is JsonValueKind.String
            && member.GetString() is { Length: > 0 } text
            ? text
            : null;
}
