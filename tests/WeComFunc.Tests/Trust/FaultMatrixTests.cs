using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>
/// Every call that a login makes, each with everything that can go wrong with it: what the caller is told, within which time, at what cost
/// of memory, and that the login after it succeeds. A new call is a column, a new fault is a row, a new errcode of the contract adds
/// itself.
/// </summary>
[Trait("Speed", "Slow")]
public sealed partial class FaultMatrixTests
{
    private const int LargeBody = 100 * 1024 * 1024;

    /// <summary>What may be taken of one answer: 1 MiB, and what the buffers of two sockets hold beyond.</summary>
    private const int MostTaken = 2 * 1024 * 1024;

    /// <summary>The longest pause after one failure: what an operator stores is in use within a minute (rule T8).</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(61);

    // Names of the outcomes: that of a problem is its code; behind "200" is the code of profileError.
    private const string Ok = "200";
    private const string Busy = "wecom_busy";
    private const string Unexpected = "wecom_unexpected";
    private const string Misconfigured = "misconfigured";

    /// <summary>
    /// What is expected of <c>gettoken</c> and <c>jscode2session</c>, of <c>user/get</c>, of the vault, and of the identity; of the table
    /// it is 200 whatever it does (rule T10).
    /// </summary>
    private static readonly Fault[] Faults =
    [
        new("connection refused", null, Busy, "200 wecom_busy", Busy, Busy),
        new("reset before it is processed", x => x.ResetAsync(), Busy, "200 wecom_busy", Busy, Busy),
        new("reset after it is processed", x => x.After(x.ResetAsync), Busy, "200 wecom_busy", Busy, Busy),
        new("never answers", x => x.HangAsync(), Busy, "200 wecom_busy", Busy, Busy),
        new("one byte a second", x => x.DripAsync(x.Process()), Busy, "200 wecom_busy", Busy, Busy),
        new("HTTP 500", x => x.SendAsync(new(500)), Busy, "200 wecom_busy", Busy, Busy),
        new(
            "HTTP 502 in HTML",
            x => x.SendAsync(new(502, "<html>Bad gateway</html>"u8.ToArray()) { ContentType = "text/html" }),
            Busy, "200 wecom_busy", Busy, Misconfigured),
        new("HTTP 503 with Retry-After", x => x.SendAsync(RetryAfter(503, "7")), Busy, "200 wecom_busy", Busy, Busy),
        new("HTTP 429", x => x.SendAsync(RetryAfter(429, "30")), Busy, "200 wecom_busy", Busy, Busy),
        new(
            "redirect",
            x => x.SendAsync(new(302) { Headers = Header("Location", "http://localhost/elsewhere") }),
            Unexpected, "200 wecom_unexpected", Busy, Misconfigured),
        new("wrong content type", x => x.SendAsync(x.Process() with { ContentType = "text/html" }), Ok, Ok, Ok, Ok),
        new(
            "HTML",
            x => x.SendAsync(x.ProcessAs(_ => "<html>Sign in</html>"u8.ToArray())),
            Unexpected, "200 wecom_unexpected", Busy, Misconfigured),
        new("empty", x => x.SendAsync(x.ProcessAs(_ => [])), Unexpected, "200 wecom_unexpected", Busy, Misconfigured),
        new("truncated JSON", x => x.SendAsync(x.ProcessAs(body => body[..^7])), Unexpected, "200 wecom_unexpected", Busy, Misconfigured),
        new(
            "body of 100 MB",
            x => x.SendAsync(x.ProcessAs(body => body) with { Padding = LargeBody }),
            Unexpected, "200 wecom_unexpected", Busy, Busy),
        new(
            "deep nesting",
            x => x.SendAsync(x.ProcessAs(body => With(body, $"\"deep\":{new string('[', 2000)}{new string(']', 2000)}"))),
            Unexpected, "200 wecom_unexpected", Busy, Misconfigured),
        new("members twice, differing", x => x.SendAsync(x.ProcessAs(Twice)), Unexpected, "200 wecom_unexpected", Ok, Ok),
        new("wrong types", x => x.SendAsync(x.ProcessAs(OfOtherTypes)), Unexpected, "200 wecom_unexpected", Busy, Ok),
        new(
            "no members",
            x => x.SendAsync(x.ProcessAs(_ => "{}"u8.ToArray())),
            Unexpected, "200 wecom_unexpected", Misconfigured, Misconfigured),
        new("byte order mark", x => x.SendAsync(x.ProcessAs(body => [0xef, 0xbb, 0xbf, .. body])), Ok, Ok, Busy, Ok),
        new("invalid UTF-8", x => x.SendAsync(x.ProcessAs(body => With(body, "\"note\":\"\u00ff\"", Encoding.Latin1))), Ok, Ok, Ok, Ok),
        new(
            "raw control characters",
            x => x.SendAsync(x.ProcessAs(body => With(body, "\"note\":\"a\u0001\n\tb\""))),
            Ok, Ok, Busy, Misconfigured),
        new(
            "unknown errcode",
            x => x.SendAsync(x.ErrcodeOr(400, "987654", """{"error":{"code":"NeverHeardOf"}}""")),
            Unexpected, "200 wecom_unexpected", Misconfigured, Misconfigured),
        new(
            "errcode as a string",
            x => x.SendAsync(x.ErrcodeOr(403, "\"45009\"", """{"error":{"code":7}}""")),
            Busy, "200 wecom_busy", Misconfigured, Misconfigured),
    ];

