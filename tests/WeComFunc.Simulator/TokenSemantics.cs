namespace WeComFunc.Simulator;

/// <summary>What <c>gettoken</c> does while the last token is still valid. WeCom promises none of these (document 91039).</summary>
public enum TokenSemantics
{
    SameWhileValid,
    NewEachTimeOldLives,
    NewEachTimeOldDies,
}
