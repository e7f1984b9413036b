using System.Net;

namespace WeComFunc.Benchmarks;

/// <summary>The logging of the local host, for those it is compared with: the same console, and one line for a login.</summary>
internal static partial class Logging
{
    public static void AddSameConsole(this ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
        logging.AddFilter("System.Net.Http.HttpClient", LogLevel.Warning);
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
            console.UseUtcTimestamp = true;
        });
    }

    public static void ListenOn(this IWebHostBuilder host, string url) => host.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.Listen(IPAddress.Loopback, new Uri(url).Port);
    });

    [LoggerMessage(1, LogLevel.Information, "Login: outcome {Outcome}, {ElapsedMs:0.0} ms")]
    public static partial void Login(ILogger logger, string outcome, double elapsedMs);
}
