using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using WeComFunc.Http;
using WeComFunc.Sessions;
using WeComFunc.WeCom;

namespace WeComFunc.Login;

/// <summary>Who is logged in, as JSON in UTF-8.</summary>
internal static class LoginAnswer
{
    private static readonly JsonWriterOptions Verbatim =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Where a writer writes that has nothing to write: it must not keep a member's answer.</summary>
    private static readonly ArrayBufferWriter<byte> Nowhere = new();

    /// <summary>One for each thread: it is large, and nothing here waits.</summary>
    [ThreadStatic]
    private static Utf8JsonWriter? _writer;

    /// <param name="userId">The member.</param>
    /// <param name="corpId">The corp, in the one spelling that the settings give it.</param>
    /// <param name="profile">The profile, as JSON; null where there is none.</param>
    /// <param name="unseen">Why there is no profile.</param>
    /// <param name="departments">
    /// The departments of the profile by name; null where they are not asked for, or the profile has none.
    /// </param>
    /// <param name="session">The session; null where sessions are off.</param>
    /// <param name="memberData">Whether member data can be had with the session; null where that is off.</param>
    public static ReadOnlyMemory<byte> Compose(
        string userId,
        string corpId,
        RentedBytes? profile,
        Failure? unseen,
        IReadOnlyList<Department>? departments,
        Session? session = null,
        bool? memberData = null)
    {
        // What nearly every answer has, so that it need not grow.
        var buffer = new ArrayBufferWriter<byte>(
            64 + (3 * userId.Length) + corpId.Length + (profile?.Length ?? 128) + (session is null ? 0 : 128 + session.Token.Length));
        var json = _writer ??= new Utf8JsonWriter(Nowhere, Verbatim);
        json.Reset(buffer);
        json.WriteStartObject();
        json.WriteString("userid"u8, userId);
        json.WriteString("corpid"u8, corpId);
        json.WritePropertyName("profile"u8);
        if (profile is not null)
        {
            json.WriteRawValue(profile.Span, skipInputValidation: true);
        }
        else
        {
            json.WriteNullValue();
        }

        if (departments is not null)
        {
            WriteDepartments(json, departments);
        }

        if (unseen is not null)
        {
            WriteProfileError(json, unseen);
        }

        if (session is not null)
        {
            WriteSession(json, session, memberData);
        }

        json.WriteEndObject();
        json.Flush();
        json.Reset(Nowhere);
        return buffer.WrittenMemory;
    }

    private static void WriteDepartments(Utf8JsonWriter json, IReadOnlyList<Department> departments)
    {
        json.WriteStartArray("departments"u8);
        foreach (var department in departments)
        {
            json.WriteStartObject();
            json.WriteNumber("id"u8, department.Id);
            if (department.Name is { } name)
            {
                json.WriteString("name"u8, name);
            }

            if (department.EnglishName is { } english)
            {
                json.WriteString("name_en"u8, english);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteProfileError(Utf8JsonWriter json, Failure unseen)
    {
        json.WriteStartObject("profileError"u8);
        json.WriteString("code"u8, Problem.Of(unseen.Kind).Code);
        if (unseen.Errcode is { } errcode)
        {
            json.WriteNumber("errcode"u8, errcode);
        }

        // The code is spent, and who it is is known: there is nothing to try again.
        json.WriteBoolean("retryable"u8, false);
        json.WriteEndObject();
    }

    private static void WriteSession(Utf8JsonWriter json, Session session, bool? memberData)
    {
        json.WriteStartObject("session"u8);

        // As bytes, which take no more room than they are long; for letters, the writer has three times as much ready.
        json.WriteString("token"u8, Encoding.ASCII.GetBytes(session.Token));
        json.WriteString(
            "expiresAt"u8, session.ExpiresAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture));
        if (memberData is { } hasMemberData)
        {
            json.WriteBoolean("memberData"u8, hasMemberData);
        }

        json.WriteEndObject();
    }
}