    [Fact]
    public async Task Every_call_of_a_login_may_fail_in_every_way()
    {
        Cell[] cells = [.. Cells()];
        var wrong = new ConcurrentBag<string>();
        var (faults, most) = (0, 0L);

        // A process asks its identity for one token at a time.
        foreach (var alone in (bool[])[true, false])
        {
            var options = new ParallelOptions { MaxDegreeOfParallelism = alone ? 1 : 4 };
            await Parallel.ForEachAsync(cells.Where(cell => cell.Call is CloudCall.Identity == alone), options, async (cell, _) =>
            {
                var (met, taken, complaint) = await TellAsync(cell);
                lock (wrong)
                {
                    (faults, most) = (faults + met, Math.Max(most, taken));
                }

                if (complaint is not null)
                {
                    wrong.Add($"{cell.Call}, {cell.Fault}: {complaint}");
                }
            });
        }

        Figures.Write("1-fault-matrix", Table(cells, wrong.Count, faults, most));
        Assert.True(wrong.IsEmpty, string.Join(Environment.NewLine, wrong.Order()));
        Assert.Contains($"Fault matrix: {cells.Length} cells,", Repository.Read("docs/security.md"), StringComparison.Ordinal);
    }

    /// <summary>What a cell does; one that does not end is told by its name, too.</summary>
    private static async Task<(int Faults, long Taken, string? Complaint)> TellAsync(Cell cell)
    {
        try
        {
            return await TryAsync(cell);
        }
        catch (TimeoutException exception)
        {
            return (0, 0, exception.Message);
        }
    }

