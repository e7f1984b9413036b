namespace WeComFunc.Benchmarks;

/// <summary>The contenders that are written here, and the measurement, which <c>tests/bench.sh</c> starts.</summary>
internal static class Program
{
    private const string Usage = "Usage: floor|typical URL UPSTREAM, or measure DIRECTORY [--quick|--member-data]";

    private static async Task<int> Main(string[] args)
    {
        switch (args)
        {
            case ["floor", var url, var upstream]:
                await Floor.RunAsync(url, upstream);
                return 0;
            case ["typical", var url, var upstream]:
                await Typical.RunAsync(url, upstream);
                return 0;
            case ["measure", var directory, .. var rest] when rest is [] or ["--quick" or "--member-data"]:
                await Measurement.RunAsync(directory, rest.FirstOrDefault());
                return 0;
            default:
                Console.Error.WriteLine(Usage);
                return 2;
        }
    }
}
