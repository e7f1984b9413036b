using System.Diagnostics;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>How a mini program gets the mobile number, in both READMEs, run by Node with a <c>wx</c> that does as it is told.</summary>
[Trait("Speed", "Slow")]
public sealed class ReadmeMobileTests
{
    private const string Script = """
        const [page, step] = [process.argv[1], JSON.parse(process.argv[2])]
        const source = require('fs').readFileSync(page, 'utf8').split('```').find(block => block.startsWith('js\n') && block.includes('getMobile')).slice(3)
        const calls = []
        const wx = {
          qy: { getMobile: ({ success, fail }) => step.refused ? fail({ errMsg: 'qy__getMobile:fail' }) : success({ encryptedData: 'E', iv: 'I' }) },
          request({ url, method, header, data, success, fail }) {
            if (method !== 'POST' || header['content-type'] !== 'application/json' || !url.startsWith('https://')) throw new Error(method)
            calls.push(`${url.split('/api/')[1]} ${header.authorization} ${data.encryptedData} ${data.iv}`)
            step.lost ? fail({ errMsg: 'request:fail' }) : success({ statusCode: step.status, data: step.data })
          }
        }
        const end = (outcome, value) => console.log(JSON.stringify([outcome, value && (value.code || value.errMsg || value), calls.join()]))
        new Function('wx', source + 'return mobile({ token: "T" })')(wx).then(value => end('got', value), value => end('none', value))
        """;

    private static readonly Dictionary<string, (string Step, string Outcome)> Rows = new()
    {
        ["it works"] = (
            """{"status":200,"data":{"data":{"mobile":"13800000000"} } }""", """["got","13800000000","member-data Bearer T E I"]"""),
        ["the member says no"] = ("""{"refused":true}""", """["none","qy__getMobile:fail",""]"""),
        ["a lost connection"] = ("""{"lost":true}""", """["none","request:fail","member-data Bearer T E I"]"""),
        ["the session is over"] = (
            """{"status":401,"data":{"code":"invalid_session"} }""", """["none","invalid_session","member-data Bearer T E I"]"""),
    };

    public static TheoryData<string, string> Cases
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var row in Rows.Keys)
            {
                all.Add("README.md", row);
                all.Add("README.zh-CN.md", row);
            }

            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task The_sample_gets_the_number_or_says_why_not(string page, string row)
    {
        var (step, outcome) = Rows[row];
        using var node = Process.Start(new ProcessStartInfo("node", ["-e", Script, "--", Path.Combine(Repository.Root, page), step])
        {
            RedirectStandardOutput = true,
        })!;

        var output = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();

        Assert.Equal(outcome, output.Trim());
    }
}
