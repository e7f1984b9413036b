using Azure.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.Azure;
using WeComFunc.Health;
using WeComFunc.Http;
using WeComFunc.Login;
using WeComFunc.MemberData;
using WeComFunc.Secrets;
using WeComFunc.Sessions;
using WeComFunc.WeCom;

namespace WeComFunc;

/// <summary>Adds the login to a host.</summary>
public static class WeComFuncServices
{
    /// <summary>
    /// For a host's <c>HostOptions.ShutdownTimeout</c>: logins and renewals, one after the other, have ended by then, as who ends a process
    /// waits for ten seconds.
    /// </summary>
    public static readonly TimeSpan ShutdownLimit = TimeSpan.FromSeconds(9);

    /// <summary>Checks the settings and adds <see cref="Endpoints"/> and <see cref="TokenRefresh"/>.</summary>
    /// <exception cref="SettingsException">A setting is missing or malformed.</exception>
    public static void AddWeComFunc(this IHostApplicationBuilder builder)
    {
        var settings = Settings.Read(builder.Configuration);
        var services = builder.Services;
        if (settings.ExportsTelemetry)
        {
            builder.AddTelemetryExport();
        }

        services.AddSingleton(settings);
#pragma warning disable RS0030 // Here they are given to all that take them.
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(Random.Shared);
#pragma warning restore RS0030
        services.AddSingleton<Telemetry>();
        services.AddAzure(settings);
        services.AddApps(settings);
        if (settings.Session is { } session)
        {
            services.AddSessions(session, settings.Azure);
        }

        if (settings.MemberData is { } memberData)
        {
            services.AddMemberData(memberData, settings.Azure);
        }

        services.AddEndpoints(settings);
    }

    /// <summary>As <see cref="AddWeComFunc"/>, and adds <see cref="StartupCheck"/>, for a process that does nothing else.</summary>
    /// <inheritdoc cref="AddWeComFunc" path="/exception" />
    public static void AddStartupCheck(this IHostApplicationBuilder builder)
    {
        builder.AddWeComFunc();
        var complaints = new Complaints();
        builder.Logging.AddProvider(complaints);
        builder.Services.AddSingleton(provider => new StartupCheck(
            provider.GetRequiredService<Settings>(),
            provider.GetRequiredService<CorpApps>(),
            provider.GetService<SessionTokens>(),
            provider.GetService<SessionKeys>(),
            complaints,
            provider.GetRequiredService<TimeProvider>()));
    }

    /// <summary>The apps, and what keeps their tokens fresh.</summary>
    private static void AddApps(this IServiceCollection services, Settings settings)
    {
        services.TryAddSingleton(_ => new HttpMessageInvoker(WeComClient.CreateHandler()));
        services.AddSingleton(provider => new CorpApps([.. settings.Apps.Select(app => provider.CreateApp(app.App, settings.BaseUrl))]));
        services.AddSingleton(provider => new TokenRefresh(
            provider.GetRequiredService<CorpApps>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<SessionSweep>() is { } sweep ? sweep.RunAsync : null));
        services.AddHostedService(provider => provider.GetRequiredService<TokenRefresh>());
    }

    /// <summary>Everything that is one app's own.</summary>
    private static CorpApp CreateApp(this IServiceProvider provider, WeComApp app, Uri baseUrl)
    {
        var client = ActivatorUtilities.CreateInstance<WeComClient>(provider, baseUrl, app);
        var secrets = ActivatorUtilities.CreateInstance<CorpSecretSource>(provider, app);
        var renewer = ActivatorUtilities.CreateInstance<TokenRenewer>(provider, app, client, secrets);
        return new(app, client, secrets, ActivatorUtilities.CreateInstance<AccessTokenSource>(provider, app, renewer));
    }

    private static void AddSessions(this IServiceCollection services, SessionSettings session, AzureSettings azure)
    {
        services.AddSingleton(session);
        if (azure.KeyVaultUri is null)
        {
            services.TryAddSingleton<ISigningKeyStore, DevelopmentKeyStore>();
        }
        else
        {
            services.TryAddSingleton<ISigningKeyStore, KeyVaultSecretStore>();
        }

        services.AddSingleton<SigningKeySource>();
        services.AddSingleton<SessionTokens>();
        services.AddSingleton<DiscoveryEndpoint>();
        services.AddSingleton<SigningKeysEndpoint>();
    }

    private static void AddMemberData(this IServiceCollection services, MemberDataSettings memberData, AzureSettings azure)
    {
        services.TryAddSingleton<ISessionKeyStore>(provider => new TableSessionKeyStore(
            TableTokenStore.CreateClient(azure, memberData.TableName, provider.GetRequiredService<AppIdentity>)));
        services.AddSingleton<SessionKeys>();
        services.AddSingleton<SessionSweep>();
        services.AddSingleton<MemberDataEndpoint>();
    }

    private static void AddEndpoints(this IServiceCollection services, Settings settings)
    {
        services.AddSingleton(_ => new CallerLimiter(settings.Limits));
        services.AddSingleton(settings.Login);
        if (settings.Login.DepartmentNames)
        {
            services.AddSingleton<DepartmentNames>();
        }

        services.AddSingleton<LoginHandler>();
        services.AddSingleton<LoginEndpoint>();
        services.AddSingleton<HealthEndpoint>();
        services.AddSingleton(
            provider => new Endpoints(provider.GetRequiredService<LoginEndpoint>(), provider.GetRequiredService<HealthEndpoint>())
            {
                Discovery = provider.GetService<DiscoveryEndpoint>(),
                SigningKeys = provider.GetService<SigningKeysEndpoint>(),
                MemberData = provider.GetService<MemberDataEndpoint>(),
            });
        services.AddHostedService<LoginDrain>();
    }

    private static void AddAzure(this IServiceCollection services, Settings settings)
    {
        services.TryAddSingleton(_ => AppIdentity.CreateCredential(settings.Azure, settings.IsDevelopment));
        services.TryAddSingleton(
            provider => new AppIdentity(provider.GetRequiredService<TokenCredential>(), provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => TableTokenStore.CreateClient(settings.Azure, provider.GetRequiredService<AppIdentity>));
        services.TryAddSingleton<ITokenStore, TableTokenStore>();
        if (settings.Azure.KeyVaultUri is { } uri)
        {
            services.TryAddSingleton(provider => KeyVaultSecretStore.CreateClient(uri, provider.GetRequiredService<AppIdentity>()));
        }

        var configured = settings.Apps.Where(app => app.CorpSecret is not null)
            .DistinctBy(app => app.App.SecretName)
            .ToDictionary(app => app.App.SecretName, app => ($"{app.App.SettingsPrefix}CorpSecret", app.CorpSecret!));
        if (configured.Count == 0)
        {
            services.TryAddSingleton<ICorpSecretStore, KeyVaultSecretStore>();
            return;
        }

        services.TryAddSingleton<ICorpSecretStore>(provider => new ConfiguredSecretStore(
            configured,
            settings.Azure.KeyVaultUri is null ? null : ActivatorUtilities.CreateInstance<KeyVaultSecretStore>(provider),
            provider.GetRequiredService<ILogger<ConfiguredSecretStore>>()));
    }
}
