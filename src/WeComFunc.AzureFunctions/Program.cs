using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.Hosting;
using WeComFunc;

try
{
    var builder = FunctionsApplication.CreateBuilder(args);
    builder.AddWeComFunc();
    builder.Build().Run();
    return 0;
}
catch (SettingsException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 78;
}
