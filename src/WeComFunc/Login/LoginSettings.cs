using System.Text.RegularExpressions;

namespace WeComFunc.Login;

/// <summary>What a login answers: the settings <c>Login__…</c>.</summary>
/// <param name="ProfileFields">Members of the profile to return; empty for all.</param>
/// <param name="RequireProfile">Whether a member whose profile the app may not see is refused.</param>
/// <param name="DepartmentNames">Whether the departments of the profile are given by name, too.</param>
public sealed partial record LoginSettings(IReadOnlyCollection<string> ProfileFields, bool RequireProfile, bool DepartmentNames)
{
    internal static LoginSettings Read(SettingsReader reader) => new(
        reader.Names(
            "Login:ProfileFields", MemberNamePattern(), "a comma-separated list of members of the profile, such as name,department"),
        reader.Flag("Login:RequireProfile"),
        reader.Flag("Login:DepartmentNames"));

    [GeneratedRegex(@"\A[0-9A-Za-z_]+\z")]
    private static partial Regex MemberNamePattern();
}
