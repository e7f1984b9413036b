using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Http;
using WeComFunc.Tests.Doubles;
using static WeComFunc.Tests.Doubles.ScriptedWeCom;

namespace WeComFunc.Tests;

/// <summary>What a login leaves behind, in memory: its line, its measurement, its trace, and when to come back.</summary>
public sealed partial class LoginEndpointTests : IAsyncLifetime
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private MemoryLogin _process = null!;

    private ScriptedWeCom WeCom => _process.WeCom;

    /// <summary>The lines of the log that are about logins, with the traceId taken out.</summary>
    private IEnumerable<string> Lines =>
        _process.Log.All.Where(line => !OfCallsPattern().IsMatch(line)).Select(line => TraceIdPattern().Replace(line, "traceId"));

    public async Task InitializeAsync() => _process = await MemoryLogin.WarmAsync();

    public Task DisposeAsync()
    {
        _process.Dispose();
        return Task.CompletedTask;
    }

    [Fact]
    public void It_is_posted_to()
    {
        var login = _process.Services.GetRequiredService<Endpoints>().Login;

        Assert.Equal("login", login.Route);
        Assert.Equal(["POST"], login.Methods);
    }

    /// <summary>What WeCom answers, the outcome, the level of its line and what the line ends with.</summary>
    [Theory]
    [InlineData(0, "ok", "Information", "")]
    [InlineData(40029, "invalid_code", "Information", "")]
    [InlineData(40163, "invalid_code", "Information", "")]
    [InlineData(48002, "invalid_code", "Warning", ". The code is probably of another mini program: nothing to do, ")]
    [InlineData(92002, "corp_mismatch", "Information", "")]
    [InlineData(60111, "member_not_visible", "Information", "")]
    [InlineData(45009, "wecom_busy", "Information", "")]
    [InlineData(12345, "wecom_unexpected", "Information", "")]
    [InlineData(60020, "misconfigured", "Error", ". WeCom does not trust this address: ")]
    public async Task Each_outcome_has_its_line_and_its_measurement(int errcode, string outcome, string level, string end)
    {
        var measured = _process.Measure<double>("wecomfunc.login.duration");
        var happened = new TaskCompletionSource();
        WeCom.Answer(Exchange, After(happened.Task, errcode == 0 ? Member : $$"""{"errcode":{{errcode}}}"""));

        var login = _process.LoginAsync();
        _process.Clock.Advance(1.5 * Second);
        happened.SetResult();
        await login;

        var line = Assert.Single(Lines);
        var beginning = $"{level} Login: outcome {outcome}, errcode {(errcode == 0 ? "none" : errcode)}, 1500.0 ms, token from memory, "
            + $"renewal none, app default, traceId{end}";
        Assert.StartsWith(beginning, line);
        Assert.Equal(end.Length == 0, line == beginning);
        Assert.Equal([$"1.5 app=default outcome={outcome}"], measured.Lines());
    }

    [Fact]
    public async Task A_login_without_a_profile_says_what_to_do_only_where_there_is_something_to_do()
    {
        WeCom.Answer(UserGet, Errcode(48002), Errcode(60111));

        await _process.LoginAsync();
        await _process.LoginAsync();

        Assert.Equal(["Login: outcome ok", "A login has no profile", "Login: outcome ok"],
            Lines.Select(line => BeginningPattern().Match(line).Groups[1].Value));
        Assert.StartsWith(
            "Warning A login has no profile: errcode 48002, app default, traceId. The app may not call this API, ", Lines.ElementAt(1));
    }

    /// <summary>An errcode of a code at the first login of a process, and whether it may be the wrong app's corpsecret.</summary>
    [Theory]
    [InlineData(40029, true)]
    [InlineData(40163, false)]
    [InlineData(60111, false)]
    public async Task A_code_that_is_not_taken_before_the_first_login_may_mean_the_wrong_app(int errcode, bool isTold)
    {
        using var cold = new MemoryLogin();
        cold.WeCom.Answer(Exchange, Errcode(errcode));
        WeCom.Answer(Exchange, Errcode(errcode));

        await cold.LoginAsync();
        await _process.LoginAsync();

        const string Told = "Information A code was not taken, and no login has been served with this token yet: errcode 40029, app "
            + "default. WeCom does not take the code: ";
        Assert.Equal(isTold, cold.Log.All.Any(line => line.StartsWith(Told, StringComparison.Ordinal)));
        Assert.DoesNotContain(_process.Log.All, line => line.Contains("A code was not taken"));
    }

    [Fact]
    public async Task A_strangers_code_before_the_first_login_of_this_process_is_told_once()
    {
        using var cold = new MemoryLogin();
        cold.WeCom.Answer(Exchange, Errcode(60111), Errcode(48002));
        await cold.LoginAsync();
        cold.Rows.Put(cold.Rows.Row! with { ProvenSecret = cold.Secret.Fingerprint });

        await cold.LoginAsync();

        Assert.DoesNotContain(cold.Log.All, line => line.Contains("A code was not taken"));
    }

    /// <summary>What is turned away has no line of its own, and is measured all the same.</summary>
    [Theory]
    [InlineData("c", "text/plain", 415, "unsupported_media_type")]
    [InlineData("c", "application/json", 400, "invalid_request")]
    public async Task A_request_that_is_none_is_measured_and_has_no_line_of_its_own(
        string body, string contentType, int status, string outcome)
    {
        using var root = new Activity("a test").Start();
        using var traces = new Traces(activity => activity.TraceId == root.TraceId);
        var measured = _process.Measure<double>("wecomfunc.login.duration");

        var answer = await PostAsync(new BareCall(new MemoryStream(Encoding.UTF8.GetBytes(body)), contentType: contentType));

        Assert.Equal((status, outcome, null), (answer.Status, answer["code"], answer.RetryAfter));
        Assert.Equal(root.TraceId.ToHexString(), answer["traceId"]);
        Assert.Equal([$"0 app=none outcome={outcome}"], measured.Lines());
        Assert.Equal([$"Internal login outcome={outcome}"], traces.Ended);
        Assert.Equal(
            $"Information Refused requests since the last such line: 1 malformed, 0 too_many_requests, 0 over Limits__ConcurrentLogins; "
            + $"the last one {outcome}",
            Assert.Single(Lines));
        Assert.Empty(WeCom.Calls);
    }

    [Fact]
    public async Task Too_many_logins_of_one_address_are_refused_until_the_limiter_says_so()
    {
        using var process = new MemoryLogin(("Limits:LoginsPerSecondPerAddress", "0.02"), ("Limits:BurstPerAddress", "2"));
        var answers = new List<LoginAnswer>();
        foreach (var caller in (string[])["203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.2"])
        {
            answers.Add(await process.LoginAsync(forwardedFor: caller));
        }

        Assert.Equal([200, 200, 429, 200], answers.Select(answer => answer.Status));
        Assert.Equal(("too_many_requests", 50), (answers[2]["code"], answers[2].RetryAfter));
        Assert.Equal(3, process.WeCom.Calls.Count(call => call == Exchange));
    }

    [Fact]
    public async Task Where_every_place_is_taken_a_login_is_refused_at_once_and_the_place_is_given_back()
    {
        using var process = await MemoryLogin.WarmAsync(("Limits:ConcurrentLogins", "1"));
        process.Chance.Value = 0.8;
        var happened = new TaskCompletionSource();
        process.WeCom.Answer(Exchange, After(happened.Task, Member));
        var first = process.LoginAsync("a-code");

        var refused = await process.LoginAsync("another-code");
        happened.SetResult();
        await first;
        var again = await process.LoginAsync("another-code");

        Assert.Equal((503, "wecom_busy", 3, 200), (refused.Status, refused["code"], refused.RetryAfter, again.Status));
        Assert.Contains(process.Log.All, line => line.EndsWith("1 over Limits__ConcurrentLogins; the last one wecom_busy"));
    }

    /// <summary>What WeCom answers, chance, and when the caller is to come back: half as long again at most.</summary>
    [Theory]
    [InlineData(45009, 0.0, 60)]
    [InlineData(45009, 0.8, 84)]
    [InlineData(45033, 0.0, 2)]
    [InlineData(45033, 0.99, 3)]
    public async Task Logins_that_fail_together_are_not_told_to_come_back_together(int errcode, double chance, int seconds)
    {
        _process.Chance.Value = chance;
        WeCom.Answer(Exchange, Errcode(errcode));

        Assert.Equal(seconds, (await _process.LoginAsync()).RetryAfter);
    }

    [Fact]
    public async Task A_caller_that_has_gone_is_an_outcome_of_its_own()
    {
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();
        var measured = _process.Measure<double>("wecomfunc.login.duration");

        await _process.PostAsync(new BareCall(new Gone()), gone.Token);

        Assert.Equal(
            ["Information Login: outcome caller_gone, errcode none, 0.0 ms, token from none, renewal none, app none, traceId"], Lines);
        Assert.Equal(["0 app=none outcome=caller_gone"], measured.Lines());
    }

    [Fact]
    public async Task A_defect_is_an_outcome_of_its_own()
    {
        WeCom.Answer(Exchange, Throws(() => new NotSupportedException()));

        var answer = await _process.LoginAsync();

        Assert.Equal((500, "internal_error"), (answer.Status, answer["code"]));
        Assert.Contains(Lines, line => line.StartsWith("Information Login: outcome internal_error, errcode none, "));
        Assert.Contains(Lines, line => line.StartsWith("Error A defect of the software, traceId"));
    }

    [Fact]
    public async Task The_trace_is_that_of_the_caller_where_the_host_has_begun_none()
    {
        var caller = ActivityTraceId.CreateRandom();
        using var traces = new Traces(activity => activity.TraceId == caller);
        var before = Activity.Current;
        Activity.Current = null;

        await PostAsync(new BareCall(MemoryLogin.Body("a-code"), traceParent: $"00-{caller}-00f067aa0ba902b7-01"));
        Activity.Current = before;

        var login = Assert.Single(traces.All, activity => activity.OperationName == "login");
        Assert.Equal(("00f067aa0ba902b7", true), (login.ParentSpanId.ToHexString(), login.HasRemoteParent));
        Assert.Equal("ok", login.GetTagItem("outcome"));
    }

    [Fact]
    public async Task Where_the_host_has_begun_a_trace_it_is_that()
    {
        using var root = new Activity("a test").Start();
        using var traces = new Traces(activity => activity.TraceId == root.TraceId);

        await PostAsync(new BareCall(
            MemoryLogin.Body("a-code"), traceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));

        Assert.Equal(
            ["Client jscode2session wecom.errcode=0", "Client user/get wecom.errcode=0", "Internal login outcome=ok"], traces.Ended);
    }

    [Fact]
    public async Task An_app_of_its_own_is_named_with_its_settings()
    {
        using var process = new MemoryLogin(
            ("WeCom:Apps:sales:CorpId", MemoryLogin.CorpId), ("WeCom:Apps:sales:CorpSecret", "any"));
        process.WeCom.Answer(GetToken, Errcode(40013));

        await process.LoginAsync(app: "sales");

        Assert.Contains(process.Log.All, line =>
            line.StartsWith("Error Login: outcome misconfigured, errcode 40013, ", StringComparison.Ordinal)
                && line.Contains(", app sales, ") && line.Contains("set WeCom__Apps__sales__CorpId to"));
    }

    private static string Member => $$"""{"errcode":0,"corpid":"{{MemoryLogin.CorpId}}","userid":"zhangsan"}""";

    private async Task<LoginAnswer> PostAsync(HttpCall call) => MemoryLogin.Read(await _process.PostAsync(call));

    [GeneratedRegex("^[A-Za-z]+ (WeCom|Token renewal:) ")]
    private static partial Regex OfCallsPattern();

    [GeneratedRegex("traceId [0-9a-f]{32}")]
    private static partial Regex TraceIdPattern();

    [GeneratedRegex("^[A-Za-z]+ ([^,:]+(: outcome [a-z_]+)?)")]
    private static partial Regex BeginningPattern();

    /// <summary>A body whose caller has gone.</summary>
    private sealed class Gone : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            ValueTask.FromCanceled<int>(cancellationToken);
    }
}
