using WeComFunc;
using WeComFunc.LocalHost;

try
{
    await LocalHostApp.Create(args).RunAsync();
    return 0;
}
catch (SettingsException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 78;
}
