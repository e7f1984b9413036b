using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Text;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;
using static WeComFunc.Tests.Doubles.ScriptedWeCom;

namespace WeComFunc.Tests;

/// <summary>The calls themselves, in memory and to the tick: what is sent, how often, and what an answer means (rule L2).</summary>
public sealed class WeComClientTests : IDisposable
{
    private const string Token = "a-token/+";
    private const string Code = "a-code&d";
    private const string Success = """{"errcode":0,"corpid":"ww1","userid":"u"}""";

    private static readonly TimeSpan Tick = new(1);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FirstPause = 0.2 * Second;
    private static readonly TimeSpan Limit = 10 * Second;

    private readonly MemoryLogin _process = new();
    private Deadline _deadline;

    public WeComClientTests() => _deadline = new(Limit, Clock);

    private ManualTimeProvider Clock => _process.Clock;

    private ScriptedWeCom WeCom => _process.WeCom;

    private WeComClient Client => _process.App.Client;

    private int Attempts => WeCom.Arrived.Count;

    public static TheoryData<int> Lengths => [4095, 4096, 4097, 8191, 8192, 8193, 100_000, 1024 * 1024];

    public void Dispose()
    {
        _deadline.Dispose();
        _process.Dispose();
    }

    [Fact]
    public async Task Every_call_is_the_documented_one_with_its_parameters_escaped()
    {
        var token = await Client.GetTokenAsync("s&=", _deadline);
        var member = await Client.ExchangeCodeAsync("t/+", "c&d", _deadline);
        var profile = await Client.GetProfileAsync("t&", "zhang/san", [], _deadline);
        var department = await Client.GetDepartmentAsync("t#", 7, _deadline);

        const string Root = "https://wecom.example/cgi-bin/";
        Assert.Equal(
            [
                new(GetToken, $"{Root}gettoken?corpid=ww1234567890abcdef&corpsecret=s%26%3D", null),
                new(
                    Exchange,
                    $"{Root}miniprogram/jscode2session?access_token=t%2F%2B&js_code=c%26d&grant_type=authorization_code", 0),
                new(UserGet, $"{Root}user/get?access_token=t%26&userid=zhang%2Fsan", null),
                new(DepartmentGet, $"{Root}department/get?access_token=t%23&id=7", null),
            ],
            WeCom.Arrived);
        Assert.Equal(new IssuedToken("token-1", 7200 * Second), token.Value);
        Assert.Equal(new Member(MemoryLogin.CorpId, "zhangsan"), member.Value);
        Assert.Equal(new Department(7, "a department", "A Department"), department.Value);
        Assert.Equal(FailureKind.Unexpected, profile.Failure?.Kind);
    }

    [Theory]
    [InlineData("", """{"userid":"u","name":"n"}""")]
    [InlineData("name", """{"name":"n"}""")]
    public async Task A_profile_has_the_members_that_are_asked_for(string fields, string expected)
    {
        WeCom.Answer(UserGet, OfJson("""{"errcode":0,"userid":"u","name":"n"}"""));

        using var profile = (await Client.GetProfileAsync(
            Token, "u", fields.Split(',', StringSplitOptions.RemoveEmptyEntries), _deadline)).Value;

        Assert.Equal(expected, Encoding.UTF8.GetString(profile.Span));
    }

    [Fact]
    public async Task The_profile_of_another_member_is_a_failure_of_its_own()
    {
        WeCom.Answer(UserGet, OfJson("""{"errcode":0,"userid":"v"}"""));

        Assert.Equal(new Failure(FailureKind.Unexpected), (await Client.GetProfileAsync(Token, "u", [], _deadline)).Failure);
    }

    /// <summary>A gateway that touches an answer may say so by its status.</summary>
    [Theory]
    [InlineData(201)]
    [InlineData(203)]
    [InlineData(226)]
    public async Task A_status_of_success_is_one_whatever_its_number(int status)
    {
        WeCom.Answer(Exchange, async (request, cancellationToken) =>
        {
            var response = await OfJson("""{"errcode":0,"corpid":"c","userid":"u"}""")(request, cancellationToken);
            response.StatusCode = (HttpStatusCode)status;
            return response;
        });

        Assert.True((await ExchangeAsync()).TryGet(out var member, out _));
        Assert.Equal("u", member.UserId);
    }

