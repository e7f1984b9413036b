using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace WeComFunc.AzureFunctions;

/// <summary>
/// The Functions host drops every line that does not carry the id of an invocation under way: those of the token fetch while the process
/// starts, and those of a renewal that outlives the login which began it. What goes wrong there is kept here, and written again within the
/// next invocation.
/// </summary>
public sealed partial class UnheardLines(TimeProvider time) : ILoggerProvider, ISupportExternalScope
{
    /// <summary>So many lines are kept, the first ones; of those after them, only the number.</summary>
    private const int Most = 100;

    /// <summary>What the worker calls the id in its scope, which is where it takes the id of a line from.</summary>
    private const string InvocationId = "AzureFunctions_InvocationId";

    private readonly Lock _gate = new();
    private readonly HashSet<string> _underWay = [];
    private readonly List<Line> _kept = [];
    private IExternalScopeProvider? _scopes;
    private int _more;

    /// <summary>
    /// To be called as a function begins: what is kept is written now. The function has ended once the result is disposed of.
    /// </summary>
    public Invocation Begin(FunctionContext context, ILogger logger)
    {
        Line[] kept = [];
        var more = 0;
        lock (_gate)
        {
            _underWay.Add(context.InvocationId);
            if (_kept.Count > 0)
            {
                (kept, more) = ([.. _kept], _more);
                _kept.Clear();
                _more = 0;
            }
        }

        foreach (var (at, level, text, exception) in kept)
        {
            LogAgain(logger, level, exception, text, at.UtcDateTime);
        }

        if (more > 0)
        {
            LogMore(logger, more);
        }

        return new(this, context.InvocationId);
    }

    /// <inheritdoc />
    public ILogger CreateLogger(string categoryName) =>
        categoryName.StartsWith("WeComFunc", StringComparison.Ordinal) ? new Keeper(this) : NullLogger.Instance;

    /// <inheritdoc />
    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => _scopes = scopeProvider;

    /// <inheritdoc />
    public void Dispose()
    {
    }

    private void Keep(LogLevel level, string text, Exception? exception)
    {
        var ids = new List<string?>();
        _scopes?.ForEachScope(
            static (scope, ids) => ids.AddRange((scope as IEnumerable<KeyValuePair<string, object>> ?? [])
                .Where(property => property.Key == InvocationId).Select(property => property.Value.ToString())),
            ids);
        lock (_gate)
        {
            if (ids.LastOrDefault() is { } id && _underWay.Contains(id))
            {
                return;
            }

            if (_kept.Count < Most)
            {
                _kept.Add(new(time.GetUtcNow(), level, text, exception));
            }
            else
            {
                _more++;
            }
        }
    }

    private void End(string invocationId)
    {
        lock (_gate)
        {
            _underWay.Remove(invocationId);
        }
    }

    [LoggerMessage(EventId = 401, Message = "{Line} [at {At:yyyy-MM-ddTHH:mm:ss.fffZ}, outside an invocation]")]
    private static partial void LogAgain(ILogger logger, LogLevel level, Exception? exception, string line, DateTime at);

    [LoggerMessage(402, LogLevel.Warning, "{Count} more lines that were written outside an invocation were not kept")]
    private static partial void LogMore(ILogger logger, int count);

    /// <summary>An invocation under way.</summary>
    public readonly struct Invocation : IDisposable
    {
        private readonly UnheardLines _lines;
        private readonly string _id;

        internal Invocation(UnheardLines lines, string id) => (_lines, _id) = (lines, id);

        /// <summary>Ends it: the lines of what it leaves running are unheard from now on.</summary>
        public void Dispose() => _lines.End(_id);
    }

    private sealed record Line(DateTimeOffset At, LogLevel Level, string Text, Exception? Exception);

    private sealed class Keeper(UnheardLines lines) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            // A line written again is never kept again, wherever that may be.
            if (IsEnabled(logLevel) && eventId.Name is not (nameof(LogAgain) or nameof(LogMore)))
            {
                lines.Keep(logLevel, formatter(state, exception), exception);
            }
        }
    }
}
