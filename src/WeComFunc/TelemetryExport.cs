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

    /// <summary>How long an end of the process waits for what is not sent yet, what came before included.</summary>
    private static readonly TimeSpan FlushLimit = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long it waits even where that time is over: after the nine seconds of <see cref="WeComFuncServices.ShutdownLimit"/> there is
    /// this much left.
    /// </summary>
    private static readonly TimeSpan LeastFlush = TimeSpan.FromSeconds(1);

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
    private sealed class Flush : IHostedService
    {
        private readonly IServiceProvider _services;
        private readonly TimeProvider _time;
        private long _stoppingSince;

        public Flush(IServiceProvider services, IHostApplicationLifetime lifetime, TimeProvider time)
        {
            (_services, _time, _stoppingSince) = (services, time, time.GetTimestamp());
            lifetime.ApplicationStopping.Register(() => _stoppingSince = time.GetTimestamp());
        }

        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            var left = FlushLimit - _time.GetElapsedTime(_stoppingSince);
            var limit = (int)(left > LeastFlush ? left : LeastFlush).TotalMilliseconds;
            return Task.WhenAll(
                Task.Run(() => _services.GetService<TracerProvider>()?.Shutdown(limit), CancellationToken.None),
                Task.Run(() => _services.GetService<MeterProvider>()?.Shutdown(limit), CancellationToken.None),
                Task.Run(() => _services.GetService<LoggerProvider>()?.Shutdown(limit), CancellationToken.None));
        }
    }
}
