using System.Diagnostics;
using System.Globalization;
using SharpFuzz;
using WeComFunc.Fuzz;

// --inputs N [--seed S] [--target NAME]: tries N inputs, made by FsCheck.
// --corpus FOLDER NAME: writes the corpus of a target for AFL++. --afl NAME: is run by it. --try FOLDER NAME: tries what it
// found, one after the other.
switch (args)
{
    case ["--corpus", var folder, var name]:
        Directory.CreateDirectory(folder);
        foreach (var (index, input) in Target.Of(name).Corpus.Index())
        {
            File.WriteAllBytes(Path.Combine(folder, $"{index}"), input);
        }

        return 0;

    case ["--try", var folder, var name]:
        foreach (var file in Directory.GetFiles(folder, "id*").Order(StringComparer.Ordinal))
        {
            Target.Of(name).Try(File.ReadAllBytes(file));
        }

        return 0;

    case ["--afl", var name]:
        Fuzzer.OutOfProcess.Run(stream =>
        {
            using var input = new MemoryStream();
            stream.CopyTo(input);

            // The targets are made in here: what is instrumented runs nowhere else.
            Target.Of(name).Try(input.ToArray());
        });
        return 0;
}

const int Batch = 50_000;
var options = args.Chunk(2).ToDictionary(pair => pair[0], pair => pair[^1]);
var targets = options.TryGetValue("--target", out var only) ? [Target.Of(only)] : Target.All;
var total = long.Parse(options.GetValueOrDefault("--inputs", "100000"), CultureInfo.InvariantCulture);
var seed = ulong.Parse(options.GetValueOrDefault("--seed", "1"), CultureInfo.InvariantCulture);
foreach (var each in targets)
{
    var started = Stopwatch.StartNew();
    var share = total / targets.Count;
    for (var done = 0L; done < share; done += Batch)
    {
        Inputs.Try(each, (int)Math.Min(Batch, share - done), seed + (ulong)(done / Batch));
    }

    Console.WriteLine(
        string.Create(
            CultureInfo.InvariantCulture,
            $"{each.Name}: {share} inputs from seed {seed} on, {started.Elapsed.TotalSeconds:0} s, no promise broken"));
}

return 0;
