using System.Diagnostics.CodeAnalysis;
using WeComFunc.Secrets;

namespace WeComFunc.MemberData;

/// <summary>A member's session_key (document 96959), and how it is sealed for the row of a session.</summary>
/// <param name="bytes">The key of AES-128.</param>
internal sealed class SessionKey(byte[] bytes)
{
    private const int Length = 16;

    /// <summary>The key itself; never for a log, a trace, an exception or a response (rule T13).</summary>
    public ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>Encrypts one as it came from WeCom, together with whose it is (rule T9).</summary>
    /// <param name="text">The session_key in Base64.</param>
    /// <param name="secret">The corpsecret of the app.</param>
    /// <param name="app">The app that the member logged in with.</param>
    /// <param name="userId">The member.</param>
    /// <param name="place">The row it is for; it opens nowhere else.</param>
    public static string Seal(string text, CorpSecret secret, WeComApp app, string userId, SessionPlace place) =>
        secret.Seal(SealPurpose.SessionKey, $"{text}{OwnerOf(app, userId)}", NameOf(place));

    /// <summary>
    /// Decrypts what <see cref="Seal"/> made; null for anything else: another secret, row or member, a changed value, no key of its length.
    /// </summary>
    public static SessionKey? Open(string? sealedKey, CorpSecret secret, WeComApp app, string userId, SessionPlace place)
    {
        var owner = OwnerOf(app, userId);
        return secret.Open(SealPurpose.SessionKey, sealedKey, NameOf(place)) is { } opened
            && opened.EndsWith(owner, StringComparison.Ordinal)
            && TryRead(opened.AsSpan(0, opened.Length - owner.Length), out var key)
            ? key
            : null;
    }

    /// <summary>Whether a text is a session_key.</summary>
    public static bool IsOne([NotNullWhen(true)] string? text) => TryRead(text, out _);

    /// <summary><c>***</c></summary>
    public override string ToString() => "***";

    // No part but the last can have a line end in it, so no two members are one.
    private static string OwnerOf(WeComApp app, string userId) => $"\n{app.CorpId}\n{app.Name}\n{userId}";

    private static string NameOf(SessionPlace place) => $"{place.Partition}\n{place.Id}";

    private static bool TryRead(ReadOnlySpan<char> text, [NotNullWhen(true)] out SessionKey? key)
    {
        var bytes = new byte[Length];
        key = text.Length == 24 && Convert.TryFromBase64Chars(text, bytes, out var length) && length == Length ? new(bytes) : null;
        return key is not null;
    }
}
