using System.Text.RegularExpressions;

namespace WeComFunc.Azure;

/// <summary>
/// Where corpsecrets and token rows are, and who the app is to Azure: the settings <c>KeyVault__…</c>, <c>TokenStore__…</c> and
/// <c>AZURE_CLIENT_ID</c>.
/// </summary>
public sealed partial record AzureSettings
{
    /// <summary>The vault of the corpsecrets; null only in Development, where a corpsecret may stand in the settings.</summary>
    public Uri? KeyVaultUri { get; init; }

    /// <summary>Table endpoint, reached by managed identity; exactly one of this and <see cref="TableConnectionString"/> is set.</summary>
    public Uri? TableServiceUri { get; init; }

    /// <summary>Connection string of Azurite or a test account.</summary>
    public string? TableConnectionString { get; init; }

    /// <summary>Table of the token rows, created when absent.</summary>
    public required string TableName { get; init; }

    /// <summary>Client id of the user-assigned identity; null for the system-assigned one.</summary>
    public string? ClientId { get; init; }

    /// <summary>Names the table and nothing secret.</summary>
    public override string ToString() => $"Azure settings with the table {TableName}";

    /// <param name="reader">The settings.</param>
    /// <param name="ofVault">The settings that are not there in whose place there has to be a vault: corpsecrets, in Development.</param>
    internal static AzureSettings Read(SettingsReader reader, IReadOnlyCollection<string> ofVault)
    {
        var vault = ReadVault(reader, ofVault);
        var (serviceUri, connectionString) = ReadTable(reader);
        return new()
        {
            KeyVaultUri = vault,
            TableServiceUri = serviceUri,
            TableConnectionString = connectionString,
            TableName = reader.TableName("TokenStore:TableName", "wecomtokens"),
            ClientId = reader.ClientId("AZURE_CLIENT_ID"),
        };
    }

    private static Uri? ReadVault(SettingsReader reader, IReadOnlyCollection<string> ofVault)
    {
        var vault = reader.Url(
            "KeyVault:Uri",
            "the vault's address, https://NAME.vault.azure.net/",
            static uri => uri is { Scheme: "https", AbsolutePath: "/" });
        if (!reader.Has("KeyVault:Uri") && !(ofVault.Count == 0 && reader.IsDevelopment))
        {
            reader.Refuse("KeyVault:Uri", reader.IsDevelopment
                ? $"is missing: set it to https://NAME.vault.azure.net/, or set {string.Join(", ", ofVault)} in Development"
                : "is missing: it must be the vault's address, https://NAME.vault.azure.net/");
        }

        return vault;
    }

    private static (Uri? ServiceUri, string? ConnectionString) ReadTable(SettingsReader reader)
    {
        var serviceUri = reader.Url(
            "TokenStore:ServiceUri", "the table endpoint, https://ACCOUNT.table.core.windows.net/", IsTableEndpoint);
        var connectionString = reader.Text("TokenStore:ConnectionString");
        if (connectionString is not null && !TableTokenStore.Accepts(connectionString))
        {
            reader.Refuse(
                "TokenStore:ConnectionString",
                "is malformed: it must be the connection string of a storage account, or UseDevelopmentStorage=true for Azurite");
        }

        if (reader.Has("TokenStore:ServiceUri") == (connectionString is not null))
        {
            reader.Refuse("TokenStore:ServiceUri",
                "or TokenStore__ConnectionString must be set, exactly one of them: https://ACCOUNT.table.core.windows.net/ on Azure, a "
                + "connection string for Azurite");
        }

        return (serviceUri, connectionString);
    }

    /// <summary>Not another service of Azure, and no path but the account's where it is not in the host's name.</summary>
    private static bool IsTableEndpoint(Uri uri) =>
        uri.Scheme is "https"
        && !OtherServicePattern().IsMatch(uri.Host)
        && (uri.AbsolutePath is "/"
            || (!uri.Host.Contains(".table.", StringComparison.Ordinal) && AccountPathPattern().IsMatch(uri.AbsolutePath)));

    [GeneratedRegex(@"\.(blob|dfs|file|queue|web)\.(core|storage)\.|\.vault\.(azure|usgovcloudapi)\.")]
    private static partial Regex OtherServicePattern();

    [GeneratedRegex(@"\A/[^/]+/\z")]
    private static partial Regex AccountPathPattern();
}
