using System.Text.Json;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Internal;
using WeComFunc.Apps;
using WeComFunc.WeCom;

namespace WeComFunc.Login;

/// <summary>
/// The names of departments, asked for once each and kept. Nothing here fails a login or holds it up for longer than a second: a department
/// without a name in time is its id alone, and the name is there for the next login.
/// </summary>
internal sealed class DepartmentNames(TimeProvider time) : IDisposable
{
    /// <summary>So many departments are kept in all; of more, those that nobody has asked for lately go.</summary>
    private const int MostKept = 20_000;

    /// <summary>So many calls are under way at once.</summary>
    private const int MostCalls = 8;

    private static readonly TimeSpan NameKept = TimeSpan.FromHours(1);
    private static readonly TimeSpan RefusalKept = TimeSpan.FromMinutes(10);

    /// <summary>WeCom is busy, or out of reach: every login would wait for a second until it is not.</summary>
    private static readonly TimeSpan FailureKept = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan CallLimit = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(1);

    private static readonly Task<Department?> NoName = Task.FromResult<Department?>(null);

    private readonly MemoryCache _kept = new(new MemoryCacheOptions { SizeLimit = MostKept, Clock = new Clock(time) });
    private readonly SemaphoreSlim _calls = new(MostCalls);
    private readonly Lock _gate = new();

    /// <summary>The ids that a profile has in its member <c>department</c>, in that order; null where it has no such member.</summary>
    public static IReadOnlyList<int>? IdsIn(ReadOnlySpan<byte> profile)
    {
        var reader = new Utf8JsonReader(profile);
        reader.Read();
        while (reader.Read() && reader.TokenType is JsonTokenType.PropertyName)
        {
            var isDepartment = reader.ValueTextEquals("department"u8);
            reader.Read();
            if (!isDepartment || reader.TokenType is not JsonTokenType.StartArray)
            {
                reader.Skip();
                continue;
            }

            var ids = new List<int>();
            while (reader.Read() && reader.TokenType is not JsonTokenType.EndArray)
            {
                if (reader.TokenType is JsonTokenType.Number or JsonTokenType.String && Answers.Integer(reader.ValueSpan) is { } id)
                {
                    ids.Add(id);
                }

                reader.Skip();
            }

            return ids;
        }

        return null;
    }

    /// <summary>The departments of these ids, in this order; null without ids.</summary>
    /// <param name="app">The app that may see them or not.</param>
    /// <param name="accessToken">Its token.</param>
    /// <param name="ids">The ids.</param>
    /// <param name="left">The time that the login has left.</param>
    public async ValueTask<IReadOnlyList<Department>?> GetAsync(CorpApp app, string accessToken, IReadOnlyList<int>? ids, TimeSpan left)
    {
        if (ids is null)
        {
            return null;
        }

        var named = ids.Select(id => Find(app, accessToken, id)).ToList();
        if (named.Exists(name => !name.IsCompleted))
        {
            await ((Task)Task.WhenAll(named)).WaitAsync(left < Wait ? left : Wait, time).ConfigureAwait(
                ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        return [.. ids.Zip(
            named,
            (id, name) => name is { IsCompletedSuccessfully: true, Result: { } department } ? department : new Department(id, null, null))];
    }

    public void Dispose()
    {
        _kept.Dispose();
        _calls.Dispose();
    }

    /// <summary>What is kept, or is being asked for; otherwise it is asked for now. Its result is null where WeCom gives no name.</summary>
    private Task<Department?> Find(CorpApp app, string accessToken, int id)
    {
        var key = (app.App.Name, id);
        lock (_gate)
        {
            if (_kept.TryGetValue(key, out Task<Department?>? known))
            {
                return known!;
            }

            var asked = new TaskCompletionSource<Department?>(TaskCreationOptions.RunContinuationsAsynchronously);
            Keep(key, asked.Task, NameKept);
            _ = AskAsync(app, accessToken, id, asked);
            return asked.Task;
        }
    }

    private async Task AskAsync(CorpApp app, string accessToken, int id, TaskCompletionSource<Department?> asked)
    {
        await _calls.WaitAsync();
        Department? named = null;
        try
        {
            using var deadline = new Deadline(CallLimit, time);
            var answer = await app.Client.GetDepartmentAsync(accessToken, id, deadline);
            named = answer.TryGet(out var department, out var failure) ? department : null;
            Keep(
                (app.App.Name, id),
                named is null ? NoName : Task.FromResult<Department?>(named),
                failure is null
                    ? NameKept
                    : failure is { Kind: FailureKind.Busy or FailureKind.TokenRejected } ? FailureKept
                    : RefusalKept);
        }
        finally
        {
            _calls.Release();
            asked.SetResult(named);
        }
    }

    private void Keep((string App, int Id) key, Task<Department?> department, TimeSpan time) =>
        _kept.Set(key, department, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = time });

    /// <summary>The clock as the cache takes it.</summary>
    private sealed class Clock(TimeProvider time) : ISystemClock
    {
        public DateTimeOffset UtcNow => time.GetUtcNow();
    }
}
