namespace Ledger.Core;

/// <summary>What an account remembers of an id that is decided.</summary>
internal sealed class IdempotencyRecord
{
    /// <summary>Makes a memory.</summary>
    /// <param name="digest">The digest of what was done, or was not.</param>
    /// <param name="status"><see cref="TransferStatus.Created"/>, the reason of a rejection, or
    /// <see cref="TransferStatus.None"/> for an attempt that was abandoned.</param>
    /// <param name="time">When it was decided.</param>
    /// <param name="sequenceNr">The row of this stream that holds its content.</param>
    /// <param name="details">What only few have.</param>
    public IdempotencyRecord(
        UInt128 digest, TransferStatus status, LedgerTime time, long sequenceNr, IdempotencyDetails? details = null)
        : this(new Record(digest, status, time, sequenceNr, details is null ? null : new Rare(details, null)))
    {
    }

    internal IdempotencyRecord(Record kept) => Kept = kept;

    /// <summary>The digest of what was done, or was not: <see cref="TransactionBranch.Digest"/>.</summary>
    public UInt128 Digest => Kept.Digest;

    /// <summary><see cref="TransferStatus.Created"/>, the reason of a rejection, or <see cref="TransferStatus.None"/>
    /// for an attempt that was abandoned.</summary>
    public TransferStatus Status => Kept.Status;

    /// <summary>When it was decided.</summary>
    public LedgerTime Time => Kept.Time;

    /// <summary>The row of this stream that holds its content.</summary>
    public long SequenceNr => Kept.SequenceNr;

    /// <summary>What only few have.</summary>
    public IdempotencyDetails Details => Kept.Rare?.Details ?? IdempotencyDetails.None;

    /// <summary>The digest of the request as the client made it.</summary>
    public UInt128 Asked => Kept.Rare?.Details.Asked ?? Digest;

    /// <summary>An earlier decision about the same id that did not use it up, or null.</summary>
    public IdempotencyRecord? Earlier => Kept.Rare?.Earlier;

    /// <summary>Whether the id is used up: nothing else will ever be done under it.</summary>
    public bool IsFinal => Status == TransferStatus.Created || Details.IsIdConsumed;

    /// <summary>The same, as it is kept.</summary>
    internal Record Kept { get; }

    internal IdempotencyRecord After(IdempotencyRecord earlier) => new(Kept with { Rare = new Rare(Details, earlier) });

    internal IdempotencyRecord With(HoldState hold) =>
        new(Kept with { Rare = new Rare(Details with { Hold = hold }, Earlier) });

    /// <summary>How it is kept: thousands of an account's, hardly any of which is ever asked for, or is anything but a
    /// plain commit. An object for each would be carried from generation to generation by the collector of
    /// garbage.</summary>
    internal readonly record struct Record(
        UInt128 Digest, TransferStatus Status, LedgerTime Time, long SequenceNr, Rare? Rare);

    /// <summary>What only few have.</summary>
    internal sealed record Rare(IdempotencyDetails Details, IdempotencyRecord? Earlier);
}