    /// <summary>
    /// What a cell does: a login that meets the fault, beside it one for another app, which does not notice, and one after it.
    /// </summary>
    private static async Task<(int Faults, long Taken, string? Complaint)> TryAsync(Cell cell)
    {
        await using var process = new ColdLogin(hasIdentity: cell.Call is CloudCall.Identity);
        var cloud = process.Cloud;
        (cloud.Faulty, cloud.Fault, cloud.Refuses) = (cell.Call, cell.Serve, cell.Serve is null);

        // Identity and signing keys are the same for all apps; so is the table of sessions, for which a login waits a second.
        var hasNeighbour = cell.Call is not (CloudCall.Identity or CloudCall.VaultVersions or CloudCall.VaultKey);
        var (first, beside) = await process.LoginBesideAsync("the-first-code", "the-neighbours-code", besideLimit:
            !hasNeighbour ? ColdLogin.LoginLimit : cell.Call is CloudCall.SessionWrite ? TimeSpan.FromSeconds(1) : TimeSpan.Zero);
        var met = cloud.Faults;
        (cloud.Fault, cloud.Refuses) = (null, false);
        await process.RestAsync(Pause);
        var next = await process.LoginAsync("the-next-code");

        string[] complaints =
        [
            .. met == 0 ? (string[])["the call was not made"] : [],
            .. Outcome(first) == cell.Expected ? (string[])[] : [$"{Outcome(first)} instead of {cell.Expected}"],
            .. first.Status != 200 || first["userid"] == Cloud.UserOf("the-first-code") ? (string[])[] : ["the login of another"],
            .. first.Status != 200 || Outcome(first) != Ok || HasDepartment(first) ? (string[])[] : ["the department is not there"],
            .. !hasNeighbour || (Outcome(beside), beside["userid"]) == (Ok, Cloud.UserOf("the-neighbours-code"))
                ? (string[])[]
                : [$"the login for another app came to {Outcome(beside)}"],
            .. cloud.MostTaken <= MostTaken ? (string[])[] : [$"it took {cloud.MostTaken} bytes of an answer"],
            .. (Outcome(next), next["userid"]) == (Ok, Cloud.UserOf("the-next-code"))
                ? (string[])[]
                : [$"the next login came to {Outcome(next)}"],
            .. process.Log.All.Where(line => line.Contains("defect", StringComparison.Ordinal)),
        ];
        if (complaints.Length > 0)
        {
            complaints =
            [
                .. complaints,
                .. process.Log.All.Where(
                    line => line.StartsWith("Warning", StringComparison.Ordinal) || line.StartsWith("Error", StringComparison.Ordinal))
                    .TakeLast(6)
            ];
        }

        return (met, cloud.MostTaken, complaints.Length == 0 ? null : string.Join("; ", complaints));
    }

    private static string Outcome(LoginAnswer answer) => answer.Status != 200 ? answer["code"] ?? $"{answer.Status}"
        : !answer.Json.TryGetProperty("session", out _) ? "200 without a session"
        : answer.Json.TryGetProperty("profileError", out var error) ? $"200 {error.GetProperty("code").GetString()}"
        : Ok;

    private static bool HasDepartment(LoginAnswer answer) =>
        !answer.Json.GetProperty("profile").TryGetProperty("department", out _)
        || answer.Json.GetProperty("departments")[0].GetProperty("id").GetInt32() == 1;

    private static IEnumerable<Cell> Cells() =>
    [
        .. from fault in Faults from call in Enum.GetValues<CloudCall>() select new Cell(
            call, fault.Name, fault.Serve, fault.Expected(call)),
        .. from errcode in Errcodes()
           from call in (CloudCall[])[CloudCall.GetToken, CloudCall.JsCode2Session, CloudCall.UserGet, CloudCall.DepartmentGet]
           select new Cell(
               call,
               $"errcode {errcode.Number}",
               x => x.SendAsync(OfErrcode(errcode.Number)),
               Expected(errcode.Class, call))
           {
               Row = $"errcodes: {errcode.Class}",
           },
    ];

    /// <summary>The errcodes of the contract, each with the class that it has there.</summary>
    private static IEnumerable<(string Class, string Number)> Errcodes() => (
        from list in ErrcodeListPattern().Matches(Repository.Read("docs/contract.md"))
        from number in NumberPattern().Matches(list.Groups["numbers"].Value.Split(';')[0])
        select (list.Groups["class"].Value, number.Value)).Append(("corp_mismatch", "92002"));

    /// <summary>What the contract says of a class of errcodes, by the call that answers it.</summary>
    private static string Expected(string kind, CloudCall call) => (kind, call) switch
    {
        (_, CloudCall.DepartmentGet) => Ok,
        ("busy", CloudCall.UserGet) => "200 wecom_busy",
        ("busy", _) => Busy,
        ("token rejected" or Misconfigured, CloudCall.UserGet) => "200 misconfigured",
        ("token rejected" or Misconfigured, _) => Misconfigured,
        ("member_not_visible" or "corp_mismatch", CloudCall.UserGet) => "200 member_not_visible",
        (_, CloudCall.UserGet) => "200 wecom_unexpected",
        (_, CloudCall.GetToken) => Unexpected,
        _ => kind,
    };

