using System.Net;
using System.Text.Json;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Member data on the deployed app, under a Functions host.</summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppMemberDataTests(PublishedApp app)
{
    [Fact]
    public async Task Where_it_is_off_it_is_404_without_a_body()
    {
        var host = await app.SharedAsync();

        using var answer = await PostAsync(host, "any", new { encryptedData = "", iv = "" });

        Assert.Equal((HttpStatusCode.NotFound, ""), (answer.StatusCode, await answer.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task What_a_call_of_the_mini_program_gave_is_opened_with_the_session_and_with_no_other()
    {
        await using var simulator = await SimulatorServer.StartAsync();
        var settings = new Dictionary<string, string?>(SigningSecret.Settings)
        {
            ["MemberData__Enabled"] = "true",
            ["MemberData__TableName"] = LoginHost.NewTable(),
            ["WeCom__MiniProgramAppId"] = SimulatorState.SeedAppId,
        };
        await using var host = await PublishedHost.StartAsync(simulator, app.Azurite, settings: settings);
        var login = await host.LoginAsync(simulator.State.IssueCode("zhangsan"));
        var session = login.Json.GetProperty("session");
        var token = session.GetProperty("token").GetString()!;
        var data = simulator.State.Encrypt(MemberDataCall.GetMobile, "zhangsan");
        var body = new { encryptedData = data.EncryptedData, iv = data.Iv };

        using var opened = await PostAsync(host, token, body);
        using var noToken = await PostAsync(host, null, body);
        using var anotherToken = await PostAsync(host, $"{token}A", body);
        using var noData = await PostAsync(host, token, new { encryptedData = data.Iv, iv = data.Iv });

        Output.Run.Secrets(simulator.State.IssuedSecrets);
        Assert.True(session.GetProperty("memberData").GetBoolean());
        Assert.Equal(
            (HttpStatusCode.OK, """{"data":{"mobile":"13800000000"}}"""), (opened.StatusCode, await opened.Content.ReadAsStringAsync()));
        Assert.Equal("no-store", opened.Headers.CacheControl?.ToString());
        await AssertProblemAsync(noToken, HttpStatusCode.Unauthorized, "invalid_session", "Bearer");
        await AssertProblemAsync(anotherToken, HttpStatusCode.Unauthorized, "invalid_session", "Bearer");
        await AssertProblemAsync(noData, HttpStatusCode.BadRequest, "invalid_data", "");
    }

    private static async Task AssertProblemAsync(HttpResponseMessage answer, HttpStatusCode status, string code, string challenge)
    {
        var problem = JsonSerializer.Deserialize<JsonElement>(await answer.Content.ReadAsStringAsync());
        Assert.Equal(
            (status, code, challenge),
            (answer.StatusCode, problem.GetProperty("code").GetString(), answer.Headers.WwwAuthenticate.ToString()));
    }

    private static Task<HttpResponseMessage> PostAsync(PublishedHost host, string? token, object body)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/api/member-data")
        {
            Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body))
            {
                Headers = { { "Content-Type", "application/json" } },
            },
        };
        if (token is not null)
        {
            request.Headers.Authorization = new("Bearer", token);
        }

        return host.Client.SendAsync(request);
    }
}
