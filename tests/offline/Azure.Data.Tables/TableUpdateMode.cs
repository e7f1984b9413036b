namespace Azure.Data.Tables;

public enum TableUpdateMode
{
    /// <summary>Properties that the entity lacks stay in the row.</summary>
    Merge = 0,

    /// <summary>Properties that the entity lacks leave the row.</summary>
    Replace = 1,
}
