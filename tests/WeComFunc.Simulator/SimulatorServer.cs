namespace WeComFunc.Simulator;

/// <summary>A running simulator of WeCom's qyapi. Any number may run in one process.</summary>
public sealed class SimulatorServer : IAsyncDisposable
{
    /// <summary>Corpsecret of the seeded app where the simulator runs as a program of its own.</summary>
    public const string LocalSecret = "simulated-corpsecret-for-local-runs-only-01";

    private readonly WebApplication _app;

    private SimulatorServer(WebApplication app, SimulatorState state)
    {
        _app = app;
        State = state;
        BaseAddress = new Uri(app.Urls.First());
    }

    public Uri BaseAddress { get; }

    public SimulatorState State { get; }

    /// <param name="time">Clock of tokens, codes and delays; the system's by default.</param>
    /// <param name="secret">Corpsecret of the seeded app; random by default.</param>
    /// <param name="url">Where to listen; a free port by default.</param>
    /// <param name="log">Gets one line per call, without query.</param>
    public static async Task<SimulatorServer> StartAsync(
        TimeProvider? time = null, string? secret = null, string url = "http://127.0.0.1:0", TextWriter? log = null)
    {
        var state = new SimulatorState(time, secret);

        // The empty builder has no logging, and reads no environment or settings of the process that it may be a guest in.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.AddServerHeader = false);
        builder.Services.AddRouting();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.Services.Configure<RouteHandlerOptions>(routes => routes.ThrowOnBadRequest = true);
        builder.Services.ConfigureHttpJsonOptions(json => ControlApi.Configure(json.SerializerOptions));

        var app = builder.Build();
        app.Urls.Add(url);
        var qyApi = new QyApi(state, log, app.Lifetime.ApplicationStopping);
        app.Use((context, next) => QyApi.Find(context.Request) is { } api ? qyApi.AnswerAsync(context, api) : next(context));
        app.MapControlApi(state);
        await app.StartAsync();
        return new(app, state);
    }

    /// <summary>Calls that are still held or delayed lose their connection.</summary>
    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
