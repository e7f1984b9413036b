using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace WeComFunc.Simulator;

/// <summary>The HTTP way to <see cref="SimulatorState"/>; README.md shows every route.</summary>
internal static class ControlApi
{
    private static readonly JsonSerializerOptions Json = Configure(new(JsonSerializerDefaults.Web));

    /// <summary>A misspelt member is an error; text stays as people write it.</summary>
    public static JsonSerializerOptions Configure(JsonSerializerOptions options)
    {
        options.UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow;
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        return options;
    }

    public static void MapControlApi(this WebApplication app, SimulatorState state)
    {
        app.Use(AnswerMistakesAsync);
        var control = app.MapGroup("/sim");

        control.MapGet("/state", state.Describe);
        control.MapPost("/reset", state.Reset);
        control.MapPatch("/settings", (JsonObject changes) => state.Settings = Merge(state.Settings, changes));
        control.MapPost("/clock", (ClockRequest request) =>
        {
            state.Advance(TimeSpan.FromSeconds(request.AdvanceSeconds));
            return new { state.UtcNow };
        });

        control.MapPut("/corps/{corpid}/apps/{app}", (string corpid, string app, AppRequest request) =>
            state.PutApp(
                corpid,
                app,
                request.Secret,
                request.Associated,
                request.IpTrusted,
                request.HiddenMembers,
                request.HiddenDepartments));
        control.MapPost("/corps/{corpid}/apps/{app}/rotate", (string corpid, string app, RotateRequest request) =>
            new { Secret = state.RotateSecret(corpid, app, request.RevokeTokens, request.Secret) });
        control.MapPut("/corps/{corpid}/members/{userid}", async (string corpid, string userid, HttpRequest request) =>
            state.PutMember(corpid, userid, await new StreamReader(request.Body).ReadToEndAsync()));
        control.MapDelete("/corps/{corpid}/members/{userid}", (string corpid, string userid) =>
            state.RemoveMember(corpid, userid) ? Results.Ok() : Results.NotFound());

        control.MapPost("/codes", (CodeRequest request) => request.Count is { } count
            ? Results.Ok(new { Codes = Enumerable.Range(0, count).Select(_ => state.IssueCode(request.UserId, request.CorpId)) })
            : Results.Ok(new { Code = state.IssueCode(request.UserId, request.CorpId, request.Code) }));
        control.MapPost("/member-data", (MemberDataRequest request) => state.Encrypt(request.Call, request.UserId, request.CorpId));
        control.MapPost("/tokens/revoke", (RevokeRequest request) => new { Revoked = state.RevokeTokens(request.AccessToken) });

        control.MapGet("/calls", () => Enum.GetValues<Api>().ToDictionary(WireName, api => state[api].Calls));
        control.MapDelete("/calls", () => ForEach(null, traffic => traffic.ResetCalls()));
        control.MapPost("/limits", (LimitsRequest request) =>
            ForEach(request.Api, traffic => traffic.SetLimits(request.MaxPerMinute, request.MaxConcurrent)));
        control.MapPost("/faults", (FaultRequest request) => ForEach(request.Api, traffic => traffic.AddFault(request)));
        control.MapPost("/faults/clear", (ApiRequest request) => ForEach(request.Api, traffic => traffic.ClearFaults()));
        control.MapPost("/release", (ReleaseRequest request) =>
            new { Released = Chosen(request.Api).Sum(api => state[api].Release(request.Count)) });

        void ForEach(Api? api, Action<ApiTraffic> act) => Array.ForEach(Chosen(api), chosen => act(state[chosen]));
    }

    private static Api[] Chosen(Api? api) => api is { } one ? [one] : Enum.GetValues<Api>();

    private static string WireName(Api api) => JsonSerializer.SerializeToNode(api, Json)!.GetValue<string>();

    private static SimulatorSettings Merge(SimulatorSettings settings, JsonObject changes)
    {
        var merged = JsonSerializer.SerializeToNode(settings, Json)!.AsObject();
        foreach (var (name, value) in changes)
        {
            merged[name] = value?.DeepClone();
        }

        return merged.Deserialize<SimulatorSettings>(Json)!;
    }

    private static async Task AnswerMistakesAsync(HttpContext context, RequestDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (Exception mistake) when (mistake is ArgumentException or JsonException or KeyNotFoundException or BadHttpRequestException)
        {
            context.Response.StatusCode = mistake is KeyNotFoundException ? StatusCodes.Status404NotFound : StatusCodes.Status400BadRequest;
            await context.Response.WriteAsJsonAsync(new { Error = (mistake.InnerException ?? mistake).Message });
        }
    }

    private sealed record ClockRequest(double AdvanceSeconds);
    private sealed record AppRequest(string? Secret, bool? Associated, bool? IpTrusted, string[]? HiddenMembers, int[]? HiddenDepartments);
    private sealed record RotateRequest(string? Secret, bool RevokeTokens);
    private sealed record CodeRequest(
        [property: JsonRequired] string UserId, string? Code, int? Count, string CorpId = SimulatorState.SeedCorpId);
    private sealed record MemberDataRequest(
        [property: JsonRequired] string UserId,
        MemberDataCall Call = MemberDataCall.GetMobile,
        string CorpId = SimulatorState.SeedCorpId);

    private sealed record RevokeRequest([property: JsonPropertyName("access_token")] string? AccessToken);
    private sealed record ApiRequest(Api? Api);
    private sealed record LimitsRequest(Api? Api, int? MaxPerMinute, int? MaxConcurrent);
    private sealed record ReleaseRequest(Api? Api, int? Count);

    private sealed record FaultRequest : Fault
    {
        public Api? Api { get; init; }
    }
}
