using System.Net;
using System.Text;

namespace WeComFunc.Benchmarks;

/// <summary>Logins one by one, whose answers are looked at.</summary>
internal static class Logins
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseCookies = false }) { Timeout = TimeSpan.FromSeconds(30) };
    private static long _codes;

    /// <summary>Logs in.</summary>
    /// <exception cref="InvalidOperationException">The answer is not what it should be.</exception>
    public static async Task PostAsync(Uri login, Func<Task<string>>? log = null)
    {
        using var body = new StringContent($$"""{"code":"one-{{Interlocked.Increment(ref _codes)}}"}""", Encoding.UTF8, "application/json");
        using var response = await Http.PostAsync(login, body);
        var answer = await response.Content.ReadAsStringAsync();
        if (response.StatusCode is not HttpStatusCode.OK
            || !answer.Contains("\"userid\":\"zhangsan\"", StringComparison.Ordinal)
            || !answer.Contains("\"extattr\":{", StringComparison.Ordinal))
        {
            throw new InvalidOperationException($"{response.StatusCode}: {answer} {(log is null ? "" : await log())}");
        }
    }
}
