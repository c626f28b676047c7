namespace Ledger.Client;

/// <summary>What decided a transaction that was in doubt. One that this version does not know has its number.</summary>
public enum InDoubtDecision
{
    /// <summary>Never used.</summary>
    Unspecified = 0,

    /// <summary>Its last agent answered after all.</summary>
    LastAgent = 1,

    /// <summary>Its last agent had decided before, as its journal says.</summary>
    Journal = 2,

    /// <summary>The operator's verdict, which stands in the last agent's journal now.</summary>
    Operator = 3,
}