    /// <summary>A status, or an errcode; how often the call is made, and what it fails with in the end.</summary>
    [Theory]
    [InlineData(200, -1, 3, FailureKind.Busy)]
    [InlineData(200, 6000, 3, FailureKind.Busy)]
    [InlineData(200, 45009, 1, FailureKind.Busy)]
    [InlineData(200, 45033, 1, FailureKind.Busy)]
    [InlineData(200, 40014, 1, FailureKind.TokenRejected)]
    [InlineData(200, 40029, 1, FailureKind.InvalidCode)]
    [InlineData(200, 60020, 1, FailureKind.Misconfigured)]
    [InlineData(200, 92002, 1, FailureKind.CorpMismatch)]
    [InlineData(200, 12345, 1, FailureKind.Unexpected)]
    [InlineData(201, null, 1, FailureKind.Unexpected)]
    [InlineData(302, null, 1, FailureKind.Unexpected)]
    [InlineData(400, null, 1, FailureKind.Unexpected)]
    [InlineData(407, null, 1, FailureKind.Unexpected)]
    [InlineData(408, null, 3, FailureKind.Busy)]
    [InlineData(409, null, 1, FailureKind.Unexpected)]
    [InlineData(428, null, 1, FailureKind.Unexpected)]
    [InlineData(429, null, 3, FailureKind.Busy)]
    [InlineData(430, null, 1, FailureKind.Unexpected)]
    [InlineData(499, null, 1, FailureKind.Unexpected)]
    [InlineData(500, null, 3, FailureKind.Busy)]
    [InlineData(503, null, 3, FailureKind.Busy)]
    [InlineData(599, null, 3, FailureKind.Busy)]
    public async Task A_call_is_made_three_times_where_that_may_help(int status, int? errcode, int attempts, FailureKind kind)
    {
        WeCom.Answer(Exchange, errcode is { } number ? Errcode(number) : Status(status));

        var exchange = ExchangeAsync();
        Clock.Advance(Limit);

        Assert.Equal(new Failure(kind, errcode, errcode == 45009 ? 60 * Second : null), (await exchange).Failure);
        Assert.Equal(attempts, Attempts);
    }

    [Fact]
    public void The_attempts_are_200_and_400_milliseconds_apart_to_the_tick()
    {
        WeCom.Answer(Exchange, Errcode(-1));
        var exchange = ExchangeAsync();
        var attempts = new List<int> { Attempts };

        foreach (var pause in (TimeSpan[])[FirstPause, 2 * FirstPause])
        {
            Clock.Advance(pause - Tick);
            attempts.Add(Attempts);
            Clock.Advance(Tick);
            attempts.Add(Attempts);
        }

        Assert.Equal([1, 1, 2, 2, 3], attempts);
        Assert.True(exchange.IsCompletedSuccessfully);
    }

    /// <summary>
    /// What a gateway asks for at <c>2026-01-01T00:00:00.9Z</c>, and when the call is made again; 9.1 s are left then.
    /// </summary>
    [Theory]
    [InlineData(null, 0.2)]
    [InlineData("soon", 0.2)]
    [InlineData("0", 0.2)]
    [InlineData("Wed, 31 Dec 2025 23:59:59 GMT", 0.2)]
    [InlineData("Thu, 01 Jan 2026 00:00:01 GMT", 0.2)]
    [InlineData("Thu, 01 Jan 2026 00:00:04 GMT", 3.1)]
    [InlineData("1", 1)]
    [InlineData("9", 9)]
    public void A_pause_that_a_gateway_asks_for_is_kept_where_it_fits(string? retryAfter, double seconds)
    {
        Clock.Advance(0.9 * Second);
        WeCom.Answer(Exchange, Status(503, retryAfter), OfJson(Success));
        var exchange = ExchangeAsync();

        Clock.Advance((seconds * Second) - Tick);
        var before = Attempts;
        Clock.Advance(Tick);

        Assert.Equal((1, 2, true), (before, Attempts, exchange.IsCompletedSuccessfully));
    }

