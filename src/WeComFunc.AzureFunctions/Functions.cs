using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Http;
using WeComFunc.Apps;
using WeComFunc.Http;

namespace WeComFunc.AzureFunctions;

/// <summary>The triggers. What they do is decided in the library.</summary>
public sealed class Functions(Endpoints endpoints, TokenRefresh refresh)
{
    /// <summary><c>POST /api/login</c>, with the function key.</summary>
    [Function("Login")]
    public Task<HttpResponseData> LoginAsync([HttpTrigger(AuthorizationLevel.Function, "post", Route = "login")] HttpRequestData request) =>
        request.AnswerAsync(endpoints.Login);

    /// <summary><c>GET</c> and <c>HEAD /api/health</c>, for anybody.</summary>
    [Function("Health")]
    public Task<HttpResponseData> HealthAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "health")] HttpRequestData request) =>
        request.AnswerAsync(endpoints.Health);

    /// <summary><c>GET</c> and <c>HEAD /api/.well-known/openid-configuration</c>, for anybody.</summary>
    [Function("SessionDiscovery")]
    public Task<HttpResponseData> SessionDiscoveryAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = ".well-known/openid-configuration")] HttpRequestData request) =>
        request.AnswerAsync(endpoints.Discovery);

    /// <summary><c>GET</c> and <c>HEAD /api/.well-known/jwks.json</c>, for anybody.</summary>
    [Function("SigningKeys")]
    public Task<HttpResponseData> SigningKeysAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = ".well-known/jwks.json")] HttpRequestData request) =>
        request.AnswerAsync(endpoints.SigningKeys);

    /// <summary><c>POST /api/member-data</c>, with the function key.</summary>
    [Function("MemberData")]
    public Task<HttpResponseData> MemberDataAsync(
        [HttpTrigger(AuthorizationLevel.Function, "post", Route = "member-data")] HttpRequestData request) =>
        request.AnswerAsync(endpoints.MemberData);

    /// <summary>Renews the access_token on the schedule of <c>TokenRefreshSchedule</c>.</summary>
    [Function("RefreshAccessToken")]
    public Task RefreshAccessTokenAsync([TimerTrigger("%TokenRefreshSchedule%")] TimerInfo timer, FunctionContext context) =>
        refresh.RunAsync(context.CancellationToken);
}
