using System.Diagnostics;
using System.Globalization;
using WeComFunc.Fleet;

var options = args.Chunk(2).ToDictionary(pair => pair[0], pair => int.Parse(pair[^1], CultureInfo.InvariantCulture));
var first = options.GetValueOrDefault("--seed", 1);
var seeds = options.GetValueOrDefault("--seeds", 1);
var failed = 0;
for (var seed = first; seed < first + seeds; seed++)
{
    var started = Stopwatch.GetTimestamp();
    var report = Simulation.Run(Scenario.Of(seed));
    Console.WriteLine($"seed {seed}: {report.Logins} logins, {report.GetToken} gettoken, {report.Tokens} tokens, {report.TableReads} reads, {report.TableWrites} writes, {report.SecretReads} secrets, {report.Violations.Count} violations, {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
    foreach (var violation in report.Violations)
    {
        Console.WriteLine($"  {violation}");
    }

    failed += report.Violations.Count > 0 ? 1 : 0;
}

return failed == 0 ? 0 : 1;
