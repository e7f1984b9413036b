namespace WeComFunc.Login;

/// <summary>What a login answers: the settings <c>Login__…</c>.</summary>
/// <param name="ProfileFields">Members of the profile to return; empty for all.</param>
/// <param name="RequireProfile">Whether a member whose profile the app may not see is refused.</param>
/// <param name="DepartmentNames">Whether the departments of the profile are given by name, too.</param>
public sealed record LoginSettings(IReadOnlyCollection<string> ProfileFields, bool RequireProfile, bool DepartmentNames)
{
    internal static LoginSettings Read(SettingsReader reader) => new(
        reader.MemberNames("Login:ProfileFields"), reader.Flag("Login:RequireProfile"), reader.Flag("Login:DepartmentNames"));
}
