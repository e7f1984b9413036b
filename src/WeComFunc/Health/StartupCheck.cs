using System.Globalization;
using WeComFunc.AccessTokens;
using WeComFunc.Apps;
using WeComFunc.MemberData;
using WeComFunc.Sessions;
using WeComFunc.WeCom;

namespace WeComFunc.Health;

/// <summary>
/// Goes through all that a login needs, without one: settings, each app's corpsecret, row and <c>gettoken</c>, the key of sessions, the
/// table of session_keys. It asks as logins do, by the same parts and with the same pauses, so that repeating it never has WeCom ban an
/// address (rule T7).
/// </summary>
public sealed class StartupCheck
{
    /// <summary>
    /// How long in all it looks again at a vault or table that may come: a developer's tool takes 4 to 13 s to give its first token, for
    /// which one look waits 3 at most.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Between two looks, longer than the vault is left alone after a failure.</summary>
    private static readonly TimeSpan LookPause = TimeSpan.FromSeconds(2);

    private readonly Settings _settings;
    private readonly CorpApps _apps;
    private readonly SessionTokens? _sessions;
    private readonly SessionKeys? _sessionKeys;
    private readonly Complaints _complaints;
    private readonly TimeProvider _time;

    internal StartupCheck(
        Settings settings, CorpApps apps, SessionTokens? sessions, SessionKeys? sessionKeys, Complaints complaints, TimeProvider time)
    {
        (_settings, _apps, _sessions, _sessionKeys) = (settings, apps, sessions, sessionKeys);
        (_complaints, _time) = (complaints, time);
    }

    /// <summary>
    /// Takes step after step, and tells of each as it ends: for 20 s at most where vault or table may come, and 3 s more for each
    /// <c>gettoken</c>.
    /// </summary>
    public async IAsyncEnumerable<Finding> RunAsync()
    {
        var started = _time.GetTimestamp();
        yield return Ok(
            $"settings: {_apps.All.Count} {(_apps.All.Count == 1 ? "app" : "apps")}, WeCom at {_settings.BaseUrl}, table "
            + _settings.Azure.TableName);
        foreach (var app in _apps.All)
        {
            var (view, complaints) = await LookAsync(app, started);
            var (secret, row) = (SecretOf(app, view, complaints), RowOf(app, view, complaints));
            yield return secret;
            yield return row;
            yield return secret.Outcome is FindingOutcome.Failed ? Skipped(app, "not asked without a corpsecret")
                : row.Outcome is FindingOutcome.Failed ? Skipped(
                    app, "not asked while the row cannot be used, as it is what keeps WeCom from being asked too often")
                : await GetTokenAsync(app);
        }

        yield return _sessions is null ? Ok("signing key: none is needed, as sessions are off") : await KeyOfAsync(_sessions, started);
        yield return _settings.MemberData is { } memberData && _sessionKeys is not null
            ? await SessionKeysInAsync(memberData.TableName, _sessionKeys, started)
            : Ok("session_keys: none are kept, as member data is off");
    }

    /// <summary>Whether the table is reached as an identity, which may need a while.</summary>
    private bool MayTableCome => _settings.Azure.TableServiceUri is not null;

    private string EmulatorAdvice => MayTableCome
        ? ""
        : "TokenStore__ConnectionString says where it is; the emulator of UseDevelopmentStorage=true runs while ./run.sh does.";

    private static Finding Ok(string text) => new(FindingOutcome.Ok, text);

    private static Finding Failed(string what, params IEnumerable<string> sentences) =>
        new(FindingOutcome.Failed, $"{what}: {string.Join(' ', sentences.Where(text => text.Length > 0).Select(Sentence))}");

    private static Finding Skipped(CorpApp app, string why) => new(FindingOutcome.Skipped, $"gettoken of app {app.App.Name}: {why}");

    /// <summary>Lines of the log end without a full stop.</summary>
    private static string Sentence(string text) => text.EndsWith('.') ? text : $"{text}.";

    private static string Minutes(AccessToken token, DateTimeOffset now) =>
        string.Create(CultureInfo.InvariantCulture, $"{Math.Floor((token.ExpiresAt - now).TotalMinutes)} minutes");

    /// <summary>Looks at corpsecret and row; where the identity of this machine may only be slow, again.</summary>
    private async Task<(FleetView View, IReadOnlyList<Complaint> Complaints)> LookAsync(CorpApp app, long started)
    {
        while (true)
        {
            _complaints.Take();
            var view = await app.Tokens.ProbeAsync();
            var mayCome = view.Vault is { Kind: FailureKind.Busy } || (!view.IsShared && MayTableCome);
            if (!mayCome || !await PauseAsync(started))
            {
                return (view, _complaints.Take());
            }
        }
    }

