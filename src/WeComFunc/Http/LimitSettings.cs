namespace WeComFunc.Http;

/// <summary>How often one caller may log in: the settings <c>Limits__…</c>.</summary>
/// <param name="LoginsPerSecond">Refill for one address, logins per second: 0.001 to 1,000,000, or 0 for no limit.</param>
/// <param name="Burst">Logins that one address may make at once: 1 to 1,000,000.</param>
/// <param name="ConcurrentLogins">Logins under way at once in this process: 1 to 100,000.</param>
/// <param name="TrustedProxies">Reverse proxies of the operator's between the callers and the app: 0 to 10.</param>
public sealed record LimitSettings(double LoginsPerSecond, int Burst, int ConcurrentLogins, int TrustedProxies)
{
    internal static LimitSettings Read(SettingsReader reader) => new(
        reader.Number(
            "Limits:LoginsPerSecondPerAddress",
            50,
            static number => number is 0 or (>= 0.001 and <= 1_000_000),
            "0 (off) or a number from 0.001 to 1000000"),
        reader.WholeNumber("Limits:BurstPerAddress", 500, 1, 1_000_000),
        reader.WholeNumber("Limits:ConcurrentLogins", 500, 1, 100_000),
        reader.WholeNumber("Limits:TrustedProxies", 0, 0, 10));
}
