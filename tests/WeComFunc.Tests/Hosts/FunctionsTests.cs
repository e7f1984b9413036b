using System.Reflection;
using System.Text;
using System.Text.Json;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WeComFunc.AzureFunctions;
using WeComFunc.Secrets;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What the published app under a Functions host cannot show: defects, requests that no host sends, and keys.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class FunctionsTests(Azurite azurite) : FleetTest(azurite, new()), IDisposable
{
    private readonly LogLines _log = new();
    private IHost? _host;

    public void Dispose()
    {
        _host?.Dispose();
        _log.Dispose();
    }

    [Theory]
    [InlineData("Login", AuthorizationLevel.Function)]
    [InlineData("MemberData", AuthorizationLevel.Function)]
    [InlineData("Health", AuthorizationLevel.Anonymous)]
    [InlineData("SessionDiscovery", AuthorizationLevel.Anonymous)]
    [InlineData("SigningKeys", AuthorizationLevel.Anonymous)]
    public void Login_and_member_data_take_the_function_key_and_the_others_are_for_anybody(string function, AuthorizationLevel level) =>
        Assert.Equal(level, Trigger<HttpTriggerAttribute>(function).AuthLevel);

    [Fact]
    public void The_timer_does_not_run_at_every_start() =>
        Assert.False(Trigger<TimerTriggerAttribute>("RefreshAccessToken").RunOnStartup);

    [Fact]
    public async Task A_body_in_chunks_is_read_where_a_host_hands_it_on()
    {
        var body = JsonSerializer.Serialize(new { code = WeCom.IssueCode("zhangsan") });

        var answer = await AnswerAsync(
            Functions().LoginAsync(Request(body, ("Content-Type", "application/json"), ("Transfer-Encoding", "chunked"))));

        Assert.Equal(200, answer.Status);
    }

    [Theory]
    [InlineData("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", null, "0af7651916cd43dd8448eb211c80319c")]
    [InlineData(null, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "4bf92f3577b34da6a3ce929d0e0e4736")]
    [InlineData("", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", "4bf92f3577b34da6a3ce929d0e0e4736")]
    [InlineData(
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "0af7651916cd43dd8448eb211c80319c")]
    public async Task A_problem_is_told_by_the_trace_of_the_host_or_else_of_the_caller(string? ofHost, string? ofCaller, string expected)
    {
        (string, string)[] headers = ofCaller is null ? [] : [("traceparent", ofCaller)];
        var request = new InvocationRequest(
            () => new MemoryStream("""{"code":"a-code-of-nobody"}"""u8.ToArray()),
            [("Content-Type", "application/json"), .. headers],
            default,
            ofHost);

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
        var request = new InvocationRequest(
            () => Stream.Null, [("Content-Type", "application/json"), ("traceparent", traceParent)], default);

        var answer = await AnswerAsync(Functions().LoginAsync(request));

        Assert.Matches("^(?!0{32})[0-9a-f]{32}$", answer["traceId"]);
        Assert.DoesNotContain(answer["traceId"]!, traceParent, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task A_defect_before_the_login_has_the_trace_too()
    {
        var request = new InvocationRequest(
            () => throw new InvalidOperationException("no body"),
            [("Content-Type", "application/json")],
            default,
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        var answer = await AnswerAsync(Functions().LoginAsync(request));

        AssertInternalError(answer);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", answer["traceId"]);
    }

    [Fact]
    public async Task A_body_that_cannot_be_had_is_an_internal_error_and_logged()
    {
        var request = new InvocationRequest(
            () => throw new InvalidOperationException("no body"), [("Content-Type", "application/json")], default);

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
        var functions = Functions(services => services.AddSingleton<ICorpSecretStore>(new BrokenSecretStore()));

        var answer = await AnswerAsync(functions.LoginAsync(Request("""{"code":"unknown"}""", ("Content-Type", "application/json"))));

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
        Assert.Contains(
            _log.All, line => line.StartsWith("Information Login: outcome caller_gone, errcode none, ", StringComparison.Ordinal));
    }

    private static T Trigger<T>(string function)
        where T : Attribute
    {
        var method = typeof(Functions).GetMethods().Single(method => method.GetCustomAttribute<FunctionAttribute>()?.Name == function);
        return method.GetParameters().Select(parameter => parameter.GetCustomAttribute<T>()).OfType<T>().Single();
    }

    private static InvocationRequest Request(string body, params (string Name, string Value)[] headers) =>
        new(() => new MemoryStream(Encoding.UTF8.GetBytes(body)), headers, default);

    private static InvocationRequest Request(Stream body, CancellationToken cancellationToken = default) =>
        new(() => body, [("Content-Type", "application/json")], cancellationToken);

    private static async Task<LoginAnswer> AnswerAsync(Task<HttpResponseData> answering) =>
        await Assert.IsType<InvocationResponse>(await answering).ReadAsync();

    private void AssertInternalError(LoginAnswer answer)
    {
        Assert.Equal((500, "application/problem+json", "internal_error"), (answer.Status, answer.ContentType, answer["code"]));
        Assert.Contains(_log.All, line => line == $"Error A defect of the software, traceId {answer["traceId"]}; please report it");
    }

    /// <summary>The function app as its host activates it: by constructor, from the services of <c>AddWeComFunc</c>.</summary>
    private Functions Functions(Action<IServiceCollection>? configure = null)
    {
        Output.Run.Start();
        Output.Run.Secret(WeCom.CorpSecret, "corpsecret");
        var settings = new Dictionary<string, string?>
        {
            ["WeCom__CorpId"] = SimulatorState.SeedCorpId,
            ["WeCom__BaseUrl"] = Simulator.BaseAddress.AbsoluteUri,
            ["WeCom__CorpSecret"] = WeCom.CorpSecret,
            ["AZURE_FUNCTIONS_ENVIRONMENT"] = "Development",
            ["TokenStore__ConnectionString"] = Azurite.ConnectionString,
            ["TokenStore__TableName"] = LoginHost.NewTable(),
        };
        var builder = Host.CreateApplicationBuilder();
        builder.Configuration.AddInMemoryCollection(
            settings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":"), setting.Value)));
        builder.Logging.ClearProviders().AddProvider(new OutputLoggerProvider(Output.Run)).AddProvider(_log);
        builder.Services.AddSingleton<TimeProvider>(Clock).AddSingleton<UnheardLines>();
        configure?.Invoke(builder.Services);
        builder.AddWeComFunc();
        _host = builder.Build();
        return ActivatorUtilities.CreateInstance<Functions>(_host.Services);
    }

    private sealed class BrokenSecretStore : ICorpSecretStore
    {
        public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) =>
            throw new NotSupportedException("no secrets");
    }
}
