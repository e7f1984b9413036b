using System.Reflection;
using System.Text;
using System.Text.Json;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.AzureFunctions;
using WeComFunc.Login;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;

namespace WeComFunc.Tests;

[Collection(AzuriteCollection.Name)]
public sealed class FunctionsTests(Azurite azurite) : IAsyncLifetime, IDisposable
{
    private readonly ManualTimeProvider _clock = new();
    private readonly LogLines _log = new();
    private SimulatorServer _simulator = null!;
    private IHost? _host;

    private SimulatorState WeCom => _simulator.State;

    public async Task InitializeAsync() => _simulator = await SimulatorServer.StartAsync(_clock);

    public async Task DisposeAsync()
    {
        Output.Run.Secrets(WeCom.IssuedSecrets);
        await _simulator.DisposeAsync();
    }

    public void Dispose()
    {
        _host?.Dispose();
        _log.Dispose();
    }

    [Fact]
    public void The_functions_are_the_three_of_the_contract() =>
        Assert.Equal(["Health", "Login", "RefreshAccessToken"], Triggers().Keys.Order());

    [Fact]
    public void Login_is_a_post_that_takes_the_function_key()
    {
        var trigger = Assert.IsType<HttpTriggerAttribute>(Triggers()["Login"]);

        Assert.Equal(("login", AuthorizationLevel.Function), (trigger.Route, trigger.AuthLevel));
        Assert.Equal(["post"], trigger.Methods!);
    }

    [Fact]
    public void Health_is_a_get_for_anybody()
    {
        var trigger = Assert.IsType<HttpTriggerAttribute>(Triggers()["Health"]);

        Assert.Equal(("health", AuthorizationLevel.Anonymous), (trigger.Route, trigger.AuthLevel));
        Assert.Equal(["get"], trigger.Methods!);
    }

    [Fact]
    public void The_timer_runs_on_the_schedule_of_the_setting_and_not_at_every_start()
    {
        var trigger = Assert.IsType<TimerTriggerAttribute>(Triggers()["RefreshAccessToken"]);

        Assert.Equal(("%TokenRefreshSchedule%", false), (trigger.Schedule, trigger.RunOnStartup));
    }

