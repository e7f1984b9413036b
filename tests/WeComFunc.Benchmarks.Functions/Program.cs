using Microsoft.Azure.Functions.Worker.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WeComFunc.Benchmarks;

var builder = FunctionsApplication.CreateBuilder(args);
builder.Services.AddSingleton(LeastLogin.Create(
    Environment.GetEnvironmentVariable("UPSTREAM")!, Environment.GetEnvironmentVariable("ACCESS_TOKEN")!));
builder.Build().Run();
