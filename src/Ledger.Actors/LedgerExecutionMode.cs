namespace Ledger;

/// <summary>Whether the accounts live under one local parent or are sharded over a cluster.</summary>
public enum LedgerExecutionMode
{
    /// <summary>One process, no cluster and no port.</summary>
    Local,

    /// <summary>Sharded over the cluster that the actor system has joined.</summary>
    Clustered,
}