    /// <summary>What a gateway asks for when 9 s are left, and what the caller is told.</summary>
    [Theory]
    [InlineData("9", 9)]
    [InlineData("10", 10)]
    [InlineData("86399", 86_399)]
    [InlineData("86400", 86_400)]
    [InlineData("86401", 86_400)]
    [InlineData("Fri, 31 Dec 9999 23:59:59 GMT", 86_400)]
    public async Task A_pause_that_does_not_fit_is_the_callers_a_day_at_most(string retryAfter, int seconds)
    {
        Clock.Advance(Second);
        WeCom.Answer(Exchange, Status(429, retryAfter));

        var exchange = ExchangeAsync();

        Assert.Equal((true, 1), (exchange.IsCompleted, Attempts));
        Assert.Equal(new Failure(FailureKind.Busy, null, seconds * Second), (await exchange).Failure);
    }

    [Fact]
    public async Task An_attempt_is_given_up_after_three_seconds_to_the_tick_and_all_of_them_at_the_deadline()
    {
        WeCom.Answer(Exchange, Hang);
        var exchange = ExchangeAsync();
        var attempts = new List<int>();

        foreach (var time in (TimeSpan[])[(3 * Second) + FirstPause - Tick, Tick, (3 * Second) + (2 * FirstPause) - Tick, Tick])
        {
            Clock.Advance(time);
            attempts.Add(Attempts);
        }

        Clock.Advance((3 * Second) - Tick);
        var early = exchange.IsCompleted;
        Clock.Advance(Tick);

        Assert.Equal([1, 2, 2, 3], attempts);
        Assert.Equal((false, new Failure(FailureKind.Busy)), (early, (await exchange).Failure));
        Assert.Equal(
            Enumerable.Repeat("Warning WeCom jscode2session: out of reach: no answer in time, app default", 3), _process.Log.All);
    }

    [Theory]
    [InlineData(2.0, 1)]
    [InlineData(3.1, 1)]
    [InlineData(3.3, 2)]
    public async Task No_attempt_is_made_when_the_time_is_over(double seconds, int attempts)
    {
        _deadline = new(seconds * Second, Clock);
        WeCom.Answer(Exchange, Hang);
        var exchange = ExchangeAsync();

        Clock.Advance((seconds * Second) - Tick);
        var early = exchange.IsCompleted;
        Clock.Advance(Tick);

        Assert.Equal((false, new Failure(FailureKind.Busy), attempts), (early, (await exchange).Failure, Attempts));
        Assert.Equal(attempts, _process.Log.All.Count);
    }

    [Fact]
    public async Task Where_the_time_ends_before_another_attempt_what_WeCom_said_counts()
    {
        _deadline = new(FirstPause, Clock);
        WeCom.Answer(Exchange, Errcode(-1));
        var exchange = ExchangeAsync();

        Clock.Advance(FirstPause);

        Assert.Equal((new Failure(FailureKind.Busy, -1), 1), ((await exchange).Failure, Attempts));
    }

    [Fact]
    public async Task A_refused_corpsecret_and_a_department_are_tried_once()
    {
        WeCom.Answer(GetToken, Errcode(-1));
        WeCom.Answer(DepartmentGet, Errcode(-1));

        var token = await Client.GetTokenAsync("any", _deadline, isTriedOnce: true);
        var department = await Client.GetDepartmentAsync(Token, 1, _deadline);

        Assert.Equal((FailureKind.Busy, FailureKind.Busy), (token.Failure?.Kind, department.Failure?.Kind));
        Assert.Equal([GetToken, DepartmentGet], WeCom.Calls);
    }

    [Fact]
    public void A_corpsecret_that_was_not_refused_is_tried_three_times()
    {
        WeCom.Answer(GetToken, Errcode(-1));

        var token = TokenProcess.Detached(() => Client.GetTokenAsync("any", _deadline));
        Clock.Advance(Second);

        Assert.Equal((true, 3), (token.IsCompleted, Attempts));
    }

