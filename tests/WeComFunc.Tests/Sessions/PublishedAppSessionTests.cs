using System.Net;
using System.Text.Json;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Sessions on the deployed app: its routes, its keys, and that it costs nothing where it is off.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppSessionTests(PublishedApp app)
{
    private const string Library = "Microsoft.IdentityModel.JsonWebTokens.dll";

    private static readonly string[] Routes = ["/api/.well-known/openid-configuration", "/api/.well-known/jwks.json"];

    [Fact]
    public async Task Where_sessions_are_off_their_routes_are_not_there_and_nothing_of_them_is_loaded()
    {
        var host = await app.SharedAsync();

        foreach (var route in Routes)
        {
            using var answer = await host.Client.GetAsync(route);
            Assert.Equal((HttpStatusCode.NotFound, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }

        var login = await host.LoginAsync(app.WeCom.IssueCode("zhangsan"));
        Assert.False(login.Json.TryGetProperty("session", out _));
        Assert.DoesNotContain(Library, await LoadedAsync(host));
    }

    [Fact]
    public async Task Discovery_and_keys_are_served_to_anybody_and_to_caches_and_the_token_is_by_one_of_them()
    {
        await using var simulator = await SimulatorServer.StartAsync();
        await using var host = await PublishedHost.StartAsync(simulator, app.Azurite, settings: SigningSecret.Settings);

        var token = TokenOf(await host.LoginAsync(simulator.State.IssueCode("zhangsan")));

        foreach (var route in Routes)
        {
            using var got = await host.Client.GetAsync(route);
            using var request = new HttpRequestMessage(HttpMethod.Head, route);
            using var head = await host.Client.SendAsync(request);
            Assert.Equal(
                (HttpStatusCode.OK, "application/json", "public, max-age=3600"),
                (got.StatusCode, got.Content.Headers.ContentType?.ToString(), got.Headers.CacheControl?.ToString()));
            Assert.Equal((HttpStatusCode.OK, ""), (head.StatusCode, await head.Content.ReadAsStringAsync()));
        }

        var discovery = JsonSerializer.Deserialize<JsonElement>(await host.Client.GetStringAsync(Routes[0]));
        Assert.Equal("https://login.example.com/api/.well-known/jwks.json", discovery.GetProperty("jwks_uri").GetString());
        Assert.Equal(await KeyIdsAsync(host), [KeyIdOf(token)]);
        Assert.Contains(Library, await LoadedAsync(host));
    }

    [Fact]
    public async Task Its_keys_are_the_versions_of_the_vaults_secret()
    {
        await using var simulator = await SimulatorServer.StartAsync();
        await using var vault = await KeyVault.CreateAsync();
        await using var gate = await KeyVaultGate.OpenAsync(vault);
        vault.Set("wecom-corpsecret", simulator.State.CorpSecret);
        string[] keys = [SigningSecret.Create(), SigningSecret.Create()];
        vault.Set(SigningSecret.SecretName, keys[0], DateTimeOffset.UtcNow.AddDays(-30));
        vault.Set(SigningSecret.SecretName, keys[1]);
        var settings = gate.Settings.Concat(SigningSecret.Settings).ToDictionary();
        await using var host = await PublishedHost.StartAsync(simulator, app.Azurite, settings: settings);

        var token = TokenOf(await host.LoginAsync(simulator.State.IssueCode("zhangsan")));

        Assert.Equal(keys.Select(SigningSecret.IdOf), await KeyIdsAsync(host));
        Assert.Equal(SigningSecret.IdOf(keys[0]), KeyIdOf(token));
        Output.Run.Secrets(vault.IssuedSecrets);
        Output.Run.Secrets(simulator.State.IssuedSecrets);
    }

    private static string TokenOf(LoginAnswer answer) => answer.Json.GetProperty("session").GetProperty("token").GetString()!;

    private static string? KeyIdOf(string token) =>
        JsonSerializer.Deserialize<JsonElement>(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[0])).GetProperty("kid")
            .GetString();

    private static async Task<IEnumerable<string?>> KeyIdsAsync(PublishedHost host)
    {
        var keys = JsonSerializer.Deserialize<JsonElement>(await host.Client.GetStringAsync(Routes[1]));
        return [.. keys.GetProperty("keys").EnumerateArray().Select(key => key.GetProperty("kid").GetString())];
    }

    /// <summary>What the process has mapped into its memory, the libraries among it.</summary>
    private static Task<string> LoadedAsync(PublishedHost host) => File.ReadAllTextAsync($"/proc/{host.App.ProcessId}/maps");
}
