using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using WeComFunc.MemberData;

namespace WeComFunc.Tests.Doubles;

/// <summary>A table of session_keys in memory that counts, and that does what it is told to before it answers.</summary>
internal sealed class WatchedKeyStore : ISessionKeyStore
{
    private const int Page = 1000;

    private readonly ConcurrentDictionary<SessionPlace, string> _rows = new();
    private readonly AwaitableCount _writes = new("writes of session_keys");
    private readonly AwaitableCount _reads = new("reads of session_keys");

    /// <summary>Called before every writing; what it throws is what the writing throws.</summary>
    public Func<CancellationToken, Task>? Write { get; set; }

    /// <summary>Called before every reading; what it throws is what the reading throws.</summary>
    public Func<CancellationToken, Task>? Read { get; set; }

    /// <summary>Called before rows are deleted; what it throws is what the deleting throws.</summary>
    public Func<IReadOnlyList<SessionPlace>, Task>? Delete { get; set; }

    public ICollection<SessionPlace> Places => _rows.Keys;

    public void Use(IServiceCollection services) => services.AddSingleton<ISessionKeyStore>(this);

    /// <summary>Completes once so many writings have begun; fails when patience ends.</summary>
    public Task WaitForWritesAsync(int count) => _writes.WaitAsync(count);

    /// <summary>Completes once so many readings have begun; fails when patience ends.</summary>
    public Task WaitForReadsAsync(int count) => _reads.WaitAsync(count);

    public void Put(SessionPlace place) => _rows[place] = "any";

    public void Remove(SessionPlace place) => _rows.TryRemove(place, out _);

    public async Task WriteAsync(SessionPlace place, string sealedKey, CancellationToken cancellationToken)
    {
        _writes.Increment();
        await (Write?.Invoke(cancellationToken) ?? Task.CompletedTask);
        _rows[place] = sealedKey;
    }

    public async Task<string?> ReadAsync(SessionPlace place, CancellationToken cancellationToken)
    {
        _reads.Increment();
        await (Read?.Invoke(cancellationToken) ?? Task.CompletedTask);
        return _rows.GetValueOrDefault(place);
    }

    public async Task<IReadOnlyList<SessionPlace>> FindAsync(string from, string before, CancellationToken cancellationToken)
    {
        await (Read?.Invoke(cancellationToken) ?? Task.CompletedTask);
        return
        [
            .. _rows.Keys
                .Where(place =>
                    string.CompareOrdinal(place.Partition, from) >= 0 && string.CompareOrdinal(place.Partition, before) < 0)
                .OrderBy(place => place.Partition, StringComparer.Ordinal)
                .ThenBy(place => place.Id, StringComparer.Ordinal)
                .Take(Page),
        ];
    }

    public async Task<bool> DeleteAsync(IReadOnlyList<SessionPlace> rows, CancellationToken cancellationToken)
    {
        await (Delete?.Invoke(rows) ?? Task.CompletedTask);
        Assert.InRange(rows.Count, 1, 100);
        Assert.Single(rows.Select(row => row.Partition).Distinct());
        lock (_rows)
        {
            if (!rows.All(_rows.ContainsKey))
            {
                return false;
            }

            foreach (var row in rows)
            {
                _rows.TryRemove(row, out _);
            }

            return true;
        }
    }
}
