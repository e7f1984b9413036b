using Microsoft.Extensions.Logging;
using WeComFunc.AccessTokens;
using WeComFunc.AzureFunctions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>What goes wrong outside an invocation is told within the next one, since the Functions host drops it.</summary>
public sealed class UnheardLinesTests : IDisposable
{
    private readonly ManualTimeProvider _clock = new();
    private readonly LogLines _told = new();
    private readonly UnheardLines _unheard;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly ILogger _functions;

    public UnheardLinesTests()
    {
        _unheard = new(_clock);
        _loggers = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(_told).AddProvider(_unheard));
        _logger = _loggers.CreateLogger<TokenRow>();
        _functions = _loggers.CreateLogger<Functions>();
    }

    private string At => $"{_clock.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fff}Z";

    public void Dispose() => _loggers.Dispose();

    [Fact]
    public void A_failure_before_the_first_invocation_is_told_within_it_with_its_level_and_time()
    {
        Warn("no table");
        Log(_logger, LogLevel.Error, "no secret");
        var at = At;
        _clock.Advance(TimeSpan.FromMinutes(3));

        Invoke();

        Assert.Equal(
            [$"Warning no table [at {at}, outside an invocation]", $"Error no secret [at {at}, outside an invocation]"], _told.All.Skip(2));
    }

    [Fact]
    public void It_is_told_once()
    {
        Warn("no table");
        Invoke();
        Invoke();

        Assert.Equal(2, _told.All.Count);
    }

    [Fact]
    public void What_is_no_failure_is_not_told_again()
    {
        Log(_logger, LogLevel.Information, "renewed");

        Invoke();

        Assert.Single(_told.All);
    }

    [Fact]
    public void What_others_than_this_software_log_is_not_told_again()
    {
        Log(_loggers.CreateLogger("Microsoft.Hosting"), LogLevel.Error, "not ours");

        Invoke();

        Assert.Single(_told.All);
    }

    [Fact]
    public void A_failure_within_an_invocation_is_not_told_again()
    {
        Invoke(() => Warn("no table"));

        Invoke();

        Assert.Single(_told.All);
    }

    [Fact]
    public async Task A_failure_of_what_outlives_its_invocation_is_told_within_the_next()
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var renewal = Task.CompletedTask;
        Invoke(() => renewal = RenewAsync());
        ended.SetResult();
        await renewal;

        Invoke();

        Assert.Equal(["Warning still heard", "Warning not renewed", $"Warning not renewed [at {At}, outside an invocation]"], _told.All);

        async Task RenewAsync()
        {
            Warn("still heard");
            await ended.Task;
            Warn("not renewed");
        }
    }

    [Fact]
    public void Of_two_invocations_at_once_each_is_heard_until_its_own_end()
    {
        Invoke(() =>
        {
            Invoke(() => Warn("of the inner"));
            Warn("of the outer");
        });

        Invoke();

        Assert.Equal(2, _told.All.Count);
    }

    [Fact]
    public void An_exception_is_told_with_its_line()
    {
        var exception = new InvalidOperationException("odd");
        Log(_logger, LogLevel.Error, "a defect", exception);

        Invoke();

        Assert.Equal([exception, exception], _told.Exceptions);
        Assert.Equal(2, _told.All.Count);
    }

    [Fact]
    public void The_first_hundred_are_kept_and_the_rest_is_counted()
    {
        for (var i = 1; i <= 103; i++)
        {
            Warn($"line {i}");
        }

        Invoke();
        Invoke();

        var told = _told.All.Skip(103).ToList();
        Assert.Equal(101, told.Count);
        Assert.StartsWith("Warning line 1 [", told[0], StringComparison.Ordinal);
        Assert.StartsWith("Warning line 100 [", told[99], StringComparison.Ordinal);
        Assert.Equal("Warning 3 more lines that were written outside an invocation were not kept", told[100]);
    }

    [Fact]
    public void Where_nothing_is_kept_an_invocation_allocates_nothing_here()
    {
        var context = new Invocation(null, default);
        Begin();
        var before = GC.GetAllocatedBytesForCurrentThread();

        Begin();

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Begin()
        {
            using var invocation = _unheard.Begin(context, _functions);
        }
    }

    private static void Log(ILogger logger, LogLevel level, string text, Exception? exception = null) =>
        logger.Log(level, default, text, exception, static (text, _) => text);

    private void Warn(string text) => Log(_logger, LogLevel.Warning, text);

    /// <summary>An invocation, as the worker makes one: its id is in the scope of what is logged.</summary>
    private void Invoke(Action? function = null)
    {
        var context = new Invocation(null, default);
        using var scope = _logger.BeginScope(
            new List<KeyValuePair<string, object>> { new("AzureFunctions_InvocationId", context.InvocationId) });
        using var invocation = _unheard.Begin(context, _functions);
        function?.Invoke();
    }
}
