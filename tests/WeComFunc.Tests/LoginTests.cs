using System.Text.Json.Nodes;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

[Collection(AzuriteCollection.Name)]
public sealed class LoginTests(Azurite azurite) : IAsyncLifetime
{
    private readonly ManualTimeProvider _clock = new();
    private SimulatorServer _simulator = null!;
    private LoginHost _host = null!;

    private SimulatorState WeCom => _simulator.State;

    public async Task InitializeAsync()
    {
        _simulator = await SimulatorServer.StartAsync(_clock);
        _host = await LoginHost.StartAsync(_simulator, azurite, _clock);
    }

    public async Task DisposeAsync()
    {
        await _host.DisposeAsync();
        Output.Run.Secrets(WeCom.IssuedSecrets);
        await _simulator.DisposeAsync();
    }

    [Fact]
    public async Task The_answer_is_the_userid_the_corpid_and_the_documented_profile()
    {
        var answer = await _host.LoginAsync(WeCom.IssueCode("zhangsan"));

        Assert.Equal((200, "application/json", "no-store"), (answer.Status, answer.ContentType, answer.CacheControl));
        Assert.Equal(("zhangsan", SimulatorState.SeedCorpId), (answer["userid"], answer["corpid"]));
        var documented = JsonNode.Parse(await File.ReadAllTextAsync("data/user-get.json"))!.AsObject();
        documented.Remove("errcode");
        documented.Remove("errmsg");
        Assert.Equal(21, documented.Count);
        Assert.True(JsonNode.DeepEquals(documented, JsonNode.Parse(answer.Json.GetProperty("profile").GetRawText())));
    }
}
