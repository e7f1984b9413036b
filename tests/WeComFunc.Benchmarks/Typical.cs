using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Caching.Memory;

namespace WeComFunc.Benchmarks;

/// <summary>
/// The login as most would write it: minimal API, IHttpClientFactory, GetFromJsonAsync, the token in an IMemoryCache. A rejected token is
/// removed from the cache, and the login that met it fails.
/// </summary>
internal sealed class Typical(IHttpClientFactory clients, IMemoryCache cache, ILogger<Typical> logger)
{
    public static Task RunAsync(string url, string upstream)
    {
        var builder = WebApplication.CreateBuilder();
        builder.WebHost.ListenOn(url);
        builder.Logging.AddSameConsole();
        builder.Services.AddMemoryCache();
        builder.Services.AddHttpClient("wecom", client => client.BaseAddress = new Uri(upstream));
        builder.Services.AddScoped<Typical>();
        var app = builder.Build();
        app.MapPost("/api/login", (LoginBody body, Typical typical) => typical.LoginAsync(body.Code));
        return app.RunAsync();
    }

    private async Task<IResult> LoginAsync(string code)
    {
        var started = Stopwatch.GetTimestamp();
        var http = clients.CreateClient("wecom");
        var token = await cache.GetOrCreateAsync("access_token", async entry =>
        {
            var issued = await http.GetFromJsonAsync<TokenAnswer>(
                $"cgi-bin/gettoken?corpid={Upstream.CorpId}&corpsecret={Upstream.CorpSecret}");
            entry.AbsoluteExpirationRelativeToNow = TimeSpan.FromSeconds(issued!.ExpiresIn - 60);
            return issued.AccessToken;
        });
        var session = await http.GetFromJsonAsync<SessionAnswer>(
            $"cgi-bin/miniprogram/jscode2session?access_token={token}&js_code={Uri.EscapeDataString(code)}&grant_type=authorization_code");
        if (session!.Errcode != 0)
        {
            return Fail(session.Errcode);
        }

        var profile = await http.GetFromJsonAsync<Dictionary<string, JsonElement>>(
            $"cgi-bin/user/get?access_token={token}&userid={Uri.EscapeDataString(session.UserId!)}");
        if (profile!["errcode"].GetInt32() is not 0 and var errcode)
        {
            return Fail(errcode);
        }

        profile.Remove("errcode");
        profile.Remove("errmsg");
        Logging.Login(logger, "ok", Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        return Results.Json(new { userid = session.UserId, corpid = session.CorpId, profile });
    }

    private IResult Fail(int errcode)
    {
        if (errcode is 40014 or 42001)
        {
            cache.Remove("access_token");
        }

        return Results.Problem($"errcode {errcode}", statusCode: 502);
    }

    private sealed record LoginBody(string Code);

    private sealed record TokenAnswer(
        int Errcode,
        [property: JsonPropertyName("access_token")] string AccessToken,
        [property: JsonPropertyName("expires_in")] int ExpiresIn);

    private sealed record SessionAnswer(int Errcode, string? UserId, string? CorpId);
}
