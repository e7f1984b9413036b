using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace WeComFunc.WeCom;

/// <summary>
/// The members of an answer of <c>user/get</c> (document 96255), byte for byte as WeCom sent them, without errcode and errmsg:
/// a member nobody has heard of passes through as well as a number of twenty digits. What no response may hold (rule T13) does not, on
/// whatever level and in whatever spelling: a member that has one of these names, or has one inside, is left out.
/// </summary>
internal static class Profile
{
    // Each of its letters may be written as an escape of six.
    private const int LongestSecretName = 6 * 12;

    private static ReadOnlySpan<byte> SessionKey => "session_key"u8;

    private static ReadOnlySpan<byte> AccessToken => "access_token"u8;

    /// <summary>
    /// Reads the answer; its value is the profile as one JSON object, to be disposed of by whoever gets it, and null without a userid.
    /// </summary>
    /// <param name="json">The whole answer.</param>
    /// <param name="userId">Whose it has to be.</param>
    /// <param name="fields">The members to keep; empty for all.</param>
    /// <exception cref="JsonException">It is not JSON in UTF-8.</exception>
    /// <exception cref="InvalidOperationException">A text in it is no text.</exception>
    /// <exception cref="UnfitAnswerException">
    /// It is not an object, its errcode is no number, or it is the profile of another member.
    /// </exception>
    public static Answer<RentedBytes> Read(ReadOnlySpan<byte> json, string userId, IReadOnlyCollection<string> fields)
    {
        if (!Utf8.IsValid(json))
        {
            throw new JsonException();
        }

        int? errcode = null;
        string? errmsg = null;
        var (hasUserId, isOfAnother) = (false, false);
        var profile = new RentedBytes(json.Length + 2);
        profile.Write("{"u8);
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType is not JsonTokenType.StartObject)
        {
            throw new UnfitAnswerException("it is not an object");
        }

        while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            if (reader.ValueIsEscaped)
            {
                // Who reads the profile later compares its names: one that is no text has to be cleaned before.
                reader.GetString();
            }

            if (reader.ValueTextEquals("errcode"u8))
            {
                reader.Read();
                errcode = Answers.Errcode(reader.ValueSpan);
                continue;
            }

            if (reader.ValueTextEquals("errmsg"u8))
            {
                reader.Read();
                errmsg = reader.TokenType is JsonTokenType.String ? reader.GetString() : null;
                reader.Skip();
                continue;
            }

            var isUserId = reader.ValueTextEquals("userid"u8);
            var isWanted = !IsSecret(ref reader) && (fields.Count == 0 || fields.Contains(reader.GetString()!));
            reader.Read();
            if (isUserId && reader.TokenType is JsonTokenType.String)
            {
                hasUserId = true;
                isOfAnother |= !IsSame(ref reader, userId);
            }

            if (!SkipAndSeeSecret(ref reader) && isWanted)
            {
                WriteMember(profile, json[start..(int)reader.BytesConsumed]);
            }
        }

        // Anything but white space behind the object is refused by this last read.
        reader.Read();
        if (isOfAnother && errcode is (null or 0))
        {
            throw new UnfitAnswerException("it is the profile of another member");
        }

        profile.Write("}"u8);
        return new(errcode ?? (hasUserId ? 0 : null), errmsg, hasUserId ? profile : null);
    }

    /// <summary>The same profile with some of its members only, to be disposed of by whoever gets it.</summary>
    /// <param name="profile">What <see cref="Read"/> gave.</param>
    /// <param name="fields">The members to keep.</param>
    public static RentedBytes Narrow(ReadOnlySpan<byte> profile, IReadOnlyCollection<string> fields)
    {
        var narrow = new RentedBytes(profile.Length);
        narrow.Write("{"u8);
        var reader = new Utf8JsonReader(profile);
        reader.Read();
        while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            var isWanted = fields.Contains(reader.GetString()!);
            reader.Read();
            reader.Skip();
            if (isWanted)
            {
                WriteMember(narrow, profile[start..(int)reader.BytesConsumed]);
            }
        }

        narrow.Write("}"u8);
        return narrow;
    }

    private static void WriteMember(RentedBytes profile, ReadOnlySpan<byte> member)
    {
        profile.Write(profile.Length > 1 ? ","u8 : []);
        profile.Write(member);
    }

    /// <summary>Whether a text is this userid, which WeCom takes without regard to case (document 96255).</summary>
    private static bool IsSame(ref Utf8JsonReader text, string userId) =>
        text.ValueTextEquals(userId) || string.Equals(text.GetString(), userId, StringComparison.OrdinalIgnoreCase);

    private static bool IsSecret(ref Utf8JsonReader name)
    {
        if (name.ValueSpan.Length < SessionKey.Length || name.ValueSpan.Length > LongestSecretName)
        {
            return false;
        }

        Span<byte> text = stackalloc byte[LongestSecretName];
        text = text[..name.CopyString(text)];
        return Ascii.EqualsIgnoreCase(text, SessionKey) || Ascii.EqualsIgnoreCase(text, AccessToken);
    }

    /// <summary>Goes to the end of a value, and tells whether it has a member inside that no response may hold.</summary>
    private static bool SkipAndSeeSecret(ref Utf8JsonReader value)
    {
        var isSecret = false;
        if (value.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
        {
            for (var depth = value.CurrentDepth; value.Read() && value.CurrentDepth > depth;)
            {
                isSecret |= value.TokenType is JsonTokenType.PropertyName && IsSecret(ref value);
            }
        }

        return isSecret;
    }
}
