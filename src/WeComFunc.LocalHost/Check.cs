using WeComFunc.Health;

namespace WeComFunc.LocalHost;

/// <summary><c>check</c>: goes through all that a login needs, says what it found, and ends.</summary>
internal static class Check
{
    /// <summary>Checks, with the settings that the local host would have.</summary>
    /// <param name="args">The command line, without the command.</param>
    /// <param name="output">Gets a line for each step.</param>
    /// <param name="configure">Changes the builder before the login is added, for tests.</param>
    /// <returns>The exit code: 0 when all is well, otherwise 1.</returns>
    public static async Task<int> RunAsync(string[] args, TextWriter output, Action<IHostApplicationBuilder>? configure = null)
    {
        try
        {
            var builder = Host.CreateEmptyApplicationBuilder(new());
            builder.Configuration.AddLocalSettings(args);
            configure?.Invoke(builder);
            builder.AddStartupCheck();
            using var host = builder.Build();
            var isWell = true;
            await foreach (var finding in host.Services.GetRequiredService<StartupCheck>().RunAsync())
            {
                await output.WriteLineAsync(finding.ToString());
                isWell &= finding.Outcome is FindingOutcome.Ok;
            }

            return isWell ? 0 : 1;
        }
        catch (SettingsException exception)
        {
            _ = exception.Report();
            return 1;
        }
    }
}
