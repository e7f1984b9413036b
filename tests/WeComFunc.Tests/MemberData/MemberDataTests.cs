using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text;
using System.Text.Json.Nodes;
using Azure.Data.Tables;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.MemberData;
using WeComFunc.Secrets;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What WeCom gives only encrypted, from the login to the data, and what stands in the way.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class MemberDataTests(Azurite azurite) : MemberDataTest(azurite)
{
    [Theory]
    [InlineData(MemberDataCall.GetMobile, """{"mobile":"13800000000"}""")]
    [InlineData(MemberDataCall.GetEmail, """{"email":"zhangsan@gzdev.com"}""")]
    [InlineData(
        MemberDataCall.GetEnterpriseUserInfo, """{"corpid":"ww1234567890abcdef","userid":"zhangsan","name":"张三","gender":"1"}""")]
    public async Task What_a_call_of_the_mini_program_gave_is_opened(MemberDataCall call, string data)
    {
        var host = await StartWithDataAsync();
        var token = await TokenAsync(host);

        var answer = await AskAsync(host, token, WeCom.Encrypt(call, "zhangsan"));

        Assert.Equal(
            (200, "application/json", "no-store", null), (answer.Status, answer.ContentType, answer.CacheControl, answer.Challenge));
        Assert.Equal($$"""{"data":{{data}}}""", answer.Text);
    }

    [Fact]
    public async Task It_is_opened_as_often_as_it_is_asked_for_and_each_session_opens_its_own()
    {
        var host = await StartWithDataAsync();
        var (first, firstData) = (await TokenAsync(host), WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));
        var (second, secondData) = (await TokenAsync(host), WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));

        Assert.All(
            await Task.WhenAll(
                AskAsync(host, first, firstData), AskAsync(host, second, secondData), AskAsync(host, first, firstData)),
            answer => Assert.Equal(200, answer.Status));
    }

    [Fact]
    public async Task Every_request_is_measured_told_and_traced_by_its_outcome_and_its_app()
    {
        var host = await StartWithDataAsync();
        using var root = new Activity("a test").Start();
        using var traces = new Traces(activity => activity.TraceId == root.TraceId);
        using var durations = host.Services.GetRequiredService<IMeterFactory>().Measure<double>("wecomfunc.member_data.duration");
        var token = await TokenAsync(host);
        var data = WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan");

        await AskAsync(host, token, data);
        await AskAsync(host, token, data with { Iv = "AAAAAAAAAAAAAAAAAAAAAA==" });
        await AskAsync(host, $"{token[..^9]}AAAAAAAAA", data);

        Assert.Equal(
            ["0 app=default outcome=ok", "0 app=default outcome=invalid_data", "0 app=none outcome=invalid_session"], durations.Lines());
        Assert.All(
            (string[])["ok, ", "invalid_data, ", "invalid_session, "],
            outcome => Assert.Single(
                host.Log.All, line => line.StartsWith($"Information Member data: outcome {outcome}", StringComparison.Ordinal)));
        Assert.Equal(
            [
                "Client session write outcome=ok", "Client session read outcome=ok", "Internal member-data outcome=ok",
                "Client session read outcome=ok", "Internal member-data outcome=invalid_data",
                "Internal member-data outcome=invalid_session",
            ],
            traces.Ended.Where(trace => trace.Contains(" session ") || trace.Contains("member-data")));
    }

    [Fact]
    public async Task What_the_table_does_not_give_or_take_is_traced_as_that()
    {
        var store = new WatchedKeyStore { Write = _ => throw new IOException("down"), Read = _ => throw new IOException("down") };
        var host = await StartWithDataAsync(configure: store.Use);
        using var root = new Activity("a test").Start();
        using var traces = new Traces(activity => activity.TraceId == root.TraceId);
        var token = (await SessionAsync(host)).GetProperty("token").GetString()!;

        var answer = await AskAsync(host, token, WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));

        Assert.Equal((503, "wecom_busy"), (answer.Status, answer["code"]));
        Assert.Equal(
            ["Client session write outcome=unreachable", "Client session read outcome=unreachable"],
            traces.Ended.Where(trace => trace.Contains(" session ")));
    }

    [Fact]
    public async Task Each_app_opens_the_data_of_its_mini_program()
    {
        const string other = "wxfedcba9876543210";
        var host = await StartWithDataAsync(new()
        {
            ["WeCom__Apps__sales__CorpId"] = SimulatorState.OtherCorpId,
            ["WeCom__Apps__sales__CorpSecret"] = WeCom.GetSecret(SimulatorState.OtherCorpId, SimulatorState.SeedApp),
            ["WeCom__Apps__sales__MiniProgramAppId"] = other,
        });
        var token = await TokenAsync(host, "zhaoliu", "sales", SimulatorState.OtherCorpId);
        var ofTheDefaultApp = WeCom.Encrypt(MemberDataCall.GetEnterpriseUserInfo, "zhaoliu", SimulatorState.OtherCorpId);
        WeCom.MiniProgramAppId = other;
        var ofItsApp = WeCom.Encrypt(MemberDataCall.GetEnterpriseUserInfo, "zhaoliu", SimulatorState.OtherCorpId);

        Assert.Equal(200, (await AskAsync(host, token, ofItsApp)).Status);
        Assert.Equal("invalid_data", (await AskAsync(host, token, ofTheDefaultApp))["code"]);
    }

    [Fact]
    public async Task Processes_share_sessions()
    {
        var (one, another) = (await StartWithDataAsync(), await StartWithDataAsync());
        var token = await TokenAsync(one);

        var answer = await AskAsync(another, token, WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));

        Assert.Equal((200, """{"data":{"mobile":"13800000000"}}"""), (answer.Status, answer.Text));
    }

    [Fact]
    public async Task A_session_is_good_until_a_minute_after_its_end()
    {
        var host = await StartWithDataAsync();
        var token = await TokenAsync(host);
        Clock.Advance(TimeSpan.FromMinutes(61) - TimeSpan.FromMilliseconds(1));

        Assert.Equal(200, (await AskAsync(host, token, WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"))).Status);
        Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("invalid_session", (await AskAsync(host, token, WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan")))["code"]);
    }

    [Fact]
    public async Task A_sealed_session_key_is_all_that_the_table_gets()
    {
        var host = await StartWithDataAsync();

        var place = PlaceOf(await TokenAsync(host));

        TableEntity row = await Rows.GetEntityAsync<TableEntity>(place.Partition, place.Id);
        Assert.Equal(["PartitionKey", "RowKey", "SealedKey", "Timestamp", "odata.etag"], row.Keys.Order(StringComparer.Ordinal));
        Assert.Matches("^[0-9a-f]-202601010100$", row.PartitionKey);
        Assert.DoesNotContain(WeCom.SessionKeyOf("zhangsan"), row.GetString("SealedKey"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_new_corpsecret_ends_the_sessions_and_nothing_else()
    {
        var secrets = new ChangingSecrets(WeCom.CorpSecret);
        var host = await StartWithDataAsync(
            new() { ["WeCom__CorpSecret"] = null, ["KeyVault__Uri"] = "https://any.vault.azure.net/" }, secrets.Use);
        var old = await TokenAsync(host);
        var oldData = WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan");
        secrets.Value = WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp);
        Output.Run.Secret(secrets.Value, "corpsecret");
        Clock.Advance(TimeSpan.FromMinutes(5));
        Assert.Equal(200, (await AskAsync(host, old, oldData)).Status);

        // The corpsecret is read again when it has been kept for an hour.
        Clock.Advance(TimeSpan.FromMinutes(55));
        var fresh = await TokenAsync(host);

        Assert.Equal(200, (await AskAsync(host, fresh, WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"))).Status);
        Assert.Equal("invalid_session", (await AskAsync(host, old, oldData))["code"]);
        Assert.DoesNotContain(host.Log.All, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_process_that_has_the_old_corpsecret_still_opens_what_another_sealed_with_the_new_one()
    {
        var secrets = new ChangingSecrets(WeCom.CorpSecret);
        Dictionary<string, string?> settings = new() { ["WeCom__CorpSecret"] = null, ["KeyVault__Uri"] = "https://any.vault.azure.net/" };
        var behind = await StartWithDataAsync(settings, secrets.Use);
        await TokenAsync(behind);
        secrets.Value = WeCom.RotateSecret(SimulatorState.SeedCorpId, SimulatorState.SeedApp);
        Output.Run.Secret(secrets.Value, "corpsecret");
        var ahead = await StartWithDataAsync(settings, secrets.Use);
        var token = await TokenAsync(ahead);

        var answer = await AskAsync(behind, token, WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));

        Assert.Equal(200, answer.Status);
    }

    [Theory]
    [InlineData("""{"errcode":0,"corpid":"ww1234567890abcdef","userid":"zhangsan"}""")]
    [InlineData("""{"errcode":0,"corpid":"ww1234567890abcdef","userid":"zhangsan","session_key":""}""")]
    [InlineData("""{"errcode":0,"corpid":"ww1234567890abcdef","userid":"zhangsan","session_key":null}""")]
    [InlineData("""{"errcode":0,"corpid":"ww1234567890abcdef","userid":"zhangsan","session_key":[7]}""")]
    [InlineData("""{"errcode":0,"corpid":"ww1234567890abcdef","userid":"zhangsan","session_key":"0123456789abcdef"}""")]
    [InlineData("""{"errcode":0,"corpid":"ww1234567890abcdef","userid":"zhangsan","session_key":"AAAAAAAAAAAAAAAAAAAAAAA="}""")]
    [InlineData("""{"errcode":0,"corpid":"ww1234567890abcdef","userid":"zhangsan","session_key":"a b c d e f g h i j k l m="}""")]
    public async Task A_login_without_a_session_key_is_a_login_without_member_data(string answer)
    {
        var host = await StartWithDataAsync();
        WeCom[Api.JsCode2Session].AddFault(new() { Body = answer });

        var session = await SessionAsync(host);

        Assert.False(session.GetProperty("memberData").GetBoolean());
        Assert.Contains(": 1; the last one could not be written: WeCom gave none that is one.", Assert.Single(Troubles(host)));
        var data = EncryptedMemberData.Of([], "AAAAAAAAAAAAAAAAAAAAAA==");
        Assert.Equal("invalid_session", (await AskAsync(host, session.GetProperty("token").GetString()!, data))["code"]);
    }

    [Fact]
    public async Task A_table_that_is_down_costs_no_login_and_one_line_a_minute()
    {
        var table = new WatchedKeyStore { Write = _ => throw new IOException("down") };
        var host = await StartWithDataAsync(configure: table.Use);

        for (var login = 0; login < 5; login++)
        {
            Assert.False((await SessionAsync(host)).GetProperty("memberData").GetBoolean());
        }

        Assert.Single(Troubles(host));
        Clock.Advance(TimeSpan.FromMinutes(1));
        await SessionAsync(host);
        Assert.Equal(2, Troubles(host).Count);
        Assert.Contains("since the last such line: 5; the last one could not be written: IOException.", Troubles(host)[1]);
    }

    [Fact]
    public async Task A_login_waits_for_the_table_for_a_second_and_no_longer()
    {
        var table = new WatchedKeyStore();
        var host = await StartWithDataAsync(configure: table.Use);
        await WarmAsync(host);
        await table.WaitForWritesAsync(1);
        table.Write = limit => Task.Delay(Timeout.InfiniteTimeSpan, limit);

        var login = SessionAsync(host);
        await table.WaitForWritesAsync(2);
        Clock.Advance(TimeSpan.FromSeconds(1) - TimeSpan.FromTicks(1));
        Assert.False(login.IsCompleted);
        Clock.Advance(TimeSpan.FromTicks(1));

        Assert.False((await login).GetProperty("memberData").GetBoolean());
    }

    [Fact]
    public async Task The_row_is_written_while_the_profile_is_asked_for()
    {
        var table = new WatchedKeyStore();
        var host = await StartWithDataAsync(configure: table.Use);
        WeCom[Api.UserGet].AddFault(new() { Hold = true });

        var login = SessionAsync(host);
        await WeCom[Api.UserGet].WaitForCallsAsync(1);
        await table.WaitForWritesAsync(1);

        Assert.False(login.IsCompleted);
        WeCom[Api.UserGet].Release();
        Assert.True((await login).GetProperty("memberData").GetBoolean());
    }

    [Fact]
    public async Task While_the_table_cannot_be_read_it_is_wecom_busy()
    {
        var table = new WatchedKeyStore();
        var host = await StartWithDataAsync(configure: table.Use);
        var (token, data) = (await TokenAsync(host), WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));
        table.Read = _ => throw new IOException("down");

        var answer = await AskAsync(host, token, data);

        Assert.Equal((503, "wecom_busy", true), (answer.Status, answer["code"], answer.RetryAfter is > 0));
        Assert.DoesNotContain("wx.qy.login", answer.Text, StringComparison.Ordinal);
        Assert.Contains(": 1; the last one could not be read: IOException.", Assert.Single(Troubles(host)));
        table.Read = null;
        Assert.Equal(200, (await AskAsync(host, token, data)).Status);
    }

    [Fact]
    public async Task A_table_that_does_not_answer_is_waited_for_for_two_seconds()
    {
        var table = new WatchedKeyStore();
        var host = await StartWithDataAsync(configure: table.Use);
        var (token, data) = (await TokenAsync(host), WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));
        table.Read = limit => Task.Delay(Timeout.InfiniteTimeSpan, limit);

        var answer = AskAsync(host, token, data);
        await table.WaitForReadsAsync(1);
        Clock.Advance(TimeSpan.FromSeconds(2) - TimeSpan.FromTicks(1));
        Assert.False(answer.IsCompleted);
        Clock.Advance(TimeSpan.FromTicks(1));

        Assert.Equal("wecom_busy", (await answer)["code"]);
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task An_emulator_that_is_stopped_and_started_without_its_tables_costs_no_login()
    {
        await using var azurite = new OwnAzurite();
        await azurite.Emulator.InitializeAsync();
        var host = await StartWithDataAsync(azurite: azurite.Emulator);
        var token = await TokenAsync(host);
        await azurite.Emulator.StopAsync();

        var session = await Clock.RunUntilAsync(SessionAsync(host), LoginLimit);
        var busy = await Clock.RunUntilAsync(AskAsync(host, token, WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan")), LoginLimit);
        await azurite.Emulator.StartAsync();
        var lost = await AskAsync(host, token, WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));
        var fresh = await AskAsync(host, await TokenAsync(host), WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));

        Assert.False(session.GetProperty("memberData").GetBoolean());
        Assert.Equal(("wecom_busy", "invalid_session", 200), (busy["code"], lost["code"], fresh.Status));
    }

    [Fact]
    public async Task A_login_without_a_profile_has_member_data()
    {
        var host = await StartWithDataAsync();

        var token = await TokenAsync(host, "wangwu");

        Assert.Equal(200, (await AskAsync(host, token, WeCom.Encrypt(MemberDataCall.GetEnterpriseUserInfo, "wangwu"))).Status);
    }

    [Fact]
    public async Task It_counts_as_a_login_of_its_caller()
    {
        var host = await StartWithDataAsync(new()
        {
            ["Limits__BurstPerAddress"] = "3",
            ["Limits__LoginsPerSecondPerAddress"] = "0.001",
        });
        var (token, data) = (await TokenAsync(host), WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));
        await AskAsync(host, token, data);
        await AskAsync(host, "nonsense", data);

        var answer = await AskAsync(host, token, data);

        Assert.Equal((429, "too_many_requests", true), (answer.Status, answer["code"], answer.RetryAfter is > 0));
        Assert.Equal(429, (await host.LoginAsync(WeCom.IssueCode("zhangsan"))).Status);
    }

    [Fact]
    public async Task It_takes_a_place_among_the_logins_under_way()
    {
        var table = new WatchedKeyStore();
        var host = await StartWithDataAsync(new() { ["Limits__ConcurrentLogins"] = "1" }, table.Use);
        var (token, data) = (await TokenAsync(host), WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan"));
        var held = new TaskCompletionSource();
        table.Read = _ => held.Task;
        var first = AskAsync(host, token, data);
        await table.WaitForReadsAsync(1);

        var second = await AskAsync(host, token, data);
        var login = await host.LoginAsync(WeCom.IssueCode("zhangsan"));
        held.SetResult();

        Assert.Equal((503, "wecom_busy", 503), (second.Status, second["code"], login.Status));
        Assert.Equal(200, (await first).Status);
    }

    [Fact]
    public async Task A_body_of_another_type_is_invalid_data()
    {
        var host = await StartWithDataAsync();

        var answer = await AskAsync(host, $"Bearer {await TokenAsync(host)}", "{}"u8.ToArray(), "text/plain");

        Assert.Equal((400, "invalid_data"), (answer.Status, answer["code"]));
    }

    [Theory]
    [InlineData("bearer {0}")]
    [InlineData("BEARER   {0}  ")]
    public async Task The_scheme_may_be_written_in_any_case(string header)
    {
        var host = await StartWithDataAsync();
        var token = await TokenAsync(host);

        var answer = await AskAsync(
            host, header.Replace("{0}", token, StringComparison.Ordinal), BodyOf(WeCom.Encrypt(MemberDataCall.GetMobile, "zhangsan")));

        Assert.Equal(200, answer.Status);
    }

    [Fact]
    public async Task A_body_may_have_a_byte_order_mark_and_other_members_and_32_KiB_of_data()
    {
        var host = await StartWithDataAsync();
        var token = await TokenAsync(host);
        var json = new JsonObject
        {
            ["a"] = new string('a', 23_800),
            ["watermark"] = new JsonObject
            {
                ["appid"] = SimulatorState.SeedAppId,
                ["timestamp"] = $"{Clock.GetUtcNow().ToUnixTimeSeconds()}",
            },
        };
        var data = EncryptedMemberData.Of(Encoding.UTF8.GetBytes(json.ToJsonString()), WeCom.SessionKeyOf("zhangsan"));
        var body = $$"""{"errMsg":"qy__getMobile:ok","more":[{}],"iv":"{{data.Iv}}","encryptedData":"{{data.EncryptedData}}"}""";

        var answer = await AskAsync(host, $"Bearer {token}", [0xef, 0xbb, 0xbf, .. Encoding.UTF8.GetBytes(body)]);

        Assert.Equal((200, 23_800), (answer.Status, answer.Json.GetProperty("data").GetProperty("a").GetString()!.Length));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("false")]
    public async Task Where_it_is_off_there_is_no_such_route_and_the_login_says_nothing_of_it(string? enabled)
    {
        var host = await StartWithDataAsync(new() { ["MemberData__Enabled"] = enabled, ["WeCom__MiniProgramAppId"] = null });
        var session = await SessionAsync(host);

        using var content = new StringContent("{}");
        using var answer = await host.Client.PostAsync("/api/member-data", content);

        Assert.Equal(404, (int)answer.StatusCode);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
        Assert.False(session.TryGetProperty("memberData", out _));
        Assert.Null(host.Services.GetService<ISessionKeyStore>());
    }

    [Fact]
    public async Task Another_method_is_405_without_a_body()
    {
        var host = await StartWithDataAsync();

        using var answer = await host.Client.GetAsync("/api/member-data");

        Assert.Equal((405, "POST"), ((int)answer.StatusCode, string.Join(',', answer.Content.Headers.Allow)));
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task The_run_of_the_timer_deletes_what_is_over_even_where_no_token_could_be_renewed()
    {
        var host = await StartWithDataAsync();
        var (over, good) = (PlaceOf(await TokenAsync(host)), default(SessionPlace));
        Clock.Advance(TimeSpan.FromMinutes(80));
        good = PlaceOf(await TokenAsync(host));
        await host.RefreshAsync();
        Assert.False((await Rows.GetEntityIfExistsAsync<TableEntity>(over.Partition, over.Id)).HasValue);
        Assert.True((await Rows.GetEntityIfExistsAsync<TableEntity>(good.Partition, good.Id)).HasValue);
        Clock.Advance(TimeSpan.FromHours(3));
        WeCom[Api.GetToken].AddFault(new() { Errcode = 60020, Times = null });

        await Assert.ThrowsAnyAsync<Exception>(host.RefreshAsync);

        Assert.False((await Rows.GetEntityIfExistsAsync<TableEntity>(good.Partition, good.Id)).HasValue);
    }

    [Fact]
    public void Nothing_that_holds_a_session_key_shows_it_as_text()
    {
        Assert.Equal("***", new SessionKey(new byte[16]).ToString());
        Assert.Equal("***", new WeComFunc.WeCom.Member("ww", "zhangsan", "tiihtNczf5v6AKRyjwEUhQ==").ToString());
    }

    private static List<string> Troubles(LoginHost host) =>
        [.. host.Log.All.Where(line => line.StartsWith("Warning Session_keys that could not", StringComparison.Ordinal))];

    /// <summary>A vault whose corpsecret changes.</summary>
    private sealed class ChangingSecrets(string value) : ICorpSecretStore
    {
        public string Value { get; set; } = value;

        public void Use(IServiceCollection services) => services.AddSingleton<ICorpSecretStore>(this);

        public Task<Result<CorpSecret>> ReadAsync(string name, CancellationToken cancellationToken) =>
            Task.FromResult<Result<CorpSecret>>(new CorpSecret(Value));
    }

    private sealed class OwnAzurite : IAsyncDisposable
    {
        public Azurite Emulator { get; } = new();

        public async ValueTask DisposeAsync() => await Emulator.DisposeAsync();
    }
}
