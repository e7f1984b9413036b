using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace WeComFunc.Tests.Doubles;

public sealed partial class KeyVault
{
    private const string Tenant = "0f1e2d3c-4b5a-4697-8796-a5b4c3d2e1f0";

    /// <summary>So many versions are on one page, as in Key Vault.</summary>
    private const int PageSize = 25;

    private async Task AnswerAsync(HttpContext context)
    {
        if (context.Request.Headers.Authorization != $"Bearer {_token}")
        {
            Interlocked.Increment(ref _challenges);
            context.Response.Headers.WWWAuthenticate =
                $"Bearer authorization=\"https://login.microsoftonline.com/{Tenant}\", resource=\"https://vault.azure.net\"";
            await AnswerAsync(context, StatusCodes.Status401Unauthorized, KeyVaultErrors.Unauthorized).ConfigureAwait(false);
            return;
        }

        var path = context.Request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (context.Request.Method != HttpMethods.Get || path is not ["secrets", var name, .. { Length: < 2 } rest])
        {
            var message = $"This vault only reads secrets, and got {context.Request.Method} {context.Request.Path}.";
            await AnswerAsync(context, StatusCodes.Status400BadRequest, KeyVaultErrors.BadParameter(message)).ConfigureAwait(false);
            return;
        }

        if (!context.Request.Query.ContainsKey("api-version"))
        {
            var error = KeyVaultErrors.BadParameter("AKV10046: The api-version query parameter is missing.");
            await AnswerAsync(context, StatusCodes.Status400BadRequest, error).ConfigureAwait(false);
            return;
        }

        CountRead(name);
        await (await ModeOfAnswerAsync(context.RequestAborted).ConfigureAwait(false) switch
        {
            KeyVaultMode.Normal when rest is ["versions"] => AnswerWithVersionsAsync(context, name),
            KeyVaultMode.Normal => AnswerWithSecretAsync(context, name, rest is [var id] ? id : null),
            KeyVaultMode.Forbidden => AnswerAsync(context, StatusCodes.Status403Forbidden, KeyVaultErrors.Forbidden),
            KeyVaultMode.Firewall => AnswerAsync(context, StatusCodes.Status403Forbidden, KeyVaultErrors.Firewall),
            KeyVaultMode.Throttled => AnswerThrottledAsync(context),
            KeyVaultMode.InternalError => AnswerAsync(context, StatusCodes.Status500InternalServerError, KeyVaultErrors.InternalError),
            KeyVaultMode.Unavailable => AnswerAsync(context, StatusCodes.Status503ServiceUnavailable, KeyVaultErrors.Unavailable),
            _ => Task.CompletedTask,
        }).ConfigureAwait(false);
    }

    /// <summary>The mode once it is none that hangs, or <see cref="KeyVaultMode.Hang"/> if the client has gone.</summary>
    private async Task<KeyVaultMode> ModeOfAnswerAsync(CancellationToken aborted)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_mode != KeyVaultMode.Hang || aborted.IsCancellationRequested)
                {
                    return _mode;
                }

                changed = _modeChanged.Task;
            }

            await changed.WaitAsync(aborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task AnswerWithSecretAsync(HttpContext context, string name, string? id) => _secrets.Find(name, id) switch
    {
        null => AnswerAsync(context, StatusCodes.Status404NotFound, KeyVaultErrors.NotFound(name)),
        { Enabled: false } => AnswerAsync(context, StatusCodes.Status403Forbidden, KeyVaultErrors.Disabled),
        var version => AnswerAsync(context, StatusCodes.Status200OK, new
        {
            value = version.Value,
            id = $"{Uri}secrets/{name}/{version.Id}",
            attributes = AttributesOf(version),
        }),
    };

    /// <summary>A page of the versions; of a secret that is not there, none.</summary>
    private Task AnswerWithVersionsAsync(HttpContext context, string name)
    {
        var skipped = int.Parse(context.Request.Query["$skiptoken"].FirstOrDefault() ?? "0", CultureInfo.InvariantCulture);
        var versions = _secrets.List(name);
        return AnswerAsync(context, StatusCodes.Status200OK, new
        {
            value = versions.Skip(skipped).Take(PageSize).Select(
                version => new { id = $"{Uri}secrets/{name}/{version.Id}", attributes = AttributesOf(version) }),
            nextLink = versions.Count > skipped + PageSize
                ? $"{Uri}secrets/{name}/versions?api-version={context.Request.Query["api-version"]}&$skiptoken={skipped + PageSize}"
                : null,
        });
    }

    private static Dictionary<string, object> AttributesOf(KeyVaultSecretVersion version)
    {
        var attributes = new Dictionary<string, object>
        {
            ["enabled"] = version.Enabled,
            ["created"] = version.Created,
            ["updated"] = version.Created,
            ["recoveryLevel"] = "Recoverable+Purgeable",
            ["recoverableDays"] = 90,
        };
        if (version.NotBefore is { } notBefore)
        {
            attributes["nbf"] = notBefore;
        }

        if (version.Expires is { } expires)
        {
            attributes["exp"] = expires;
        }

        return attributes;
    }

    private Task AnswerThrottledAsync(HttpContext context)
    {
        context.Response.Headers.RetryAfter = $"{(long)RetryAfter.TotalSeconds}";
        return AnswerAsync(context, StatusCodes.Status429TooManyRequests, KeyVaultErrors.Throttled);
    }

    private static Task AnswerAsync(HttpContext context, int status, object body)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["x-ms-request-id"] = Guid.NewGuid().ToString();
        return context.Response.WriteAsJsonAsync(body, context.RequestAborted);
    }

    private void CountRead(string name)
    {
        _reads.AddOrUpdate(name, 1, (_, count) => count + 1);
        _readCount.Increment();
    }
}
