using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// Hundreds of logins at once for three apps of two corps on each host, with faults and without in turn: every answer belongs to the code
/// that asked, to its corp, and to its departments, its session too, and nothing grows. <c>CONTRIBUTING.md</c> has the command for more.
/// </summary>
[Trait("Speed", "Slow")]
[Collection(PublishedAppCollection.Name)]
public sealed class LoadTests(PublishedApp app)
{
    private const int Callers = 8;

    /// <summary>So many that no two callers share one: a member's latest login is the one whose session_key counts.</summary>
    private const int Members = 12 * Callers;

    /// <summary>How many logins there are, unless they go on for a time.</summary>
    private const int Logins = 240;

    /// <summary>After so many logins something begins to go wrong, or is over.</summary>
    private const int Turn = 40;

    /// <summary>How long the logins go on; null where their number says when they end.</summary>
    private static readonly TimeSpan? Length = Environment.GetEnvironmentVariable("WECOMFUNC_SOAK_SECONDS") is { } seconds
        ? TimeSpan.FromSeconds(double.Parse(seconds, CultureInfo.InvariantCulture))
        : null;

    /// <summary>What goes wrong at WeCom, one after the other; the token is revoked besides, once.</summary>
    private static readonly Fault[] Faults =
    [
        new() { Errcode = -1 },
        new() { Status = 503 },
        new() { Abort = true },
        new() { Abort = true, TakesEffect = true },
        new() { Body = """{"errcode":0,"errmsg":"ok","us""" },
        new() { Errcode = 45033 },
        new() { DelaySeconds = 0.2 },
    ];

    private static readonly Api[] Troubled = [Api.JsCode2Session, Api.UserGet, Api.DepartmentGet];

    private static readonly (string? Name, string CorpId)[] Apps =
        [(null, SimulatorState.SeedCorpId), ("hr", SimulatorState.SeedCorpId), ("sales", SimulatorState.OtherCorpId)];

    private readonly TaskCompletionSource _quarter = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Stopwatch _running = new();
    private int _begun;
    private long _served;
    private long _refused;
    private long _opened;

    [Fact]
    public async Task Every_answer_of_the_local_host_belongs_to_the_code_that_asked()
    {
        await using var simulator = await StartSimulatorAsync();
        // On this host alone: the emulator takes fewer rows a second than a host makes logins.
        var settings = new Dictionary<string, string?>(Settings(simulator)) { ["MemberData__Enabled"] = "true" };
        await using var host = HostProcess.Start("WeComFunc.LocalHost", settings, arguments: ["--urls", "http://127.0.0.1:0"]);

        await SoakAsync("local host", simulator.State, await host.AddressAsync(), host.ProcessId, hasMemberData: true);
    }

    [Fact]
    public async Task Every_answer_of_the_published_app_belongs_to_the_code_that_asked()
    {
        await using var simulator = await StartSimulatorAsync();
        await using var host = await PublishedHost.StartAsync(
            simulator,
            app.Azurite,
            settings: Settings(simulator),
            output: new Output(Path.Combine(AppContext.BaseDirectory, "output", "load.log")));

        await SoakAsync("published app", simulator.State, host.Client.BaseAddress!, host.App.ProcessId, hasMemberData: false);
    }

    private static async Task<SimulatorServer> StartSimulatorAsync()
    {
        var simulator = await SimulatorServer.StartAsync();
        simulator.State.PutApp(SimulatorState.SeedCorpId, "hr");
        return simulator;
    }

    private Dictionary<string, string?> Settings(SimulatorServer simulator) => new(OwnSettings(simulator))
    {
        ["WeCom__Apps__hr__CorpId"] = SimulatorState.SeedCorpId,
        ["WeCom__Apps__hr__CorpSecret"] = simulator.State.GetSecret(SimulatorState.SeedCorpId, "hr"),
        ["WeCom__Apps__sales__CorpId"] = SimulatorState.OtherCorpId,
        ["WeCom__Apps__sales__CorpSecret"] = simulator.State.GetSecret(SimulatorState.OtherCorpId, SimulatorState.SeedApp),
        ["Login__DepartmentNames"] = "true",
        ["Session__Issuer"] = "http://127.0.0.1/api",
        ["Session__Audience"] = "orders-api",
        ["WeCom__MiniProgramAppId"] = SimulatorState.SeedAppId,
        ["WeCom__Apps__hr__MiniProgramAppId"] = SimulatorState.SeedAppId,
        ["WeCom__Apps__sales__MiniProgramAppId"] = SimulatorState.SeedAppId,
        ["Limits__LoginsPerSecondPerAddress"] = "0",
        ["Logging__LogLevel__Default"] = "Error",
        ["Logging__LogLevel__Microsoft.AspNetCore"] = "Error",
        ["Logging__LogLevel__Microsoft.Hosting.Lifetime"] = "Information",
    };

