using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Ledger.Core;

namespace Ledger;

/// <summary>Legs that happen all or not at all, in order: each sees what those before it did. Immutable.</summary>
/// <param name="Id">The id, made by the client. It names the transaction as a whole; each transfer has its own
/// besides.</param>
/// <param name="Legs">From 1 to <see cref="LedgerLimits.BatchMax"/> legs. Where there are several, each transfer must
/// name its asset.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record Transaction(TransferId Id, ImmutableArray<TransactionLeg> Legs)
{
    /// <summary>Makes a transaction of transfers.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="transfers">The transfers, in order.</param>
    public static Transaction Of(TransferId id, params IEnumerable<Transfer> transfers) =>
        new(id, [.. transfers.Select(TransactionLeg.Of)]);

    /// <summary>The id that a leg of a transaction has when its maker gave it none: it follows from the transaction's
    /// id and the leg's place, and keeps the time of a UUIDv7.</summary>
    /// <param name="transaction">The transaction's id.</param>
    /// <param name="index">The leg's place, from 0.</param>
    public static TransferId LegId(TransferId transaction, int index) =>
        DerivedId.Make(transaction, "ledger.leg.v1\0"u8, index);

    /// <summary>The id of a chain of legs that has none of its own: it follows from what the legs say, so the same
    /// chain sent again is the same transaction.</summary>
    /// <param name="first">The id of its first transfer, whose time it keeps; nil when there is none.</param>
    /// <param name="legs">The legs.</param>
    public static TransferId ChainId(TransferId first, ImmutableArray<TransactionLeg> legs) => DerivedId.Make(
        first, "ledger.chain.v1\0"u8,
        unchecked((Int128)TransferContent.DigestOf(new Transaction(first, legs), alwaysWhole: true)));
}
