using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace WeComFunc.LocalHost;

/// <summary>
/// One line for each login that is made to be read, such as <c>09:30:01.234 login ok: app default, token from memory, 12.3 ms</c>; every
/// other line is as the framework's simple formatter has it.
/// </summary>
/// <param name="services">Where that one is; it is made later than this.</param>
/// <param name="time">How the time is written, UTC.</param>
/// <param name="hasColours">Whether the terminal is to be told colours.</param>
internal sealed class LoginLines(IServiceProvider services, string time, bool hasColours) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "logins";

    private const string Category = "WeComFunc.Login.LoginEndpoint";
    private const string Green = "\e[32m";
    private const string Yellow = "\e[33m";
    private const string Red = "\e[31m";
    private const string NoColour = "\e[39m";

    private readonly TimeProvider _clock = services.GetRequiredService<TimeProvider>();

    private readonly Lazy<ConsoleFormatter> _simple =
        new(() => services.GetServices<ConsoleFormatter>().First(formatter => formatter.Name == ConsoleFormatterNames.Simple));

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var facts = logEntry is { Category: Category, State: IReadOnlyList<KeyValuePair<string, object?>> named }
            ? named.ToDictionary(fact => fact.Key, fact => fact.Value, StringComparer.Ordinal)
            : [];
        if (facts.GetValueOrDefault("Outcome") is not string outcome)
        {
            _simple.Value.Write(logEntry, scopeProvider, textWriter);
            return;
        }

        var colour = outcome == "ok" ? Green : logEntry.LogLevel >= LogLevel.Error ? Red : Yellow;
        var (on, off) = hasColours ? (colour, NoColour) : ("", "");
        var source = facts["TokenSource"] is "none" ? "no token" : $"token from {facts["TokenSource"]}";
        textWriter.Write(string.Create(
            CultureInfo.InvariantCulture,
            $"{_clock.GetUtcNow().ToString(time, CultureInfo.InvariantCulture)}{on}login {outcome}{off}: app {facts["App"]}, {source}, "
            + $"{facts["ElapsedMs"]:0.0} ms"));
        if (outcome != "ok")
        {
            textWriter.Write($", errcode {facts["Errcode"]}, traceId {facts["TraceId"]}");
        }

        textWriter.WriteLine(facts.GetValueOrDefault("Advice") is string { Length: > 0 } advice ? $". {advice}" : "");
    }
}
