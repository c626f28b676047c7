namespace Ledger;

/// <summary>What a block names. The numbers are stored.</summary>
public enum CallerBlockKind
{
    /// <summary>Everybody who calls in the name of a principal.</summary>
    Principal = 1,

    /// <summary>Whoever shows a key, by the key's id.</summary>
    Key = 2,

    /// <summary>Whoever calls from an address, or from a network such as <c>10.1.0.0/16</c>.</summary>
    Address = 3,
}
