using Azure;
using Azure.Core;
using Azure.Identity;
using Microsoft.Identity.Client;
using AccessToken = Azure.Core.AccessToken;

namespace WeComFunc.Azure;

/// <summary>
/// Who this process is to Azure: the app's managed identity, in Development whoever is logged in. To get a token and to use it are two
/// steps with a limit each. Who waits for a token gives up when the time of the vault or the table is over; the getting goes on, and serves
/// who asks next. So a developer's tool that takes ten seconds is not started anew every three.
/// </summary>
/// <param name="credential">Where the tokens come from.</param>
/// <param name="time">The clock.</param>
internal sealed class AppIdentity(TokenCredential credential, TimeProvider time) : TokenCredential
{
    /// <summary>
    /// The identity has this long to give a token (rule T8): a developer's tool takes 4 to 13 s, and the endpoint of a managed identity
    /// that is in trouble is asked for 25 s.
    /// </summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>One attempt at the endpoint of the managed identity.</summary>
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(5);

    /// <summary>A refusal that nobody has waited for is told to who asks within this; later, the identity is asked anew.</summary>
    private static readonly TimeSpan RefusalIsNews = TimeSpan.FromMinutes(1);

    /// <summary>A token that nobody has taken yet is not taken any more with less than this left.</summary>
    private static readonly TimeSpan LeastLeft = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Fetch> _fetches = new(StringComparer.Ordinal);

    /// <summary>The credential of the environment.</summary>
    /// <exception cref="InvalidOperationException">The environment chooses a credential that there is not.</exception>
    public static TokenCredential CreateCredential(AzureSettings settings, bool isDevelopment)
    {
        if (isDevelopment)
        {
            return new DefaultAzureCredential(
                LimitedTransport.Guard(new DefaultAzureCredentialOptions { CredentialProcessTimeout = Limit }));
        }

        var options = new ManagedIdentityCredentialOptions(
            settings.ClientId is { } id ? ManagedIdentityId.FromUserAssignedClientId(id) : ManagedIdentityId.SystemAssigned);
        return new ManagedIdentityCredential(LimitedTransport.Guard(options, TimeSpan.FromMilliseconds(200), AttemptLimit));
    }

    /// <inheritdoc />
    /// <exception cref="NoTokenException">There is no token, or none yet.</exception>
    public override async ValueTask<AccessToken> GetTokenAsync(TokenRequestContext requestContext, CancellationToken cancellationToken)
    {
        var key = $"{string.Join(' ', requestContext.Scopes)} {requestContext.TenantId} {requestContext.Claims}";
        while (true)
        {
            var (fetch, isEarlier) = JoinOrBegin(key, requestContext);
            try
            {
                var token = await fetch.Token.WaitAsync(cancellationToken);
                if (!isEarlier || token.ExpiresOn - time.GetUtcNow() >= LeastLeft)
                {
                    return token;
                }
            }
            catch (Exception exception)
            {
                // What came long ago, while nobody waited, is no news.
                if (!isEarlier || cancellationToken.IsCancellationRequested || time.GetElapsedTime(fetch.Began) <= RefusalIsNews)
                {
                    throw new NoTokenException(exception);
                }
            }
            finally
            {
                if (fetch.Token.IsCompleted)
                {
                    Forget(key, fetch);
                }
            }
        }
    }

    /// <inheritdoc />
    public override AccessToken GetToken(TokenRequestContext requestContext, CancellationToken cancellationToken) =>
        GetTokenAsync(requestContext, cancellationToken).AsTask().GetAwaiter().GetResult();

    private (Fetch Fetch, bool IsEarlier) JoinOrBegin(string key, TokenRequestContext requestContext)
    {
        lock (_gate)
        {
            if (_fetches.TryGetValue(key, out var earlier))
            {
                return (earlier, true);
            }

            var fetch = new Fetch(FetchAsync(requestContext), time.GetTimestamp());
            _fetches.Add(key, fetch);
            return (fetch, false);
        }
    }

    private void Forget(string key, Fetch fetch)
    {
        lock (_gate)
        {
            if (_fetches.GetValueOrDefault(key) == fetch)
            {
                _fetches.Remove(key);
            }
        }
    }

    private async Task<AccessToken> FetchAsync(TokenRequestContext requestContext)
    {
        using var source = new CancellationTokenSource(Limit, time);

        // Elsewhere, because a credential may start a tool before it waits for anything.
        return await Task.Run(() => credential.GetTokenAsync(requestContext, source.Token).AsTask(), source.Token).WaitAsync(source.Token);
    }

    private sealed record Fetch(Task<AccessToken> Token, long Began);
}

/// <summary>The identity gave no token, so what it was for was not asked.</summary>
/// <param name="cause">What the credential threw; never for a log, but by <see cref="ForeignText"/>.</param>
internal sealed class NoTokenException(Exception cause) : PlainException("the identity gave no token", cause)
{
    /// <summary>
    /// Whether that may pass by itself: the identity's endpoint does not answer, or says that it is in trouble. Otherwise it refuses.
    /// </summary>
    public bool MayPass { get; } = cause is not AuthenticationFailedException
        || (cause is not CredentialUnavailableException && IsTrouble(cause));

    private static bool IsTrouble(Exception? exception) => exception switch
    {
        null => false,
        OperationCanceledException => true,
        MsalServiceException { StatusCode: 408 or 429 or >= 500 } => true,
        RequestFailedException { Status: 0 or 408 or 429 or >= 500 } => true,
        _ => IsTrouble(exception.InnerException),
    };
}
