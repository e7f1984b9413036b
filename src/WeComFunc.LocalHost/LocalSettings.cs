using System.Text.Json;
using Microsoft.Extensions.Configuration.Memory;

namespace WeComFunc.LocalHost;

/// <summary>
/// The <c>Values</c> of a <c>local.settings.json</c>, as the Functions tools read them, with the local host's own defaults.
/// </summary>
internal static class LocalSettings
{
    private const string Expected = "must be a JSON object with an object Values, as in local.settings.sample.json";

    private static readonly Dictionary<string, string?> Defaults = new()
    {
        ["urls"] = "http://127.0.0.1:7071",
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft.AspNetCore"] = "Warning",

        // If it may log anything at all, it makes a trace and a scope for every request, which nobody reads.
        ["Logging:LogLevel:Microsoft.AspNetCore.Hosting.Diagnostics"] = "None",

        // Where it cannot listen, a line on stderr says so; this would say it with a stack trace, before.
        ["Logging:LogLevel:Microsoft.Extensions.Hosting.Internal.Host"] = "Critical",
    };

    /// <summary>Adds, in rising order, that file or the one that <c>--settings</c> names, the environment and the command line.</summary>
    /// <exception cref="SettingsException">The command line or the file is not what it should be.</exception>
    public static void AddLocalSettings(this ConfigurationManager configuration, string[] args)
    {
        CommandLine.Check(args);
        configuration.AddEnvironmentVariables().AddCommandLine(args);
        var named = configuration["settings"];
        if (named is not (null or "none") && !File.Exists(named))
        {
            throw new SettingsException([$"{named}, which --settings names, is not there; --settings none does without one."]);
        }

        configuration.Sources.Insert(0, Source(named ?? "local.settings.json"));
    }

    /// <exception cref="SettingsException">The file is not what it should be.</exception>
    public static MemoryConfigurationSource Source(string path)
    {
        var values = new Dictionary<string, string?>(Defaults, StringComparer.OrdinalIgnoreCase);
        try
        {
            if (File.Exists(path))
            {
                using var stream = File.OpenRead(path);
                using var file = JsonDocument.Parse(
                    stream, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
                foreach (var value in file.RootElement.GetProperty("Values").EnumerateObject())
                {
                    values[value.Name.Replace("__", ":", StringComparison.Ordinal)] = value.Value.ToString();
                }
            }
        }
        catch (JsonException exception)
        {
            // Its message may quote a secret.
            throw new SettingsException(
                [$"{path} {Expected}; it is no JSON from line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1} on."]);
        }
        catch (Exception exception) when (exception is InvalidOperationException or KeyNotFoundException)
        {
            throw new SettingsException([$"{path} {Expected}."]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new SettingsException([$"{path} cannot be read: {exception.Message}"]);
        }

        return new MemoryConfigurationSource { InitialData = values };
    }
}
