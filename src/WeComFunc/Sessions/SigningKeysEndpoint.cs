using Microsoft.Extensions.Logging;
using WeComFunc.Http;

namespace WeComFunc.Sessions;

/// <summary><c>GET /api/.well-known/jwks.json</c>: the public keys of sessions. However often it is asked, the vault is not asked more
/// often than it would be anyway.</summary>
internal sealed class SigningKeysEndpoint(SigningKeySource keys, TimeProvider time, ILogger<SigningKeysEndpoint> logger)
    : Endpoint(time, logger)
{
    /// <summary>The path below the issuer.</summary>
    public const string Path = ".well-known/jwks.json";

    /// <summary>An hour, as long as this process keeps the keys.</summary>
    public const string CacheControl = "public, max-age=3600";

    /// <inheritdoc />
    public override string Route => Path;

    /// <inheritdoc />
    public override IReadOnlyList<string> Methods { get; } = ["GET", "HEAD"];

    private protected override async Task<HttpAnswer> RespondAsync(Exchange exchange)
    {
        if (!(await keys.GetAsync()).TryGet(out var known, out var failure))
        {
            return HttpAnswer.OfProblem(Problem.Of(failure.Kind), null, exchange.TraceId);
        }

        return known.All.Count == 0
            ? HttpAnswer.OfProblem(Problem.Misconfigured, null, exchange.TraceId)
            : new(200, "application/json", known.Json) { CacheControl = CacheControl };
    }
}