    private static CloudAnswer OfErrcode(string errcode) =>
        new(200, Encoding.UTF8.GetBytes($$"""{"errcode":{{errcode}},"errmsg":"no, from ip: 203.0.113.7"}"""));

    private static CloudAnswer RetryAfter(int status, string seconds) => new(status) { Headers = Header("Retry-After", seconds) };

    private static Dictionary<string, string> Header(string name, string value) => new() { [name] = value };

    private static byte[] With(byte[] json, string member, Encoding? encoding = null) =>
        [.. json[..^1], .. ","u8, .. (encoding ?? Encoding.UTF8).GetBytes(member), .. "}"u8];

    /// <summary>Each member that is a text, and before it one of the same name with another text.</summary>
    private static byte[] Twice(byte[] json) =>
        Encoding.UTF8.GetBytes($"{{{string.Join(',', JsonNode.Parse(json)!.AsObject().SelectMany(member =>
        member.Value?.GetValueKind() is JsonValueKind.String
            ? (string[])[$"\"{member.Key}\":\"another\"", $"\"{member.Key}\":{member.Value.ToJsonString()}"]
            : [$"\"{member.Key}\":{member.Value?.ToJsonString() ?? "null"}"]))}}}");

    private static byte[] OfOtherTypes(byte[] json) => JsonSerializer.SerializeToUtf8Bytes(JsonNode.Parse(json)!.AsObject().ToDictionary(
        member => member.Key, member => member.Value?.GetValueKind() is JsonValueKind.String ? (object)7 : "a word"));

    private static IEnumerable<string> Table(Cell[] cells, int wrong, int faults, long most)
    {
        var calls = Enum.GetValues<CloudCall>();
        string Line(string name, Func<CloudCall, string> of) =>
            $"{name,-30}{string.Concat(calls.Select(call => $"{of(call),-23}"))}".TrimEnd();
        yield return Line("", call => $"{call}");
        foreach (var row in cells.GroupBy(cell => cell.Row))
        {
            yield return Line(row.Key, call => row.FirstOrDefault(cell => cell.Call == call)?.Expected ?? "-");
        }

        yield return string.Create(
            CultureInfo.InvariantCulture,
            $"Fault matrix: {cells.Length} cells, {faults} faults met, at most {most / 1024} KiB taken of an answer, {wrong} wrong");
    }

    [GeneratedRegex(@"^- `?(?<class>[a-z_ ]+?)`?(?: \(T6\))?: (?<numbers>[-\d].*)$", RegexOptions.Multiline)]
    private static partial Regex ErrcodeListPattern();

    [GeneratedRegex(@"-?\b\d+\b")]
    private static partial Regex NumberPattern();

    /// <param name="Name">What it is called.</param>
    /// <param name="Serve">What the service does; null where no connection comes about.</param>
    /// <param name="Code">What is expected where it meets <c>gettoken</c> or <c>jscode2session</c>.</param>
    /// <param name="UserGet">What is expected where it meets <c>user/get</c>.</param>
    /// <param name="Vault">What is expected where it meets the vault.</param>
    /// <param name="Identity">What is expected where it meets the identity.</param>
    private sealed record Fault(string Name, Func<CloudExchange, Task>? Serve, string Code, string UserGet, string Vault, string Identity)
    {
        public string Expected(CloudCall call) => call switch
        {
            CloudCall.Identity => Identity,
            CloudCall.Vault or CloudCall.VaultVersions or CloudCall.VaultKey => Vault,
            CloudCall.UserGet => UserGet,
            CloudCall.GetToken or CloudCall.JsCode2Session => Code,
            _ => Ok,
        };
    }

    private sealed record Cell(CloudCall Call, string Fault, Func<CloudExchange, Task>? Serve, string Expected)
    {
        /// <summary>The row that shows it; one for all errcodes of a class.</summary>
        public string Row { get; init; } = Fault;
    }
}
