using Azure.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Azure;
using WeComFunc.Health;
using WeComFunc.Http;
using WeComFunc.Login;
using WeComFunc.Secrets;
using WeComFunc.WeCom;

namespace WeComFunc;

/// <summary>Adds the login to a host.</summary>
public static class WeComFuncServices
{
    /// <summary>Checks the settings and adds <see cref="Endpoints"/> and <see cref="TokenRefresh"/>.</summary>
    /// <exception cref="SettingsException">A setting is missing or malformed.</exception>
    public static void AddWeComFunc(this IHostApplicationBuilder builder)
    {
        var settings = Settings.Read(builder.Configuration);
        var services = builder.Services;
        services.AddSingleton(settings);
#pragma warning disable RS0030 // Here they are given to all that take them.
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(Random.Shared);
#pragma warning restore RS0030
        services.AddSingleton<Telemetry>();
        services.AddAzure(settings);
        services.TryAddSingleton(_ => new HttpMessageInvoker(WeComClient.CreateHandler()));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<WeComClient>(provider, settings.BaseUrl));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<CorpSecretSource>(provider, settings.App));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<TokenRenewer>(provider, settings.App));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<AccessTokenSource>(provider, settings.App));
        services.AddSingleton(_ => new CallerLimiter(settings.Limits));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<LoginHandler>(provider, settings.App, settings.Login));
        services.AddSingleton<LoginEndpoint>();
        services.AddSingleton<HealthEndpoint>();
        services.AddSingleton(provider => new Endpoints(provider.GetRequiredService<LoginEndpoint>(), provider.GetRequiredService<HealthEndpoint>()));
        services.AddSingleton(provider => new TokenRefresh(provider.GetRequiredService<AccessTokenSource>(), provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService(provider => provider.GetRequiredService<TokenRefresh>());
    }

    private static void AddAzure(this IServiceCollection services, Settings settings)
    {
        services.TryAddSingleton(_ => AppIdentity.CreateCredential(settings.Azure, settings.IsDevelopment));
        services.TryAddSingleton(provider => new AppIdentity(provider.GetRequiredService<TokenCredential>(), provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => TableTokenStore.CreateClient(settings.Azure, provider.GetRequiredService<AppIdentity>));
        services.TryAddSingleton<ITokenStore, TableTokenStore>();
        if (settings.CorpSecret is { } secret)
        {
            services.TryAddSingleton<ICorpSecretStore>(
                provider => new ConfiguredSecretStore(secret, provider.GetRequiredService<ILogger<ConfiguredSecretStore>>()));
            return;
        }

        services.TryAddSingleton(provider => KeyVaultSecretStore.CreateClient(settings.Azure.KeyVaultUri!, provider.GetRequiredService<AppIdentity>()));
        services.TryAddSingleton<ICorpSecretStore, KeyVaultSecretStore>();
    }
}
