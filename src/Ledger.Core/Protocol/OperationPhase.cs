namespace Ledger.Core;

/// <summary>What an <see cref="Operation"/> is doing.</summary>
internal enum OperationPhase
{
    /// <summary>Ids are looked up, or it is being decided.</summary>
    LookingUp,

    /// <summary>It waits for something in doubt.</summary>
    Waiting,

    /// <summary>The other accounts are asked how they are.</summary>
    DryRunning,

    /// <summary>The participants are asked to prepare.</summary>
    Voting,

    /// <summary>The last agent is asked to commit, or to refuse.</summary>
    Committing,

    /// <summary>The participants are told that it is committed.</summary>
    Notifying,

    /// <summary>The participants are told that it is aborted.</summary>
    Releasing,

    /// <summary>It is prepared here for another account, which coordinates.</summary>
    Reserved,
}
