using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using WeComFunc.Simulator;

namespace WeComFunc.Playground;

/// <summary>The local host with what it needs around it, and the first answer that it gives.</summary>
internal sealed class LocalRun(Parts parts, HttpClient http, bool once, CancellationToken stop)
{
    private const string LocalHost = "local-host";
    private const int HostPort = 7071;
    private const int SimulatorPort = 7072;
    private const int TablePort = 10002;

    // Of the second corp's app; the first has the one that the simulator starts with.
    private const string OtherSecret = "simulated-corpsecret-for-local-runs-only-02";

    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>A renewal is given up before.</summary>
    private static readonly TimeSpan TokenLimit = TimeSpan.FromSeconds(15);

    private static readonly string[] Inherited = ["PATH", "HOME", "TMPDIR", "DOTNET_ROOT", "DOTNET_ROOT_X64"];

    private static readonly JsonSerializerOptions Readable =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Against the simulator: nothing of this machine's settings and environment reaches the local host.</summary>
    /// <exception cref="PartException">A part does not start, or the login fails.</exception>
    public async Task SimulateAsync()
    {
        var table = FreeAddress("table", TablePort);
        await StartTableAsync(table);
        var simulator = FreeAddress("simulator", SimulatorPort);
        await parts.StartAsync("simulator", $"{simulator}/sim/state", Isolated(Program("WeComFunc.Simulator", "--urls", simulator)));
        var otherApp = $"{simulator}/sim/corps/{SimulatorState.OtherCorpId}/apps/{SimulatorState.SeedApp}";
        await SendAsync($"{otherApp}/rotate", $$"""{"secret":"{{OtherSecret}}"}""");
        var host = FreeAddress(LocalHost, HostPort);
        var program = Program("WeComFunc.Playground", LabHost.Command, "--urls", host, "--settings", "none");
        await parts.StartAsync(LocalHost, $"{host}/api/health", Isolated(program, new()
        {
            ["DOTNET_ENVIRONMENT"] = "Development",
            ["WeCom__CorpId"] = SimulatorState.SeedCorpId,
            ["WeCom__CorpSecret"] = SimulatorServer.LocalSecret,
            ["WeCom__BaseUrl"] = simulator,
            ["WeCom__MiniProgramAppId"] = SimulatorState.SeedAppId,
            ["WeCom__Apps__sales__CorpId"] = SimulatorState.OtherCorpId,
            ["WeCom__Apps__sales__CorpSecret"] = OtherSecret,
            ["WeCom__Apps__sales__MiniProgramAppId"] = SimulatorState.SeedAppId,
            ["Login__DepartmentNames"] = "true",
            ["Session__Issuer"] = $"{host}/api",
            ["Session__Audience"] = "orders-api",
            ["Session__Claims"] = "name",
            ["MemberData__Enabled"] = "true",
            [LabHost.Table] = table,
        }));

        SayWhatIsUp($"The console: {host}/");
        Console.WriteLine($"A login through {host}/api/login:");
        var (_, code) = await SendAsync($"{simulator}/sim/codes", """{"userid":"zhangsan"}""");
        if (!await ShowAsync($"{host}/api/login", code))
        {
            throw parts.Failure(LocalHost, "The login failed.");
        }

        SayWhatIsUp(
            $$"""

            Up until Ctrl-C: local host {{host}}, simulator {{simulator}}, table {{table}}, logs in {{parts.Logs}}/

            The next login, in one go:
              curl -s {{simulator}}/sim/codes --json '{"userid":"lisi"}' | curl -s {{host}}/api/login --json @-
            in two steps:
              curl -s {{simulator}}/sim/codes --json '{"userid":"zhangsan"}'
              curl -s {{host}}/api/login --json '{"code":"CODE"}'
            and health:
              curl -s {{host}}/api/health
            A session, and the keys that other back ends check it by:
              TOKEN=$(curl -s {{simulator}}/sim/codes --json '{"userid":"zhangsan"}' | curl -s {{host}}/api/login --json @- | sed -n 's/.*"token":"\([^"]*\).*/\1/p')
              curl -s {{host}}/api/.well-known/jwks.json
            What wx.qy.getMobile gave this member, encrypted, and opened with the session:
              curl -s {{simulator}}/sim/member-data --json '{"userid":"zhangsan"}' | curl -s {{host}}/api/member-data -H "Authorization: Bearer $TOKEN" --json @-
            What else the simulator does on demand: tests/WeComFunc.Simulator/README.md
            """);
    }

