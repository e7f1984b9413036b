using WeComFunc.LocalHost;

return await LocalHostApp.RunAsync(args);
