using System.Globalization;
using WeComFunc.Fleet;

// Names with a number each, but for the first.
var isCost = args is ["--costs", ..];
var options = args.Skip(isCost ? 1 : 0).Chunk(2).ToDictionary(pair => pair[0], pair => int.Parse(pair[^1], CultureInfo.InvariantCulture));
var apps = options.GetValueOrDefault("--apps", 1);

if (isCost)
{
    var members = options.GetValueOrDefault("--members", 1_000_000);
    Console.WriteLine(
        "| instances | gettoken gives | timer | gettoken | tokens | table reads | table writes | Key Vault reads | most reads of one "
        + "instance per token | writes of the fleet per token | rejected |");
    Console.WriteLine("| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    foreach (var instances in options.TryGetValue("--instances", out var only) ? [only] : (int[])[1, 10, 100, 1000])
    {
        foreach (var (semantics, hasTimer) in
            from semantics in (Semantics[])[Semantics.NewOldLives, Semantics.Same]
            from hasTimer in (bool[])[true, false]
            select (semantics, hasTimer))
        {
            var cost = Simulation.Run(Scenario.OfCost(instances, members, semantics, hasTimer) with { Apps = apps });
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {instances} | {(semantics is Semantics.Same ? "the same token" : "a new token")} | {(hasTimer ? "runs" : "stopped")} | "
                + $"{cost.GetToken} | {cost.Tokens} | {cost.TableReads} | {cost.TableWrites} | {cost.SecretReads} | "
                + $"{(double)cost.MostReadsOfOne / cost.Tokens:0.0} | {(double)cost.TableWrites / cost.Tokens:0.0} | {cost.Rejections} |"));
        }
    }

    return 0;
}

var first = options.GetValueOrDefault("--seed", 1);
var failed = 0;
for (var seed = first; seed < first + options.GetValueOrDefault("--seeds", 1); seed++)
{
    var report = Simulation.Run(Scenario.OfTrouble(seed) with { Apps = apps });
    Console.WriteLine($"seed {seed}: {report}");
    failed += report.Violations.Count > 0 ? 1 : 0;
}

Console.WriteLine($"{failed} seeds broke a promise");
return failed == 0 ? 0 : 1;
