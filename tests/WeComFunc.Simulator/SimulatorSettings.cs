using System.Text.Json.Serialization;

namespace WeComFunc.Simulator;

/// <summary>What <c>gettoken</c> does while the last token is still valid. WeCom promises none of these (document 91039).</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TokenSemantics>))]
public enum TokenSemantics
{
    SameWhileValid,
    NewEachTimeOldLives,
    NewEachTimeOldDies,
}

public sealed record SimulatorSettings
{
    public TokenSemantics Semantics { get; init; }

    public int TokenLifetimeSeconds { get; init; } = 7200;

    /// <summary>A token given again: <c>expires_in</c> tells what is left (true), or the whole lifetime once more (false).</summary>
    public bool ExpiresInIsWhatIsLeft { get; init; }

    /// <summary>32 to 512, the most that WeCom announces.</summary>
    public int AccessTokenLength { get; init; } = 214;

    public int CodeLifetimeSeconds { get; init; } = 300;

    /// <summary>40001 or 40091.</summary>
    public int WrongSecretErrcode { get; init; } = 40001;

    /// <summary>42001 or 40014; WeCom does both.</summary>
    public int ExpiredTokenErrcode { get; init; } = 42001;

    /// <summary>appid of the mini program; stands in the watermark of what it gets encrypted.</summary>
    public string MiniProgramAppId { get; init; } = SimulatorState.SeedAppId;

    /// <summary>42003 or 40029.</summary>
    public int ExpiredCodeErrcode { get; init; } = 42003;
}
