using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using WeComFunc.Secrets;

namespace WeComFunc.Fuzz;

/// <summary>What an operator stored as a corpsecret: it is one that can be sent, or none.</summary>
internal static class Secrets
{
    public static readonly string[] Values = [Process.CorpSecret, "\ufeff \"secret\u200b-with_marks\"\r\n", "“ｓｅｃｒｅｔ”", ""];

    public static void TrySecret(byte[] input)
    {
        var stored = Encoding.UTF8.GetString(input);

        var read = StoredSecret.Read("any", stored, NullLogger.Instance);

        BrokenPromiseException.Unless(
            !read.TryGet(out var secret)
                || (stored.Contains(secret.Value, StringComparison.Ordinal) && secret.Value.All(letter => letter is > ' ' and <= '~')),
            "It is a corpsecret that was not stored, or none that can be sent.");
    }
}
