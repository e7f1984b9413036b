using System.Net;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Identity.Client;
using WeComFunc.Azure;
using WeComFunc.Tests.Doubles;
using AccessToken = Azure.Core.AccessToken;

namespace WeComFunc.Tests;

/// <summary>
/// An identity that gives no token, or gives it late: the vault is not to blame, and nobody's tool is ended before its time.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class IdentityTests(Azurite azurite) : FleetTest(azurite, new())
{
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(3);

    private KeyVault _vault = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _vault = Ends(await KeyVault.CreateAsync($"v{Guid.NewGuid():n}"));
        _vault.Set("wecom-corpsecret", WeCom.CorpSecret);
    }

    public override async Task DisposeAsync()
    {
        Output.Run.Secrets(_vault.IssuedSecrets);
        await base.DisposeAsync();
    }

    [Theory]
    [InlineData(
        400,
        "misconfigured",
        "Error The identity gave no token for the secret wecom-corpsecret: ",
        "MsalServiceException managed_identity_request_failed")]
    [InlineData(null, "wecom_busy", "Warning The identity gave no token for the secret wecom-corpsecret yet: ", "no answer in time")]
    public async Task An_endpoint_of_the_identity_that_fails_is_told_as_that_and_the_vault_is_not_blamed(
        int? status, string expected, string line, string reason)
    {
        using var handler = new Endpoint(status);
        using var endpoint = new HttpClient(handler);
        await using var host = await StartAsync(new ManagedIdentityCredential(OptionsOf(new HttpClientTransport(endpoint))));

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        if (status is null)
        {
            await handler.Asked.Task.WaitAsync(Patience.Limit);
            Clock.Advance(ReadLimit);
        }

        var answer = await login;

        Assert.Equal(expected, answer["code"]);
        Assert.Contains(
            host.Log.All, logged => logged.StartsWith(line, StringComparison.Ordinal) && logged.Contains(reason, StringComparison.Ordinal));
        Assert.DoesNotContain(host.Log.All, logged => logged.Contains("Key Vault is out of reach", StringComparison.Ordinal));
        Assert.DoesNotContain(host.Log.All, logged => logged.Contains("vault's network", StringComparison.Ordinal));
        Assert.Equal(0, _vault.Reads);
    }

    [Fact]
    public async Task An_identity_in_trouble_is_wecom_busy_and_told_with_its_status()
    {
        var tool = new Tool();
        tool.Answers.SetException(new AuthenticationFailedException("no", new MsalServiceException("any", "no", 500)));
        await using var host = await StartAsync(tool);

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((503, "wecom_busy"), (answer.Status, answer["code"]));
        Assert.Contains(host.Log.All, line => line.StartsWith(
            "Warning The identity gave no token for the secret wecom-corpsecret yet: AuthenticationFailedException, MsalServiceException "
            + "any HTTP status 500.",
            StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task A_process_whose_identity_fails_says_so_of_the_table_too()
    {
        await using var endpoint = await VerbatimWeCom.StartAsync();
        endpoint.Answer("identity", static context =>
        {
            context.Response.StatusCode = 400;
            return [];
        });
        var settings = LoginHost.Settings(Simulator, Azurite, LoginHost.NewTable(), _vault);
        settings["TokenStore__ConnectionString"] = null;
        settings["TokenStore__ServiceUri"] = "https://account.table.core.windows.net/";
        settings["IDENTITY_ENDPOINT"] = $"{endpoint.BaseAddress}cgi-bin/identity";
        settings["IDENTITY_HEADER"] = "any";
        await using var host = HostProcess.Start("WeComFunc.LocalHost", settings, arguments: ["--urls", "http://127.0.0.1:0"]);

        await host.WaitForLineAsync("The token row could not be read: the identity gave no token, ");
    }

    [Fact]
    public async Task A_tool_of_a_developer_that_takes_its_time_is_waited_for_while_logins_are_wecom_busy()
    {
        var tool = new Tool();
        await using var host = await StartAsync(tool, "Development");

        var login = host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await tool.Running.Task.WaitAsync(Patience.Limit);
        Clock.Advance(ReadLimit);
        var early = await login;
        tool.Answers.SetResult(await _vault.Credential.GetTokenAsync(new(["https://vault.azure.net/.default"]), CancellationToken.None));
        Clock.Advance(TimeSpan.FromSeconds(1));
        var late = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((503, "wecom_busy"), (early.Status, early["code"]));
        Assert.Contains(host.Log.All, line => line.StartsWith(
            "Warning The identity gave no token for the secret wecom-corpsecret yet: no answer in time.", StringComparison.Ordinal));
        Assert.Equal(200, late.Status);
        Assert.Equal(1, tool.Runs);
    }

    [Fact]
    public async Task A_tool_that_never_ends_is_ended_when_its_time_is_over_and_run_again()
    {
        var tool = new Tool();
        var identity = Identity(tool);
        var waiting = identity.GetTokenAsync(new(["any"]), CancellationToken.None).AsTask();
        await tool.Running.Task;

        Clock.Advance(TimeSpan.FromSeconds(30));
        var none = await Assert.ThrowsAsync<NoTokenException>(() => waiting);
        tool.Answers.SetResult(Token(hours: 1));

        Assert.True(none.MayPass);
        Assert.Equal("a token", (await identity.GetTokenAsync(new(["any"]), CancellationToken.None)).Token);
        Assert.Equal(2, tool.Runs);
    }

    [Fact]
    public async Task What_came_while_nobody_waited_serves_the_next()
    {
        var tool = new Tool();
        var identity = Identity(tool);
        await GiveUpAsync(identity, tool);
        tool.Answers.SetResult(Token(hours: 1));

        Assert.Equal("a token", (await identity.GetTokenAsync(new(["any"]), CancellationToken.None)).Token);
        Assert.Equal(1, tool.Runs);
    }

    [Fact]
    public async Task A_token_that_has_lapsed_while_nobody_waited_serves_nobody()
    {
        var tool = new Tool();
        var identity = Identity(tool);
        await GiveUpAsync(identity, tool);
        tool.Answers.SetResult(Token(hours: 1));
        Clock.Advance(TimeSpan.FromMinutes(56));

        await identity.GetTokenAsync(new(["any"]), CancellationToken.None);

        Assert.Equal(2, tool.Runs);
    }

    [Fact]
    public async Task Each_audience_has_a_token_of_its_own()
    {
        var tool = new Tool();
        var identity = Identity(tool);
        await GiveUpAsync(identity, tool);
        tool.Answers.SetResult(Token(hours: 1));

        await identity.GetTokenAsync(new(["another"]), CancellationToken.None);

        Assert.Equal(2, tool.Runs);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_refusal_while_nobody_waited_is_told_to_the_next_within_a_minute(bool isWithin)
    {
        var tool = new Tool();
        var identity = Identity(tool);
        await GiveUpAsync(identity, tool);
        tool.Answers.SetException(new CredentialUnavailableException("not logged in"));
        Clock.Advance(isWithin ? TimeSpan.FromSeconds(20) : TimeSpan.FromMinutes(2));

        var none = await Assert.ThrowsAsync<NoTokenException>(
            async () => await identity.GetTokenAsync(new(["any"]), CancellationToken.None));

        Assert.False(none.MayPass);
        Assert.Equal(isWithin ? 1 : 2, tool.Runs);
    }

    private static ManagedIdentityCredentialOptions OptionsOf(HttpPipelineTransport transport) =>
        new(ManagedIdentityId.SystemAssigned) { Transport = transport, Retry = { MaxRetries = 0 } };

    private AppIdentity Identity(Tool tool) => new(tool, Clock);

    private AccessToken Token(int hours) => new("a token", Clock.GetUtcNow().AddHours(hours));

    private static async Task GiveUpAsync(AppIdentity identity, Tool tool)
    {
        var none = await Assert.ThrowsAsync<NoTokenException>(
            async () => await identity.GetTokenAsync(new(["any"]), new CancellationToken(canceled: true)));
        Assert.True(none.MayPass);
        await tool.Running.Task;
    }

    private Task<LoginHost> StartAsync(TokenCredential credential, string? environment = null) => LoginHost.StartAsync(
        Simulator,
        Azurite,
        Clock,
        vault: _vault,
        settings: new() { ["DOTNET_ENVIRONMENT"] = environment },
        configure: services => services.AddSingleton(credential));

    /// <summary>What gives a managed identity its tokens; without a status it never answers.</summary>
    private sealed class Endpoint(int? status) : HttpMessageHandler
    {
        public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Asked.TrySetResult();
            await Task.Delay(status is null ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, cancellationToken);
            return new((HttpStatusCode)status!)
            {
                Content = new StringContent("""{"error":"invalid_request","error_description":"Identity not found"}"""),
                RequestMessage = request,
            };
        }
    }

    /// <summary>A command line that a developer's credential runs.</summary>
    private sealed class Tool : TokenCredential
    {
        private int _runs;

        public TaskCompletionSource<AccessToken> Answers { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Running { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Runs => _runs;

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            throw new NotSupportedException();

        public override async ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _runs);
            Running.TrySetResult();
            return await Answers.Task.WaitAsync(cancellationToken);
        }
    }
}
