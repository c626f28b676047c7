namespace Ledger;

/// <summary>What ended a transaction that was in doubt.</summary>
public enum InDoubtDecision
{
    /// <summary>Its last agent answered after all.</summary>
    LastAgent,

    /// <summary>Its last agent had decided before, as its journal says.</summary>
    Journal,

    /// <summary>The operator's verdict, which stands in the last agent's journal now.</summary>
    Operator,
}
