namespace Ledger.Client;

/// <summary>How a transfer was decided: recorded, or rejected for one named reason.</summary>
/// <remarks>The third outcome of a call, <em>unknown</em>, is never a value but a <see cref="LedgerClientException"/>
/// whose <see cref="LedgerClientException.OutcomeUnknown"/> is true, so that it can't be overlooked.</remarks>
public sealed record TransferResult
{
    /// <summary>The id of the transfer.</summary>
    public required Guid Id { get; init; }

    /// <summary>What became of it.</summary>
    public required TransferStatus Status { get; init; }

    /// <summary>When it was committed; null for a rejection.</summary>
    public DateTimeOffset? CreateTime { get; init; }

    /// <summary>Whether the outcome had been decided by an earlier request with the same id and content.</summary>
    public bool Replayed { get; init; }

    /// <summary>For a rejection that is on record: the balances of the account that refused, as they were
    /// seen.</summary>
    public Balances? BalanceSeen { get; init; }

    /// <summary>The amount that was moved, held or released; null for a rejection, and from a ledger that does not say.
    /// It differs from the amount asked for where that depended on a hold or on what the accounts had.</summary>
    public UInt128? Amount { get; init; }

    /// <summary>Where it was decided, as an opaque text: whoever has read the journals up to it has seen this outcome.
    /// Empty for what an earlier request had decided, and from a ledger that does not say.</summary>
    public string Position { get; init; } = "";

    /// <summary>Where it was asked for and this request committed the transfer: the debit account right after it.
    /// Otherwise null; also where it was lost on the way.</summary>
    public AccountState? DebitAfter { get; init; }

    /// <summary>The credit account, in the same way.</summary>
    public AccountState? CreditAfter { get; init; }

    /// <summary>Whether the transfer is recorded, once: by this request or by an earlier one.</summary>
    public bool IsCommitted => Status is TransferStatus.Created or TransferStatus.Exists;

    /// <summary>Whether this request recorded no transfer.</summary>
    public bool IsRejected => !IsCommitted;
}
