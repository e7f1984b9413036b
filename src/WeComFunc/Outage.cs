using Azure;

namespace WeComFunc;

/// <summary>What to say of a service of Azure that did not do what it was asked.</summary>
internal static class Outage
{
    /// <summary>Why, for a log line: status and error code where there was an answer.</summary>
    public static string Reason(this RequestFailedException failed) =>
        failed.Status == 0 ? "no connection"
        : string.IsNullOrEmpty(failed.ErrorCode) ? $"HTTP status {failed.Status}"
        : $"HTTP status {failed.Status}, {failed.ErrorCode}";
}
