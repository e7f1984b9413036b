using System.Text;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.Login;
using WeComFunc.Tests.Doubles;
using WeComFunc.WeCom;
using static WeComFunc.Tests.Doubles.ScriptedWeCom;

namespace WeComFunc.Tests;

/// <summary>
/// The names of departments in memory and to the tick; <see cref="DepartmentNamesTests"/> shows them through logins.
/// </summary>
public sealed class DepartmentTests : IDisposable
{
    private static readonly TimeSpan Tick = new(1);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Limit = 10 * Second;

    private readonly MemoryLogin _process = new(
        ("Login:DepartmentNames", "true"), ("WeCom:Apps:sales:CorpId", MemoryLogin.CorpId), ("WeCom:Apps:sales:CorpSecret", "any"));

    private ManualTimeProvider Clock => _process.Clock;

    private ScriptedWeCom WeCom => _process.WeCom;

    private int Asked => WeCom.Arrived.Count;

    public void Dispose() => _process.Dispose();

    [Theory]
    [InlineData("""{"department":[2,1,77]}""", "2 1 77")]
    [InlineData("""{"dep\u0061rtment":[2]}""", "2")]
    [InlineData("""{"department":[]}""", "")]
    [InlineData("""{"a":{"department":[1]},"b":[{"department":[3]}],"department":[2],"c":1}""", "2")]
    [InlineData("""{"department":["x",{"id":1},[5],2,2.5,3000000000,-3000000000,true,null,-4]}""", "2 -4")]
    [InlineData("""{"department":null,"department":[3]}""", "3")]
    [InlineData("""{"department":{"department":[1]},"department":[3]}""", "3")]
    [InlineData("""{"department":[1],"department":[2]}""", "1")]
    [InlineData("""{"userid":"u","departments":[1]}""", null)]
    [InlineData("""{"department":null}""", null)]
    [InlineData("""{"department":"1"}""", null)]
    [InlineData("""{"department":["1"," 2","3.0",4.0,"x","",null]}""", "1 2 3 4")]
    [InlineData("""{"department":1}""", null)]
    [InlineData("""{}""", null)]
    public void The_ids_are_those_of_the_member_department(string profile, string? ids) =>
        Assert.Equal(ids, DepartmentNames.IdsIn(Encoding.UTF8.GetBytes(profile)) is { } read ? string.Join(' ', read) : null);

    [Fact]
    public async Task They_come_in_order_and_each_is_asked_for_once()
    {
        WeCom.Answer(DepartmentGet, Name("two"), Errcode(60123), Name("one"));

        Assert.Equal("2:two 77: 2:two 1:one", await GetAsync(2, 77, 2, 1));
        Assert.Equal("1:one 2:two", await GetAsync(1, 2));
        Assert.Equal(3, Asked);
    }

    [Fact]
    public async Task Without_ids_nobody_is_asked()
    {
        Assert.Null(await Names.GetAsync(_process.App, "a-token", null, Limit));
        Assert.Equal("", await GetAsync());
        Assert.Equal(0, Asked);
    }

    [Fact]
    public async Task Each_app_sees_its_own()
    {
        WeCom.Answer(DepartmentGet, Name("seen"), Errcode(60123));
        var other = _process.Services.GetRequiredService<Apps.CorpApps>().Find("sales")!;

        Assert.Equal("1:seen", await GetAsync(1));
        Assert.Equal([new Department(1, null, null)], await Names.GetAsync(other, "a-token", [1], Limit));
    }

