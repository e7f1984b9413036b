using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Apps;
using WeComFunc.Http;
using WeComFunc.Secrets;
using WeComFunc.Tests.Doubles;
using static WeComFunc.Tests.Doubles.ScriptedWeCom;

namespace WeComFunc.Tests;

/// <summary>How long health tells of a login that could not succeed.</summary>
public sealed class LoginTroubleTests
{
    private const int Taken = 0;
    private const int OtherCorp = -99;
    private const int Mended = 200;
    private const int Lasts = 503;

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>What another exchange comes to, after one that an operator has to mend.</summary>
    [Theory]
    [InlineData(60020, Taken, Mended)]
    [InlineData(60020, 40029, Mended)]
    [InlineData(301042, 40163, Mended)]
    [InlineData(60020, 48002, Lasts)]
    [InlineData(60020, -1, Lasts)]
    [InlineData(60020, 99999, Lasts)]
    [InlineData(301007, Taken, Mended)]
    [InlineData(301007, 60111, Mended)]
    [InlineData(301007, 92002, Lasts)]
    [InlineData(301007, 40029, Lasts)]
    [InlineData(301007, 45009, Lasts)]
    [InlineData(301007, 60020, Lasts)]
    public async Task It_lasts_until_WeCom_takes_a_code_or_shows_that_it_trusts_the_address(int first, int then, int expected)
    {
        using var process = await InTroubleAsync(Exchange, first);

        process.WeCom.Answer(Exchange, then == Taken ? Member : Errcode(then));
        await LoginAsync(process);

        Assert.Equal(expected, await HealthAsync(process));
    }

    /// <summary>
    /// Where no login goes without a profile: what the exchange and the profile's call come to, after trouble with one of them.
    /// </summary>
    [Theory]
    [InlineData(Exchange, 301007, Taken, Taken, Mended)]
    [InlineData(Exchange, 301007, Taken, -1, Mended)]
    [InlineData(Exchange, 301007, Taken, 99999, Mended)]
    [InlineData(UserGet, 48002, Taken, Taken, Mended)]
    [InlineData(UserGet, 48002, Taken, 60111, Mended)]
    [InlineData(UserGet, 48002, Taken, -1, Lasts)]
    [InlineData(UserGet, 48002, 60111, Taken, Lasts)]
    [InlineData(UserGet, 48002, 40029, Taken, Lasts)]
    [InlineData(UserGet, 48002, OtherCorp, Taken, Lasts)]
    [InlineData(UserGet, 60020, 40029, Taken, Mended)]
    public async Task It_lasts_until_the_call_that_failed_is_answered(string api, int first, int exchange, int profile, int expected)
    {
        using var process = await InTroubleAsync(api, first, ("Login:RequireProfile", "true"));

        process.WeCom.Answer(Exchange, exchange switch { Taken => Member, OtherCorp => Stranger, _ => Errcode(exchange) });
        process.WeCom.Answer(UserGet, profile == Taken ? OfJson("""{"errcode":0,"userid":"zhangsan"}""") : Errcode(profile));
        await LoginAsync(process);

        Assert.Equal(expected, await HealthAsync(process));
    }

    /// <summary>The corpsecret has been reset, and the tokens that are out stay good; a stranger's code is answered with 40014.</summary>
    [Theory]
    [InlineData(1, 200)]
    [InlineData(2, 200)]
    [InlineData(3, 503)]
    public async Task A_strangers_code_is_none_though_gettoken_refuses(int strangers, int expected)
    {
        using var process = await MemoryLogin.WarmAsync();
        process.WeCom.Answer(Exchange, Errcode(40014));
        process.WeCom.Answer(GetToken, Errcode(40001));

        for (var i = 0; i < 6; i++)
        {
            await process.LoginAsync($"a-code-{i}", forwardedFor: $"198.51.100.{i % strangers}");
            process.Clock.Advance(Minute);
        }

        Assert.Equal(expected, await HealthAsync(process));
    }

