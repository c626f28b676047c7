namespace Ledger.Client;

/// <summary>How a transaction was decided: recorded as a whole, or rejected as a whole for one named reason.</summary>
/// <remarks>The third outcome of a call, <em>unknown</em>, is never a value but a <see cref="LedgerClientException"/>
/// whose <see cref="LedgerClientException.OutcomeUnknown"/> is true.</remarks>
public sealed record TransactionResult
{
    /// <summary>The id of the transaction.</summary>
    public required Guid Id { get; init; }

    /// <summary>What became of it; for a rejection the reason of the leg that failed.</summary>
    public required TransferStatus Status { get; init; }

    /// <summary>The place of the leg that failed, from 0; null when none did.</summary>
    public int? FailedLeg { get; init; }

    /// <summary>When it was committed; null for a rejection.</summary>
    public DateTimeOffset? CreateTime { get; init; }

    /// <summary>Whether the outcome had been decided by an earlier request with the same id and content.</summary>
    public bool Replayed { get; init; }

    /// <summary>For a rejection that is on record: the balances of the account that refused, as they were
    /// seen.</summary>
    public Balances? BalanceSeen { get; init; }

    /// <summary>Where it was decided, as an opaque text: whoever has read the journals up to it has seen this outcome.
    /// Empty for what an earlier request had decided, and from a ledger that does not say.</summary>
    public string Position { get; init; } = "";

    /// <summary>Where it was asked for and this request committed the transaction: its accounts right after the whole
    /// of it, in no promised order; one whose answer was lost on the way is not among them. Otherwise empty.</summary>
    public IReadOnlyList<AccountState> AccountsAfter { get; init; } = [];

    /// <summary>One outcome for each leg, in order. Of a rejected transaction, all but the leg that failed are
    /// <see cref="TransferStatus.LinkedEventFailed"/>. Empty where the ledger did not get as far as the legs.</summary>
    public required IReadOnlyList<LegResult> Legs { get; init; }

    /// <summary>Whether all of it is recorded, once: by this request or by an earlier one. A transfer that is recorded
    /// already, outside of this transaction, fails it with <see cref="TransferStatus.Exists"/> and a
    /// <see cref="FailedLeg"/>.</summary>
    public bool IsCommitted => FailedLeg is null && Status is TransferStatus.Created or TransferStatus.Exists;

    /// <summary>Whether this request recorded nothing.</summary>
    public bool IsRejected => !IsCommitted;
}