    /// <summary>Against WeCom itself, with the settings of this machine.</summary>
    /// <exception cref="PartException">A part does not start; or, where this is all, no login could succeed.</exception>
    public async Task ServeAsync(LocalCorp corp)
    {
        if (corp.UsesEmulator && IsFree(TablePort))
        {
            await StartTableAsync(Address(TablePort));
        }
        else if (corp.UsesEmulator)
        {
            Console.WriteLine($"Port {TablePort} is in use: what answers there is taken for the Table Storage emulator.");
        }

        var host = FreeAddress(LocalHost, HostPort);
        await parts.StartAsync(LocalHost, $"{host}/api/health", Program("WeComFunc.LocalHost", "--urls", host));
        await WaitForTokenAsync($"{host}/api/health");

        SayWhatIsUp($"The console: {host}/");
        Console.WriteLine($"WeCom gives no code to a script, so this is the answer of {host}/api/health instead of a login:");
        if (!await ShowAsync($"{host}/api/health") && once)
        {
            throw parts.Failure(LocalHost, "No login could succeed.");
        }

        SayWhatIsUp(
            $$"""

            Up until Ctrl-C: local host {{host}}, logs in {{parts.Logs}}/

            A login, with a fresh code from wx.qy.login:
              curl -s {{host}}/api/login --json '{"code":"CODE"}'
            Health:
              curl -s {{host}}/api/health
            """);
    }

    /// <summary>Until the first token is there, or it is known why there is none: before that, nothing is known to be wrong.</summary>
    private async Task WaitForTokenAsync(string health)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(TokenLimit);
        try
        {
            while (await SendAsync(health, null) is (true, var answer)
                && JsonNode.Parse(answer)?["token"]?["state"]?.GetValue<string>() is "missing")
            {
                await Task.Delay(LookInterval, limit.Token);
            }
        }
        catch (Exception exception) when (
            exception is HttpRequestException or JsonException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            // What is shown next says it.
        }
    }

    private Task StartTableAsync(string address)
    {
        var start = new ProcessStartInfo("node", ["table.js", "--tablePort", $"{new Uri(address).Port}"])
        {
            WorkingDirectory = Path.Combine(Repository.Root, "tests/azurite"),
        };
        return Directory.Exists(Path.Combine(start.WorkingDirectory, "node_modules"))
            ? parts.StartAsync("table", $"{address}/{LabHost.Account}", start)
            : throw new PartException("The Table Storage emulator is not installed: ./run.sh installs it.");
    }

    /// <summary>A program of this repository, as it lies beside this one.</summary>
    private static ProcessStartInfo Program(string name, params string[] arguments) =>
        new("dotnet", [Path.Combine(AppContext.BaseDirectory, $"{name}.dll"), .. arguments]);

    /// <summary>With these settings, names with <c>__</c>, in place of this process's environment.</summary>
    private static ProcessStartInfo Isolated(ProcessStartInfo start, Dictionary<string, string>? settings = null)
    {
        foreach (var name in start.Environment.Keys.Except(Inherited).ToList())
        {
            start.Environment.Remove(name);
        }

        foreach (var (name, value) in settings ?? [])
        {
            start.Environment[name] = value;
        }

        return start;
    }

    private static string Address(int port) => $"http://127.0.0.1:{port}";

    /// <summary>The first address, from the usual port on, at which nobody listens.</summary>
    private static string FreeAddress(string part, int usualPort)
    {
        var port = usualPort;
        while (!IsFree(port))
        {
            port++;
        }

        if (port != usualPort)
        {
            Console.WriteLine($"Port {usualPort} is in use: {part} takes {port}.");
        }

        return Address(port);
    }

    private static bool IsFree(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Sends a request, a POST when there is a body, and prints the answer.</summary>
    /// <returns>Whether it is a success.</returns>
    private async Task<bool> ShowAsync(string url, string? body = null)
    {
        try
        {
            var (isSuccess, answer) = await SendAsync(url, body);
            Console.WriteLine(WithoutToken(answer).ToJsonString(Readable));
            return isSuccess;
        }
        catch (Exception exception) when (
            exception is HttpRequestException or JsonException or OperationCanceledException && !stop.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"{url}: {exception.Message}");
            return false;
        }
    }

    /// <summary>An answer as it may stand on a screen and in what somebody copies from it.</summary>
    private static JsonNode WithoutToken(string answer)
    {
        var json = JsonNode.Parse(answer)!;
        if (json["session"] is JsonObject session)
        {
            session["token"] = "***";
        }

        return json;
    }

    private async Task<(bool IsSuccess, string Answer)> SendAsync(string url, string? body)
    {
        using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, url)
        {
            Content = body is null ? null : new StringContent(body, new MediaTypeHeaderValue("application/json")),
        };
        using var answer = await http.SendAsync(request, stop);
        return (answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync(stop));
    }

    private void SayWhatIsUp(string text)
    {
        if (!once)
        {
            Console.WriteLine(text);
        }
    }
}
