using WeComFunc.Simulator;

namespace WeComFunc.Tests;

/// <summary>Faults, held calls and limits of the simulator.</summary>
public sealed class SimulatorFaultTests : SimulatorTest
{
    [Fact]
    public async Task Faults_are_used_up_in_order_and_spare_the_other_endpoints()
    {
        State[Api.UserGet].AddFault(new Fault { Errcode = -1, Times = 2 });
        State[Api.UserGet].AddFault(new Fault());
        State[Api.UserGet].AddFault(new Fault { Errcode = 48002, Times = null });
        var token = await GetTokenAsync();

        var errcodes = new List<int>();
        for (var i = 0; i < 6; i++)
        {
            errcodes.Add(Errcode(await UserAsync(token, "zhangsan")));
        }

        State[Api.UserGet].ClearFaults();
        errcodes.Add(Errcode(await UserAsync(token, "zhangsan")));
        Assert.Equal([-1, -1, 0, 48002, 48002, 48002, 0], errcodes);
    }

    [Theory]
    [InlineData(503, null, 503, "")]
    [InlineData(502, "<html>", 502, "<html>")]
    [InlineData(null, "{\"errcode\":0,\"acc", 200, "{\"errcode\":0,\"acc")]
    public async Task A_fault_sets_status_and_body(int? status, string? body, int expectedStatus, string expectedBody)
    {
        State[Api.GetToken].AddFault(new Fault { Status = status, Body = body });

        using var response = await Http.GetAsync("cgi-bin/gettoken");

        Assert.Equal((expectedStatus, expectedBody), ((int)response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task A_body_may_be_oversized()
    {
        State[Api.GetToken].AddFault(new Fault { Body = new string('x', 5_000_000) });

        Assert.Equal(5_000_000, (await Http.GetStringAsync("cgi-bin/gettoken")).Length);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 40029)]
    public async Task A_connection_is_lost_before_or_after_the_call_took_effect(bool takesEffect, int errcodeOfRetry)
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan"));
        State[Api.JsCode2Session].AddFault(new Fault { Abort = true, TakesEffect = takesEffect });

        await Assert.ThrowsAsync<HttpRequestException>(() => ExchangeAsync(token, code));

        Assert.Equal(1, State[Api.JsCode2Session].Calls.WithoutErrcode);
        Assert.Equal(errcodeOfRetry, Errcode(await ExchangeAsync(token, code)));
    }

    [Fact]
    public async Task A_held_call_waits_until_it_is_released()
    {
        State[Api.GetToken].AddFault(new Fault { Hold = true, Times = null });
        var calls = Enumerable.Range(0, 3).Select(_ => GetTokenAsync()).ToList();

        await State[Api.GetToken].WaitForCallsAsync(3);
        Assert.Equal(3, State[Api.GetToken].Calls.InFlight);
        Assert.DoesNotContain(calls, call => call.IsCompleted);

        Assert.Equal(1, State[Api.GetToken].Release(1));
        calls.Remove(await Task.WhenAny(calls));
        Assert.Equal(2, State[Api.GetToken].Calls.InFlight);

        Assert.Equal(2, State[Api.GetToken].Release());
        await Task.WhenAll(calls);
        await GetTokenAsync();
        var counted = State[Api.GetToken].Calls;
        Assert.Equal(new { Arrived = 4, InFlight = 0, MaxInFlight = 3 }, new { counted.Arrived, counted.InFlight, counted.MaxInFlight });
    }

    [Fact]
    public async Task A_held_call_takes_effect_before_the_hold_if_asked_for()
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan"));
        State[Api.JsCode2Session].AddFault(new Fault { Hold = true, TakesEffect = true });
        var held = ExchangeAsync(token, code);
        await State[Api.JsCode2Session].WaitForCallsAsync(1);

        Assert.Equal(0, State[Api.JsCode2Session].Release(0));
        State[Api.JsCode2Session].Release();

        Assert.Equal(0, Errcode(await held));
        Assert.Equal(40029, Errcode(await ExchangeAsync(token, code)));
    }

    [Fact]
    public async Task A_caller_that_gives_up_is_no_longer_in_flight()
    {
        State[Api.GetToken].AddFault(new Fault { Hold = true });
        using var patience = new CancellationTokenSource();
        var call = Http.GetAsync("cgi-bin/gettoken", patience.Token);
        await State[Api.GetToken].WaitForCallsAsync(1);

        await patience.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await State[Api.GetToken].WaitForIdleAsync();
        Assert.Equal(0, State[Api.GetToken].Release());
    }

    [Fact]
    public async Task ASimulator_that_stops_drops_its_held_calls()
    {
        var stopping = await SimulatorServer.StartAsync();
        using var http = new HttpClient { BaseAddress = stopping.BaseAddress };
        stopping.State[Api.GetToken].AddFault(new Fault { Hold = true });
        var held = http.GetAsync("cgi-bin/gettoken");
        await stopping.State[Api.GetToken].WaitForCallsAsync(1);

        await stopping.DisposeAsync();

        await Assert.ThrowsAsync<HttpRequestException>(() => held);
    }

    [Fact]
    public async Task A_delay_runs_by_the_given_clock()
    {
        State[Api.GetToken].AddFault(new Fault { DelaySeconds = 4 });

        var call = TokenAnswerAsync();
        Assert.Equal(TimeSpan.FromSeconds(4), await Time.TimerStarted);
        Assert.False(call.IsCompleted);
        Time.Fire();

        Assert.Equal(0, Errcode(await call));
    }

    [Fact]
    public async Task Too_many_calls_in_a_minute_are_refused_for_a_minute()
    {
        State[Api.GetToken].SetLimits(maxPerMinute: 2);
        async Task<string> CallAsync(int times)
        {
            var errcodes = new List<int>();
            while (errcodes.Count < times)
            {
                errcodes.Add(Errcode(await TokenAnswerAsync()));
            }

            return string.Join(' ', errcodes);
        }

        Assert.Equal("0 0 45009", await CallAsync(3));
        State.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("45009", await CallAsync(1));
        State.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("0 0 45009", await CallAsync(3));
        State[Api.GetToken].SetLimits();
        Assert.Equal("0", await CallAsync(1));
    }

    [Fact]
    public async Task Too_many_calls_at_once_are_refused()
    {
        State[Api.GetToken].SetLimits(maxConcurrent: 1);
        State[Api.GetToken].AddFault(new Fault { Hold = true });
        var held = TokenAnswerAsync();
        await State[Api.GetToken].WaitForCallsAsync(1);

        Assert.Equal(45033, Errcode(await TokenAnswerAsync()));

        State[Api.GetToken].Release();
        Assert.Equal((0, 0), (Errcode(await held), Errcode(await TokenAnswerAsync())));
    }
}
