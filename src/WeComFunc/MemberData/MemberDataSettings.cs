namespace WeComFunc.MemberData;

/// <summary>What WeCom gives only encrypted: the settings <c>MemberData__…</c>.</summary>
/// <param name="TableName">The table of the session_keys, in the storage account of the access_tokens.</param>
public sealed record MemberDataSettings(string TableName)
{
    private const string TableKey = "MemberData:TableName";

    /// <summary>The settings; null where member data is off.</summary>
    internal static MemberDataSettings? Read(SettingsReader reader)
    {
        var isOn = reader.Flag("MemberData:Enabled");
        var settings = new MemberDataSettings(reader.TableName(TableKey, "wecomsessions"));
        if (isOn && !reader.Has("Session:Issuer"))
        {
            reader.Refuse("MemberData:Enabled", "needs sessions, by which the data is asked for: set Session__Issuer too, or remove it");
        }

        return isOn ? settings : null;
    }

    /// <summary>Refuses the table of the access_tokens, whose rows are none of these.</summary>
    internal void Check(SettingsReader reader, string tokenTable)
    {
        // Table Storage tells no names apart by case.
        if (string.Equals(TableName, tokenTable, StringComparison.OrdinalIgnoreCase))
        {
            reader.Refuse(TableKey, "is the table of the access_tokens, TokenStore__TableName: give it another name");
        }
    }
}
