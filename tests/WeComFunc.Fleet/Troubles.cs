namespace WeComFunc.Fleet;

/// <summary>What can be out of order.</summary>
internal enum Trouble
{
    GetTokenBusy,
    GetTokenLimited,
    GetTokenSlow,
    GetTokenHangs,
    GetTokenLost,
    GetTokenHtml,
    SecretRefused,
    AddressUntrusted,
    GetTokenMixed,
    TokensRejected,
    TokensRejectedByHalf,
    ProfilesRejected,
    StrangersRefused,
    StrangersRejected,
    AnotherAppsSecret,
    SecretReset,
    VaultDown,
    TableDown,
    TableHangs,
    TableLate,
    TableFlaky,
    TableReadOnly,
    TableConflicts,
    TableAnswersLost,
}

/// <summary>A stretch of time in which something is out of order.</summary>
/// <param name="From">Its beginning.</param>
/// <param name="Until">Its end.</param>
/// <param name="Kind">What is out of order.</param>
/// <param name="Slot">For which process; null for all of them.</param>
internal sealed record Outage(TimeSpan From, TimeSpan Until, Trouble Kind, int? Slot)
{
    public override string ToString() => $"{Kind} {(Slot is null ? "for all" : $"at {Slot}")} {From:hh\\:mm\\:ss}-{Until:hh\\:mm\\:ss}";
}

/// <summary>All that is out of order: outages overlap, of different kinds, some at one process alone.</summary>
internal sealed class Troubles(World world)
{
    /// <summary>Failures of <c>gettoken</c> that pass by themselves.</summary>
    public static readonly Trouble[] Transient =
        [Trouble.GetTokenBusy, Trouble.GetTokenLimited, Trouble.GetTokenSlow, Trouble.GetTokenHangs, Trouble.GetTokenLost];

    /// <summary>Failures of <c>gettoken</c> that an operator has to put right.</summary>
    public static readonly Trouble[] Lasting =
        [Trouble.GetTokenHtml, Trouble.SecretRefused, Trouble.AddressUntrusted, Trouble.GetTokenMixed];

    /// <summary>What stands in for <see cref="Trouble.GetTokenMixed"/>, call by call.</summary>
    private static readonly Trouble[] Mixed =
        [Trouble.SecretRefused, Trouble.SecretRefused, Trouble.GetTokenHtml, Trouble.GetTokenBusy, Trouble.GetTokenLimited];

    public static readonly Trouble[] GetToken = [.. Transient, .. Lasting];

    /// <summary>Calls with a good token are refused: all of them, or those that meet one half of WeCom's servers.</summary>
    public static readonly Trouble[] Tokens = [Trouble.TokensRejected, Trouble.TokensRejectedByHalf];

    /// <summary><c>user/get</c> alone refuses every token.</summary>
    public static readonly Trouble[] Profiles = [Trouble.ProfilesRejected];

    /// <summary>
    /// Somebody posts codes of another mini program, which WeCom answers as it answers the wrong app, or as it answers a bad token.
    /// </summary>
    public static readonly Trouble[] Strangers = [Trouble.StrangersRefused, Trouble.StrangersRejected];

    /// <summary>
    /// Mistakes of an operator, until they are put right: another app's corpsecret in the vault, one that was reset and not stored yet.
    /// </summary>
    public static readonly Trouble[] Mistakes = [Trouble.AnotherAppsSecret, Trouble.SecretReset];

    public static readonly Trouble[] Vault = [Trouble.VaultDown];

    public static readonly Trouble[] Table =
    [
        Trouble.TableDown, Trouble.TableHangs, Trouble.TableLate, Trouble.TableFlaky, Trouble.TableReadOnly, Trouble.TableConflicts,
        Trouble.TableAnswersLost,
    ];

    /// <summary>Two faults at once are most often one of WeCom's and one of the table's; where moments count, the slow ones.</summary>
    private static readonly Trouble[][] Sorts =
    [
        GetToken, GetToken, [Trouble.GetTokenSlow, Trouble.GetTokenHangs], Table, Table, [Trouble.TableLate], Vault, Tokens, Profiles,
        Strangers,
    ];

    private static readonly TimeSpan Remembered = TimeSpan.FromHours(3);

    private readonly List<Outage> _outages = [];

    /// <summary>Called when an outage begins.</summary>
    public Action<Outage> Begun { get; set; } = _ => { };

    /// <summary>
    /// Begins an outage of a random kind: of seconds as often as of minutes; one of the table or of the vault hits one process more often
    /// than all.
    /// </summary>
    /// <param name="slots">How many processes there are besides the timer, which is process -1.</param>
    public void Begin(int slots)
    {
        var kind = Pick(Pick(Sorts));
        int? slot = (Table.Contains(kind) || Vault.Contains(kind)) && world.Random.Next(3) > 0 ? world.Random.Next(-1, slots) : null;
        Begin(kind, slot);
    }

    /// <returns>How long it lasts.</returns>
    public TimeSpan Begin(Trouble kind, int? slot = null)
    {
        var duration = TimeSpan.FromSeconds(5 * Math.Pow(600, world.Random.NextDouble()));
        var outage = new Outage(world.Now, world.Now + duration, kind, slot);
        Add(outage);
        Begun(outage);
        return duration;
    }

    /// <summary>Has an outage that began elsewhere.</summary>
    public void Add(Outage outage)
    {
        _outages.RemoveAll(outage => outage.Until < world.Now - Remembered);
        _outages.Add(outage);
    }

    /// <summary>What of these kinds befalls a call of one process now: of several, any.</summary>
    public Trouble? Now(Trouble[] kinds, int slot)
    {
        var active = _outages.FindAll(outage => IsAmong(outage, kinds, world.Now, slot));
        return active.Count == 0 ? null : Pick(active).Kind is var kind && kind is Trouble.GetTokenMixed ? Pick(Mixed) : kind;
    }

    /// <summary>Whether there has been trouble of these kinds since, for one process or (null) for any.</summary>
    public bool Any(Trouble[] kinds, TimeSpan since, int? slot = null) => _outages.Exists(outage => IsAmong(outage, kinds, since, slot));

    /// <summary>When the last trouble of these kinds ended or will end; null when there has been none.</summary>
    public TimeSpan? End(Trouble[] kinds) =>
        _outages.FindAll(outage => kinds.Contains(outage.Kind)) is { Count: > 0 } among ? among.Max(outage => outage.Until) : null;

    public string Since(TimeSpan since) => string.Join(", ", _outages.Where(outage => outage.Until >= since));

    private static bool IsAmong(Outage outage, Trouble[] kinds, TimeSpan since, int? slot) =>
        outage.Until >= since && kinds.Contains(outage.Kind) && (slot is null || (outage.Slot ?? slot) == slot);

    private T Pick<T>(IReadOnlyList<T> of) => of[of.Count == 1 ? 0 : world.Random.Next(of.Count)];
}