    private Dictionary<string, string?> OwnSettings(SimulatorServer simulator) =>
        LoginHost.Settings(simulator, app.Azurite, LoginHost.NewTable());

    private async Task SoakAsync(string name, SimulatorState weCom, Uri address, int processId, bool hasMemberData)
    {
        for (var i = 0; i < Members; i++)
        {
            foreach (var corpId in (string[])[SimulatorState.SeedCorpId, SimulatorState.OtherCorpId])
            {
                var member = new { userid = $"member-{i}", name = "a name", department = (int[])[100 + i], mobile = $"{i} of {corpId}" };
                weCom.PutMember(corpId, member.userid, JsonSerializer.Serialize(member));
                weCom.PutDepartment(corpId, 100 + i, $"{100 + i} of {corpId}");
            }
        }

        using var client = HostClient.CreateSilent(address);
        _running.Start();
        var callers = Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(() => CallAsync(client, weCom, caller))));
        await Task.WhenAny(_quarter.Task, callers);
        var early = Resources.Of(processId);
        await callers;
        var late = Resources.Of(processId);
        _running.Stop();

        // Whatever went wrong, it is over.
        foreach (var api in Troubled)
        {
            weCom[api].ClearFaults();
        }

        foreach (var app in Apps)
        {
            await Wait.UntilAsync(async () => await LogInAsync(client, weCom, "member-0", app) is "member-0");
        }

        Figures.Write($"4-load-of-the-{name.Replace(' ', '-')}", [string.Create(
            CultureInfo.InvariantCulture,
            $"Load of the {name}: {_served + _refused} requests in {_running.Elapsed.TotalSeconds:0.0} s, {_served} served, {_refused} "
            + $"told to try again, {_opened} with member data, {FaultsMet(weCom)} of their calls met a fault; {early} at first, "
            + $"{late} at the end")]);
        Assert.True(_served > 100, $"{_served} were served.");
        Assert.Equal(hasMemberData, _opened > 0);
        Assert.True(
            late.Handles <= early.Handles + 64
                && late.Threads <= early.Threads + 32
                && late.Watches <= early.Watches
                && late.MegaBytes <= early.MegaBytes + 150,
            $"{early} at first, {late} at the end");
    }

    private static int FaultsMet(SimulatorState weCom) => Enum.GetValues<Api>().Select(api => weCom[api].Calls)
        .Sum(calls => calls.WithoutErrcode + calls.Errcodes.Where(errcode => errcode.Key is not 0).Sum(errcode => errcode.Value));

    private async Task CallAsync(HttpClient client, SimulatorState weCom, int caller)
    {
        for (var i = caller; ; i += Callers)
        {
            var begun = Interlocked.Increment(ref _begun);
            var done = Length is { } length ? _running.Elapsed / length : (double)begun / Logins;
            if (done >= 0.25)
            {
                _quarter.TrySetResult();
            }

            if (done > 1)
            {
                return;
            }

            MakeTrouble(weCom, begun);
            await LogInAsync(client, weCom, $"member-{i % Members}", Apps[i % Apps.Length]);
        }
    }

    /// <summary>Has the calls of every other turn meet the next faults, and once the token revoked.</summary>
    private static void MakeTrouble(SimulatorState weCom, int begun)
    {
        if (begun == 3 * Turn)
        {
            weCom.RevokeTokens();
        }

        if (begun % (2 * Turn) == Turn)
        {
            var turn = begun / (2 * Turn);
            for (var i = 0; i < Troubled.Length; i++)
            {
                weCom[Troubled[i]].AddFault(Faults[((turn * Troubled.Length) + i) % Faults.Length] with { Times = 20 });
            }
        }
    }

    /// <returns>Who is logged in; null where the answer is to try again.</returns>
    private async Task<string?> LogInAsync(HttpClient client, SimulatorState weCom, string member, (string? Name, string CorpId) app)
    {
        using var content = new ByteArrayContent(
            JsonSerializer.SerializeToUtf8Bytes(new { code = weCom.IssueCode(member, app.CorpId), app = app.Name }))
        {
            Headers = { { "Content-Type", "application/json" } },
        };
        using var response = await client.PostAsync("/api/login", content);
        var answer = JsonSerializer.Deserialize<JsonElement>(await response.Content.ReadAsByteArrayAsync());
        if (response.StatusCode is HttpStatusCode.OK)
        {
            Assert.Equal(
                (member, app.CorpId), (answer.GetProperty("userid").GetString(), answer.GetProperty("corpid").GetString()));
            Assert.Equal($"{app.CorpId}/{member}", SubjectOf(answer.GetProperty("session").GetProperty("token").GetString()!));
            if (answer.GetProperty("profile") is { ValueKind: not JsonValueKind.Null } profile)
            {
                Assert.Equal(member, profile.GetProperty("userid").GetString());
                var department = answer.GetProperty("departments").EnumerateArray().Single();
                var id = department.GetProperty("id").GetInt32();
                Assert.Equal(profile.GetProperty("department")[0].GetInt32(), id);
                Assert.True(
                    !department.TryGetProperty("name", out var name) || name.GetString() == $"{id} of {app.CorpId}",
                    $"{name} is a department of another corp.");
            }

            await AskForMobileAsync(client, weCom, member, app.CorpId, answer.GetProperty("session"));
            Interlocked.Increment(ref _served);
            return member;
        }

        Assert.Contains(answer.GetProperty("code").GetString(), (string[])["wecom_busy", "wecom_unexpected"]);
        Interlocked.Increment(ref _refused);
        return null;
    }

    /// <summary>Opens what WeCom gave the member encrypted, where the session says that it can be.</summary>
    private async Task AskForMobileAsync(HttpClient client, SimulatorState weCom, string member, string corpId, JsonElement session)
    {
        if (!session.TryGetProperty("memberData", out var hasData) || !hasData.GetBoolean())
        {
            return;
        }

        var data = weCom.Encrypt(MemberDataCall.GetMobile, member, corpId);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/member-data");
        var body = new { encryptedData = data.EncryptedData, iv = data.Iv };
        request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body))
        {
            Headers = { { "Content-Type", "application/json" } },
        };
        request.Headers.Authorization = new("Bearer", session.GetProperty("token").GetString());
        using var response = await client.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        if (response.StatusCode is HttpStatusCode.ServiceUnavailable)
        {
            Interlocked.Increment(ref _refused);
            return;
        }

        Assert.Equal($$$"""{"data":{"mobile":"{{{member["member-".Length..]}}} of {{{corpId}}}"}}""", text);
        Interlocked.Increment(ref _opened);
    }

    /// <summary>Whom a session token is of.</summary>
    private static string? SubjectOf(string token) =>
        JsonSerializer.Deserialize<JsonElement>(Base64Url.DecodeFromChars(token.Split('.')[1])).GetProperty("sub").GetString();

    /// <summary>What a process holds.</summary>
    private sealed record Resources(long MegaBytes, int Handles, int Threads, int Watches)
    {
        public static Resources Of(int processId)
        {
            var status = File.ReadAllLines($"/proc/{processId}/status");
            string[] handles = [.. Directory.GetFiles($"/proc/{processId}/fd").Select(file => new FileInfo(file).LinkTarget ?? "")];
            return new(
                Number("VmRSS:") / 1024,
                handles.Length,
                (int)Number("Threads:"),
                handles.Count(handle => handle.Contains("inotify", StringComparison.Ordinal)));

            long Number(string of) => long.Parse(
                status.Single(line => line.StartsWith(of, StringComparison.Ordinal))[of.Length..].Replace("kB", "").Trim(),
                CultureInfo.InvariantCulture);
        }

        public override string ToString() => $"{MegaBytes} MB, {Handles} handles, {Threads} threads, {Watches} inotify watches";
    }
}
