namespace WeComFunc.FunctionsHost;

/// <summary>How a function app is run.</summary>
public sealed record FunctionAppOptions
{
    /// <summary>
    /// The app settings, names with <c>__</c>. They are the worker's environment; of this process's own it has only what finding and
    /// running .NET takes.
    /// </summary>
    public IReadOnlyDictionary<string, string?> Settings { get; init; } = new Dictionary<string, string?>();

    /// <summary>Where its HTTP functions are served; a free port of this machine by default.</summary>
    public string Url { get; init; } = "http://127.0.0.1:0";

    /// <summary>Whether callers come through the platform's front end, which appends their address to <c>X-Forwarded-For</c>.</summary>
    public bool HasFrontEnd { get; init; } = true;

    /// <summary>Whether timers run on their schedule. <see cref="FunctionApp.RunTimerAsync"/> runs one at any time.</summary>
    public bool RunsTimers { get; init; }

    /// <summary>How long requests under way, and then the worker itself, have for their end. The platform's is 5 s.</summary>
    public TimeSpan GracePeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The clock of the timers.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Gets what the worker logs, in its order, from before the first function is loaded.</summary>
    public Action<WorkerLog>? OnLog { get; init; }

    /// <summary>Gets how each invocation ended, before its caller gets the answer.</summary>
    public Action<InvocationResult>? OnResult { get; init; }

    /// <summary>Gets each line of the worker's stdout and stderr.</summary>
    public Action<string>? OnOutput { get; init; }

    /// <summary>Gets each message that the worker sends, as JSON with bytes in base64.</summary>
    public Action<string>? OnMessage { get; init; }
}

/// <summary>A line that the worker logged.</summary>
/// <param name="InvocationId">The invocation that it was logged in; null outside one: such a line of an app the platform drops.</param>
/// <param name="Category">The logger's category.</param>
/// <param name="Level">Information at least: the worker has a floor of its own.</param>
/// <param name="Message">The formatted message.</param>
/// <param name="Exception">The exception in full.</param>
public sealed record WorkerLog(string? InvocationId, string Category, LogLevel Level, string Message, string? Exception);

/// <summary>How an invocation ended.</summary>
/// <param name="InvocationId">Its id, which is in its log lines too.</param>
/// <param name="Function">The function's name.</param>
/// <param name="Status">Anything but <see cref="InvocationStatus.Success"/> the platform shows as a failure.</param>
/// <param name="Error">What was thrown, type and message.</param>
public sealed record InvocationResult(string InvocationId, string Function, InvocationStatus Status, string? Error);

/// <summary>The protocol's own numbers.</summary>
public enum InvocationStatus
{
    /// <summary>The function threw.</summary>
    Failure = 0,

    /// <summary>The function ran to its end.</summary>
    Success = 1,

    /// <summary>The function threw because it was cancelled.</summary>
    Cancelled = 2,
}

/// <summary>The worker ended, before or while something was asked of it.</summary>
public sealed class WorkerExitedException(int exitCode, IReadOnlyList<string> errors)
    : Exception($"The worker has ended with exit code {exitCode}.{string.Concat(errors.Select(error => Environment.NewLine + error))}")
{
    /// <summary>The exit code of its process.</summary>
    public int ExitCode { get; } = exitCode;

    /// <summary>The lines on its stderr.</summary>
    public IReadOnlyList<string> Errors { get; } = errors;
}
