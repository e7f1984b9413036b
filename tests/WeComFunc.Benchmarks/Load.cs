using System.Diagnostics;
using System.Globalization;

namespace WeComFunc.Benchmarks;

/// <summary>What one run of the load generator saw.</summary>
internal sealed record Load(double Answers, double Seconds, double P50, double P99, double Lost)
{
    public double PerSecond => Answers / Seconds;

    /// <summary>CPU of the contender in µs a login, where that was looked at.</summary>
    public double Cpu { get; init; }

    /// <summary>Bytes that the contender allocated for a login, where that was observed.</summary>
    public double Bytes { get; init; }

    /// <summary>Posts codes to <paramref name="address"/> by wrk, over so many connections, each with one login after the other.</summary>
    public static async Task<Load> RunAsync(Uri address, int connections, int seconds, bool posts = true)
    {
        var script = Path.Combine(AppContext.BaseDirectory, "login.lua");
        string[] how = ["-t1", $"-c{connections}", $"-d{seconds}s", "--timeout", "15s", "-s", script];
        string[] what = posts ? [address.AbsoluteUri] : [address.AbsoluteUri, "--", "get"];
        using var wrk = Process.Start(new ProcessStartInfo("wrk", [.. how, .. what])
        {
            RedirectStandardOutput = true,
        })!;
        var output = await wrk.StandardOutput.ReadToEndAsync();
        await wrk.WaitForExitAsync();
        var numbers =
            output.TrimEnd().Split('\n')[^1].Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray();
        return new(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]);
    }
}
