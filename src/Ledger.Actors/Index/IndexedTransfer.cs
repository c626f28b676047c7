using Ledger.Core;

namespace Ledger.Actors.Index;

/// <summary>A transfer in the index. Immutable.</summary>
/// <param name="Key">Its place.</param>
/// <param name="Leg">The leg, with the text that it leaves to its hold.</param>
/// <param name="Status">Created, or why it was rejected.</param>
internal sealed record IndexedTransfer(IndexKey Key, ResolvedLeg Leg, TransferStatus Status)
{
    /// <summary>The transfer.</summary>
    public Transfer Transfer => Leg.Transfer!;

    /// <summary>The debit account that it is found by. A post or a void may be refused without naming one: it is then
    /// its coordinator, that of the hold.</summary>
    public AccountAddress Debit { get; init; }

    /// <summary>The transaction that it is a part of; its own id where it stood alone.</summary>
    public required TransferId TransactionId { get; init; }

    /// <summary>The asset of its accounts; of a rejected one what it names, which may be none.</summary>
    public required Asset Asset { get; init; }

    /// <summary>Who asked for it; empty for nobody.</summary>
    public string Principal { get; init; } = "";

    /// <summary>For a rejection: the balances that the refusing account saw.</summary>
    public Balances? Seen { get; init; }

    /// <summary>For a hold: what has become of it.</summary>
    public HoldState Hold { get; init; }

    /// <summary>For a hold: what is left of it.</summary>
    public Amount HoldRemaining { get; init; }

    /// <summary>For a hold with a timeout: when it expires, or would have.</summary>
    public LedgerTime? HoldDeadline { get; init; }

    /// <summary>As the ledger tells it.</summary>
    public TransferRecord ToRecord() => new(Transfer, Status, Key.Time, Seen)
    {
        Amount = Status == TransferStatus.Created ? Leg.Amount : Amount.Zero,
        TransactionId = TransactionId,
        Hold = Hold,
        HoldRemaining = Hold == HoldState.Live ? HoldRemaining : Amount.Zero,
        HoldDeadline = Hold == HoldState.Live ? HoldDeadline : null,
        Principal = Principal,
    };
}
