using WeComFunc.Login;

namespace WeComFunc.LocalHost;

/// <summary>The routes of the function app on Kestrel, and the timer's work.</summary>
public static class LocalHostApp
{
    /// <summary>Makes the host; <c>--urls</c> in <paramref name="args"/> says where it listens, <c>--settings</c> where <c>local.settings.json</c> is.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="configure">Changes the builder before the login is added, for tests.</param>
    /// <exception cref="SettingsException">A setting is missing or malformed.</exception>
    public static WebApplication Create(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        // Without the defaults of ASP.NET Core, which take longer to start than all the rest.
        var builder = WebApplication.CreateEmptyBuilder(new() { Args = args });
        builder.Configuration.AddEnvironmentVariables().AddCommandLine(args);
        builder.Configuration.Sources.Insert(0, LocalSettings.Source(builder.Configuration["settings"] ?? "local.settings.json"));
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "HH:mm:ss.fff ";
            console.UseUtcTimestamp = true;
        });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // How large a body may be is the library's decision.
            kestrel.Limits.MaxRequestBodySize = null;
        });
        // Kestrel ends with the last request, and some are never finished.
        builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = TimeSpan.FromSeconds(9));
        configure?.Invoke(builder);
        builder.AddWeComFunc();
        builder.Services.AddHostedService<Timer>();

        var app = builder.Build();
        var login = app.Services.GetRequiredService<LoginEndpoint>();
        var health = app.Services.GetRequiredService<HealthEndpoint>();
        app.Run(context =>
            context.IsFor("/api/login", "POST") ? context.AnswerAsync(login.LoginAsync(
                new(
                    context.Request.ContentType,
                    context.Request.Headers["X-Forwarded-For"].ToString(),
                    context.Connection.RemoteIpAddress,
                    context.Request.Body,
                    context.Request.Headers.TraceParent),
                context.RequestAborted))
            : context.IsFor("/api/health", "GET", "HEAD") ? context.AnswerAsync(health.CheckAsync(context.Request.Headers.TraceParent))
            : Task.CompletedTask);
        return app;
    }

    /// <summary>Whether a request is for a route; the status is 404 or 405 when it is not. ASP.NET Core's routing, for two of them, takes a tenth of the start.</summary>
    private static bool IsFor(this HttpContext context, string path, params ReadOnlySpan<string> methods)
    {
        var response = context.Response;
        if (!context.Request.Path.StartsWithSegments(path, out var rest) || rest.Value is not ("" or "/"))
        {
            response.StatusCode = response.StatusCode == StatusCodes.Status200OK ? StatusCodes.Status404NotFound : response.StatusCode;
            return false;
        }

        if (!methods.Contains(context.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = string.Join(", ", methods);
            return false;
        }

        return true;
    }

    private static async Task AnswerAsync(this HttpContext context, Task<EndpointAnswer> answering)
    {
        var answer = await answering;
        context.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
        {
            context.Response.Headers[name] = value;
        }

        context.Response.ContentLength = answer.Body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.BodyWriter.WriteAsync(answer.Body);
        }
    }
}
