using WeComFunc.Simulator;

namespace WeComFunc.Tests;

/// <summary>How long a code of the simulator lives, and for whom.</summary>
public sealed class SimulatorCodeTests : SimulatorTest
{
    [Fact]
    public async Task A_code_works_once()
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan"));

        Assert.Equal(0, Errcode(await ExchangeAsync(token, code)));
        Assert.Equal(40029, Errcode(await ExchangeAsync(token, code)));
    }

    [Fact]
    public async Task A_code_that_many_send_at_once_works_for_one_of_them()
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan"));

        await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => ExchangeAsync(token, code)));

        Assert.Equal(new Dictionary<int, int> { [0] = 1, [40029] = 49 }, State[Api.JsCode2Session].Calls.Errcodes);
    }

    [Fact]
    public async Task A_code_of_odd_characters_is_found_when_it_comes_escaped()
    {
        var (token, code) = (await GetTokenAsync(), State.IssueCode("zhangsan", code: "+a code & its = and %2B"));

        Assert.Equal(40029, Errcode(await ExchangeAsync(token, code)));
        Assert.Equal(0, Errcode(await ExchangeAsync(token, Uri.EscapeDataString(code))));
    }

    [Theory]
    [InlineData(42003)]
    [InlineData(40029)]
    public async Task A_code_lasts_five_minutes(int errcode)
    {
        State.Settings = State.Settings with { ExpiredCodeErrcode = errcode };
        var (token, inTime, late) = (await GetTokenAsync(), State.IssueCode("zhangsan"), State.IssueCode("zhangsan"));

        State.Advance(TimeSpan.FromSeconds(299));
        Assert.Equal(0, Errcode(await ExchangeAsync(token, inTime)));
        State.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(errcode, Errcode(await ExchangeAsync(token, late)));
    }

    [Fact]
    public async Task A_code_of_another_corp_is_answered_with_that_corp()
    {
        var session = await ExchangeAsync(await GetTokenAsync(), State.IssueCode("zhaoliu", SimulatorState.OtherCorpId));

        Assert.Equal((0, SimulatorState.OtherCorpId, "zhaoliu"), (Errcode(session), Text(session, "corpid"), Text(session, "userid")));
    }
}
