namespace WeComFunc.Benchmarks;

/// <summary>An implementation of the login, as it is published.</summary>
/// <param name="Assembly">What <c>dotnet</c> runs.</param>
/// <param name="Arguments">Its command line, for the address it is to listen on.</param>
/// <param name="Settings">Its environment.</param>
internal sealed record Contender(string Assembly, Func<Uri, string[]> Arguments, Dictionary<string, string> Settings);
