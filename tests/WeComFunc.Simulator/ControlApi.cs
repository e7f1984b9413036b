using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace WeComFunc.Simulator;

/// <summary>The HTTP way to <see cref="SimulatorState"/>; README.md shows every route.</summary>
internal static class ControlApi
{
    /// <summary>A misspelt member is an error; text stays as people write it.</summary>
    public static void Configure(JsonSerializerOptions options)
    {
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
    }

    public static void MapControlApi(this WebApplication app, SimulatorState state)
    {
        app.Use(AnswerMistakesAsync);
        app.UseRouting();
        var control = app.MapGroup("/sim");

        control.MapGet("/state", state.Describe);
        control.MapPut("/corps/{corpid}/apps/{app}", (string corpid, string app, AppRequest request) =>
            state.PutApp(
                corpid,
                app,
                request.Secret,
                request.Associated,
                request.IpTrusted,
                request.HiddenMembers,
                request.HiddenDepartments));
        control.MapPost("/corps/{corpid}/apps/{app}/rotate", (string corpid, string app, RotateRequest? request) =>
            new { Secret = state.RotateSecret(corpid, app, request?.RevokeTokens is true, request?.Secret) });
        control.MapPut("/corps/{corpid}/members/{userid}", async (string corpid, string userid, HttpRequest request) =>
            state.PutMember(corpid, userid, await new StreamReader(request.Body).ReadToEndAsync()));

        control.MapPost("/codes", (CodeRequest request) => new { Code = state.IssueCode(request.UserId, request.CorpId, request.Code) });
        control.MapPost("/member-data", (MemberDataRequest request) => state.Encrypt(request.Call, request.UserId, request.CorpId));
        control.MapPost("/tokens/revoke", () => new { Revoked = state.RevokeTokens() });

        control.MapPost("/faults", (FaultRequest request) => ForEach(request.Api, traffic => traffic.AddFault(request)));
        control.MapPost("/faults/clear", (ApiRequest? request) => ForEach(request?.Api, traffic => traffic.ClearFaults()));

        void ForEach(Api? api, Action<ApiTraffic> act) =>
            Array.ForEach(api is { } one ? [one] : Enum.GetValues<Api>(), chosen => act(state[chosen]));
    }

    private static async Task AnswerMistakesAsync(HttpContext context, RequestDelegate next)
    {
        var (request, response) = (context.Request, context.Response);
        try
        {
            // As curl -d sends it, too.
            request.ContentType = "application/json";
            await next(context);
            if (response.StatusCode is StatusCodes.Status404NotFound or StatusCodes.Status405MethodNotAllowed && !response.HasStarted)
            {
                response.StatusCode = StatusCodes.Status404NotFound;
                await response.WriteAsJsonAsync(new { Error = $"There is no {request.Method} {request.Path}." });
            }
        }
        catch (Exception mistake) when (mistake is ArgumentException or JsonException or KeyNotFoundException or BadHttpRequestException)
        {
            response.StatusCode = mistake is KeyNotFoundException ? StatusCodes.Status404NotFound : StatusCodes.Status400BadRequest;
            await response.WriteAsJsonAsync(new { Error = Explain(mistake.InnerException ?? mistake) });
        }
    }

    private static string Explain(Exception mistake) => mistake switch
    {
        KeyNotFoundException when mistake.Message.Split('\'') is [_, var key, ..] => $"There is no {key}.",
        JsonException { Path: "$.api" } =>
            $"api must be one of {string.Join(", ", Enum.GetValues<Api>().Select(api => JsonSerializer.Serialize(api)))}.",
        _ => mistake.Message,
    };

    private sealed record AppRequest(string? Secret, bool? Associated, bool? IpTrusted, string[]? HiddenMembers, int[]? HiddenDepartments);
    private sealed record RotateRequest(string? Secret, bool RevokeTokens);
    private sealed record CodeRequest([property: JsonRequired] string UserId, string? Code, string CorpId = SimulatorState.SeedCorpId);
    private sealed record MemberDataRequest(
        [property: JsonRequired] string UserId,
        MemberDataCall Call = MemberDataCall.GetMobile,
        string CorpId = SimulatorState.SeedCorpId);

    private sealed record ApiRequest(Api? Api);
    private sealed record FaultRequest : Fault
    {
        public Api? Api { get; init; }
    }
}
