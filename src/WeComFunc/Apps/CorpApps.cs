using System.Collections.Frozen;

namespace WeComFunc.Apps;

/// <summary>The apps that there are, each made once.</summary>
internal sealed class CorpApps
{
    private readonly FrozenDictionary<string, CorpApp>.AlternateLookup<ReadOnlySpan<char>> _byName;

    /// <param name="all">The default one first, the others by name.</param>
    public CorpApps(IReadOnlyList<CorpApp> all) =>
        (All, _byName) =
            (all, all.ToFrozenDictionary(app => app.App.Name, StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>());

    /// <summary>All of them, the default one first, the others by name.</summary>
    public IReadOnlyList<CorpApp> All { get; }

    /// <summary>That of <c>WeCom__CorpId</c>.</summary>
    public CorpApp Default => All[0];

    /// <summary>The one of this name, letter for letter; null when there is none.</summary>
    public CorpApp? Find(ReadOnlySpan<char> name) => _byName.TryGetValue(name, out var app) ? app : null;

    /// <summary>
    /// The one for the members of a corp: the default one where it is of that corp, else the first by name; null when there is none.
    /// </summary>
    public CorpApp? OfCorp(string corpId) => All.FirstOrDefault(app => app.App.IsOfCorp(corpId));
}
