using WeComFunc.Simulator;

namespace WeComFunc.Tests;

/// <summary>The lives of the simulator's tokens and secrets.</summary>
public sealed class SimulatorTokenTests : SimulatorTest
{
    [Fact]
    public async Task A_token_comes_again_while_it_is_valid_and_lasts_no_longer_for_that()
    {
        var token = await GetTokenAsync();
        Time.Advance(TimeSpan.FromSeconds(7199));

        var again = await TokenAnswerAsync();

        Assert.Equal((token, 7200), (Text(again, "access_token"), again.GetProperty("expires_in").GetInt32()));
        Assert.Equal(0, Errcode(await UserAsync(token, "zhangsan")));
        Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(42001, Errcode(await UserAsync(token, "zhangsan")));
        Assert.NotEqual(token, await GetTokenAsync());
    }

    [Theory]
    [InlineData(TokenSemantics.NewEachTimeOldLives, 0)]
    [InlineData(TokenSemantics.NewEachTimeOldDies, 40014)]
    public async Task A_new_token_each_time_leaves_the_old_one_alive_or_dead(TokenSemantics semantics, int errcodeOfOld)
    {
        State.Semantics = semantics;

        var (old, young) = (await GetTokenAsync(), await GetTokenAsync());

        Assert.NotEqual(old, young);
        Assert.Equal(errcodeOfOld, Errcode(await UserAsync(old, "zhangsan")));
        Assert.Equal(0, Errcode(await UserAsync(young, "zhangsan")));
    }

    [Fact]
    public async Task Tokens_are_revoked_all_together()
    {
        var (one, other) = (await GetTokenAsync(), await GetTokenAsync(app: SimulatorState.NotAssociatedApp));

        Assert.Equal((2, 0), (State.RevokeTokens(), State.RevokeTokens()));

        Assert.Equal((40014, 40014), (Errcode(await UserAsync(one, "zhangsan")), Errcode(await UserAsync(other, "zhangsan"))));
        Assert.NotEqual(one, await GetTokenAsync());
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 40014)]
    public async Task A_rotated_secret_is_dead_and_its_tokens_if_asked_for(bool revokeTokens, int errcodeOfToken)
    {
        var (oldSecret, token) = (State.CorpSecret, await GetTokenAsync());

        var newSecret = State.RotateSecret(CorpId, App, revokeTokens);

        Assert.Equal(newSecret, State.CorpSecret);
        Assert.Equal(40001, Errcode(await TokenAnswerAsync(oldSecret)));
        Assert.Equal(0, Errcode(await TokenAnswerAsync(newSecret)));
        Assert.Equal(errcodeOfToken, Errcode(await UserAsync(token, "zhangsan")));
    }
}
