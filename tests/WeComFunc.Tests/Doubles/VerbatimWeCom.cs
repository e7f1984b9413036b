using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;

namespace WeComFunc.Tests.Doubles;

/// <summary>A WeCom without a memory, for answers that the simulator cannot give: any bytes, any headers.</summary>
public sealed class VerbatimWeCom : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, Func<HttpContext, byte[]>> _answers = new();
    private readonly ConcurrentQueue<string> _paths = new();

    private VerbatimWeCom()
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore();
        _app = builder.Build();
        _app.Urls.Add("http://127.0.0.1:0");
        _app.Run(AnswerAsync);
    }

    public Uri BaseAddress => new(_app.Urls.First());

    /// <summary>The paths that were called, in order.</summary>
    public IReadOnlyCollection<string> Paths => _paths;

    public static async Task<VerbatimWeCom> StartAsync()
    {
        var weCom = new VerbatimWeCom();
        await weCom._app.StartAsync();
        return weCom;
    }

    /// <summary>Answers a path under <c>/cgi-bin/</c>; any other gets 404.</summary>
    public void Answer(string path, Func<HttpContext, byte[]> answer) => _answers[$"/cgi-bin/{path}"] = answer;

    /// <inheritdoc cref="Answer(string, Func{HttpContext, byte[]})"/>
    public void Answer(string path, ReadOnlySpan<byte> body)
    {
        var bytes = body.ToArray();
        Answer(path, _ => bytes);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        _paths.Enqueue(context.Request.Path.Value!);
        if (!_answers.TryGetValue(context.Request.Path.Value!, out var answer))
        {
            context.Response.StatusCode = 404;
            return;
        }

        await context.Response.Body.WriteAsync(answer(context));
    }
}
