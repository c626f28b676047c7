namespace Ledger.Core;

/// <summary>A live hold as one of its accounts keeps it. Immutable.</summary>
/// <param name="Transfer">The transfer that made it, without its reference and its metadata: an account may have a
/// hundred thousand holds, and nothing is decided by these. They are in the row.</param>
/// <param name="Remaining">What is left of it.</param>
/// <param name="Deadline">When it expires; <see cref="LedgerTime.MaxValue"/> for never.</param>
/// <param name="SequenceNr">The row of this stream that holds its content.</param>
/// <param name="Time">When it was made.</param>
/// <param name="TransactionId">The transaction that made it.</param>
internal sealed record Hold(
    Transfer Transfer, Amount Remaining, LedgerTime Deadline, long SequenceNr, LedgerTime Time,
    TransferId TransactionId)
{
    /// <summary>Whether it has a reference or metadata that a post or a void leaves to it.</summary>
    /// <param name="resolution">The post or the void.</param>
    public bool HasTextFor(Transfer resolution)
    {
        ArgumentNullException.ThrowIfNull(resolution);
        return (resolution.Reference.Length == 0 && HasReference) || (resolution.Metadata.Pairs.IsEmpty && HasMetadata);
    }

    /// <summary>Whether the transfer that made it has a reference.</summary>
    public bool HasReference { get; init; }

    /// <summary>Whether the transfer that made it has metadata.</summary>
    public bool HasMetadata { get; init; }

    /// <summary>The row to read its reference and its metadata from; 0 where it has neither.</summary>
    public long TextRow => HasReference || HasMetadata ? SequenceNr : 0;

    /// <summary>What was held at first.</summary>
    public Amount Amount { get; init; }

    /// <summary>Who asked for it, see <see cref="Principals"/>; empty where nobody was named.</summary>
    public string Principal { get; init; } = "";

    /// <summary>The id of the void that the ledger starts when the time is up; an extension makes a new one (R12). It
    /// carries the time at which it is due, so that a hold of any age expires under a young id (R22).</summary>
    public TransferId ExpiryId =>
        DerivedId.MakeAt(Deadline, Transfer.Id, "ledger.expiry.v2\0"u8, Deadline.UnixMicroseconds);
}
