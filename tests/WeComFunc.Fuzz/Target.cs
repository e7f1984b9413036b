using System.Text;

namespace WeComFunc.Fuzz;

/// <summary>Something that reads what others wrote.</summary>
/// <param name="Name">What it is called on the command line.</param>
/// <param name="Corpus">Good inputs, and known bad ones, that others are made of.</param>
/// <param name="Try">Takes an input, whatever it is, and throws where a promise is broken.</param>
public sealed record Target(string Name, IReadOnlyList<byte[]> Corpus, Action<byte[]> Try)
{
    /// <summary>All of them; a new parser is a row.</summary>
    public static IReadOnlyList<Target> All { get; } =
    [
        new("request", Texts(Requests.Bodies), Requests.TryBody),
        new("headers", Texts(Requests.Headers), Requests.TryHeaders),
        new("gettoken", Texts(Answers.Tokens), Answers.TryToken),
        new("session", Texts(Answers.Sessions), Answers.TrySession),
        new("profile", Texts(Answers.Profiles), Answers.TryProfile),
        new("clean", [.. Texts(Answers.Profiles), .. Texts(Answers.Sessions), .. Dirt.Answers], Dirt.TryClean),
        new("secret", Texts(Secrets.Values), Secrets.TrySecret),
        new("row", Texts(Rows.Values), Rows.TryRow),
        new("key", Texts(Tokens.Keys), Tokens.TryKey),
        new("token", Texts(Tokens.Issued), Tokens.TryToken),
        new("claims", Texts(Answers.Profiles), Tokens.TryClaims),
        new("data", Texts(MemberData.PlainTexts), MemberData.TryPlainText),
        new("data-body", Texts(MemberData.Bodies), MemberData.TryBody),
        new("data-header", Texts(MemberData.Headers), MemberData.TryHeader),
    ];

    /// <summary>That of a name.</summary>
    public static Target Of(string name) => All.FirstOrDefault(target => target.Name == name)
        ?? throw new ArgumentException($"There is no target {name}; there are {string.Join(", ", All.Select(target => target.Name))}.");

    private static byte[][] Texts(IEnumerable<string> texts) => [.. texts.Select(Encoding.UTF8.GetBytes)];
}

/// <summary>A promise that an input broke.</summary>
public sealed class BrokenPromiseException(string message) : Exception(message)
{
    /// <summary>Throws unless the promise holds.</summary>
    public static void Unless(bool holds, string message)
    {
        if (!holds)
        {
            throw new BrokenPromiseException(message);
        }
    }
}
