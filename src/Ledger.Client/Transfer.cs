namespace Ledger.Client;

/// <summary>One movement of money: an amount taken from one account (its debit) and given to another (its credit).</summary>
/// <remarks>Immutable, but for a metadata dictionary that the caller goes on changing.</remarks>
public sealed record Transfer
{
    /// <summary>The id, made before the first attempt and kept for every retry; see <see cref="TransferIds.New"/>.</summary>
    public required Guid Id { get; init; }

    /// <summary>The address of the account that is debited.</summary>
    public required string DebitAccount { get; init; }

    /// <summary>The address of the account that is credited. Must differ from <see cref="DebitAccount"/>.</summary>
    public required string CreditAccount { get; init; }

    /// <summary>The amount in minor units of the asset.</summary>
    public required UInt128 Amount { get; init; }

    /// <summary>The asset that both accounts are expected to hold, such as <c>USD/2</c>; empty (the default) for that
    /// of the accounts, whatever it is.</summary>
    public string Asset { get; init; } = "";

    /// <summary>A number of the caller's own that says what kind of transfer this is. Must not be 0.</summary>
    public required uint Code { get; init; }

    /// <summary>The caller's own reference, at most 128 characters; empty by default.</summary>
    public string Reference { get; init; } = "";

    /// <summary>Up to 16 entries; a key has 1 to 64 characters, a value at most 256. Empty by default.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = Wire.NoMetadata;
}

/// <summary>How a transfer was decided: recorded, or rejected for one named reason.</summary>
/// <remarks>The third outcome of a call, <em>unknown</em>, is never a value but a <see cref="LedgerClientException"/>
/// whose <see cref="LedgerClientException.OutcomeUnknown"/> is true, so that it can't be overlooked.</remarks>
public sealed record TransferOutcome
{
    /// <summary>The id of the transfer.</summary>
    public required Guid Id { get; init; }

    /// <summary>What became of it.</summary>
    public required TransferStatus Status { get; init; }

    /// <summary>When it was committed; null for a rejection.</summary>
    public DateTimeOffset? CreateTime { get; init; }

    /// <summary>Whether the outcome had been decided by an earlier request with the same id and content.</summary>
    public bool Replayed { get; init; }

    /// <summary>For a rejection that is on record: the balances of the account that refused, as they were seen.</summary>
    public Balances? BalanceSeen { get; init; }

    /// <summary>Whether the transfer is recorded, once: by this request or by an earlier one.</summary>
    public bool IsCommitted => Status is TransferStatus.Created or TransferStatus.Exists;

    /// <summary>Whether this request recorded no transfer.</summary>
    public bool IsRejected => !IsCommitted;
}

/// <summary>A transfer as one of its accounts remembers it.</summary>
public sealed record TransferRecord
{
    /// <summary>The transfer, as it was requested.</summary>
    public required Transfer Transfer { get; init; }

    /// <summary><see cref="TransferStatus.Created"/>, or the reason of its rejection.</summary>
    public required TransferStatus Status { get; init; }

    /// <summary>When it was committed or rejected.</summary>
    public required DateTimeOffset CreateTime { get; init; }

    /// <summary>For a rejection: the balances of the account that refused, as they were seen.</summary>
    public Balances? BalanceSeen { get; init; }
}
