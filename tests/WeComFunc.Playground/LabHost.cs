using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.LocalHost;
using WeComFunc.Secrets;

namespace WeComFunc.Playground;

/// <summary>
/// The local host with a <see cref="Lab"/>: against a simulated WeCom, with a vault in memory and a table that can be stopped.
/// </summary>
internal static class LabHost
{
    /// <summary>First on the command line of the playground: it is this host then, and the rest is for it.</summary>
    public const string Command = "local-host";

    /// <summary>The setting that says where the table is.</summary>
    public const string Table = "Playground__Table";

    // Public: the account of every emulator, as documented.
    public const string Account = "devstoreaccount1";
    private const string AccountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    /// <inheritdoc cref="LocalHostApp.RunAsync" />
    public static Task<int> RunAsync(string[] args) => LocalHostApp.RunAsync(args, builder =>
    {
        var table = new TableGate(new Uri(builder.Configuration[Table.Replace("__", ":")]!));
        builder.Configuration.AddInMemoryCollection([KeyValuePair.Create<string, string?>(
            "TokenStore:ConnectionString",
            $"AccountName={Account};AccountKey={AccountKey};TableEndpoint={table.Address}/{Account}")]);
        builder.Services.AddSingleton(table);
        builder.Services.AddSingleton<LabVault>();
        builder.Services.AddSingleton<ICorpSecretStore>(services => services.GetRequiredService<LabVault>());
        builder.Services.AddSingleton(services => new Lab(
            services.GetRequiredService<Settings>(),
            services.GetRequiredService<LabVault>(),
            table,
            new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = services.GetRequiredService<Settings>().BaseUrl }));
        builder.Services.AddSingleton<IStartupFilter, Before>();
    });

    /// <summary>Puts the lab before the routes of the local host.</summary>
    private sealed class Before(Lab lab) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(lab.AnswerAsync);
            next(app);
        };
    }
}