    [Fact]
    public async Task A_login_is_answered_with_the_status_headers_and_body_of_the_endpoint()
    {
        var answer = await LoginAsync(Functions(), WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, "application/json", "no-store", null), (answer.Status, answer.ContentType, answer.CacheControl, answer.RetryAfter));
        Assert.Equal(("zhangsan", SimulatorState.SeedCorpId), (answer["userid"], answer["corpid"]));
    }

    [Fact]
    public async Task A_problem_is_answered_with_the_status_headers_and_body_of_the_endpoint()
    {
        WeCom[Api.JsCode2Session].AddFault(new Fault { Errcode = 45009 });

        var answer = await LoginAsync(Functions(), WeCom.IssueCode("zhangsan"));

        Assert.Equal((503, "application/problem+json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(("wecom_busy", "45009"), (answer["code"], answer["errcode"]));
        Assert.NotNull(answer.RetryAfter);
    }

    [Fact]
    public async Task A_request_without_a_content_type_is_refused()
    {
        var answer = await AnswerAsync(Functions().LoginAsync(Request("""{"code":"abc"}""")));

        Assert.Equal((415, "unsupported_media_type"), (answer.Status, answer["code"]));
    }

    [Fact]
    public async Task A_body_that_came_without_a_length_never_gets_here_and_the_caller_is_told_what_to_send()
    {
        var answer = await AnswerAsync(Functions().LoginAsync(Request("", ("Content-Type", "application/json"), ("transfer-encoding", "chunked"))));

        Assert.Equal((411, "application/problem+json", "length_required"), (answer.Status, answer.ContentType, answer["code"]));
        Assert.Equal(("urn:wecomfunc:problem:length_required", "False"), (answer["type"], answer["retryable"]));
        Assert.Contains("Content-Length", answer["detail"], StringComparison.Ordinal);
        Assert.Contains(_log.All, line => line.StartsWith("Information Login: outcome length_required, ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_body_in_chunks_is_read_where_a_host_hands_it_on()
    {
        var body = JsonSerializer.Serialize(new { code = WeCom.IssueCode("zhangsan") });

        var answer = await AnswerAsync(Functions().LoginAsync(Request(body, ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"))));

        Assert.Equal(200, answer.Status);
    }

    [Theory]
    [InlineData("0")]
    [InlineData(null)]
    public async Task A_request_without_a_body_is_malformed(string? length)
    {
        (string, string)[] headers = length is null ? [] : [("Content-Length", length)];

        var answer = await AnswerAsync(Functions().LoginAsync(Request("", [("Content-Type", "application/json"), .. headers])));

        Assert.Equal((400, "invalid_request"), (answer.Status, answer["code"]));
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", null, "0af7651916cd43dd8448eb211c80319c")]
    [InlineData(null, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "4bf92f3577b34da6a3ce929d0e0e4736")]
    [InlineData("", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "4bf92f3577b34da6a3ce929d0e0e4736")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "0af7651916cd43dd8448eb211c80319c")]
    public async Task A_problem_is_told_by_the_trace_of_the_host_or_else_of_the_caller(string? ofHost, string? ofCaller, string expected)
    {
        (string, string)[] headers = ofCaller is null ? [] : [("traceparent", ofCaller)];
        var request = new InvocationRequest(() => Stream.Null, [("Content-Type", "application/json"), .. headers], default, ofHost);

        var answer = await AnswerAsync(Functions().LoginAsync(request));

        Assert.Equal(expected, answer["traceId"]);
        Assert.Contains(_log.All, line => line.EndsWith($"traceId {expected}", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("0af7651916cd43dd8448eb211c80319c")]
    [InlineData("00-00000000000000000000000000000000-b7ad6b7169203331-01")]
    [InlineData("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01")]
    [InlineData("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-<script>")]
    public async Task A_trace_that_is_none_is_not_repeated(string traceParent)
    {
        var request = new InvocationRequest(() => Stream.Null, [("Content-Type", "application/json"), ("traceparent", traceParent)], default);

        var answer = await AnswerAsync(Functions().LoginAsync(request));

        Assert.Matches("^(?!0{32})[0-9a-f]{32}$", answer["traceId"]);
        Assert.DoesNotContain(answer["traceId"]!, traceParent, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_defect_before_the_login_has_the_trace_too()
    {
        var request = new InvocationRequest(
            () => throw new InvalidOperationException("no body"), [], default, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        var answer = await AnswerAsync(Functions().LoginAsync(request));

        AssertInternalError(answer);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", answer["traceId"]);
    }

    [Theory]
    [InlineData("203.0.113.7:50123", "203.0.113.7:50999")]
    [InlineData("203.0.113.7:50123", "::ffff:203.0.113.7")]
    [InlineData("[::ffff:203.0.113.7]:50123", "203.0.113.7")]
    [InlineData("198.51.100.1, 203.0.113.7:50123", "192.0.2.1,203.0.113.7")]
    [InlineData("[2001:db8::7]:443", "2001:db8::7")]
    public async Task Logins_are_counted_by_the_address_that_the_front_end_appended(string forwardedFor, string sameCaller)
    {
        var functions = Functions(new() { ["Limits__LoginsPerSecondPerAddress"] = "0.001", ["Limits__BurstPerAddress"] = "1" });

        var first = await LoginAsync(functions, "unknown", ("X-Forwarded-For", forwardedFor));
        var second = await LoginAsync(functions, "unknown", ("X-Forwarded-For", sameCaller));
        var other = await LoginAsync(functions, "unknown", ("X-Forwarded-For", $"{forwardedFor}, 192.0.2.9:1"));

        Assert.Equal(("invalid_code", "too_many_requests", "invalid_code"), (first["code"], second["code"], other["code"]));
        Assert.NotNull(second.RetryAfter);
    }

    [Fact]
    public async Task An_address_that_a_caller_sends_in_a_header_of_its_own_is_not_counted()
    {
        var functions = Functions(new() { ["Limits__LoginsPerSecondPerAddress"] = "0.001", ["Limits__BurstPerAddress"] = "1" });
        await LoginAsync(functions, "unknown", ("X-Forwarded-For", "203.0.113.7:50123"));

        var answer = await LoginAsync(functions, "unknown", ("X-Forwarded-For", "192.0.2.1"), ("X-Forwarded-For", "203.0.113.7:50124"));

        Assert.Equal("too_many_requests", answer["code"]);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("203.0.113.7", "203.0.113.7")]
    [InlineData("203.0.113.7:50123", "203.0.113.7")]
    [InlineData("198.51.100.1, 203.0.113.7:50123", "203.0.113.7")]
    [InlineData("unknown,  203.0.113.7 ", "203.0.113.7")]
    [InlineData("2001:db8::7", "2001:db8::7")]
    [InlineData("[2001:DB8::7]", "2001:db8::7")]
    [InlineData("[2001:db8::7]:443", "2001:db8::7")]
    [InlineData("::ffff:203.0.113.7", "203.0.113.7")]
    [InlineData("[::ffff:cb00:7107]:443", "203.0.113.7")]
    [InlineData("203.0.113.7,", null)]
    [InlineData("203.0.113.7, unknown", "unknown")]
    public void The_caller_is_the_last_address_of_the_forwarded_ones_without_its_port(string? forwardedFor, string? caller) =>
        Assert.Equal(caller, CallerAddress.OfForwardedFor(forwardedFor));

    [Fact]
    public async Task Callers_without_an_address_are_counted_together()
    {
        var functions = Functions(new() { ["Limits__LoginsPerSecondPerAddress"] = "0.001", ["Limits__BurstPerAddress"] = "1" });
        await LoginAsync(functions, "unknown");

        var answer = await LoginAsync(functions, "unknown");

        Assert.Equal("too_many_requests", answer["code"]);
    }

    [Fact]
    public async Task A_body_that_cannot_be_had_is_an_internal_error_and_logged()
    {
        var request = new InvocationRequest(() => throw new InvalidOperationException("no body"), [("Content-Type", "application/json")], default);

        var answer = await AnswerAsync(Functions().LoginAsync(request));

        AssertInternalError(answer);
    }

    [Fact]
    public async Task A_body_that_breaks_on_reading_is_an_internal_error_and_logged()
    {
        var request = Request(new FaultyBody(_ => throw new NotSupportedException("no reading")));

        var answer = await AnswerAsync(Functions().LoginAsync(request));

        AssertInternalError(answer);
    }

    [Fact]
    public async Task A_dependency_that_throws_is_an_internal_error_and_logged()
    {
        var functions = Functions(configure: services => services.AddSingleton<ICorpSecretStore>(new BrokenSecretStore()));

        var answer = await LoginAsync(functions, "unknown");

        AssertInternalError(answer);
    }

    [Fact]
    public async Task An_answer_does_not_show_the_exception()
    {
        var request = Request(new FaultyBody(_ => throw new NotSupportedException("a text for the log only")));

        var answer = await AnswerAsync(Functions().LoginAsync(request));

        Assert.DoesNotContain("a text for the log only", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_run_stops_reading_the_body()
    {
        using var cancellation = new CancellationTokenSource();
        var reading = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var body = new FaultyBody(cancelled =>
        {
            reading.SetResult();
            return Task.Delay(Timeout.Infinite, cancelled);
        });
        var answering = AnswerAsync(Functions().LoginAsync(Request(body, cancellation.Token)));

        await reading.Task;
        await cancellation.CancelAsync();

        Assert.Equal((503, "wecom_busy"), ((await answering).Status, (await answering)["code"]));
        Assert.Contains(_log.All, line => line.StartsWith("Information Login: outcome caller_gone, errcode none, ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Health_is_answered_with_the_status_headers_and_body_of_the_endpoint()
    {
        var answer = await AnswerAsync(Functions().HealthAsync(Request("")));

        Assert.Equal((200, "application/json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(("healthy", "missing"), (answer["status"], answer.Json.GetProperty("token").GetProperty("state").GetString()));
    }

    [Fact]
    public async Task Health_needs_no_content_type_and_no_body()
    {
        var request = new InvocationRequest(() => throw new InvalidOperationException("no body"), [], default);

        var answer = await AnswerAsync(Functions().HealthAsync(request));

        Assert.Equal(200, answer.Status);
    }

    [Fact]
    public async Task The_timer_renews_the_token()
    {
        await Functions().RefreshAccessTokenAsync(new TimerInfo(), new Invocation(null, default));

        Assert.Equal(1, WeCom[Api.GetToken].Calls.Arrived);
    }

    [Fact]
    public async Task A_renewal_that_fails_fails_the_run_so_that_the_platform_shows_it()
    {
        WeCom[Api.GetToken].AddFault(new Fault { Errcode = 60020 });

        var run = Functions().RefreshAccessTokenAsync(new TimerInfo(), new Invocation(null, default));

        await Assert.ThrowsAsync<TokenRenewalException>(() => run);
    }

    [Fact]
    public async Task A_cancelled_run_of_the_timer_ends_while_the_renewal_is_under_way()
    {
        using var cancellation = new CancellationTokenSource();
        WeCom[Api.GetToken].AddFault(new Fault { Hold = true });
        var run = Functions().RefreshAccessTokenAsync(new TimerInfo(), new Invocation(null, cancellation.Token));

        await WeCom[Api.GetToken].WaitForCallsAsync(1);
        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
        WeCom[Api.GetToken].Release();
    }

    private static Dictionary<string, Attribute> Triggers() => (
        from method in typeof(Functions).Assembly.GetTypes().SelectMany(type => type.GetMethods())
        let function = method.GetCustomAttribute<FunctionAttribute>()
        where function is not null
        let trigger = method.GetParameters().SelectMany(parameter => parameter.GetCustomAttributes())
            .Single(attribute => attribute is HttpTriggerAttribute or TimerTriggerAttribute)
        select KeyValuePair.Create(function.Name, trigger)).ToDictionary();

    private static InvocationRequest Request(string body, params (string Name, string Value)[] headers) =>
        new(() => new MemoryStream(Encoding.UTF8.GetBytes(body)), headers, default);

    private static InvocationRequest Request(Stream body, CancellationToken cancellationToken = default) =>
        new(() => body, [("Content-Type", "application/json")], cancellationToken);

    private static async Task<LoginAnswer> AnswerAsync(Task<HttpResponseData> answering) =>
        await Assert.IsType<InvocationResponse>(await answering).ReadAsync();

    private static Task<LoginAnswer> LoginAsync(Functions functions, string code, params (string Name, string Value)[] headers) =>
        AnswerAsync(functions.LoginAsync(Request(JsonSerializer.Serialize(new { code }), [("Content-Type", "application/json"), .. headers])));

    private void AssertInternalError(LoginAnswer answer)
    {
        Assert.Equal((500, "application/problem+json", "internal_error"), (answer.Status, answer.ContentType, answer["code"]));
        Assert.Contains(_log.All, line => line == $"Error A defect of the software, traceId {answer["traceId"]}; please report it");
    }

    /// <summary>The function app as its host activates it: by constructor, from the services of <c>AddWeComFunc</c>.</summary>
    private Functions Functions(Dictionary<string, string?>? settings = null, Action<IServiceCollection>? configure = null)
    {
        Output.Run.Start();
        Output.Run.Secret(WeCom.CorpSecret, "corpsecret");
        var all = new Dictionary<string, string?>
        {
            ["WeCom__CorpId"] = SimulatorState.SeedCorpId,
            ["WeCom__BaseUrl"] = _simulator.BaseAddress.AbsoluteUri,
            ["WeCom__CorpSecret"] = WeCom.CorpSecret,
            ["AZURE_FUNCTIONS_ENVIRONMENT"] = "Development",
            ["TokenStore__ConnectionString"] = azurite.ConnectionString,
            ["TokenStore__TableName"] = LoginHost.NewTable(),
        };
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection(
            all.Concat(settings ?? []).Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":"), setting.Value)));
        builder.Logging.ClearProviders().AddProvider(new OutputLoggerProvider(Output.Run)).AddProvider(_log);
        builder.Services.AddSingleton<TimeProvider>(_clock).AddSingleton<UnheardLines>();
        configure?.Invoke(builder.Services);
        builder.AddWeComFunc();
        _host = builder.Build();
        return ActivatorUtilities.CreateInstance<Functions>(_host.Services);
    }

    private sealed class BrokenSecretStore : ICorpSecretStore
    {
        public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) => throw new NotSupportedException("no secrets");
    }
}
