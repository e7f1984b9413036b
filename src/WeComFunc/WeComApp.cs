namespace WeComFunc;

/// <summary>Which corp, which corpsecret, which row: one app of one corp. Passed along, never kept in a static.</summary>
/// <param name="CorpId">企业ID; the partition key of the token row.</param>
/// <param name="SecretName">Name of the Key Vault secret that holds the corpsecret.</param>
/// <param name="Name">Name of the app, <c>WeCom__AppName</c>; the row key of the token row.</param>
public sealed record WeComApp(string CorpId, string SecretName, string Name = "default");
