namespace WeComFunc.AccessTokens;

/// <summary>An access_token: at most 512 bytes, for one app of one corp.</summary>
/// <param name="value">The token itself.</param>
/// <param name="obtainedAt">When <c>gettoken</c> was first seen to give it, since it was last rejected.</param>
/// <param name="expiresAt">When it expires, counted from the instant before <c>gettoken</c> was sent (rule T2).</param>
/// <param name="onProbation">Whether the fleet has yet to learn that it works, or works still (rules T6, T14).</param>
/// <param name="secret">Fingerprint of the corpsecret it was obtained with; null where that is not known.</param>
public sealed class AccessToken(
    string value, DateTimeOffset obtainedAt, DateTimeOffset expiresAt, bool onProbation = false, string? secret = null)
{
    /// <summary>The token itself; never for a log, a trace, an exception or a response.</summary>
    public string Value { get; } = value;

    /// <summary>When <c>gettoken</c> was first seen to give it, since it was last rejected.</summary>
    public DateTimeOffset ObtainedAt { get; } = obtainedAt;

    /// <summary>When it expires.</summary>
    public DateTimeOffset ExpiresAt { get; } = expiresAt;

    /// <summary>Whether the fleet has yet to learn that it works.</summary>
    public bool OnProbation { get; } = onProbation;

    /// <summary>Fingerprint of the corpsecret it was obtained with.</summary>
    internal string? Secret { get; } = secret;

    internal AccessToken Confirmed() => new(Value, ObtainedAt, ExpiresAt, secret: Secret);

    /// <summary><c>***</c></summary>
    public override string ToString() => "***";
}
