using System.Text.Encodings.Web;
using Microsoft.Extensions.Logging.Console;

namespace WeComFunc.LocalHost;

/// <summary>The log on standard output.</summary>
internal static class ConsoleLog
{
    private const string Time = "HH:mm:ss.fff ";

    /// <summary>Adds it.</summary>
    /// <param name="logging">The log.</param>
    /// <param name="settings">What the process is set to; <c>NO_COLOR</c> counts (no-color.org).</param>
    /// <param name="args">
    /// The command line: <c>--log json</c> for JSON, <c>--log text</c> for text. Without either it is text, and on a terminal every login
    /// is a line that is made to be read.
    /// </param>
    /// <exception cref="SettingsException"><c>--log</c> says something else.</exception>
    public static void AddConsoleLog(this ILoggingBuilder logging, IConfiguration settings, string[] args)
    {
        // Not as a setting: an environment may well have another LOG.
        var kind = new ConfigurationBuilder().AddCommandLine(args).Build()["log"];
        if (kind is not (null or "text" or "json"))
        {
            throw new SettingsException(["--log must be json or text; without it, the log is text, made to be read on a terminal."]);
        }

        if (kind == "json")
        {
            logging.AddJsonConsole(static console =>
            {
                console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
                console.UseUtcTimestamp = true;
                console.JsonWriterOptions = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
            });
            return;
        }

        var isTerminal = !Console.IsOutputRedirected;
        var hasColours = isTerminal && string.IsNullOrEmpty(settings["NO_COLOR"]);
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = Time;
            console.UseUtcTimestamp = true;
            console.ColorBehavior = hasColours ? LoggerColorBehavior.Enabled : LoggerColorBehavior.Disabled;
        });
        if (isTerminal && kind is null)
        {
            logging.Services.AddSingleton<ConsoleFormatter>(services => new LoginLines(services, Time, hasColours));
            logging.Services.Configure<ConsoleLoggerOptions>(static console => console.FormatterName = LoginLines.FormatterName);
        }
    }
}
