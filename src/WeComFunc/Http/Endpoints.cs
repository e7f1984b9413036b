namespace WeComFunc.Http;

/// <summary>All routes there are, for hosts to serve.</summary>
/// <param name="Login"><c>POST /api/login</c>, with the function key.</param>
/// <param name="Health"><c>GET /api/health</c>, for anybody.</param>
public sealed record Endpoints(Endpoint Login, Endpoint Health)
{
    /// <summary>All of them.</summary>
    public IEnumerable<Endpoint> All => [Login, Health];
}
