using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using Microsoft.Extensions.Logging;
using WeComFunc.Login;

namespace WeComFunc.AzureFunctions;

/// <summary>The triggers. What they do is decided in the library.</summary>
public sealed class Functions(
    LoginEndpoint login, HealthEndpoint health, TokenRefresh refresh, UnheardLines unheard, ILogger<Functions> logger)
{
    /// <summary><c>POST /api/login</c>, with the function key.</summary>
    [Function("Login")]
    public Task<HttpResponseData> LoginAsync([HttpTrigger(AuthorizationLevel.Function, "post", Route = "login")] HttpRequestData request) =>
        request.AnswerAsync(
            unheard,
            logger,
            login,
            static (login, request) => login.LoginAsync(
                new(
                    request.Header("Content-Type"),
                    request.Headers.TryGetValues("X-Forwarded-For", out var hops) ? string.Join(',', hops) : null,
                    Peer: null,
                    request.Body,
                    request.TraceParent(),
                    LostEncoding: request.Header("Transfer-Encoding")),
                request.FunctionContext.CancellationToken));

    /// <summary><c>GET</c> and <c>HEAD /api/health</c>, for anybody.</summary>
    [Function("Health")]
    public Task<HttpResponseData> HealthAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "health")] HttpRequestData request) =>
        request.AnswerAsync(unheard, logger, health, static (health, request) => health.CheckAsync(request.TraceParent()));

    /// <summary>Renews the access_token on the schedule of <c>TokenRefreshSchedule</c>.</summary>
    [Function("RefreshAccessToken")]
    public async Task RefreshAccessTokenAsync([TimerTrigger("%TokenRefreshSchedule%")] TimerInfo timer, FunctionContext context)
    {
        using var invocation = unheard.Begin(context, logger);
        await refresh.RunAsync(context.CancellationToken);
    }
}
