using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using WeComFunc.Simulator;

namespace WeComFunc.Tests;

/// <summary>The simulator's control API does over HTTP what tests do in the process.</summary>
public sealed class SimulatorControlApiTests : SimulatorTest
{
    [Fact]
    public async Task OverHttp_a_person_can_do_the_same()
    {
        await ControlAsync("PUT", "corps/wwnew/apps/crm", """{"secret":"a-corpsecret-of-my-own","hiddenMembers":["b"]}""");
        await ControlAsync("PUT", "corps/wwnew/members/a", """{"userid":"a"}""");
        await ControlAsync("PUT", "corps/wwnew/members/b", """{"userid":"b"}""");
        var token = Text(await TokenAnswerAsync("a-corpsecret-of-my-own", "wwnew"), "access_token");
        Assert.Equal((0, 60111), (Errcode(await UserAsync(token, "a")), Errcode(await UserAsync(token, "b"))));

        var code = await ControlAsync("POST", "codes", """{"userid":"a","corpid":"wwnew"}""");
        Assert.Equal("wwnew", Text(await ExchangeAsync(token, Text(code, "code")), "corpid"));

        var revoked = await ControlAsync("POST", "tokens/revoke");
        Assert.Equal(1, revoked.GetProperty("revoked").GetInt32());
        var rotated = await ControlAsync("POST", "corps/wwnew/apps/crm/rotate", "{}");
        Assert.Equal(State.GetSecret("wwnew", "crm"), Text(rotated, "secret"));

        var data = await ControlAsync("POST", "member-data", """{"userid":"a","corpid":"wwnew","call":"getEnterpriseUserInfo"}""");
        Assert.Equal(
            """{"corpid":"wwnew","userid":"a","name":"","gender":"","watermark":{"appid":"wx0123456789abcdef","timestamp":"""
                + $"{Time.GetUtcNow().ToUnixTimeSeconds()}}}}}",
            Decrypted(data, State.SessionKeyOf("a", "wwnew")));

        var state = (await ControlAsync("GET", "state")).GetRawText();
        Assert.Contains("wwnew", state);
        Assert.Contains(State.GetSecret("wwnew", "crm"), state);
    }

    [Fact]
    public async Task OverHttp_a_person_can_disturb_the_calls()
    {
        await ControlAsync("POST", "faults", """{"api":"user/get","errcode":-1,"times":null}""");
        await ControlAsync("POST", "faults", """{"hold":true}""");
        var held = TokenAnswerAsync();
        await State[Api.GetToken].WaitForCallsAsync(1);

        await ControlAsync("POST", "faults/clear", """{"api":"gettoken"}""");
        var token = Text(await held, "access_token");
        Assert.Equal(-1, Errcode(await UserAsync(token, "zhangsan")));
        await ControlAsync("POST", "faults/clear", "{}");
        Assert.Equal(0, Errcode(await UserAsync(token, "zhangsan")));
    }

    [Theory]
    [InlineData("POST", "codes", "{}", 400)]
    [InlineData("POST", "codes", """{"userid":"a","corpid":"wwunknown"}""", 404)]
    [InlineData("POST", "codes", """{"userid":"a","code":"short"}""", 400)]
    [InlineData("POST", "member-data", """{"userid":"zhangsan"}""", 404)]
    [InlineData("POST", "member-data", """{"userid":"zhangsan","call":"getAvatar"}""", 400)]
    [InlineData("POST", "faults", """{"api":"gettoken","errorcode":1}""", 400)]
    [InlineData("POST", "faults", """{"api":"getticket"}""", 400)]
    [InlineData("PUT", "corps/ww/members/a", "[]", 400)]
    [InlineData("PUT", "corps/ww/members/a", "not json", 400)]
    [InlineData("POST", "corps/ww1234567890abcdef/apps/none/rotate", "{}", 404)]
    public async Task A_mistake_in_the_control_api_is_explained(string method, string path, string body, int status)
    {
        using var response = await SendAsync(method, path, body);

        Assert.Equal(status, (int)response.StatusCode);
        Assert.NotEmpty(Text(await response.Content.ReadFromJsonAsync<JsonElement>(), "error"));
    }

    [Theory]
    [InlineData("GET", "codes", null, "There is no GET /sim/codes.")]
    [InlineData("POST", "nothing", "{}", "There is no POST /sim/nothing.")]
    [InlineData("POST", "codes", """{"userid":"a","corpid":"wwunknown"}""", "There is no wwunknown.")]
    [InlineData(
        "POST",
        "faults",
        """{"api":"getticket"}""",
        """api must be one of "gettoken", "jscode2session", "user/get", "department/get".""")]
    public async Task A_mistake_is_explained_by_what_there_is(string method, string path, string? body, string expected)
    {
        using var response = await SendAsync(method, path, body);

        Assert.Equal(expected, Text(await response.Content.ReadFromJsonAsync<JsonElement>(), "error"));
    }

    /// <summary>As <c>curl -d</c> sends it, and <c>curl -X POST</c>.</summary>
    [Theory]
    [InlineData("codes", """{"userid":"lisi"}""")]
    [InlineData("faults/clear", null)]
    [InlineData("corps/ww1234567890abcdef/apps/login/rotate", null)]
    public async Task A_body_has_any_type_and_may_be_absent_where_nothing_has_to_be_said(string path, string? body)
    {
        using var content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/x-www-form-urlencoded");
        using var response = await Http.PostAsync(new Uri("sim/" + path, UriKind.Relative), content);

        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }

    private static string Decrypted(JsonElement data, string sessionKey)
    {
        using var aes = Aes.Create();
        aes.Key = Convert.FromBase64String(sessionKey);
        return Encoding.UTF8.GetString(
            aes.DecryptCbc(Convert.FromBase64String(Text(data, "encryptedData")), Convert.FromBase64String(Text(data, "iv"))));
    }

    private Task<HttpResponseMessage> SendAsync(string method, string path, string? body) => Http.SendAsync(new(new(method), "sim/" + path)
    {
        Content = body is null ? null : new StringContent(body, Encoding.UTF8, "application/json"),
    });

    private async Task<JsonElement> ControlAsync(string method, string path, string? body = null)
    {
        using var response = (await SendAsync(method, path, body)).EnsureSuccessStatusCode();
        var answer = await response.Content.ReadAsStringAsync();
        return JsonSerializer.Deserialize<JsonElement>(answer.Length == 0 ? "{}" : answer);
    }
}
