using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace WeComFunc.Health;

/// <summary>
/// Keeps the warnings and errors of the log until they are taken: they say why something failed and what to do, in more detail than its
/// failure does.
/// </summary>
internal sealed class Complaints : ILoggerProvider
{
    private readonly ConcurrentQueue<Complaint> _kept = new();

    /// <summary>Those since the last time, each once.</summary>
    public IReadOnlyList<Complaint> Take()
    {
        var taken = new List<Complaint>();
        while (_kept.TryDequeue(out var complaint))
        {
            taken.Add(complaint);
        }

        return [.. taken.Distinct()];
    }

    /// <inheritdoc />
    public ILogger CreateLogger(string categoryName) => new Logger(_kept, categoryName);

    /// <inheritdoc />
    public void Dispose()
    {
    }

    private sealed class Logger(ConcurrentQueue<Complaint> kept, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Warning and < LogLevel.None;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                kept.Enqueue(new(category, formatter(state, exception)));
            }
        }
    }
}

/// <summary>A line of the log that tells of something wrong.</summary>
/// <param name="Category">The class that wrote it.</param>
/// <param name="Text">What it says.</param>
internal sealed record Complaint(string Category, string Text);
