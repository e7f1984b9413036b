namespace WeComFunc.AccessTokens;

/// <summary>How a renewal ended, for logs and metrics.</summary>
internal enum RenewalOutcome
{
    /// <summary>WeCom gave a new token.</summary>
    Renewed,

    /// <summary>WeCom gave the same token again.</summary>
    SameToken,

    /// <summary>The row held a better token: somebody else had renewed it.</summary>
    FromTable,

    /// <summary>The token in use does for now.</summary>
    NotDue,

    /// <summary>Somebody else is renewing, and the token in use does meanwhile.</summary>
    LeasedByAnother,

    /// <summary>An earlier failure keeps the fleet from trying for a while.</summary>
    BackedOff,

    /// <summary>It failed.</summary>
    Failed,
}
