using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using WeComFunc.Sessions;
using WeComFunc.Tests.Doubles;

namespace WeComFunc.Tests;

/// <summary>How long the keys of sessions are kept, and when the vault is asked again (rule T8).</summary>
public sealed class SigningKeySourceTests : IDisposable
{
    private static readonly SessionSettings Settings =
        new("https://login.example.com/api", ["orders-api"], TimeSpan.FromHours(1), [], SigningSecret.SecretName);

    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    private readonly ManualTimeProvider _clock = new();
    private readonly MemoryKeyStore _store = new();
    private readonly LogLines _log = new();
    private readonly SigningKeySource _keys;
    private readonly SessionTokens _tokens;

    public SigningKeySourceTests()
    {
        var logs = LoggerFactory.Create(builder => builder.SetMinimumLevel(LogLevel.Trace).AddProvider(_log));
        _keys = new(Settings, _store, _clock, logs.CreateLogger<SigningKeySource>());
        _tokens = new(Settings, _keys, _clock);
    }

    public void Dispose() => _keys.Dispose();

    [Fact]
    public async Task The_keys_are_listed_once_an_hour_and_each_version_is_read_once()
    {
        Store("a", ageInHours: 48);
        for (var i = 0; i < 3; i++)
        {
            await SigningAsync();
            _clock.Advance(Hour - TimeSpan.FromSeconds(1));
            await SigningAsync();
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        Store("b", ageInHours: 0);
        await SigningAsync();

        Assert.Equal((4, 2), (_store.Lists, _store.Reads));
    }

    [Fact]
    public async Task A_line_says_which_keys_were_read_when_they_are_others_than_before()
    {
        Store("a", ageInHours: 48);
        await SigningAsync();
        _clock.Advance(Hour);
        await SigningAsync();
        Assert.Single(_log.All, line => line.Contains("The signing keys were read", StringComparison.Ordinal));
        Store("b", ageInHours: 0);
        _clock.Advance(Hour);

        await SigningAsync();

        Assert.Contains(_log.All, line => line.Contains(": 2 that verify", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_new_version_verifies_within_an_hour_and_signs_after_a_day_without_a_refused_token()
    {
        var (first, second) = (Store("a", ageInHours: 48), "");
        var issued = new List<string>();
        var signing = new List<string>();
        for (var hour = 0; hour < 50; hour++)
        {
            second = hour == 1 ? Store("b", ageInHours: 0) : second;
            signing.Add((await SigningAsync())!);
            issued.Add(await IssueAsync());
            Assert.True((await _tokens.ReadAsync(issued[^1])).TryGet(out _));
            Assert.True((await _tokens.ReadAsync(issued[Math.Max(0, hour - 1)])).TryGet(out _));
            _clock.Advance(Hour);
        }

        Assert.Equal(Enumerable.Repeat(first, 25).Concat(Enumerable.Repeat(second, 25)), signing);
    }

    [Fact]
    public async Task A_version_that_is_disabled_signs_and_verifies_no_more_within_an_hour()
    {
        var (first, second) = (Store("a", ageInHours: 48), Store("b", ageInHours: 1));
        Assert.Equal(first, await SigningAsync());
        var token = await IssueAsync();
        _store.Disable("a");

        _clock.Advance(Hour);

        Assert.Equal(second, await SigningAsync());
        Assert.Equal(FailureKind.InvalidSession, (await _tokens.ReadAsync(token)).Failure?.Kind);
    }

    [Fact]
    public async Task The_keys_go_on_while_the_vault_is_out_of_reach_and_it_is_asked_once_a_minute()
    {
        var kept = Store("a", ageInHours: 48);
        await SigningAsync();
        _store.Failure = new(FailureKind.Busy);
        for (var minute = 0; minute < 120; minute++)
        {
            _clock.Advance(Minute);
            Assert.Equal(kept, await SigningAsync());
            Assert.Equal(kept, await SigningAsync());
        }

        Assert.Equal(1 + 61, _store.Lists);
    }

    [Fact]
    public async Task Without_any_key_a_vault_out_of_reach_passes_by_itself_and_is_asked_once_a_second()
    {
        Store("a", ageInHours: 48);
        _store.Failure = new(FailureKind.Busy);

        Assert.Equal(FailureKind.Busy, (await _tokens.FindKeyAsync()).Failure?.Kind);
        Assert.Equal(FailureKind.Busy, (await _tokens.FindKeyAsync()).Failure?.Kind);
        Assert.Equal(1, _store.Lists);
        _store.Failure = null;
        _clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Null((await _tokens.FindKeyAsync()).Failure);
    }

    [Fact]
    public async Task A_secret_without_a_good_version_is_asked_for_again_within_a_minute_also_after_there_was_one()
    {
        Store("a", ageInHours: 48);
        await SigningAsync();
        _store.Disable("a");
        _store.Set("b", "no key", _clock.GetUtcNow());
        _clock.Advance(Hour);

        var failure = (await _tokens.FindKeyAsync()).Failure;
        Assert.Equal(FailureKind.NoSigningKey, failure?.Kind);
        Assert.Equal(
            $"The Key Vault secret {SigningSecret.SecretName} has no key to sign sessions with: version b: it is no private key in PEM. "
            + "Store a P-256 private key in PKCS#8 PEM as a new version of it; no restart is needed.",
            failure!.Advice);
        var stored = Store("c", ageInHours: 0);
        _clock.Advance(Minute);

        Assert.Equal(stored, await SigningAsync());
    }

    [Fact]
    public async Task A_vault_that_refuses_leaves_the_kept_keys_in_use_and_without_any_it_is_misconfigured()
    {
        _store.Failure = new(FailureKind.Misconfigured);
        var failure = (await _tokens.FindKeyAsync()).Failure;
        Assert.Equal(FailureKind.NoSigningKey, failure?.Kind);
        Assert.Contains(SigningSecret.SecretName, failure?.Advice);

        _store.Failure = null;
        var kept = Store("a", ageInHours: 48);
        _clock.Advance(TimeSpan.FromSeconds(1));
        await SigningAsync();
        _store.Failure = new(FailureKind.Misconfigured);
        _clock.Advance(Hour);

        Assert.Equal(kept, await SigningAsync());
        Assert.Equal(("refused", null), ((await _tokens.LookAsync()).State, (await _tokens.LookAsync()).Obstacle));
        Assert.Contains(SigningSecret.SecretName, (await _tokens.LookAsync()).Concern);
    }

    [Fact]
    public async Task Lines_tell_which_version_is_left_out_which_is_the_last_and_that_there_is_none()
    {
        _store.Set("bad", "no key", _clock.GetUtcNow() - Hour);
        await SigningAsync();
        Store("a", ageInHours: 48, expiresInHours: 24 * 13);
        _clock.Advance(Minute);
        await SigningAsync();
        Store("b", ageInHours: 0);
        _clock.Advance(Hour);
        await SigningAsync();

        string[] lines = [.. _log.All.Where(line => !line.StartsWith("Information", StringComparison.Ordinal))];
        Assert.Equal(
            [
                $"Error {SigningSecret.SecretName} has no key to sign sessions with, so nobody can log in: version bad: it is no private "
                    + "key in PEM. Store a P-256 private key in PKCS#8 PEM as a new version of it",
                $"Warning Version bad of {SigningSecret.SecretName} is left out of the signing keys, and others go on: it is no private "
                    + "key in PEM. Disable it, or store a P-256 private key in PKCS#8 PEM as a new version",
                $"Warning The last signing key in {SigningSecret.SecretName} expires within 14 days, and then nobody can log in: store a "
                    + "new version now, or give it a later expiration date",
            ],
            lines[..3]);
        Assert.Single(lines, line => line.Contains("expires within 14 days"));
    }

    [Fact]
    public async Task A_token_by_a_key_that_this_process_has_not_read_yet_has_the_vault_asked_once_a_minute()
    {
        Store("a", ageInHours: 48);
        await SigningAsync();
        var token = await OfAnotherProcessAsync();

        Assert.True((await _tokens.ReadAsync(token)).TryGet(out _));
        Assert.Equal(3, _store.Lists);
        var strange = await StrangeAsync();
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(FailureKind.InvalidSession, (await _tokens.ReadAsync(strange)).Failure?.Kind);
        }

        Assert.Equal(3, _store.Lists);

        // All of the first key's versions are gone, so the other process signs with the new one at once.
        async Task<string> OfAnotherProcessAsync()
        {
            _store.Disable("a");
            Store("b", ageInHours: 0);
            return await IssueInAnotherProcessAsync(_store);
        }

        async Task<string> StrangeAsync()
        {
            var store = new MemoryKeyStore();
            store.Set("x", SigningSecret.Create(), _clock.GetUtcNow());
            return await IssueInAnotherProcessAsync(store);
        }
    }

    private async Task<string> IssueInAnotherProcessAsync(MemoryKeyStore store)
    {
        using var keys = new SigningKeySource(Settings, store, _clock, NullLogger<SigningKeySource>.Instance);
        return await IssueAsync(new SessionTokens(Settings, keys, _clock));
    }

    private string Store(string version, double ageInHours, double? expiresInHours = null)
    {
        var key = SigningSecret.Create();
        var now = _clock.GetUtcNow();
        _store.Set(
            version, key, now - TimeSpan.FromHours(ageInHours), null, expiresInHours is { } hours ? now + TimeSpan.FromHours(hours) : null);
        return SigningSecret.IdOf(key);
    }

    /// <summary>The id of the key that signs now; null when there is none.</summary>
    private async Task<string?> SigningAsync() =>
        (await _keys.GetAsync()).TryGet(out var keys) ? keys.ForSigning(_clock.GetUtcNow())?.Id : null;

    private Task<string> IssueAsync() => IssueAsync(_tokens);

    private static async Task<string> IssueAsync(SessionTokens tokens) =>
        tokens.Issue((await tokens.FindKeyAsync()).Value, tokens.Begin(), new("ww1", "any"), "zhangsan", null).Token;
}
