using WeComFunc.Simulator;

namespace WeComFunc.Tests.Doubles;

/// <summary>A test of logins against a simulator, by a clock that stands still until the test moves it.</summary>
public abstract class LoginTest(Azurite azurite) : FleetTest(azurite, new())
{
    private static readonly string[] Retryable = ["too_many_requests", "wecom_busy"];

    /// <summary>Without a line of their own.</summary>
    private static readonly string[] Refused = ["invalid_request", "payload_too_large", "unsupported_media_type", "too_many_requests"];

    protected static TimeSpan AttemptLimit { get; } = TimeSpan.FromSeconds(3);

    protected static TimeSpan LoginLimit { get; } = TimeSpan.FromSeconds(10);

    /// <summary>How often each of WeCom's calls has arrived.</summary>
    protected WeComCalls Calls =>
        new(GetTokenCalls, WeCom[Api.JsCode2Session].Calls.Arrived, WeCom[Api.UserGet].Calls.Arrived);

    /// <summary>Starts a host that requires the profile, so that what keeps it away is a problem.</summary>
    protected Task<LoginHost> StartRequiringProfileAsync(Dictionary<string, string?>? settings = null) =>
        StartAsync(settings: new(settings ?? []) { ["Login__RequireProfile"] = "true" });

    /// <summary>Leaves the host with a fresh token and nothing under way, and the counters at zero.</summary>
    protected async Task WarmAsync(LoginHost host)
    {
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await host.WhenIdle();
        foreach (var api in Enum.GetValues<Api>())
        {
            WeCom[api].ResetCalls();
        }
    }

    /// <summary>An answer that is a problem of the contract in everything, and whose line in the log can be found by it.</summary>
    protected void AssertProblem(LoginHost host, LoginAnswer answer, int status, string code, int? errcode = null)
    {
        var isRetryable = Retryable.Contains(code);
        Assert.Equal((status, "application/problem+json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(
            (string[])
            [
                "type", "title", "status", "detail", "code", .. errcode is null ? [] : (string[])["errcode"], "retryable", "traceId",
            ],
            answer.Json.EnumerateObject().Select(member => member.Name));
        Assert.Equal(($"urn:wecomfunc:problem:{code}", code), (answer["type"], answer["code"]));
        Assert.Equal(
            (status, isRetryable), (answer.Json.GetProperty("status").GetInt32(), answer.Json.GetProperty("retryable").GetBoolean()));
        Assert.Equal(errcode, answer.Json.TryGetProperty("errcode", out var given) ? given.GetInt32() : null);
        Assert.Matches(@"^[A-Z][^\p{C}]+\.$", answer["title"]);
        Assert.Matches(@"^[A-Z][^\p{C}]+\.$", answer["detail"]);
        Assert.Matches("^[0-9a-f]{32}$", answer["traceId"]);
        Assert.Equal(code is "misconfigured", answer["detail"] is "Tell the operator the traceId; the log says what to do.");
        Assert.Equal(isRetryable, answer.RetryAfter is > 0);
        Assert.Equal(isRetryable, answer.RetryAfter is not null);
        Assert.Contains(
            host.Log.All,
            line => Refused.Contains(code)
                ? line.EndsWith($"; the last one {code}", StringComparison.Ordinal)
                : line.Contains($"Login: outcome {code}, errcode {errcode?.ToString() ?? "none"}, ") && line.Contains(answer["traceId"]!));
        Assert.DoesNotMatch(@"errmsg|hint|from ip|open\.work\.weixin|\d+\.\d+\.\d+\.\d+|https?:", answer.Text);
        Assert.DoesNotMatch($"zhangsan|zhaoliu|{SimulatorState.OtherCorpId}", answer.Text);
        Assert.All(WeCom.IssuedSecrets, secret => Assert.DoesNotContain(secret, answer.Text));
    }

    /// <summary>How many calls of each kind WeCom got.</summary>
    protected sealed record WeComCalls(int GetToken, int JsCode2Session, int UserGet);
}
