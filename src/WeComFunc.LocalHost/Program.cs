using WeComFunc.LocalHost;

return args is ["check", .. var rest] ? await Check.RunAsync(rest, Console.Out) : await LocalHostApp.RunAsync(args);
