using System.Net.Http.Json;
using WeComFunc.Simulator;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>Rule T13, over all that the run has put out.</summary>
[Trait("Speed", "Slow")]
[Collection(LastCollection.Name)]
public sealed class SecretsTests(Azurite azurite)
{
    [Fact]
    public async Task The_output_of_the_whole_run_holds_no_secret()
    {
        await LogInAsync();
        // For test.sh, which searches what this process cannot see: the runner's console and report.
        await File.WriteAllLinesAsync(Path.ChangeExtension(Output.Run.Path, ".secrets"), Output.Run.KnownSecrets);

        Assert.Empty(await Output.Run.FindLeaksAsync());
        Assert.All(
            (string[])[
                "activity: WeComFunc login ", "metric: WeComFunc ", "log: ", "event: System.Net.Http RequestStart ", "event: Azure-Core ",
                "response: "
            ],
            IsThere);

        Output.Run.Secret("zhangsan", "a canary that every login puts out");
        Assert.NotEmpty(await Output.Run.FindLeaksAsync());
    }

    /// <summary>Nothing is found where nothing is looked at.</summary>
    private static void IsThere(string beginning)
    {
        using var file = new StreamReader(new FileStream(Output.Run.Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        while (file.ReadLine() is { } line)
        {
            if (line.StartsWith(beginning, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"No line of the output begins with {beginning}");
    }

    // So that there is something to find even when this test runs alone.
    private async Task LogInAsync()
    {
        var clock = new ManualTimeProvider();
        await using var simulator = await SimulatorServer.StartAsync(clock);
        await using var host = await LoginHost.StartAsync(simulator, azurite, clock, settings: new(SigningSecret.Settings)
        {
            ["MemberData__Enabled"] = "true",
            ["WeCom__MiniProgramAppId"] = SimulatorState.SeedAppId,
        });
        var answer = await host.LoginAsync(simulator.State.IssueCode("zhangsan"));
        Assert.Equal(200, answer.Status);
        var data = simulator.State.Encrypt(MemberDataCall.GetMobile, "zhangsan");
        foreach (var encryptedData in (string[])[data.EncryptedData, data.Iv])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/member-data");
            request.Content = JsonContent.Create(new { encryptedData, iv = data.Iv });
            request.Headers.Authorization = new("Bearer", answer.Json.GetProperty("session").GetProperty("token").GetString());
            using var opened = await host.Client.SendAsync(request);
            Assert.Equal(encryptedData == data.Iv ? 400 : 200, (int)opened.StatusCode);
        }

        Output.Run.Secrets(simulator.State.IssuedSecrets);
    }
}
