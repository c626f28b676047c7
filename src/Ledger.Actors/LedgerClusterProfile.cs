namespace Ledger;

/// <summary>How soon a cluster takes a silent node for dead.</summary>
public enum LedgerClusterProfile
{
    /// <summary>Three to five nodes in one region: about 5.5 seconds from the death of a node until its accounts can be
    /// written again. Pauses of a node below one second are not taken for its death.</summary>
    Fast,

    /// <summary>The same detection, but five seconds of stable membership before a decision: about 8.5
    /// seconds.</summary>
    Cautious,

    /// <summary>For noisy or virtualised networks and for more than ten nodes: silence of two seconds is borne, and the
    /// whole takes about 10 seconds.</summary>
    Tolerant,
}
