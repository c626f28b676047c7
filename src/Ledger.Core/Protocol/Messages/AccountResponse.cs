namespace Ledger.Core;

/// <summary>What a call is answered with.</summary>
internal abstract record AccountResponse;

/// <summary>Answers <see cref="OpenAccountRequest"/>.</summary>
/// <param name="Result">What became of it.</param>
internal sealed record OpenAccountResponse(OpenAccountResult Result) : AccountResponse;

/// <summary>Answers <see cref="PostTransferRequest"/>.</summary>
/// <param name="Result">What became of it.</param>
internal sealed record PostTransferResponse(TransferResult Result) : AccountResponse;

/// <summary>Answers <see cref="PostTransactionRequest"/>.</summary>
/// <param name="Result">What became of it.</param>
internal sealed record PostTransactionResponse(TransactionResult Result) : AccountResponse;

/// <summary>Answers <see cref="GetTransactionRequest"/>.</summary>
/// <param name="Record">The transaction; null when the account never coordinated it.</param>
internal sealed record GetTransactionResponse(TransactionRecord? Record) : AccountResponse;

/// <summary>Answers <see cref="ChangeAccountRequest"/>.</summary>
/// <param name="Result">What became of it.</param>
internal sealed record ChangeAccountResponse(AccountChangeResult Result) : AccountResponse;

/// <summary>Answers <see cref="ExtendHoldRequest"/>.</summary>
/// <param name="Status">See <see cref="TransferStatus"/>: created when it was set, exists when it was so
/// already.</param>
/// <param name="HoldDeadline">When the hold expires; null when it does not, or is not there.</param>
internal sealed record ExtendHoldResponse(TransferStatus Status, LedgerTime? HoldDeadline) : AccountResponse
{
    /// <summary>The row that was written for it; none when nothing was.</summary>
    public RowPosition Position { get; init; }
}

/// <summary>Answers <see cref="ResolveInDoubtRequest"/>.</summary>
/// <param name="State">How the transaction stands.</param>
/// <param name="Coordinator">Who coordinates it: when that is another account, nothing was done here.</param>
internal sealed record ResolveInDoubtResponse(InDoubtState State, AccountAddress Coordinator) : AccountResponse
{
    /// <summary>Who decides about it; none where that is not known here.</summary>
    public AccountAddress LastAgent { get; init; }

    /// <summary>The last agent's legs; null where they are not known here, or it is decided.</summary>
    public TransactionBranch? Branch { get; init; }

    /// <summary>The coordinator's row that prepared it; 0 where that is not known here.</summary>
    public long PreparedRow { get; init; }

    /// <summary>At a coordinator that knows of the commit and has not booked it yet: the accounts that have not
    /// acknowledged it, at most <see cref="TransactionInDoubt.WithMax"/>. Null where it waits for none.</summary>
    public IReadOnlyList<AccountAddress>? WaitsFor { get; init; }
}

/// <summary>Answers <see cref="GetAccountRequest"/>.</summary>
/// <param name="View">The account; null when it does not exist.</param>
internal sealed record GetAccountResponse(Account? View) : AccountResponse;

/// <summary>Answers <see cref="GetTransferRequest"/>.</summary>
/// <param name="Record">The transfer; null when the account never took part in it.</param>
internal sealed record GetTransferResponse(TransferRecord? Record) : AccountResponse;

/// <summary>Answers <see cref="FlushRequest"/>.</summary>
/// <param name="Exists">Whether the account exists.</param>
/// <param name="SequenceNr">The last journal row; all of the statement is at or before it.</param>
/// <param name="EntryCount">How many entries there are.</param>
internal sealed record FlushResponse(bool Exists, long SequenceNr, ulong EntryCount) : AccountResponse
{
    /// <summary>When something is in doubt although the call has waited for it: everything that the account prepared at
    /// this time or earlier is decided, and booked. Null when nothing is in doubt that was prepared before the call
    /// came.</summary>
    public LedgerTime? CompleteUpTo { get; init; }

    /// <summary>The asset that the account holds; none where it does not exist.</summary>
    public Asset Asset { get; init; }
}

/// <summary>Answers <see cref="ListHoldsRequest"/>.</summary>
/// <param name="View">The account as of the same moment; null when it does not exist.</param>
/// <param name="Holds">The holds, without what is in their rows alone: see
/// <see cref="TransferRecord.HoldRow"/>.</param>
/// <param name="HasMore">Whether there are more after them.</param>
internal sealed record ListHoldsResponse(Account? View, IReadOnlyList<TransferRecord> Holds, bool HasMore)
    : AccountResponse;

/// <summary>A call failed.</summary>
/// <param name="Reason">Why.</param>
internal sealed record RequestFailed(RequestFailure Reason) : AccountResponse
{
    /// <summary>For what is too large: how many bytes it has; else 0.</summary>
    public long Size { get; init; }

    /// <summary>For what is too large: how many it may have; else 0.</summary>
    public long Limit { get; init; }
}
