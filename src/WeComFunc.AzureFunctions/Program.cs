using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WeComFunc;
using WeComFunc.Apps;
using WeComFunc.AzureFunctions;

try
{
    var builder = FunctionsApplication.CreateBuilder(args);
    builder.AddWeComFunc();
    builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = WeComFuncServices.ShutdownLimit);
    builder.Services.AddSingleton<UnheardLines>().AddSingleton<ILoggerProvider>(services => services.GetRequiredService<UnheardLines>());
    builder.UseMiddleware<UnheardLinesMiddleware>();

    // By OTLP the lines outside an invocation have been sent already, so their second writing is not.
    builder.Services.Configure<LoggerFilterOptions>(
        static filter => filter.Rules.Add(new("OpenTelemetry", typeof(Functions).FullName, LogLevel.None, null)));
    var host = builder.Build();

    // What cannot be made stops the start; found out by a request, it would be answered with an empty body.
    _ = ActivatorUtilities.CreateInstance<Functions>(host.Services);
    host.Services.GetRequiredService<TokenRefresh>().Begin();
    host.Run();
    return 0;
}
catch (SettingsException exception)
{
    return exception.Report();
}
