using WeComFunc;
using WeComFunc.Apps;
using WeComFunc.LocalHost;

if (args is ["check", .. var rest])
{
    return await Check.RunAsync(rest, Console.Out);
}

try
{
    var app = LocalHostApp.Create(args);
    app.Services.GetRequiredService<TokenRefresh>().Begin();
    await app.RunAsync();
    return 0;
}
catch (SettingsException exception)
{
    return exception.Report();
}
catch (Exception exception) when (exception is IOException or FormatException)
{
    Console.Error.WriteLine($"The local host cannot listen: {exception.Message.TrimEnd('.')}. Choose another address with --urls.");
    return 1;
}
