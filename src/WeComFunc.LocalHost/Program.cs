using WeComFunc;
using WeComFunc.LocalHost;

try
{
    var app = LocalHostApp.Create(args);
    app.Services.GetRequiredService<TokenRefresh>().Begin();
    await app.RunAsync();
    return 0;
}
catch (SettingsException exception)
{
    Console.Error.WriteLine(exception.Message);
    return 78;
}
