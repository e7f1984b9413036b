using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Claims;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// Session tokens as other back ends check them, by code that nobody here wrote and the lines of the README. Their clock is the system's.
/// </summary>
[Trait("Speed", "Slow")]
[Collection(AzuriteCollection.Name)]
public sealed partial class VerifierTests(Azurite azurite) : FleetTest(azurite, new(DateTimeOffset.UtcNow))
{
    private const string Issuer = "https://login.YOUR-DOMAIN/api";

    /// <summary>
    /// Runs the lines of the README, with a fetch that finds the issuer here; prints the subject, or the code of the error.
    /// </summary>
    private const string Script = """
        import { readFileSync } from 'node:fs'
        import { createRemoteJWKSet, jwtVerify } from 'jose'
        const [page, host, token] = process.argv.slice(-3)
        const lines = /```js\nimport ([\s\S]*?)```/.exec(readFileSync(page, 'utf8'))[1].split('\n').slice(1).join('\n')
        const fetched = globalThis.fetch
        globalThis.fetch = (url, options) => fetched(String(url).replace(/^https:\/\/login\.your-domain/i, host), options)
        const verify = new Function('createRemoteJWKSet', 'jwtVerify', lines + '\nreturn verify')(createRemoteJWKSet, jwtVerify)
        verify(token).then(verified => console.log(verified.payload.sub), error => console.log(error.code))
        """;

    private KeyVault _vault = null!;
    private LoginHost _host = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _vault = Ends(await KeyVault.CreateAsync());
        _vault.Set("wecom-corpsecret", WeCom.CorpSecret);
        _vault.Set(SigningSecret.SecretName, SigningSecret.Create(), Clock.GetUtcNow().AddDays(-30));
        _host = await StartAsync(_vault, settings: new()
        {
            ["Session__Issuer"] = Issuer,
            ["Session__Audience"] = "orders-api, crm",
            ["Session__Claims"] = "name,department",
        });
    }

    [Fact]
    public async Task ASP_NET_Core_takes_it_knowing_the_issuer_and_the_audience()
    {
        await using var backEnd = await BackEndAsync("orders-api");

        var answer = await AskAsync(backEnd, await TokenAsync());

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.Contains($"sub {SimulatorState.SeedCorpId}/zhangsan", answer.Claims);
        Assert.Contains("userid zhangsan", answer.Claims);
        Assert.Contains("client_id default", answer.Claims);
        Assert.Contains("department 1", answer.Claims);
        Assert.Contains(answer.Claims, claim => claim.StartsWith("name ", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("crm", true, HttpStatusCode.OK)]
    [InlineData("another", true, HttpStatusCode.Unauthorized)]
    [InlineData("orders-api", false, HttpStatusCode.Unauthorized)]
    public async Task ASP_NET_Core_refuses_what_is_for_others_or_changed(string audience, bool isWhole, HttpStatusCode status)
    {
        await using var backEnd = await BackEndAsync(audience);
        var token = await TokenAsync();

        Assert.Equal(status, (await AskAsync(backEnd, isWhole ? token : Changed(token))).Status);
    }

    [Fact]
    public async Task A_back_end_that_has_seen_the_keys_takes_the_first_token_by_a_new_one()
    {
        _vault.Set(SigningSecret.SecretName, SigningSecret.Create(), Clock.GetUtcNow().AddHours(-24).AddSeconds(20));
        await using var backEnd = await BackEndAsync("orders-api");
        var before = await TokenAsync();
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(backEnd, before)).Status);
        Clock.Advance(TimeSpan.FromSeconds(30));

        var after = await TokenAsync();

        Assert.NotEqual(before.Split('.')[0], after.Split('.')[0]);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync(backEnd, after)).Status);
    }

    [Fact]
    public void The_lines_for_ASP_NET_Core_are_those_that_are_run_here()
    {
        var source = Repository.Read("tests/WeComFunc.Tests/Sessions/VerifierTests.cs");

        Assert.All(
            (string[])["README.md", "README.zh-CN.md"],
            page =>
            {
                string[] lines = [.. CSharpPattern().Match(Repository.Read(page)).Groups[1].Value.Split('\n').Select(line => line.Trim())];
                Assert.True(lines.Length >= 5);
                Assert.All(lines, line => Assert.Contains(line, source));
            });
    }

    [Theory]
    [InlineData("README.md")]
    [InlineData("README.zh-CN.md")]
    public async Task Node_with_jose_takes_it_by_the_keys_of_the_issuer_and_refuses_what_is_changed(string page)
    {
        var token = await TokenAsync();

        Assert.Equal($"{SimulatorState.SeedCorpId}/zhangsan", await VerifyAsync(page, token));
        Assert.Equal("ERR_JWS_SIGNATURE_VERIFICATION_FAILED", await VerifyAsync(page, Changed(token)));
    }

    private static string Changed(string token)
    {
        var parts = token.Split('.');
        return $"{parts[0]}.{parts[1]}.{(parts[2][0] == 'A' ? 'B' : 'A')}{parts[2][1..]}";
    }

    private static async Task<(HttpStatusCode Status, string[] Claims)> AskAsync(WebApplication backEnd, string token)
    {
        using var client = new HttpClient { BaseAddress = new Uri(backEnd.Urls.First()) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        using var answer = await client.GetAsync("/orders");
        return (
            answer.StatusCode,
            answer.IsSuccessStatusCode ? JsonSerializer.Deserialize<string[]>(await answer.Content.ReadAsStringAsync())! : []);
    }

    private async Task<string> TokenAsync()
    {
        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));
        return answer.Json.GetProperty("session").GetProperty("token").GetString()!;
    }

    /// <summary>A back end as the README has it; the address of the issuer leads to the host under test.</summary>
    private async Task<WebApplication> BackEndAsync(string audience)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddAuthorization().AddAuthentication().AddJwtBearer(jwt =>
        {
            (jwt.Authority, jwt.Audience) = ("https://login.YOUR-DOMAIN/api", "orders-api");
            jwt.MapInboundClaims = false; // sub stays sub
        });
        builder.Services.Configure<JwtBearerOptions>(JwtBearerDefaults.AuthenticationScheme, jwt =>
        {
            jwt.Audience = audience;
            jwt.BackchannelHttpHandler = new Redirection(_host.Client.BaseAddress!);
        });
        var app = builder.Build();
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapGet("/orders", (ClaimsPrincipal user) =>
            Results.Text(JsonSerializer.Serialize(user.Claims.Select(claim => $"{claim.Type} {claim.Value}")))).RequireAuthorization();
        await app.StartAsync();
        return app;
    }

    private async Task<string> VerifyAsync(string page, string token)
    {
        var host = _host.Client.BaseAddress!.GetLeftPart(UriPartial.Authority);
        var start = new ProcessStartInfo(
            "node", ["--input-type=module", "-e", Script, "--", Path.Combine(Repository.Root, page), host, token])
        {
            WorkingDirectory = Path.Combine(Repository.Root, "tests", "jose"),
            RedirectStandardOutput = true,
        };
        using var node = Process.Start(start)!;
        var output = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();
        return output.Trim();
    }

    [GeneratedRegex("```csharp\n(.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex CSharpPattern();

    /// <summary>Leads to a host under test, whatever address is asked for.</summary>
    private sealed class Redirection(Uri host) : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.RequestUri = new Uri(host, request.RequestUri!.PathAndQuery);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
