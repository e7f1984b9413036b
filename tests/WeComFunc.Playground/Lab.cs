using System.Buffers.Text;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using WeComFunc.LocalHost;

namespace WeComFunc.Playground;

/// <summary>
/// What the console can do to a simulated WeCom and to the table: give the code of a member, and make trouble. It answers nothing that is
/// secret but that code, which a mini program has too.
/// </summary>
internal sealed class Lab(Settings settings, LabVault vault, TableGate table, HttpClient simulator)
{
    private const string Root = "/console/lab";
    private const int SecretLength = 43;

    // How often each call is answered busy: a login tries three times.
    private const int BusyAnswers = 2;

    private static readonly string[] DataCalls = ["jscode2session", "user/get"];

    /// <summary>Answers what is below <c>/console/lab</c>, for the console's own page, and hands on the rest.</summary>
    public Task AnswerAsync(HttpContext context, RequestDelegate next)
    {
        var (method, path) = (context.Request.Method, context.Request.Path.Value ?? "");
        return !path.StartsWith(Root, StringComparison.Ordinal) ? next(context)
            : !OwnCaller.IsOwnPage(context) ? LocalConsole.RefuseAsync(context)
            : (method, path[Root.Length..]) switch
            {
                ("GET", "") => AnswerAsync(context, DescribeAsync),
                ("POST", "/codes") => AnswerAsync(context, GiveCodeAsync),
                ("POST", "/revoke") => AnswerAsync(context, _ => AskAsync("sim/tokens/revoke", [])),
                ("POST", "/rotate") => AnswerAsync(context, RotateAsync),
                ("POST", "/busy") => AnswerAsync(context, BeBusyAsync),
                ("POST", "/table") => AnswerAsync(context, TurnTableAsync),
                _ => LocalConsole.RefuseAsync(context),
            };
    }

    private static async Task AnswerAsync(HttpContext context, Func<JsonNode, Task<JsonNode>> act)
    {
        var response = context.Response;
        response.Headers.CacheControl = "no-store";
        try
        {
            var request = context.Request.ContentLength > 0 ? await JsonNode.ParseAsync(context.Request.Body) : null;
            await response.WriteAsJsonAsync(await act(request ?? new JsonObject()));
        }
        catch (Exception exception) when (
            exception is JsonException or InvalidOperationException or FormatException
                or HttpRequestException { StatusCode: HttpStatusCode.BadRequest or HttpStatusCode.NotFound })
        {
            response.StatusCode = StatusCodes.Status400BadRequest;
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException)
        {
            response.StatusCode = StatusCodes.Status502BadGateway;
        }
    }

    /// <summary>Which corps, members and apps there are.</summary>
    private async Task<JsonNode> DescribeAsync(JsonNode request)
    {
        var state = await simulator.GetFromJsonAsync<JsonNode>("sim/state");
        return new JsonObject
        {
            ["corps"] = new JsonArray([.. state!["corps"]!.AsArray().Select(corp => new JsonObject
            {
                ["corpid"] = corp!["corpid"]!.DeepClone(),
                ["members"] = corp["members"]!.DeepClone(),
            })]),
            ["apps"] = new JsonArray([.. settings.Apps.Select(app => new JsonObject
            {
                ["name"] = app.App.Name,
                ["corpid"] = app.App.CorpId,
            })]),
            ["tableStopped"] = table.IsShut,
        };
    }

    /// <summary>The code that <c>wx.qy.login</c> would give a member.</summary>
    private Task<JsonNode> GiveCodeAsync(JsonNode request) => AskAsync("sim/codes", new()
    {
        ["userid"] = (string?)request["userid"],
        ["corpid"] = (string?)request["corpid"],
    });

    /// <summary>Gives an app another corpsecret in WeCom's console, which ends its tokens, and stores it in the vault.</summary>
    private async Task<JsonNode> RotateAsync(JsonNode request)
    {
        var app = settings.Apps.Single(app => app.App.Name == (string?)request["app"]).App;
        var secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretLength))[..SecretLength];
        await AskAsync($"sim/corps/{app.CorpId}/apps/login/rotate", new() { ["secret"] = secret, ["revokeTokens"] = true });
        vault.Store(app.SecretName, secret);
        return new JsonObject();
    }

    /// <summary>Has the next calls of a login answered -1, system busy.</summary>
    private async Task<JsonNode> BeBusyAsync(JsonNode request)
    {
        foreach (var api in DataCalls)
        {
            await AskAsync("sim/faults", new() { ["api"] = api, ["errcode"] = -1, ["times"] = BusyAnswers });
        }

        return new JsonObject();
    }

    /// <summary>Shuts the way to the table, or opens it.</summary>
    private Task<JsonNode> TurnTableAsync(JsonNode request)
    {
        if ((bool?)request["stopped"] ?? false)
        {
            table.Shut();
        }
        else
        {
            table.Open();
        }

        return Task.FromResult<JsonNode>(new JsonObject { ["tableStopped"] = table.IsShut });
    }

    private async Task<JsonNode> AskAsync(string path, JsonObject body)
    {
        using var answer = await simulator.PostAsJsonAsync(path, body);
        answer.EnsureSuccessStatusCode();
        return (answer.Content.Headers.ContentLength == 0 ? null : await answer.Content.ReadFromJsonAsync<JsonNode>()) ?? new JsonObject();
    }
}
