namespace Ledger.Core;

/// <summary>A vote.</summary>
internal enum VoteKind
{
    /// <summary>Prepared, and durable.</summary>
    Yes,

    /// <summary>It can't be.</summary>
    No,

    /// <summary>It depends on something that is in doubt: the attempt is to be abandoned, and made again
    /// later.</summary>
    InDoubt,
}