    /// <summary>What an errcode means in the other calls.</summary>
    [Theory]
    [InlineData(40029, FailureKind.Unexpected, FailureKind.Unexpected, FailureKind.Unexpected)]
    [InlineData(40001, FailureKind.Misconfigured, FailureKind.TokenRejected, FailureKind.TokenRejected)]
    [InlineData(92002, FailureKind.Unexpected, FailureKind.MemberNotVisible, FailureKind.MemberNotVisible)]
    [InlineData(60003, FailureKind.Unexpected, FailureKind.Unexpected, FailureKind.MemberNotVisible)]
    public async Task An_errcode_is_of_the_class_of_its_call(
        int errcode, FailureKind getToken, FailureKind getUser, FailureKind getDepartment)
    {
        foreach (var api in (string[])[GetToken, UserGet, DepartmentGet])
        {
            WeCom.Answer(api, Errcode(errcode));
        }

        Assert.Equal(
            [getToken, getUser, getDepartment],
            (FailureKind?[])
            [
                (await Client.GetTokenAsync("any", _deadline)).Failure?.Kind,
                (await Client.GetProfileAsync(Token, "u", [], _deadline)).Failure?.Kind,
                (await Client.GetDepartmentAsync(Token, 1, _deadline)).Failure?.Kind,
            ]);
    }

    [Theory]
    [InlineData(HttpRequestError.NameResolutionError, FailureKind.InvalidCode)]
    [InlineData(HttpRequestError.ConnectionError, FailureKind.InvalidCode)]
    [InlineData(HttpRequestError.SecureConnectionError, FailureKind.InvalidCode)]
    [InlineData(HttpRequestError.ProxyTunnelError, FailureKind.InvalidCode)]
    [InlineData(HttpRequestError.ResponseEnded, FailureKind.Busy)]
    [InlineData(HttpRequestError.HttpProtocolError, FailureKind.Busy)]
    [InlineData(HttpRequestError.Unknown, FailureKind.Busy)]
    public async Task An_attempt_that_may_have_arrived_excuses_the_code(HttpRequestError error, FailureKind expected)
    {
        var exchange = await ExchangeAfterAsync(Throws(() => new HttpRequestException(error)), Errcode(40029));

        Assert.Equal((new Failure(expected, 40029), 2), (exchange.Failure, Attempts));
    }

    [Fact]
    public async Task So_does_a_connection_that_breaks_off_and_a_status() => Assert.Equal(
        [FailureKind.Busy, FailureKind.Busy, FailureKind.Busy, FailureKind.InvalidCode, FailureKind.Misconfigured],
        (FailureKind?[])
        [
            (await ExchangeAfterAsync(Throws(() => new IOException()), Errcode(40029))).Failure?.Kind,
            (await ExchangeAfterAsync(Status(503), Errcode(40029))).Failure?.Kind,
            (await ExchangeAfterAsync(Throws(() => new OperationCanceledException()), Errcode(40029))).Failure?.Kind,
            (await ExchangeAfterAsync(Errcode(-1), Errcode(40029))).Failure?.Kind,
            (await ExchangeAfterAsync(Status(503), Errcode(48002))).Failure?.Kind,
        ]);

    [Theory]
    [InlineData(HttpRequestError.ConnectionError)]
    [InlineData(HttpRequestError.ResponseEnded)]
    public async Task What_may_have_arrived_once_is_not_forgotten(HttpRequestError next)
    {
        var exchange = await ExchangeAfterAsync(Status(502), Throws(() => new HttpRequestException(next)), Errcode(42003));

        Assert.Equal(new Failure(FailureKind.Busy, 42003), exchange.Failure);
    }

    [Fact]
    public async Task A_defect_is_not_taken_for_a_failure()
    {
        WeCom.Answer(Exchange, Throws(() => new NotSupportedException()));

        await Assert.ThrowsAsync<NotSupportedException>(ExchangeAsync);
    }

