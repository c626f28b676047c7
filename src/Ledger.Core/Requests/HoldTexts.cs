using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>Reference and metadata that posts and voids leave to their holds. They stand in the hold's row alone, so
/// they are read from there and put back before anybody is shown the transfer.</summary>
internal static class HoldTexts
{
    /// <summary>The row to read for a transfer; null where nothing is left to a row.</summary>
    /// <param name="record">The transfer: a live hold itself, or what a post or a void was about.</param>
    public static (long Row, TransferId Hold)? WantedBy(TransferRecord record) => record.HoldRow > 0
        ? (record.HoldRow, record.Transfer.ResolvesHold ? record.Transfer.HoldId : record.Transfer.Id)
        : null;

    /// <summary>The rows to read for a transaction.</summary>
    /// <param name="record">The transaction.</param>
    public static IReadOnlyList<(long Row, TransferId Hold)> WantedBy(TransactionRecord record)
    {
        var wanted = new List<(long Row, TransferId Hold)>();
        for (var i = 0; i < record.HoldRows.Length; i++)
        {
            if (record.HoldRows[i] > 0)
            {
                wanted.Add((record.HoldRows[i], record.Transaction.Legs[i].Transfer!.HoldId));
            }
        }

        return wanted;
    }

    /// <summary>The rows to read for a page of live holds.</summary>
    /// <param name="page">The page.</param>
    public static IReadOnlyList<(long Row, TransferId Hold)> WantedBy(ListHoldsResponse page) =>
        [.. page.Holds.Where(static one => one.HoldRow > 0).Select(static one => (one.HoldRow, one.Transfer.Id))];

    /// <summary>Whether a transaction leaves anything to a hold.</summary>
    /// <param name="record">The transaction.</param>
    public static bool AreLeftBy(TransactionRecord record) =>
        record.Transaction.Legs.Any(static leg => leg.Transfer is { ResolvesHold: true });

    /// <summary>Puts back what a transfer leaves to its hold.</summary>
    /// <param name="record">The transfer.</param>
    /// <param name="hold">The transfer that made the hold.</param>
    public static TransferRecord Restore(TransferRecord record, Transfer hold) => record with
    {
        Transfer = record.Transfer.WithTextOf(hold.Reference, hold.Metadata), HoldRow = 0,
    };

    /// <summary>Puts back what the posts and voids of a transaction leave to their holds, as far as an answer has room:
    /// of thousands, each with metadata of its hold, it has not.</summary>
    /// <param name="record">The transaction.</param>
    /// <param name="read">The transfers that made the holds, as they were read.</param>
    public static TransactionRecord Restore(TransactionRecord record, IReadOnlyDictionary<TransferId, Transfer> read)
    {
        var legs = record.Transaction.Legs;

        // Those that an earlier leg makes are at hand.
        var made = new Dictionary<TransferId, Transfer>();
        foreach (var leg in legs)
        {
            if (leg.Transfer is { } hold && hold.Kind == TransferKind.Hold)
            {
                made.TryAdd(hold.Id, hold);
            }
        }

        var size = EncodedSize.OfRecord(record);
        var abridged = false;
        var shown = legs.ToBuilder();
        for (var i = 0; i < legs.Length; i++)
        {
            if (legs[i].Transfer is not { ResolvesHold: true } transfer)
            {
                continue;
            }

            if (!read.TryGetValue(transfer.HoldId, out var hold) && !made.TryGetValue(transfer.HoldId, out hold))
            {
                abridged |= i < record.HoldRows.Length && record.HoldRows[i] > 0;
                continue;
            }

            var whole = transfer.WithTextOf(hold.Reference, hold.Metadata);
            var more = EncodedSize.OfText(whole.Reference, whole.Metadata)
                - EncodedSize.OfText(transfer.Reference, transfer.Metadata) + EncodedSize.OfGrownLengths;
            if (size + more > LedgerSizes.AnswerMax)
            {
                abridged = true;
                continue;
            }

            size += more;
            shown[i] = TransactionLeg.Of(whole);
        }

        return record with
        {
            Transaction = record.Transaction with { Legs = shown.MoveToImmutable() }, IsAbridged = abridged,
        };
    }

    /// <summary>Puts back what the holds of a page have in their rows alone, as far as an answer has room.</summary>
    /// <param name="page">The page.</param>
    /// <param name="view">The account, which is in the answer too.</param>
    /// <param name="read">The transfers that made the holds, as they were read.</param>
    /// <returns>The holds, and after which of them the next page begins; nil where there is none.</returns>
    public static (IReadOnlyList<TransferRecord> Holds, TransferId Next) Restore(
        ListHoldsResponse page, Account view, IReadOnlyDictionary<TransferId, Transfer> read)
    {
        var shown = new List<TransferRecord>(page.Holds.Count);
        long size = EncodedSize.Row + EncodedSize.OfAccount(view);
        var next = page.HasMore && page.Holds.Count > 0 ? page.Holds[^1].Transfer.Id : default;
        foreach (var bare in page.Holds)
        {
            var record = bare;
            if (bare.HoldRow > 0)
            {
                if (!read.TryGetValue(bare.Transfer.Id, out var hold))
                {
                    next = shown[^1].Transfer.Id;
                    break;
                }

                record = Restore(bare, hold);
            }

            size += EncodedSize.OfTransfer(record.Transfer) + EncodedSize.Row;
            if (size > LedgerSizes.AnswerMax && shown.Count > 0)
            {
                next = shown[^1].Transfer.Id;
                break;
            }

            shown.Add(record);
        }

        return (shown, next);
    }
}
