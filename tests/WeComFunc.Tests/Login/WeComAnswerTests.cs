using System.Net;
using System.Net.Sockets;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What becomes of a login when WeCom answers otherwise than documented, or not at all.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class WeComAnswerTests(Azurite azurite) : LoginTest(azurite)
{
    private static readonly Dictionary<string, Fault> Undocumented = new()
    {
        ["nothing"] = new() { Status = 200 },
        ["HTML"] = new() { Body = "<html><body>Bad gateway</body></html>" },
        ["cut"] = new() { Body = """{"errcode":0,"errmsg":"ok","us""" },
        ["an array"] = new() { Body = "[]" },
        ["null"] = new() { Body = "null" },
        ["a string"] = new() { Body = "\"ok\"" },
        ["two objects"] = new() { Body = """{"errcode":0,"errmsg":"ok"}{}""" },
        ["an empty object"] = new() { Body = "{}" },
        ["errcode a word"] = new() { Body = """{"errcode":"ok","errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["errcode an empty string"] = new() { Body = """{"errcode":"","errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["errcode null"] = new() { Body = """{"errcode":null,"errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["errcode a fraction"] = new() { Body = """{"errcode":0.5,"errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["errcode over 32 bits"] =
            new() { Body = """{"errcode":4294967296,"errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef"}""" },
        ["nothing but errcode 0"] = new() { Body = """{"errcode":0,"errmsg":"ok"}""" },
        ["HTTP 201"] = new() { Status = 201 },
        ["HTTP 302"] = new() { Status = 302 },
        ["HTTP 400"] = new() { Status = 400 },
        ["HTTP 403"] = new() { Status = 403, Body = """{"errcode":40029,"errmsg":"invalid code"}""" },
        ["HTTP 404"] = new() { Status = 404 },
        ["more than 1 MiB"] = new()
        {
            Body =
                """{"errcode":"""
                + $$"""0,"errmsg":"ok","userid":"zhangsan","corpid":"ww1234567890abcdef","name":"{{new string('x', 1024 * 1024)}}"}""",
        },
    };

    public static TheoryData<Api, string> UndocumentedAnswers
    {
        get
        {
            var all = new TheoryData<Api, string>();
            foreach (var api in (Api[])[Api.GetToken, Api.JsCode2Session, Api.UserGet])
            {
                foreach (var answer in Undocumented.Keys)
                {
                    all.Add(api, answer);
                }
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(UndocumentedAnswers))]
    public async Task An_answer_that_is_not_the_documented_JSON_is_wecom_unexpected(Api api, string answerOfWeCom)
    {
        var host = await StartRequiringProfileAsync();
        WeCom[api].AddFault(Undocumented[answerOfWeCom] with { Times = null });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 502, "wecom_unexpected");
        Assert.Equal(1, WeCom[api].Calls.Arrived);
    }

    [Theory]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","expires_in":7200}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"","expires_in":7200}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"not-a-token"}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"not-a-token","expires_in":0}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"not-a-token","expires_in":"two hours"}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":"not-a-token","expires_in":7200.5}""")]
    [InlineData(Api.GetToken, """{"errcode":0,"errmsg":"ok","access_token":7,"expires_in":7200}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","session_key":"not-a-session-key"}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":""}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":7}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","userid":"zhangsan","session_key":"not-a-session-key"}""")]
    [InlineData(Api.JsCode2Session, """{"errcode":0,"errmsg":"ok","corpid":null,"userid":"zhangsan"}""")]
    [InlineData(Api.UserGet, """{"errcode":0,"errmsg":"ok","name":"张三"}""")]
    [InlineData(Api.UserGet, """{"errcode":0,"errmsg":"ok","name":"张三","userid":7}""")]
    public async Task An_answer_without_a_documented_member_is_wecom_unexpected(Api api, string answerOfWeCom)
    {
        var host = await StartRequiringProfileAsync();
        WeCom[api].AddFault(new Fault { Body = answerOfWeCom });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 502, "wecom_unexpected");
    }

    [Theory]
    [InlineData("miniprogram/jscode2session")]
    [InlineData("user/get")]
    public async Task Invalid_UTF8_is_wecom_unexpected(string path)
    {
        var weCom = await StartVerbatimAsync();
        var host = await StartRequiringProfileAsync(new() { ["WeCom__BaseUrl"] = weCom.BaseAddress.AbsoluteUri });
        weCom.Answer(path, [.. """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":"zhang"""u8, 0xff, .. "\"}"u8]);

        var answer = await host.LoginAsync("a-code-that-works");

        AssertProblem(host, answer, 502, "wecom_unexpected");
    }

    [Fact]
    public async Task A_redirect_is_wecom_unexpected_and_not_followed()
    {
        var weCom = await StartVerbatimAsync();
        var host = await StartRequiringProfileAsync(new() { ["WeCom__BaseUrl"] = weCom.BaseAddress.AbsoluteUri });
        weCom.Answer("miniprogram/jscode2session", context =>
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = "/cgi-bin/elsewhere";
            return [];
        });

        var answer = await host.LoginAsync("a-code-that-works");

        AssertProblem(host, answer, 502, "wecom_unexpected");
        Assert.Equal(["/cgi-bin/gettoken", "/cgi-bin/miniprogram/jscode2session"], weCom.Paths);
    }

    [Fact]
    public async Task A_server_error_is_wecom_busy_after_three_tries()
    {
        var host = await StartRequiringProfileAsync();
        WeCom[Api.UserGet].AddFault(new Fault { Status = 504, Times = null });

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await Clock.RunUntilAsync(WeCom[Api.UserGet].WaitForCallsAsync(3), AttemptLimit);

        AssertProblem(host, await login, 503, "wecom_busy");
        Assert.Equal(3, WeCom[Api.UserGet].Calls.Arrived);
    }

    [Fact]
    public async Task A_WeCom_that_does_not_answer_is_wecom_busy_within_ten_seconds()
    {
        var host = await StartRequiringProfileAsync();
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true, Times = null });

        var answer = await Clock.RunUntilAsync(host.LoginAsync(WeCom.IssueCode("zhangsan")), LoginLimit);

        AssertProblem(host, answer, 503, "wecom_busy");
    }

    [Fact]
    public async Task A_WeCom_that_cannot_be_reached_is_wecom_busy()
    {
        using var closed = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        closed.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var host = await StartRequiringProfileAsync(new() { ["WeCom__BaseUrl"] = $"http://{closed.LocalEndPoint}/" });

        var answer = await Clock.RunUntilAsync(host.LoginAsync(WeCom.IssueCode("zhangsan")), LoginLimit);

        AssertProblem(host, answer, 503, "wecom_busy");
    }

    [Theory]
    [InlineData(Api.GetToken, 40013)]
    [InlineData(Api.JsCode2Session, 40029)]
    [InlineData(Api.UserGet, 48002)]
    public async Task What_WeCom_says_of_a_failure_is_for_the_log(Api api, int errcode)
    {
        var host = await StartRequiringProfileAsync();
        WeCom[api].AddFault(
            new Fault { Body = $$"""{"errcode":{{errcode}},"errmsg":"the very words, hint: [1700000000123], from ip: 203.0.113.9"}""" });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, int.Parse(answer["status"]!), answer["code"]!, errcode);
        Assert.DoesNotContain("the very words", answer.Text);
        Assert.Contains(
            host.Log.All,
            line => line.Contains($"errcode {errcode}, app default, errmsg the very words, hint: [1700000000123], from ip: 203.0.113.9"));
    }

    [Fact]
    public async Task A_secret_that_WeCom_repeats_is_not_in_the_log()
    {
        var host = await StartRequiringProfileAsync();
        WeCom[Api.GetToken].AddFault(new Fault { Body = $$"""{"errcode":40001,"errmsg":"no such secret:\n{{WeCom.CorpSecret}}"}""" });

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, 500, "misconfigured", 40001);
        Assert.Contains(host.Log.All, line => line.Contains("errmsg no such secret: ***"));
        Assert.DoesNotContain(host.Log.All, line => line.Contains(WeCom.CorpSecret));
    }

    private async Task<VerbatimWeCom> StartVerbatimAsync()
    {
        var weCom = Ends(await VerbatimWeCom.StartAsync());
        weCom.Answer("gettoken", """{"errcode":0,"errmsg":"ok","access_token":"a-token-of-its-own","expires_in":7200}"""u8);
        weCom.Answer("miniprogram/jscode2session", """{"errcode":0,"errmsg":"ok","corpid":"ww1234567890abcdef","userid":"zhangsan"}"""u8);
        return weCom;
    }
}
