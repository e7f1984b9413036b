using System.Diagnostics;
using WeComFunc.Secrets;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// A reading of the vault belongs to all who wait for it: a caller whose time is over ends its own waiting (rules T8, T11).
/// </summary>
public sealed class SecretReadingTests
{
    private static readonly CorpSecret Rotated = new("the-corpsecret-after-the-rotation-00000001");
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly ManualTimeProvider _clock = new();
    private readonly TaskCompletionSource<Result<CorpSecret>> _read = new();
    private readonly TokenProcess _process;

    public SecretReadingTests() => _process = new(_clock, new MemoryTokenStore());

    [Theory]
    [InlineData(null, "ok")]
    [InlineData(FailureKind.Busy, "unreachable")]
    [InlineData(FailureKind.Misconfigured, "refused")]
    public async Task A_reading_is_a_part_of_what_is_traced_with_its_outcome(FailureKind? failure, string outcome)
    {
        using var root = new Activity("a test").Start();
        using var traces = new Traces(activity => activity.TraceId == root.TraceId);
        _process.Vault = _ => Task.FromResult<Result<CorpSecret>>(failure is { } kind ? new Failure(kind) : TokenProcess.Secret);

        await _process.Secrets.GetAsync();

        Assert.Equal([$"Client secret read outcome={outcome}"], traces.Ended);
    }

    [Fact]
    public async Task A_caller_that_gives_up_gets_the_kept_secret_and_the_vault_has_not_failed()
    {
        await RotateAsync();
        using var limit = new CancellationTokenSource();
        var reading = _process.Secrets.RereadAsync(limit.Token);

        await limit.CancelAsync();

        Assert.Equal(TokenProcess.Secret, (await reading).Value);
        Assert.Null(_process.Secrets.Failure);
    }

    [Fact]
    public async Task A_caller_that_gives_up_before_there_is_a_secret_is_told_that_it_passes()
    {
        _process.Vault = AnswerAsync;
        using var limit = new CancellationTokenSource();
        var reading = _process.Secrets.RereadAsync(limit.Token);

        await limit.CancelAsync();

        Assert.Equal(FailureKind.Busy, (await reading).Failure?.Kind);
        Assert.Null(_process.Secrets.Failure);
    }

    [Fact]
    public async Task Others_who_wait_for_the_same_reading_are_served_by_it()
    {
        await RotateAsync();
        using var limit = new CancellationTokenSource();
        var impatient = _process.Secrets.RereadAsync(limit.Token);
        var patient = _process.Secrets.RereadAsync(CancellationToken.None);

        await limit.CancelAsync();
        await impatient;
        _read.SetResult(Rotated);

        Assert.Equal(Rotated, (await patient).Value);
        Assert.Equal(2, _process.VaultReads);
    }

    [Fact]
    public async Task What_comes_of_the_reading_counts_from_then_on_without_another_one()
    {
        await RotateAsync();
        using var limit = new CancellationTokenSource();
        var reading = _process.Secrets.RereadAsync(limit.Token);
        await limit.CancelAsync();
        await reading;

        _read.SetResult(Rotated);
        await _process.Secrets.RereadAsync(CancellationToken.None);

        Assert.Equal(Rotated, (await _process.Secrets.GetAsync()).Value);
        Assert.Equal(2, _process.VaultReads);
    }

    [Fact]
    public async Task A_reading_that_outlasts_its_own_limit_is_a_failure_of_the_vault_whoever_gave_up()
    {
        await RotateAsync();
        using var limit = new CancellationTokenSource();
        var impatient = _process.Secrets.RereadAsync(limit.Token);
        var patient = _process.Secrets.RereadAsync(CancellationToken.None);
        await limit.CancelAsync();
        await impatient;

        _clock.Advance(TimeSpan.FromSeconds(3));

        Assert.Equal(TokenProcess.Secret, (await patient).Value);
        Assert.Equal(FailureKind.Busy, _process.Secrets.Failure?.Kind);
    }

    [Fact]
    public async Task A_renewal_whose_time_is_over_while_the_vault_answers_late_leaves_the_changed_secret_to_the_next()
    {
        await RotateAsync();
        _process.WeCom = async (secret, _) =>
        {
            await Task.Delay(TimeSpan.FromSeconds(2.9), _clock, CancellationToken.None);
            return secret == Rotated.Value ? TokenProcess.Issue("token") : TokenProcess.Refuse(40001);
        };
        await _clock.RunUntilAsync(_process.GetAsync(), TimeSpan.FromSeconds(3));
        await _process.WhenIdle();
        _read.SetResult(Rotated);
        await _process.Secrets.RereadAsync(CancellationToken.None);

        var next = await _clock.RunUntilAsync(_process.GetAsync(), TimeSpan.FromSeconds(3));

        Assert.Equal("token", next.Value.Token.Value);
        Assert.Equal(2, _process.VaultReads);
    }

    /// <summary>Reads the secret, after which the vault answers when <see cref="_read"/> does.</summary>
    private async Task RotateAsync()
    {
        await _process.Secrets.GetAsync();
        _process.Vault = AnswerAsync;
        _clock.Advance(Minute);
    }

    /// <summary>As the store of Key Vault does: what outlasts the limit is a vault out of reach.</summary>
    private async Task<Result<CorpSecret>> AnswerAsync(CancellationToken limit)
    {
        var answer = _read.Task.WaitAsync(limit);
        await ((Task)answer).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return answer.IsCompletedSuccessfully ? await answer : new Failure(FailureKind.Busy);
    }
}
