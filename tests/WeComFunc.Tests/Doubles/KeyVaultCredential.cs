using Azure.Core;

namespace WeComFunc.Tests.Doubles;

/// <summary>A managed identity that has tokens for Key Vault only.</summary>
internal sealed class KeyVaultCredential(string token) : TokenCredential
{
    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken)
    {
        if (requestContext.Scopes is not ["https://vault.azure.net/.default"])
        {
            throw new InvalidOperationException($"No token for {string.Join(' ', requestContext.Scopes)} in this test.");
        }

        return new AccessToken(token, DateTimeOffset.UtcNow.AddHours(1));
    }

    public override ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        new(GetToken(requestContext, cancellationToken));
}
