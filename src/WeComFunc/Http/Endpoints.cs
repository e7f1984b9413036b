namespace WeComFunc.Http;

/// <summary>All routes there are, for hosts to serve.</summary>
/// <param name="Login"><c>POST /api/login</c>, with the function key.</param>
/// <param name="Health"><c>GET /api/health</c>, for anybody.</param>
public sealed record Endpoints(Endpoint Login, Endpoint Health)
{
    /// <summary><c>GET /api/.well-known/openid-configuration</c>, for anybody; null where sessions are off.</summary>
    public Endpoint? Discovery { get; init; }

    /// <summary><c>GET /api/.well-known/jwks.json</c>, for anybody; null where sessions are off.</summary>
    public Endpoint? SigningKeys { get; init; }

    /// <summary><c>POST /api/member-data</c>, with the function key; null where member data is off.</summary>
    public Endpoint? MemberData { get; init; }

    /// <summary>All that are on.</summary>
    public IEnumerable<Endpoint> All => new[] { Login, Health, Discovery, SigningKeys, MemberData }.OfType<Endpoint>();
}
