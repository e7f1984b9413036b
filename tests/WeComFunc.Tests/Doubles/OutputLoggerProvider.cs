using System.Collections;
using System.Text;
using Microsoft.Extensions.Logging;

namespace WeComFunc.Tests.Doubles;

/// <summary>Writes logs to an <see cref="Output"/>: message, scopes, every structured value, and exceptions in full.</summary>
public sealed class OutputLoggerProvider(Output output) : ILoggerProvider, ISupportExternalScope
{
    private IExternalScopeProvider _scopes = new LoggerExternalScopeProvider();

    public ILogger CreateLogger(string categoryName) => new OutputLogger(this, categoryName);

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    public void Dispose()
    {
    }

    private static void AppendState(StringBuilder text, string kind, object? state)
    {
        text.Append($"\n  {kind} {state}");
        if (state is IEnumerable<KeyValuePair<string, object?>> pairs)
        {
            OutputValue.AppendTo(text, pairs);
        }
    }

    private void Write<TState>(
        string category, LogLevel level, EventId id, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        var text = new StringBuilder($"{level} {category} {id.Id} {id.Name} {formatter(state, exception)}");
        AppendState(text, "state", state);
        _scopes.ForEachScope(static (scope, text) => AppendState(text, "scope", scope), text);
        if (exception is not null)
        {
            text.Append($"\n  {exception}");
        }

        for (var e = exception; e is not null; e = e.InnerException)
        {
            foreach (DictionaryEntry entry in e.Data)
            {
                text.Append($"\n  {entry.Key}={OutputValue.Format(entry.Value)}");
            }
        }

        output.Write("log", text.ToString());
    }

    private sealed class OutputLogger(OutputLoggerProvider provider, string category) : ILogger
    {
        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => provider._scopes.Push(state);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            provider.Write(category, logLevel, eventId, state, exception, formatter);
    }
}
