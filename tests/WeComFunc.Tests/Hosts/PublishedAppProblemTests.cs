using System.Text;
using Microsoft.Extensions.Logging;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// The table of problems in the contract, as callers of the deployed app see it; but for <c>internal_error</c>, a defect, which has no
/// cause here.
/// </summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class PublishedAppProblemTests(PublishedApp app)
{
    /// <summary>What is refused before any call has no line of its own.</summary>
    private static readonly string[] Refused =
        ["invalid_request", "length_required", "payload_too_large", "unsupported_media_type", "too_many_requests"];

    [Theory]
    [InlineData("{}", "application/json", 400, "invalid_request")]
    [InlineData("", "application/json", 400, "invalid_request")]
    [InlineData("""{"code":"0123456789abcdef"}""", "text/plain", 415, "unsupported_media_type")]
    [InlineData("""{"code":"0123456789abcdef"}""", null, 415, "unsupported_media_type")]
    public async Task A_request_that_is_not_what_the_contract_says(string body, string? contentType, int status, string code)
    {
        var host = await app.SharedAsync();

        var answer = await host.PostAsync(Encoding.UTF8.GetBytes(body), contentType);

        AssertProblem(host, answer, status, code);
    }

    [Fact]
    public async Task A_body_of_8_KiB_and_a_byte()
    {
        var host = await app.SharedAsync();

        var answer = await host.PostAsync(Encoding.UTF8.GetBytes(new string(' ', 8193)));

        AssertProblem(host, answer, 413, "payload_too_large");
    }

    [Fact]
    public async Task A_body_of_64_KiB_and_a_byte_which_the_host_itself_refuses()
    {
        var host = await app.SharedAsync();
        var logged = host.Log.Count;

        var answer = await host.PostAsync(Encoding.UTF8.GetBytes(new string(' ', 65537)));

        Assert.Equal((413, ""), (answer.Status, answer.Text));
        Assert.Equal(logged, host.Log.Count);
    }

    [Fact]
    public async Task A_body_in_chunks_which_the_host_loses()
    {
        var host = await app.SharedAsync();

        var answer = await host.PostAsync("""{"code":"0123456789abcdef"}"""u8.ToArray(), inChunks: true);

        AssertProblem(host, answer, 411, "length_required");
        Assert.Contains("Content-Length", answer["detail"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_request_with_neither_a_body_nor_its_length()
    {
        var host = await app.SharedAsync();

        var answer = await host.SendAsync("POST /api/login HTTP/1.1", "Content-Type: application/json", "", "");

        Assert.StartsWith("HTTP/1.1 400 ", answer, StringComparison.Ordinal);
        Assert.Contains("\"code\":\"invalid_request\"", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(40029, 401, "invalid_code")]
    [InlineData(60111, 403, "member_not_visible")]
    [InlineData(99999, 502, "wecom_unexpected")]
    [InlineData(45009, 503, "wecom_busy")]
    [InlineData(60020, 500, "misconfigured")]
    public async Task A_code_that_WeCom_does_not_exchange(int errcode, int status, string code)
    {
        var host = await app.SharedAsync();
        app.WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = errcode });

        var answer = await host.LoginAsync(app.WeCom.IssueCode("zhangsan"));

        AssertProblem(host, answer, status, code, errcode);
    }

    [Fact]
    public async Task A_member_of_another_corp()
    {
        var host = await app.SharedAsync();

        var answer = await host.LoginAsync(app.WeCom.IssueCode("zhaoliu", SimulatorState.OtherCorpId));

        AssertProblem(host, answer, 403, "corp_mismatch");
    }

    [Fact]
    public async Task A_profile_that_is_required_and_not_visible()
    {
        var host = await app.StrictAsync();

        var answer = await host.LoginAsync(app.WeCom.IssueCode("wangwu"), forwardedFor: "192.0.2.60");

        AssertProblem(host, answer, 403, "member_not_visible", 60111);
    }

    [Fact]
    public async Task One_login_too_many_from_an_address()
    {
        var host = await app.StrictAsync();
        await host.LoginAsync("a-code-that-nobody-issued", forwardedFor: "192.0.2.61");

        var answer = await host.LoginAsync("a-code-that-nobody-issued", forwardedFor: "192.0.2.61");

        AssertProblem(host, answer, 429, "too_many_requests");
    }

    [Fact]
    public async Task A_problem_has_the_trace_of_its_caller()
    {
        var host = await app.SharedAsync();
        host.Client.DefaultRequestHeaders.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        var answer = await host.PostAsync([]);

        host.Client.DefaultRequestHeaders.Remove("traceparent");
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", answer["traceId"]);
    }

    private static void AssertProblem(PublishedHost host, LoginAnswer answer, int status, string code, int? errcode = null)
    {
        Assert.Equal((status, "application/problem+json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        var retryable = code is "too_many_requests" or "wecom_busy";
        Assert.Equal((code, $"urn:wecomfunc:problem:{code}", $"{status}"), (answer["code"], answer["type"], answer["status"]));
        Assert.Equal((errcode?.ToString(provider: null), $"{retryable}"), (answer["errcode"], answer["retryable"]));
        Assert.Equal(retryable, answer.RetryAfter is > 0);
        Assert.All(["title", "detail"], member => Assert.NotEmpty(answer[member]!));
        Assert.Matches("^[0-9a-f]{32}$", answer["traceId"]);
        if (Refused.Contains(code))
        {
            Assert.DoesNotContain(host.Log, line => line.Message.Contains(answer["traceId"]!));
            return;
        }

        var line = Assert.Single(host.Log, line => line.Message.Contains($"traceId {answer["traceId"]}"));
        Assert.StartsWith($"Login: outcome {code}, ", line.Message, StringComparison.Ordinal);
        Assert.Equal(code is "misconfigured" ? LogLevel.Error : LogLevel.Information, line.Level);
    }
}