    /// <summary>Bytes as Latin-1 letters, what that comes to, and the end of the line in the log.</summary>
    [Theory]
    [InlineData("", FailureKind.Unexpected, null, "the answer is not the documented JSON: JsonException at line 1, byte 0")]
    [InlineData("[]", FailureKind.Unexpected, null, "the answer is not the documented JSON: InvalidOperationException")]
    [InlineData(
        "\xef\xbb\xbf{\"a\":1",
        FailureKind.Unexpected, null,
        "the answer is not the documented JSON: JsonException at line 1, byte 0")]
    [InlineData(
        "{\"errcode\":0,x",
        FailureKind.Unexpected, null,
        "the answer is not the documented JSON: JsonException at line 1, byte 13")]
    [InlineData("{\"errcode\":0}", FailureKind.Unexpected, null, "the answer is not the documented JSON: a documented member is missing")]
    [InlineData("{}", FailureKind.Unexpected, null, "the answer is not the documented JSON: a documented member is missing")]
    [InlineData(
        "{\"errcode\":\"x\"}",
        FailureKind.Unexpected, null,
        "the answer is not the documented JSON: its errcode is no whole number of 32 bits")]
    [InlineData("{\"errcode\":40029,\"errmsg\":\"x", FailureKind.InvalidCode, 40029, "errcode 40029")]
    [InlineData("\xef\xbb\xbf{\"errcode\":40029,\"errmsg\":\"a\tb\"}", FailureKind.InvalidCode, 40029, "errcode 40029")]
    public async Task An_answer_that_cannot_be_read_is_unexpected_unless_its_errcode_can(
        string answer, FailureKind kind, int? errcode, string line)
    {
        WeCom.Answer(Exchange, Body(Encoding.Latin1.GetBytes(answer)));

        Assert.Equal(new Failure(kind, errcode), (await ExchangeAsync()).Failure);
        Assert.Contains($" WeCom jscode2session: {line}, app default", Assert.Single(_process.Log.All));
        Assert.Equal(1, Attempts);
    }

    [Fact]
    public async Task An_answer_that_only_has_to_be_cleaned_is_one()
    {
        WeCom.Answer(Exchange, Body([0xef, 0xbb, 0xbf, .. "{\"corpid\":\"ww1\",\t\"userid\":\"u\tv\"}"u8]));

        Assert.Equal(new Member("ww1", "u\tv"), (await ExchangeAsync()).Value);
    }

    [Theory]
    [MemberData(nameof(Lengths))]
    public async Task An_answer_is_read_to_its_end_whatever_its_length(int length)
    {
        const string Head = """{"userid":"u","a":""";
        WeCom.Answer(UserGet, OfJson($"{Head}\"{new string('x', length - Head.Length - 3)}\"}}"));

        using var profile = (await Client.GetProfileAsync(Token, "u", [], _deadline)).Value;

        Assert.Equal((length, (byte)'}'), (profile.Length, profile.Span[^1]));
    }

    [Fact]
    public async Task An_answer_over_1_MiB_is_not_read()
    {
        WeCom.Answer(Exchange, OfJson(Success.PadRight((1024 * 1024) + 1)));

        Assert.Equal(new Failure(FailureKind.Unexpected), (await ExchangeAsync()).Failure);
        Assert.Contains("it is larger than 1 MiB", Assert.Single(_process.Log.All));
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("X-GZip")]
    [InlineData("deflate")]
    [InlineData("br")]
    [InlineData("identity")]
    [InlineData(null)]
    public async Task An_answer_that_a_gateway_compresses_unasked_is_read(string? encoding)
    {
        WeCom.Answer(Exchange, Body(Compress(Encoding.UTF8.GetBytes(Success), encoding), encoding));

        Assert.Equal(new Member("ww1", "u"), (await ExchangeAsync()).Value);
    }

    [Fact]
    public async Task An_answer_that_only_pretends_to_be_compressed_is_unexpected()
    {
        WeCom.Answer(Exchange, Body(Encoding.UTF8.GetBytes(Success), "gzip"));

        Assert.Equal(new Failure(FailureKind.Unexpected), (await ExchangeAsync()).Failure);
    }

    [Theory]
    [InlineData(40029, "Information")]
    [InlineData(60111, "Information")]
    [InlineData(92002, "Information")]
    [InlineData(-1, "Warning")]
    [InlineData(40014, "Warning")]
    [InlineData(60020, "Warning")]
    [InlineData(12345, "Warning")]
    public void What_is_nobodys_fault_here_is_no_warning(int errcode, string level)
    {
        WeCom.Answer(Exchange, Errcode(errcode));

        _ = ExchangeAsync();

        Assert.Equal([$"{level} WeCom jscode2session: errcode {errcode}, app default, errmsg no"], _process.Log.All);
    }

