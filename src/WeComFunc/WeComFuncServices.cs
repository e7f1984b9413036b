using Azure.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.Azure;
using WeComFunc.Login;
using WeComFunc.WeCom;

namespace WeComFunc;

/// <summary>Adds the login to a host.</summary>
public static class WeComFuncServices
{
    /// <summary>Checks the settings and adds <see cref="LoginEndpoint"/>, <see cref="HealthEndpoint"/> and <see cref="TokenRefresh"/>.</summary>
    /// <exception cref="SettingsException">A setting is missing or malformed.</exception>
    public static void AddWeComFunc(this IHostApplicationBuilder builder)
    {
        var settings = Settings.Read(builder.Configuration);
        var services = builder.Services;
        services.AddSingleton(settings);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(Random.Shared);
        services.AddSingleton<Telemetry>();
        services.AddAzure(settings);
        services.TryAddSingleton(_ => new HttpMessageInvoker(WeComClient.CreateHandler()));
        services.AddSingleton<WeComClient>();
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<CorpSecretSource>(provider, settings.App));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<TokenRenewer>(provider, settings.App));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<AccessTokenSource>(provider, settings.App));
        services.AddSingleton<CallerLimiter>();
        services.AddSingleton<LoginHandler>();
        services.AddSingleton(provider => new LoginEndpoint(
            provider.GetRequiredService<LoginHandler>(),
            provider.GetRequiredService<CallerLimiter>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<Random>(),
            provider.GetRequiredService<Telemetry>(),
            provider.GetRequiredService<ILogger<LoginEndpoint>>()));
        services.AddSingleton(provider => new HealthEndpoint(
            provider.GetRequiredService<AccessTokenSource>(),
            provider.GetRequiredService<LoginHandler>(),
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<HealthEndpoint>>()));
        services.AddSingleton(provider => new TokenRefresh(provider.GetRequiredService<AccessTokenSource>(), provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService(provider => provider.GetRequiredService<TokenRefresh>());
        services.AddHostedService<LoginDrain>();
    }

    private static void AddAzure(this IServiceCollection services, Settings settings)
    {
        services.TryAddSingleton(_ => AppIdentity.CreateCredential(settings));
        services.TryAddSingleton(provider => new AppIdentity(provider.GetRequiredService<TokenCredential>(), provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton(provider => TableTokenStore.CreateClient(settings, provider.GetRequiredService<AppIdentity>));
        services.TryAddSingleton<ITokenStore, TableTokenStore>();
        if (settings.CorpSecret is { } secret)
        {
            services.TryAddSingleton<ICorpSecretStore>(
                provider => new ConfiguredSecretStore(secret, provider.GetRequiredService<ILogger<ConfiguredSecretStore>>()));
            return;
        }

        services.TryAddSingleton(provider => KeyVaultSecretStore.CreateClient(settings.KeyVaultUri!, provider.GetRequiredService<AppIdentity>()));
        services.TryAddSingleton<ICorpSecretStore, KeyVaultSecretStore>();
    }
}
