using System.Diagnostics;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>The mini program's code in both READMEs, run by Node with a <c>wx</c> that does as it is told, login after login.</summary>
public sealed class ReadmeClientTests
{
    /// <summary>Prints what came of it, the codes that were posted, and the seconds that were waited.</summary>
    private const string Script = """
        const [page, steps] = [process.argv[1], JSON.parse(process.argv[2])]
        const source = /```js\n([\s\S]*?)```/.exec(require('fs').readFileSync(page, 'utf8'))[1]
        const [codes, waits] = [[], []]
        let step
        const wx = {
          qy: { login: ({ success, fail }) => (step = steps.shift()).loginFails ? fail({ errMsg: 'qy__login:fail' }) : success({ code: step.code }) },
          request({ url, method, header, data, success, fail }) {
            if (method !== 'POST' || header['content-type'] !== 'application/json' || !url.startsWith('https://')) throw new Error(method)
            codes.push(data.code)
            step.requestFails ? fail({ errMsg: 'request:fail' }) : success({ statusCode: step.status, data: step.data, header: step.header })
          }
        }
        const setTimeout = (act, ms) => { waits.push(ms / 1000); act() }
        const end = (outcome, value) => console.log(JSON.stringify([outcome, value.userid || value.code || value.errMsg, codes.join(), waits.join(), steps.length]))
        new Function('wx', 'setTimeout', source + 'return login()')(wx, setTimeout).then(value => end('in', value), value => end('out', value))
        """;

    private const string Good = """{"code":"GOOD","status":200,"data":{"userid":"zhangsan","corpid":"ww1","profile":null},"header":{}}""";

    private static readonly Dictionary<string, (string Steps, string Outcome)> Rows = new()
    {
        ["it works"] = ($"[{Good}]", """["in","zhangsan","GOOD","",0]"""),
        ["an empty code"] = ($$"""[{"code":""},{{Good}}]""", """["in","zhangsan","GOOD","1",0]"""),
        ["no code at all"] = ($$"""[{},{{Good}}]""", """["in","zhangsan","GOOD","1",0]"""),
        ["an empty code twice"] = ($$"""[{"code":""},{"code":""},{{Good}}]""", """["out","no_code","","1",1]"""),
        ["a login that fails"] = ($$"""[{"loginFails":true},{{Good}}]""", """["in","zhangsan","GOOD","1",0]"""),
        ["a lost connection"] = ($$"""[{"code":"A","requestFails":true},{{Good}}]""", """["in","zhangsan","A,GOOD","1",0]"""),
        ["two lost connections"] =
            ("""[{"code":"A","requestFails":true},{"code":"B","requestFails":true}]""", """["out","request:fail","A,B","1",0]"""),
        ["the platform's 503 in HTML"] =
            ($$"""[{"code":"A","status":503,"data":"<html>","header":{} },{{Good}}]""", """["in","zhangsan","A,GOOD","1",0]"""),
        ["the platform's 503 without a body"] =
            ($$"""[{"code":"A","status":503,"data":null},{{Good}}]""", """["in","zhangsan","A,GOOD","1",0]"""),
        ["the platform's 401"] =
            ($$"""[{"code":"A","status":401,"data":"","header":{} },{{Good}}]""", """["out","unreachable","A","",1]"""),
        ["somebody else's 200"] =
            ($$"""[{"code":"A","status":200,"data":"<html>","header":{} },{{Good}}]""", """["out","unreachable","A","",1]"""),
        ["busy"] = (
            $$"""[{"code":"A","status":503,"data":{"code":"wecom_busy","retryable":true},"header":{"rETRY-aFTER":"3"} },{{Good}}]""",
            """["in","zhangsan","A,GOOD","3",0]"""),
        ["a used code"] = (
            $$"""[{"code":"A","status":401,"data":{"code":"invalid_code","retryable":false},"header":{} },{{Good}}]""",
            """["in","zhangsan","A,GOOD","1",0]"""),
        ["misconfigured"] = (
            $$"""[{"code":"A","status":500,"data":{"code":"misconfigured","retryable":false},"header":{} },{{Good}}]""",
            """["out","misconfigured","A","",1]"""),
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
    public async Task The_sample_tries_once_more_with_a_new_code_where_that_may_help(string page, string row)
    {
        var (steps, outcome) = Rows[row];
        var start = new ProcessStartInfo(
            "node",
            ["-e", Script, "--", Path.Combine(Repository.Root, page), steps])
        {
            RedirectStandardOutput = true,
        };
        using var node = Process.Start(start)!;

        var output = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();

        Assert.Equal(outcome, output.Trim());
    }
}
