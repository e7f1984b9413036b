using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace WeComFunc;

/// <summary>
/// Sends the traces and metrics of <see cref="Telemetry"/> and the log by OTLP, as OpenTelemetry's own settings <c>OTEL_…</c> say. No other
/// class names a type of OpenTelemetry: its libraries are loaded with this one, and not where nothing is sent.
/// </summary>
internal static class TelemetryExport
{
    private const string ServiceName = "wecomfunc";

    /// <summary>Given by OpenTelemetry as well, where it is to be another one than <see cref="AlwaysOnSampler"/>.</summary>
    private const string SamplerSetting = "OTEL_TRACES_SAMPLER";

    /// <summary>
    /// How long an end of the process waits for what is not sent yet, in milliseconds; after the nine seconds of
    /// <see cref="WeComFuncServices.ShutdownLimit"/> there is one left.
    /// </summary>
    private const int FlushLimit = 1000;

    /// <summary>Adds it. What is registered later is stopped earlier, so its last lines are sent.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void AddTelemetryExport(this IHostApplicationBuilder builder)
    {
        var hasSampler = !string.IsNullOrEmpty(builder.Configuration[SamplerSetting]);
        builder.Services.AddOpenTelemetry()

            // The second one has the last word: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES.
            .ConfigureResource(static resource => resource.AddService(ServiceName).AddEnvironmentVariableDetector())
            .WithTracing(tracing =>
            {
                tracing.AddSource(Telemetry.Name);
                if (!hasSampler)
                {
                    // Otherwise the caller decides, or the Functions host, which samples its own traces.
                    tracing.SetSampler(new AlwaysOnSampler());
                }
            })
            .WithMetrics(static metrics => metrics.AddMeter(Telemetry.Name))
            .WithLogging(null, static log => log.IncludeFormattedMessage = true)
            .UseOtlpExporter();
        builder.Services.AddHostedService<Flush>();
    }

    /// <summary>
    /// Sends at the end what is not sent yet. Left to the container, the three would have five seconds each, one after the other, when
    /// nobody takes it.
    /// </summary>
    private sealed class Flush(IServiceProvider services) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.WhenAll(
            Task.Run(() => services.GetService<TracerProvider>()?.Shutdown(FlushLimit), CancellationToken.None),
            Task.Run(() => services.GetService<MeterProvider>()?.Shutdown(FlushLimit), CancellationToken.None),
            Task.Run(() => services.GetService<LoggerProvider>()?.Shutdown(FlushLimit), CancellationToken.None));
    }
}