    /// <summary>Waits a little, unless that has been long enough.</summary>
    private async Task<bool> PauseAsync(long started)
    {
        if (_time.GetElapsedTime(started) >= Patience)
        {
            return false;
        }

        await Task.Delay(LookPause, _time);
        return true;
    }

    private async Task<Finding> SessionKeysInAsync(string table, SessionKeys sessionKeys, long started)
    {
        var obstacle = await sessionKeys.ProbeAsync();
        while (obstacle is not null && MayTableCome && await PauseAsync(started))
        {
            obstacle = await sessionKeys.ProbeAsync();
        }

        return obstacle is null
            ? Ok($"session_keys: a row in table {table} was written, read and deleted")
            : Failed("session_keys", $"table {table} cannot be used: {obstacle}; {MemberDataRules.TableAdvice}", EmulatorAdvice);
    }

    private static Finding SecretOf(CorpApp app, FleetView view, IReadOnlyList<Complaint> complaints)
    {
        var what = $"corpsecret of app {app.App.Name}";
        if (view.Secret.TryGet(out var secret, out var failure))
        {
            var kind = app.App.HasSecretInSettings ? "setting" : "Key Vault secret";
            return Ok($"{what}: it is in the {kind} {app.App.SecretPlace}, its fingerprint is {secret.Fingerprint}");
        }

        string[] said = [.. complaints.Where(line => !IsOfTable(line)).Select(line => line.Text)];
        return Failed(what, said.Length > 0 ? said : [Errcodes.Advice(failure, app.App)]);
    }

    private Finding RowOf(CorpApp app, FleetView view, IReadOnlyList<Complaint> complaints)
    {
        var what = $"row of app {app.App.Name}";
        if (view is { IsShared: true, IsWritable: true })
        {
            return Ok(view.Row.HasLease(_time.GetUtcNow())
                ? $"{what}: it was read, and not written, as a token is being fetched for it now"
                : $"{what}: it was read and written");
        }

        string[] said = [.. complaints.Where(IsOfTable).Select(line => line.Text)];
        return Failed(
            what,
            [
                .. said.Length > 0 ? said : [HealthEndpoint.Concern(app, app.Tokens.StatusOf(view)) ?? ""],
                EmulatorAdvice,
            ]);
    }

    private static bool IsOfTable(Complaint complaint) => complaint.Category == typeof(TokenRenewer).FullName;

    private async Task<Finding> GetTokenAsync(CorpApp app)
    {
        var what = $"gettoken of app {app.App.Name}";
        _complaints.Take();
        var got = await app.Tokens.GetAsync(CancellationToken.None);
        await app.Tokens.WhenQuiet();
        var lines = _complaints.Take().Where(line => line.Category == typeof(WeComClient).FullName);
        if (!got.TryGet(out var use, out var failure))
        {
            var said = lines.Select(line => line.Text).ToList();
            if (said.Count == 0)
            {
                said.Add($"it was not asked now, as it failed a while ago, errcode {Telemetry.Label(failure.Errcode)}");
            }

            var next = $"WeCom is asked again {AccessTokenSource.NextTry(failure)} at the earliest.";
            return Failed(what, [.. said, Errcodes.Advice(failure, app.App), next]);
        }

        var status = app.Tokens.StatusOf(await app.Tokens.LookAsync());
        if (status.Obstacle is { } obstacle)
        {
            var said = $"there is a token, but WeCom rejects it, errcode {Telemetry.Label(obstacle.Errcode)}";
            return Failed(what, said, Errcodes.Advice(obstacle, app.App));
        }

        var left = Minutes(use.Token, _time.GetUtcNow());
        return Ok(use.Source is TokenSource.WeCom
            ? $"{what}: WeCom gave a token, which is good for {left}"
            : $"{what}: not asked, as the token in the row is good for {left}");
    }

    private async Task<Finding> KeyOfAsync(SessionTokens sessions, long started)
    {
        const string What = "signing key";
        while (true)
        {
            _complaints.Take();
            var (state, obstacle, concern) = await sessions.LookAsync();
            if (state == "unreachable" && await PauseAsync(started))
            {
                continue;
            }

            string[] said = [.. _complaints.Take().Select(line => line.Text)];
            return (obstacle ?? concern) is { } advice
                ? Failed(What, said.Length > 0 ? said : [advice])
                : Ok(string.Join(' ', [$"{What}: there is one to sign with{(said.Length > 0 ? "." : "")}", .. said.Select(Sentence)]));
        }
    }
}
