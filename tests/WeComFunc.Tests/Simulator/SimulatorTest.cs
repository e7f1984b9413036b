using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using WeComFunc.Simulator;

namespace WeComFunc.Tests;

/// <summary>A test of the simulator, over HTTP, by a clock that stands still until the test moves it.</summary>
public abstract class SimulatorTest : IAsyncLifetime
{
    protected const string CorpId = SimulatorState.SeedCorpId;
    protected const string App = SimulatorState.SeedApp;

    private readonly StringBuilder _log = new();

    protected SimulatorServer Simulator { get; private set; } = null!;

    protected SimulatorState State => Simulator.State;

    protected HttpClient Http { get; private set; } = null!;

    /// <summary>What the simulator logged, a call a line.</summary>
    protected string Log => _log.ToString();

    protected Clock Time { get; } = new();

    public async Task InitializeAsync()
    {
        Simulator = await SimulatorServer.StartAsync(Time, log: TextWriter.Synchronized(new StringWriter(_log)));
        Http = new HttpClient { BaseAddress = Simulator.BaseAddress };
    }

    public async Task DisposeAsync()
    {
        await Simulator.DisposeAsync();
        Http.Dispose();
    }

    protected static int Errcode(JsonElement answer) => answer.GetProperty("errcode").GetInt32();

    protected static string Text(JsonElement answer, string name) => answer.GetProperty(name).GetString()!;

    protected async Task<string> GetTokenAsync(string app = App) =>
        Text(await TokenAnswerAsync(State.GetSecret(CorpId, app)), "access_token");

    protected Task<JsonElement> TokenAnswerAsync(string? secret = null, string corpId = CorpId) =>
        Http.GetFromJsonAsync<JsonElement>($"cgi-bin/gettoken?corpid={corpId}&corpsecret={secret ?? State.CorpSecret}");

    protected Task<JsonElement> ExchangeAsync(string token, string code) => Http.GetFromJsonAsync<JsonElement>(
        $"cgi-bin/miniprogram/jscode2session?access_token={token}&js_code={code}&grant_type=authorization_code");

    protected Task<JsonElement> UserAsync(string token, string userId) =>
        Http.GetFromJsonAsync<JsonElement>($"cgi-bin/user/get?access_token={token}&userid={userId}");

    protected sealed class Clock() : FakeTimeProvider(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero))
    {
        private readonly TaskCompletionSource<TimeSpan> _timerStarted = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Completes with the first timer: when it is due.</summary>
        public Task<TimeSpan> TimerStarted => _timerStarted.Task;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _timerStarted.TrySetResult(dueTime);
            return timer;
        }
    }
}
