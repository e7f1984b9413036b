using WeComFunc.LocalHost;

if (CommandLine.AsksForHelp(args))
{
    Console.WriteLine(CommandLine.Usage);
    return 0;
}

return args is ["check", .. var rest] ? await Check.RunAsync(rest, Console.Out) : await LocalHostApp.RunAsync(args);
