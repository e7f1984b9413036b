using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Azure.Data.Tables;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.MemberData;
using WeComFunc.Sessions;
using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

/// <summary>A test of hosts that give sessions, all by the same key, and open member data.</summary>
public abstract class MemberDataTest : LoginTest
{
    private readonly DevelopmentKeyStore _keys;

    protected MemberDataTest(Azurite azurite)
        : base(azurite)
    {
        _keys = new(Clock);
        Rows = new(azurite.ConnectionString, LoginHost.NewTable());
    }

    /// <summary>The table of the session_keys.</summary>
    protected TableClient Rows { get; }

    /// <summary>Starts a host with member data on.</summary>
    protected Task<LoginHost> StartWithDataAsync(
        Dictionary<string, string?>? settings = null, Action<IServiceCollection>? configure = null, Azurite? azurite = null)
    {
        var all = new Dictionary<string, string?>
        {
            ["Session__Issuer"] = "http://127.0.0.1/api",
            ["Session__Audience"] = "orders-api",
            ["MemberData__Enabled"] = "true",
            ["MemberData__TableName"] = Rows.Name,
            ["WeCom__MiniProgramAppId"] = SimulatorState.SeedAppId,
        };
        foreach (var (name, value) in settings ?? [])
        {
            all[name] = value;
        }

        return StartAsync(azurite: azurite, settings: all, configure: services =>
        {
            services.AddSingleton<ISigningKeyStore>(_keys);
            configure?.Invoke(services);
        });
    }

    /// <summary>Logs in a member.</summary>
    /// <returns>The session of the answer.</returns>
    protected async Task<JsonElement> SessionAsync(LoginHost host, string userId = "zhangsan", string? app = null, string? corpId = null)
    {
        var code = WeCom.IssueCode(userId, corpId ?? SimulatorState.SeedCorpId);
        Output.Run.Secret(code, "code");
        var answer = await host.PostAsync(JsonSerializer.Serialize(new { code, app }));
        Assert.Equal(200, answer.Status);
        return answer.Json.GetProperty("session");
    }

    /// <summary>Logs in a member.</summary>
    /// <returns>The token of a session with which member data can be had.</returns>
    protected async Task<string> TokenAsync(LoginHost host, string userId = "zhangsan", string? app = null, string? corpId = null)
    {
        var session = await SessionAsync(host, userId, app, corpId);
        Assert.True(session.GetProperty("memberData").GetBoolean());
        return session.GetProperty("token").GetString()!;
    }

    /// <summary>Asks for what is encrypted, with a session.</summary>
    protected static Task<LoginAnswer> AskAsync(LoginHost host, string token, EncryptedMemberData data) =>
        AskAsync(host, $"Bearer {token}", BodyOf(data));

    /// <summary>Posts a body to <c>/api/member-data</c>.</summary>
    protected static async Task<LoginAnswer> AskAsync(
        LoginHost host, string? authorization, byte[] body, string contentType = "application/json")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/member-data") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        return await LoginAnswer.OfAsync(await host.Client.SendAsync(request));
    }

    /// <summary>The request for what is encrypted.</summary>
    protected static byte[] BodyOf(EncryptedMemberData data) =>
        JsonSerializer.SerializeToUtf8Bytes(new { encryptedData = data.EncryptedData, iv = data.Iv });

    /// <summary>Where the row of a session is.</summary>
    private protected static SessionPlace PlaceOf(string token)
    {
        var claims = JsonSerializer.Deserialize<JsonElement>(ClaimsOf(token));
        return SessionPlace.Of(
            claims.GetProperty("jti").GetString()!, DateTimeOffset.FromUnixTimeSeconds(claims.GetProperty("exp").GetInt64()));
    }

    /// <summary>What a token says.</summary>
    protected static string ClaimsOf(string token) =>
        Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(token.Split('.')[1]));
}
