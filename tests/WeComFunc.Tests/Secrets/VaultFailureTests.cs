using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Azure;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// Whatever the vault's client throws, the vault is out of reach: rules T8 and T10 hold, and its text stays out of the log (T13).
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class VaultFailureTests(Azurite azurite) : FleetTest(azurite, new())
{
    private const string Quoted = "quoted-from-the-vault-00000001";

    // No secret: whoever traces the Azure SDK at its most talkative sees the headers of an answer.
    private const string QuotedDomain = "a-domain-that-the-vault-names.example";

    private readonly Vault _vault = new();

    public static TheoryData<string, string> Odd => new()
    {
        { "HTML", "Key Vault is out of reach for the secret wecom-corpsecret: JsonException at line 1, byte 0" },
        { "a bad literal", "Key Vault is out of reach for the secret wecom-corpsecret: JsonException at line 1, byte 18" },
        { "a challenge for another domain", "Key Vault is out of reach for the secret wecom-corpsecret: InvalidOperationException" },
        {
            "a credential that throws",
            "The identity gave no token for the secret wecom-corpsecret yet: NotSupportedException, FormatException"
        },
    };

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Output.Run.Secret(Quoted, "what the vault's answer held");
    }

    [Theory]
    [MemberData(nameof(Odd))]
    public async Task Without_a_kept_secret_logins_are_busy_and_the_vault_is_asked_once_a_second(string answerOfVault, string expected)
    {
        await using var host = await StartAsync();
        _vault.Answers(answerOfVault);

        var answers = new[] { await host.LoginAsync(WeCom.IssueCode("zhangsan")), await host.LoginAsync(WeCom.IssueCode("zhangsan")) };
        var health = await host.HealthAsync();

        Assert.All(answers, answer => Assert.Equal((503, "wecom_busy"), (answer.Status, answer["code"])));
        Assert.Equal((503, "unhealthy", "unreachable"), (health.Status, health["status"], health["secret"]));
        Assert.Single(host.Log.All, line => line.StartsWith(
            $"Warning {expected}. A corpsecret that was read before goes on", StringComparison.Ordinal));
        AssertNothingIsQuoted(host);
    }

    [Theory]
    [MemberData(nameof(Odd))]
    public async Task A_kept_secret_goes_on_and_the_vault_is_asked_once_a_minute(string answerOfVault, string expected)
    {
        await using var host = await StartAsync();
        _vault.Secret = WeCom.CorpSecret;
        await LoginAsync(host);
        _vault.Answers(answerOfVault);
        Clock.Advance(TimeSpan.FromHours(3));

        await LoginAsync(host);
        await LoginAsync(host);
        var health = await host.HealthAsync();

        Assert.Equal((200, "unreachable"), (health.Status, health["secret"]));
        Assert.Single(host.Log.All, line => line.StartsWith($"Warning {expected}.", StringComparison.Ordinal));
        AssertNothingIsQuoted(host);
    }

    [Theory]
    [MemberData(nameof(Odd))]
    public async Task Once_the_vault_answers_again_its_secret_counts(string answerOfVault, string expected)
    {
        Assert.NotEmpty(expected);
        await using var host = await StartAsync();
        _vault.Answers(answerOfVault);
        await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        await host.WhenIdle();
        _vault.Secret = WeCom.CorpSecret;
        Clock.Advance(TimeSpan.FromMinutes(1));

        await LoginAsync(host);
    }

    [Fact]
    public async Task An_identity_without_a_token_is_told_by_type_and_error_code()
    {
        await using var host = await StartAsync();
        _vault.Fault = new AuthenticationFailedException(
            $"AADSTS700016: Application with identifier '{Quoted}' was not found", new IOException(Quoted));

        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((500, "misconfigured"), (answer.Status, answer["code"]));
        Assert.Contains(host.Log.All, line => line.StartsWith(
            "Error The identity gave no token for the secret wecom-corpsecret: AuthenticationFailedException AADSTS700016, IOException. On "
            + "Azure, check", StringComparison.Ordinal));
        AssertNothingIsQuoted(host);
    }

    [Theory]
    [MemberData(nameof(Odd))]
    public async Task Its_text_is_in_no_trace_either(string answerOfVault, string expected)
    {
        Assert.NotEmpty(expected);
        var traces = new ConcurrentQueue<string>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = _ => true,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity => traces.Enqueue(
                $"{activity.OperationName} {activity.StatusDescription} {string.Join(' ', activity.TagObjects)} "
                + $"{string.Join(' ', activity.Events.SelectMany(e => e.Tags))}"),
        };
        ActivitySource.AddActivityListener(listener);
        await using var host = await StartAsync();
        _vault.Answers(answerOfVault);

        await host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Contains(traces, trace => trace.StartsWith("login ", StringComparison.Ordinal));
        Assert.DoesNotContain(traces, trace => trace.Contains(Quoted, StringComparison.Ordinal));
    }

    private static void AssertNothingIsQuoted(LoginHost host)
    {
        Assert.DoesNotContain(
            host.Log.All, line => line.Contains(Quoted, StringComparison.Ordinal) || line.Contains(QuotedDomain, StringComparison.Ordinal));
        Assert.Empty(host.Log.Exceptions);
    }

    private async Task LoginAsync(LoginHost host)
    {
        var answer = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        Assert.True(answer.Status == 200, answer.Text);
        await host.WhenIdle();
    }

    private Task<LoginHost> StartAsync() => LoginHost.StartAsync(
        Simulator,
        Azurite,
        Clock,
        settings: new() { ["WeCom__CorpSecret"] = null, ["DOTNET_ENVIRONMENT"] = null, ["KeyVault__Uri"] = _vault.Uri.AbsoluteUri },
        configure: services => services.AddSingleton<TokenCredential>(_vault).AddSingleton(provider => KeyVaultSecretStore.CreateClient(
            _vault.Uri,
            provider.GetRequiredService<AppIdentity>(),
            new() { Transport = new HttpClientTransport(new HttpClient(new Transport(_vault))) })));

    /// <summary>A vault that answers what none should, and its identity.</summary>
    private sealed class Vault : TokenCredential
    {
        private const string Challenge =
            "Bearer authorization=\"https://login.microsoftonline.com/0f1e2d3c-4b5a-4697-8796-a5b4c3d2e1f0\", resource=\"https://";

        private string _domain = "vault.azure.net";
        private string _body = "{}";

        // The client remembers the challenge of each vault for the life of the process.
        public Uri Uri { get; } = new($"https://v{Guid.NewGuid():n}.vault.azure.net/");

        /// <summary>What the identity throws; null for a token.</summary>
        public Exception? Fault { get; set; }

        /// <summary>The secret that it gives from now on.</summary>
        public string Secret
        {
            set =>
                (Fault, _domain, _body) = (null, "vault.azure.net", $$"""{"value":"{{value}}","id":"{{Uri}}secrets/wecom-corpsecret/1"}""");
        }

        public void Answers(string what)
        {
            _body = what switch
            {
                "HTML" => $"<html>{Quoted}</html>",
                "a bad literal" => $$"""{"contentType":nul,"value":"{{Quoted}}"}""",
                _ => _body,
            };
            _domain = what == "a challenge for another domain" ? QuotedDomain : _domain;
            Fault = what == "a credential that throws" ? new NotSupportedException(Quoted, new FormatException(Quoted)) : null;
        }

        public HttpResponseMessage Answer(HttpRequestMessage request)
        {
            var response = new HttpResponseMessage(HttpStatusCode.OK)
            {
                Content = new StringContent(_body, Encoding.UTF8, "application/json"),
                RequestMessage = request,
            };
            if (request.Headers.Authorization is null || _domain != "vault.azure.net")
            {
                response.StatusCode = HttpStatusCode.Unauthorized;
                response.Headers.TryAddWithoutValidation("WWW-Authenticate", $"{Challenge}{_domain}\"");
            }

            return response;
        }

        public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            Fault is null ? new AccessToken("a-token-for-the-vault", DateTimeOffset.UtcNow) : throw Fault;

        public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
            new(GetToken(requestContext, cancellationToken));
    }

    private sealed class Transport(Vault vault) : HttpMessageHandler
    {
        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken) =>
            vault.Answer(request);

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            Task.FromResult(vault.Answer(request));
    }
}