    [Fact]
    public async Task Without_an_errmsg_none_is_logged()
    {
        WeCom.Answer(Exchange, OfJson("""{"errcode":40029}"""));

        await ExchangeAsync();

        Assert.Equal(["Information WeCom jscode2session: errcode 40029, app default, errmsg "], _process.Log.All);
    }

    [Fact]
    public async Task What_was_secret_in_a_call_is_not_logged_with_its_errmsg()
    {
        WeCom.Answer(Exchange, Errcode(40029, $"{Token}, {Uri.EscapeDataString(Token)}, {Code}, {Uri.EscapeDataString(Code)}"));
        WeCom.Answer(GetToken, Errcode(60020, $"s&=, s%26%3D, {new string('x', 600)}"));

        await ExchangeAsync();
        await Client.GetTokenAsync("s&=", _deadline);

        Assert.Equal(
            [
                "Information WeCom jscode2session: errcode 40029, app default, errmsg ***, ***, ***, ***",
                $"Warning WeCom gettoken: errcode 60020, app default, errmsg ***, ***, {new string('x', 490)}",
            ],
            _process.Log.All);
    }

    [Fact]
    public async Task Each_attempt_is_measured_and_traced_with_its_errcode()
    {
        using var root = new Activity("a test").Start();
        using var traces = new Traces(activity => activity.TraceId == root.TraceId);
        var measured = _process.Measure<double>("wecomfunc.wecom.call.duration");
        var happened = new TaskCompletionSource();
        WeCom.Answer(Exchange, Throws(() => new IOException()), Errcode(-1), After(happened.Task, Success));

        var exchange = ExchangeAsync();
        Clock.Advance(3 * FirstPause);
        Clock.Advance(Second);
        happened.SetResult();

        Assert.Equal("u", (await exchange).Value.UserId);
        Assert.Equal(
            [
                "0 api=jscode2session app=default errcode=none",
                "0 api=jscode2session app=default errcode=-1",
                "1 api=jscode2session app=default errcode=0",
            ],
            measured.Lines());
        Assert.Equal(
            [
                "Client jscode2session wecom.errcode=none",
                "Client jscode2session wecom.errcode=-1",
                "Client jscode2session wecom.errcode=0",
            ],
            traces.Ended);
    }

    [Fact]
    public async Task A_status_is_told_in_the_log()
    {
        WeCom.Answer(Exchange, Status(404));

        await ExchangeAsync();

        Assert.Equal(["Warning WeCom jscode2session: HTTP status 404, app default"], _process.Log.All);
    }

    [Fact]
    public void The_handler_follows_changes_of_DNS_and_no_redirects_and_tells_nobody_of_the_queries()
    {
        using var handler = WeComClient.CreateHandler();

        Assert.Equal(
            (300 * Second, 3 * Second, false, false, null),
            (
                handler.PooledConnectionLifetime, handler.ConnectTimeout, handler.AllowAutoRedirect, handler.UseCookies,
                handler.ActivityHeadersPropagator));
    }

    private Task<Result<Member>> ExchangeAsync() =>
        TokenProcess.Detached(() => Client.ExchangeCodeAsync(Token, Code, _deadline));

    /// <summary>An exchange whose attempts are answered so, with time enough between them.</summary>
    private async Task<Result<Member>> ExchangeAfterAsync(params ScriptedWeCom.Reply[] replies)
    {
        WeCom.Answer(Exchange, replies);
        using var deadline = new Deadline(Limit, Clock);
        var exchange = TokenProcess.Detached(() => Client.ExchangeCodeAsync(Token, Code, deadline));
        Clock.Advance(Second);
        return await exchange;
    }

    private static byte[] Compress(byte[] body, string? encoding)
    {
        var compressed = new MemoryStream();
        using (Stream stream = encoding switch
        {
            "br" => new BrotliStream(compressed, CompressionLevel.Fastest),
            "deflate" => new ZLibStream(compressed, CompressionLevel.Fastest),
            "gzip" or "X-GZip" => new GZipStream(compressed, CompressionLevel.Fastest),
            _ => compressed,
        })
        {
            stream.Write(body);
        }

        return compressed.ToArray();
    }
}