    /// <summary>A status, or an errcode; how long what comes of it is kept, in seconds.</summary>
    [Theory]
    [InlineData(0, 3600)]
    [InlineData(60123, 600)]
    [InlineData(48002, 600)]
    [InlineData(12345, 600)]
    [InlineData(404, 600)]
    [InlineData(-1, 10)]
    [InlineData(45009, 10)]
    [InlineData(40014, 10)]
    [InlineData(503, 10)]
    public async Task What_comes_of_it_is_kept_to_the_tick(int answer, int seconds)
    {
        WeCom.Answer(DepartmentGet, answer switch
        {
            0 => Name("one"),
            > 0 and < 1000 => Status(answer),
            _ => Errcode(answer),
        });
        var first = await GetAsync(1);

        Clock.Advance((seconds * Second) - Tick);
        await GetAsync(1);
        var before = Asked;
        Clock.Advance(Tick);
        await GetAsync(1);

        Assert.Equal((answer == 0 ? "1:one" : "1:", 1, 2), (first, before, Asked));
    }

    [Theory]
    [InlineData(10, 1)]
    [InlineData(0.4, 0.4)]
    public async Task A_login_waits_for_a_second_at_most_and_the_next_has_the_name(double left, double expected)
    {
        var happened = new TaskCompletionSource();
        WeCom.Answer(DepartmentGet, After(happened.Task, """{"errcode":0,"department":{"name":"late"}}"""));
        var first = TokenProcess.Detached(() => Names.GetAsync(_process.App, "a-token", [1], left * Second).AsTask());

        Clock.Advance((expected * Second) - Tick);
        var early = first.IsCompleted;
        Clock.Advance(Tick);
        Assert.Equal([new Department(1, null, null)], await first);
        Assert.False(early);

        var second = TokenProcess.Detached(() => Names.GetAsync(_process.App, "a-token", [1], Limit).AsTask());
        happened.SetResult();
        Assert.Equal([new Department(1, "late", null)], await second);
        Assert.Equal("1:late", await GetAsync(1));
        Assert.Equal(1, Asked);
    }

    [Fact]
    public async Task Whoever_has_no_name_in_time_takes_those_that_are_there()
    {
        WeCom.Answer(DepartmentGet, Name("one"), Hang);
        await GetAsync(1);
        var both = TokenProcess.Detached(() => Names.GetAsync(_process.App, "a-token", [2, 1], Limit).AsTask());

        Clock.Advance(Second);

        Assert.Equal([new Department(2, null, null), new Department(1, "one", null)], await both);
    }

    [Fact]
    public async Task A_call_has_three_seconds()
    {
        WeCom.Answer(DepartmentGet, Hang, Name("one"));
        var first = TokenProcess.Detached(() => Names.GetAsync(_process.App, "a-token", [1], Limit).AsTask());

        Clock.Advance(3 * Second);
        await first;
        Clock.Advance((10 * Second) - Tick);
        Assert.Equal("1:", await GetAsync(1));
        Clock.Advance(Tick);

        Assert.Equal("1:one", await GetAsync(1));
    }

    [Fact]
    public async Task Eight_are_asked_for_at_once_and_the_rest_after_them()
    {
        var happened = new TaskCompletionSource();
        WeCom.Answer(DepartmentGet, After(happened.Task, """{"errcode":0,"department":{"name":"n"}}"""));

        var all = TokenProcess.Detached(
            () => Names.GetAsync(_process.App, "a-token", [.. Enumerable.Range(1, 20)], Limit).AsTask());
        var atOnce = Asked;
        happened.SetResult();

        Assert.All((await all)!, department => Assert.Equal("n", department.Name));
        Assert.Equal((8, 20), (atOnce, Asked));
    }

    [Fact]
    public async Task Once_disposed_of_nothing_is_kept()
    {
        var names = new DepartmentNames(Clock);
        names.Dispose();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => names.GetAsync(_process.App, "a-token", [1], Limit).AsTask());
    }

    private DepartmentNames Names => _process.Services.GetRequiredService<DepartmentNames>();

    private static ScriptedWeCom.Reply Name(string name) => OfJson($$$"""{"errcode":0,"department":{"name":"{{{name}}}"}}""");

    private async Task<string> GetAsync(params int[] ids) => string.Join(
        ' ',
        (await Names.GetAsync(_process.App, "a-token", ids, Limit))!.Select(department => $"{department.Id}:{department.Name}"));
}
