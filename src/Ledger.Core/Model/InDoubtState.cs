namespace Ledger.Core;

/// <summary>How a transaction stands that somebody takes for one in doubt.</summary>
internal enum InDoubtState
{
    /// <summary>The account has nothing of it in doubt.</summary>
    NotInDoubt,

    /// <summary>It is in doubt; the last agent has been asked to refuse it.</summary>
    Undecided,

    /// <summary>It is committed.</summary>
    Committed,

    /// <summary>It is aborted.</summary>
    Aborted,
}
