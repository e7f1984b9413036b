using Microsoft.Extensions.Logging;
using WeComFunc.Login;

namespace WeComFunc;

/// <summary>What is answered when something threw that should not have.</summary>
public static partial class Defect
{
    /// <summary>The problem <c>internal_error</c>, with the exception in the log only, and there without its text.</summary>
    /// <param name="exception">What was thrown.</param>
    /// <param name="logger">Where it is told.</param>
    /// <param name="traceId">What the caller is told to report, <see cref="EndpointAnswer.TraceId"/>.</param>
    public static EndpointAnswer Answer(Exception exception, ILogger logger, string traceId)
    {
        LogDefect(logger, new RedactedException(exception), traceId);
        return EndpointAnswer.OfProblem(Problem.InternalError, null, traceId);
    }

    [LoggerMessage(3, LogLevel.Error, "A defect of the software, traceId {TraceId}; please report it")]
    private static partial void LogDefect(ILogger logger, Exception exception, string traceId);
}
