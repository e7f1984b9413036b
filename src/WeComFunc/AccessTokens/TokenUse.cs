namespace WeComFunc.AccessTokens;

/// <summary>Where a token came from (rule T12).</summary>
public enum TokenSource : byte
{
    /// <summary>The memory of this process.</summary>
    Memory,

    /// <summary>The row that the fleet shares.</summary>
    Table,

    /// <summary><c>gettoken</c>.</summary>
    WeCom,
}

/// <summary>Why a token was looked for beyond the memory (rule T12).</summary>
public enum RenewalReason : byte
{
    /// <summary>It was not: memory had a fresh one.</summary>
    None,

    /// <summary>The timer's run.</summary>
    Timer,

    /// <summary>A login found less than ten minutes left.</summary>
    Ahead,

    /// <summary>Memory had none.</summary>
    Missing,

    /// <summary>The one in memory had expired.</summary>
    Expired,

    /// <summary>WeCom rejected the one in use.</summary>
    Rejected,
}

/// <summary>A token for use, with where it came from and why.</summary>
/// <param name="Token">The token; null in a <c>default</c> value.</param>
/// <param name="Source">Where it came from.</param>
/// <param name="Reason">Why it was looked for beyond the memory.</param>
/// <param name="Rejection">The errcode that WeCom rejected it with, where none could be had in its place; 0 otherwise.</param>
public readonly record struct TokenUse(AccessToken Token, TokenSource Source, RenewalReason Reason, int Rejection = 0)
{
    /// <summary>Whether WeCom rejected it, and none could be had in its place.</summary>
    public bool IsRejected => Rejection != 0;
}
