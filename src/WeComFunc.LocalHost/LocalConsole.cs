namespace WeComFunc.LocalHost;

/// <summary>
/// The console: a page that shows the login at work, and the calls that a login makes. For a browser on this machine only; to all others,
/// and for whatever else is asked for, there is nothing here.
/// </summary>
internal static class LocalConsole
{
    private const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'";

    /// <summary>Answers what is no route of the login.</summary>
    /// <param name="context">The request.</param>
    /// <param name="stopping">That the host ends: nobody is to wait for who watches.</param>
    public static Task AnswerAsync(HttpContext context, CancellationToken stopping) => context.Request.Path.Value switch
    {
        _ when !HttpMethods.IsGet(context.Request.Method) || !OwnCaller.IsOnThisMachine(context) => RefuseAsync(context),
        "/" => SendAsync(context, "index.html", "text/html"),
        "/console.css" => SendAsync(context, "console.css", "text/css"),
        "/console.js" => SendAsync(context, "console.js", "text/javascript"),
        "/openapi.yaml" => SendAsync(context, "openapi.yaml", "text/plain"),
        "/console/calls" when OwnCaller.IsOwnPage(context) => CallFeed.ServeAsync(context, stopping),
        _ => RefuseAsync(context),
    };

    /// <summary>Says that there is nothing.</summary>
    public static Task RefuseAsync(HttpContext context)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private static async Task SendAsync(HttpContext context, string file, string type)
    {
        await using var content = typeof(LocalConsole).Assembly.GetManifestResourceStream(file)!;
        var (response, headers) = (context.Response, context.Response.Headers);
        response.ContentType = $"{type}; charset=utf-8";
        response.ContentLength = content.Length;
        headers.CacheControl = "no-store";
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Referrer-Policy"] = "no-referrer";
        await content.CopyToAsync(response.Body, context.RequestAborted);
    }
}
