using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace WeComFunc.LocalHost;

/// <summary>What the command line may say.</summary>
internal static partial class CommandLine
{
    public const string Usage = """
        Usage: WeComFunc.LocalHost [check] [--urls ADDRESS] [--settings FILE] [--log json|text] [--SECTION:NAME VALUE]...

        Serves the login on this machine, without function keys, until Ctrl-C; "check" goes through all that a login needs, and ends.

          --urls       where it listens: http://ADDRESS:PORT, an IP address, localhost or * for all; http://127.0.0.1:7071 by default
          --settings   the file of settings, local.settings.json by default; "none" for none
          --log        how it logs; by default as text, made to be read on a terminal
          --WeCom:AppName sales   and so any setting of docs/contract.md, with : for __
        """;

    // The last three are the framework's own.
    private static readonly string[] Options = ["urls", "settings", "log", "environment", "contentRoot", "applicationName"];

    /// <summary>Whether it asks for <see cref="Usage"/>.</summary>
    public static bool AsksForHelp(string[] args) => args.Any(arg => arg is "--help" or "-h" or "-?" or "help");

    /// <summary>Refuses what is no option, or lacks its value.</summary>
    /// <exception cref="SettingsException">There is such a one.</exception>
    public static void Check(string[] args)
    {
        for (var i = 0; i < args.Length; i++)
        {
            var (name, value) = args[i].IndexOf('=', StringComparison.Ordinal) is > 0 and var end
                ? (args[i][..end], args[i][(end + 1)..])
                : (args[i], null);
            if (!name.StartsWith("--", StringComparison.Ordinal)
                || !(name.Contains(':', StringComparison.Ordinal) || Options.Contains(name[2..], StringComparer.OrdinalIgnoreCase)))
            {
                throw new SettingsException([$"{name} is no option: --help shows those there are."]);
            }

            if (value is null && (++i == args.Length || args[i].StartsWith("--", StringComparison.Ordinal)))
            {
                throw new SettingsException([$"{name} needs a value: --help shows which."]);
            }
        }
    }

    /// <summary>
    /// Refuses what Kestrel does not listen at, or listens at all addresses for, as it does for a port that it cannot read.
    /// </summary>
    /// <param name="urls">The addresses, by semicolon.</param>
    /// <exception cref="SettingsException">One of them is no such address.</exception>
    public static void CheckUrls(string? urls)
    {
        foreach (var url in (urls ?? "").Split(';'))
        {
            if (url.StartsWith("https:", StringComparison.OrdinalIgnoreCase))
            {
                throw new SettingsException(["--urls has an address of https: the local host speaks http alone."]);
            }

            if (!IsAddress(url))
            {
                throw new SettingsException(
                [
                    $"--urls has {(url.Length == 0 ? "no address" : url)}: it must be http://ADDRESS:PORT, with an IP address, localhost "
                    + "or * for all, and nothing behind it, such as http://127.0.0.1:7071.",
                ]);
            }
        }
    }

    private static bool IsAddress(string url)
    {
        var parts = AddressPattern().Match(url);
        var (host, port) = (parts.Groups["host"].Value, parts.Groups["port"].Value);
        var isLocalhost = host.Equals("localhost", StringComparison.OrdinalIgnoreCase);
        var isPort = ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number);

        // Localhost is two addresses, for which the system does not choose one free port.
        return parts.Success
            && (isLocalhost || host is "*" or "+" || IPAddress.TryParse(host, out _))
            && (port.Length == 0 || (isPort && !(isLocalhost && number == 0)));
    }

    [GeneratedRegex(@"\Ahttp://(?<host>\[[0-9a-f:.]+\]|[^/:\[\]]+)(:(?<port>[0-9]+))?/?\z", RegexOptions.IgnoreCase)]
    private static partial Regex AddressPattern();
}
