using System.Collections.Frozen;
using System.Net.Sockets;
using WeComFunc.Apps;
using WeComFunc.Http;
using Endpoint = WeComFunc.Http.Endpoint;

namespace WeComFunc.LocalHost;

/// <summary>The routes of the function app on Kestrel, and the timer's work.</summary>
public static class LocalHostApp
{
    /// <summary>
    /// Makes the host; <c>--urls</c> in <paramref name="args"/> says where it listens, <c>--settings</c> where <c>local.settings.json</c>
    /// is, <c>--log</c> how it logs.
    /// </summary>
    /// <param name="args">The command line.</param>
    /// <param name="configure">Changes the builder before the login is added, for tests.</param>
    /// <exception cref="SettingsException">A setting or <c>--log</c> is missing or malformed.</exception>
    public static WebApplication Create(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        // Without the defaults of ASP.NET Core, which take longer to start than all the rest.
        var builder = WebApplication.CreateEmptyBuilder(new() { Args = args });
        builder.Configuration.AddLocalSettings(args);
        CommandLine.CheckUrls(builder.Configuration["urls"]);
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        builder.Logging.AddConsoleLog(builder.Configuration, args);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // How large a body may be is the library's decision.
            kestrel.Limits.MaxRequestBodySize = null;
        });
        // Kestrel ends with the last request, and some are never finished.
        builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = WeComFuncServices.ShutdownLimit);
        configure?.Invoke(builder);
        builder.AddWeComFunc();
        builder.Services.AddHostedService<Timer>();

        var app = builder.Build();
        var routes = app.Services.GetRequiredService<Endpoints>().All.ToFrozenDictionary(
            endpoint => $"/api/{endpoint.Route}", StringComparer.OrdinalIgnoreCase);
        app.Run(
            context => routes.TryGetValue(context.Request.Path.Value?.TrimEnd('/') ?? "", out var endpoint)
                ? context.AnswerAsync(endpoint)
                : LocalConsole.AnswerAsync(context, app.Lifetime.ApplicationStopping));
        return app;
    }

    /// <summary>Makes the host and runs it until it is told to end.</summary>
    /// <returns>
    /// The exit code: 0 after an orderly end, 78 (<c>EX_CONFIG</c>) where a setting is wrong, 1 where it cannot listen. What keeps it from
    /// starting is on stderr.
    /// </returns>
    /// <inheritdoc cref="Create" path="/param" />
    public static async Task<int> RunAsync(string[] args, Action<WebApplicationBuilder>? configure = null)
    {
        try
        {
            var app = Create(args, configure);
            app.Services.GetRequiredService<TokenRefresh>().Begin();
            await app.RunAsync();
            return 0;
        }
        catch (SettingsException exception)
        {
            return exception.Report();
        }
        catch (Exception exception) when (exception is IOException or SocketException or FormatException)
        {
            await Console.Error.WriteLineAsync(
                $"The local host cannot listen: {exception.Message.TrimEnd('.')}. Choose another address with --urls.");
            return 1;
        }
    }

    private static async Task AnswerAsync(this HttpContext context, Endpoint endpoint)
    {
        var (request, response) = (context.Request, context.Response);
        if (!endpoint.Methods.Contains(request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = string.Join(", ", endpoint.Methods);
            return;
        }

        var answer = await endpoint.AnswerAsync(new LocalCall(context), context.RequestAborted);
        response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
        {
            response.Headers[name] = value;
        }

        response.ContentLength = answer.Body.Length;
        if (!HttpMethods.IsHead(request.Method))
        {
            await response.BodyWriter.WriteAsync(answer.Body);
        }
    }
}