    [Theory]
    [InlineData(99999)]
    [InlineData(-1)]
    public async Task What_passes_by_itself_is_none(int errcode)
    {
        using var process = await MemoryLogin.WarmAsync();
        process.WeCom.Answer(Exchange, Errcode(errcode));

        await LoginAsync(process);

        Assert.Equal(200, await HealthAsync(process));
    }

    [Fact]
    public async Task A_login_without_a_token_is_over_once_the_timer_has_one()
    {
        using var process = new MemoryLogin();
        process.WeCom.Answer(GetToken, Errcode(60020));
        await process.LoginAsync();
        Assert.Equal(503, await HealthAsync(process));

        process.Clock.Advance(Minute);
        await RenewAsync(process);

        Assert.Equal(200, await HealthAsync(process));
    }

    [Fact]
    public async Task A_rejected_token_that_could_not_be_replaced_is_over_once_another_one_is_there()
    {
        using var process = await MemoryLogin.WarmAsync();
        process.WeCom.Answer(Exchange, Errcode(42001));
        process.WeCom.Answer(GetToken, Errcode(60020));
        Assert.Equal("misconfigured", (await process.LoginAsync())["code"]);
        Assert.Equal(503, await HealthAsync(process));

        process.Clock.Advance(85 * Minute);
        Assert.Equal(503, await HealthAsync(process));
        await RenewAsync(process);

        Assert.Equal(200, await HealthAsync(process));
    }

    [Fact]
    public async Task It_is_over_within_a_minute_once_another_corpsecret_is_stored()
    {
        using var process = await InTroubleAsync(Exchange, 301007);

        process.Secret = new CorpSecret("the-corpsecret-that-somebody-has-stored-01");
        process.Clock.Advance(Minute);
        await HealthAsync(process);

        Assert.Equal(200, await HealthAsync(process));
    }

    [Fact]
    public async Task However_often_health_is_asked_the_vault_is_asked_once_a_minute()
    {
        using var process = await InTroubleAsync(Exchange, 301007);
        var reads = process.VaultReads;

        for (var seconds = 0; seconds < 120; seconds++)
        {
            await HealthAsync(process);
        }

        Assert.InRange(process.VaultReads - reads, 1, 2);
    }

    private static Reply Member => MemberOf(MemoryLogin.CorpId);

    private static Reply Stranger => MemberOf("ww0000000000000009");

    private static Reply MemberOf(string corpId) =>
        OfJson($$"""{"errcode":0,"errmsg":"ok","corpid":"{{corpId}}","userid":"zhangsan","session_key":"any"}""");

    /// <summary>Logs in; the pauses between attempts go by at once.</summary>
    private static async Task LoginAsync(MemoryLogin process)
    {
        var login = process.LoginAsync();
        process.Clock.Advance(Minute);
        await login;
    }

    /// <summary>A warm process in which a call has failed a login, for an operator to mend.</summary>
    private static async Task<MemoryLogin> InTroubleAsync(string api, int errcode, params (string Name, string? Value)[] settings)
    {
        var process = await MemoryLogin.WarmAsync(settings);
        process.WeCom.Answer(api, Errcode(errcode));
        await process.LoginAsync();
        Assert.Equal(503, await HealthAsync(process));
        return process;
    }

    /// <summary>A run of the timer, with a WeCom that gives tokens again.</summary>
    private static Task RenewAsync(MemoryLogin process)
    {
        process.WeCom.Answer(GetToken, OfJson(TokenProcess.Issue("token-of-the-timer")));
        return process.Services.GetRequiredService<TokenRefresh>().RunAsync(CancellationToken.None);
    }

    /// <summary>The status of <c>/api/health</c>, by a look at the row that is its own.</summary>
    private static async Task<int> HealthAsync(MemoryLogin process)
    {
        process.Clock.Advance(TimeSpan.FromSeconds(1));
        var health = process.Services.GetRequiredService<Endpoints>().Health;
        return (await health.AnswerAsync(new BareCall(Stream.Null), CancellationToken.None)).Status;
    }
}
