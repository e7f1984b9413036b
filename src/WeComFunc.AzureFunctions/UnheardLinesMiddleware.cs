using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Logging;

namespace WeComFunc.AzureFunctions;

/// <summary>Tells <see cref="UnheardLines"/> which invocations are under way.</summary>
internal sealed class UnheardLinesMiddleware(UnheardLines unheard, ILogger<Functions> logger) : IFunctionsWorkerMiddleware
{
    public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        using var invocation = unheard.Begin(context, logger);
        await next(context);
    }
}
