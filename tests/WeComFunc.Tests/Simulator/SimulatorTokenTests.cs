using WeComFunc.Simulator;

namespace WeComFunc.Tests;

/// <summary>The lives of the simulator's tokens and secrets.</summary>
public sealed class SimulatorTokenTests : SimulatorTest
{
    [Fact]
    public async Task A_wrong_secret_is_40091_on_demand()
    {
        State.Settings = State.Settings with { WrongSecretErrcode = 40091 };

        Assert.Equal(40091, Errcode(await TokenAnswerAsync(secret: "wrong")));
    }

    [Theory]
    [InlineData(42001)]
    [InlineData(40014)]
    public async Task A_token_expires_after_its_lifetime(int errcode)
    {
        State.Settings = State.Settings with { TokenLifetimeSeconds = 600, ExpiredTokenErrcode = errcode };
        var answer = await TokenAnswerAsync();
        var token = Text(answer, "access_token");

        Assert.Equal(600, answer.GetProperty("expires_in").GetInt32());
        State.Advance(TimeSpan.FromSeconds(599));
        Assert.Equal(0, Errcode(await UserAsync(token, "zhangsan")));
        State.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(errcode, Errcode(await UserAsync(token, "zhangsan")));
        Assert.NotEqual(token, await GetTokenAsync());
    }

    [Theory]
    [InlineData(false, 7200)]
    [InlineData(true, 6200)]
    public async Task The_same_token_comes_again_while_valid_and_its_life_grows_no_longer(bool left, int expiresIn)
    {
        State.Settings = State.Settings with { ExpiresInIsWhatIsLeft = left };
        var first = await GetTokenAsync();
        State.Advance(TimeSpan.FromSeconds(1000));

        var again = await TokenAnswerAsync();

        Assert.Equal(first, Text(again, "access_token"));
        Assert.Equal(expiresIn, again.GetProperty("expires_in").GetInt32());
        State.Advance(TimeSpan.FromSeconds(6200));
        Assert.Equal(42001, Errcode(await UserAsync(first, "zhangsan")));
    }

    [Theory]
    [InlineData(TokenSemantics.NewEachTimeOldLives, 0)]
    [InlineData(TokenSemantics.NewEachTimeOldDies, 40014)]
    public async Task A_new_token_each_time_leaves_the_old_one_alive_or_dead(TokenSemantics semantics, int errcodeOfOld)
    {
        State.Settings = State.Settings with { Semantics = semantics };

        var (old, young) = (await GetTokenAsync(), await GetTokenAsync());

        Assert.NotEqual(old, young);
        Assert.Equal(errcodeOfOld, Errcode(await UserAsync(old, "zhangsan")));
        Assert.Equal(0, Errcode(await UserAsync(young, "zhangsan")));
    }

    [Fact]
    public async Task Tokens_are_revoked_one_by_one_or_all_together()
    {
        var (one, other) = (await GetTokenAsync(), await GetTokenAsync(app: SimulatorState.NotAssociatedApp));

        Assert.Equal(1, State.RevokeTokens(one));
        Assert.Equal((40014, 0), (Errcode(await UserAsync(one, "zhangsan")), Errcode(await UserAsync(other, "zhangsan"))));
        Assert.Equal(1, State.RevokeTokens());
        Assert.Equal(40014, Errcode(await UserAsync(other, "zhangsan")));
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
