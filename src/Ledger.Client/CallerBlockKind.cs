namespace Ledger.Client;

/// <summary>What a block names. Numbers are those of the API.</summary>
public enum CallerBlockKind
{
    /// <summary>Never used.</summary>
    Unspecified = 0,

    /// <summary>Everybody who calls in the name of a principal.</summary>
    Principal = 1,

    /// <summary>Whoever shows a key, by the key's id.</summary>
    Key = 2,

    /// <summary>Whoever calls from an address or a network.</summary>
    Address = 3,
}
