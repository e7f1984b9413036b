using WeComFunc.Http;
using WeComFunc.Login;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>How long a host that ends waits for its logins, to the tick.</summary>
public sealed class LoginDrainTests : IDisposable
{
    private static readonly TimeSpan Tick = new(1);
    private static readonly TimeSpan Sending = TimeSpan.FromMilliseconds(200);

    private readonly ManualTimeProvider _clock = new();
    private readonly CallerLimiter _limiter = new(new LimitSettings(LoginsPerSecond: 0, Burst: 1, ConcurrentLogins: 2, TrustedProxies: 0));
    private readonly CancellationTokenSource _host = new();

    public void Dispose()
    {
        _limiter.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void Without_a_login_nothing_is_waited_for()
    {
        var drain = new LoginDrain(_limiter, _clock);

        Assert.True(drain.StartAsync(_host.Token).IsCompletedSuccessfully);
        Assert.True(drain.StopAsync(_host.Token).IsCompletedSuccessfully);
        Assert.Equal(0, _clock.ActiveTimers);
    }

    [Fact]
    public async Task The_last_login_is_waited_for_and_the_sending_of_its_answer()
    {
        var login = _limiter.Begin();
        var stopping = StopAsync();

        Assert.False(_limiter.Begin().IsAcquired);
        Assert.False(stopping.IsCompleted);
        login.Dispose();
        await _clock.WaitForTimersAsync(2);
        _clock.Advance(Sending - Tick);
        var early = stopping.IsCompleted;
        _clock.Advance(Tick);

        await stopping;
        Assert.Equal((false, 0), (early, _clock.ActiveTimers));
    }

    [Fact]
    public async Task A_login_that_does_not_end_is_waited_for_nine_seconds()
    {
        using var login = _limiter.Begin();
        var stopping = StopAsync();

        _clock.Advance(TimeSpan.FromSeconds(9) - Tick);
        var early = stopping.IsCompleted;
        _clock.Advance(Tick);

        await stopping;
        Assert.False(early);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_host_that_will_not_wait_ends_at_once(bool isSending)
    {
        var login = _limiter.Begin();
        var stopping = StopAsync();
        if (isSending)
        {
            login.Dispose();
            await _clock.WaitForTimersAsync(2);
        }

        await _host.CancelAsync();

        await stopping;
        Assert.Equal(0, _clock.ActiveTimers);
    }

    private Task StopAsync() => TokenProcess.Detached(() => new LoginDrain(_limiter, _clock).StopAsync(_host.Token));
}
