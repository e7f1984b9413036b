namespace WeComFunc.Simulator;

/// <summary>Counters; <c>WithoutErrcode</c> are the calls that ended with a HTTP status, a foreign body or a lost connection.</summary>
public sealed record ApiCalls(int Arrived, int InFlight, IReadOnlyDictionary<int, int> Errcodes, int WithoutErrcode);
