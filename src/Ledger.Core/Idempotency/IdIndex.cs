namespace Ledger.Core;

/// <summary>Which rows are entered in the index of ids, and under which: all that an id's own time does not lead to
/// (R22). It follows from the rows alone (I8), so the index can be made again from them. Not thread-safe. Feed it rows
/// in order.</summary>
/// <param name="account">The account whose rows these are.</param>
internal sealed class IdIndex(AccountAddress account)
{
    private readonly Dictionary<TransferId, long> prepared = [];

    /// <summary>The ids under which a row is entered, each once; empty for none.</summary>
    /// <param name="row">The row that follows the last one.</param>
    public IReadOnlyList<TransferId> Add(EventBatch row)
    {
        ArgumentNullException.ThrowIfNull(row);
        List<TransferId>? ids = null;
        foreach (var happened in row.Events)
        {
            long preparedBy = 0;
            switch (happened)
            {
                case TransactionPrepared one:
                    prepared[one.Branch.Key] = row.SequenceNr;
                    break;
                case TransactionCommitted committed:
                    prepared.Remove(committed.Key, out preparedBy);
                    break;
                case TransactionAborted aborted:
                    prepared.Remove(aborted.Key, out preparedBy);
                    break;
                default:
                    break;
            }

            Collect(happened, account, row.SequenceNr, preparedBy, ref ids);
        }

        return ids is null ? [] : [.. ids.Distinct()];
    }

    /// <summary>Gathers the ids under which an event's row is entered.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="account">The account whose event it is.</param>
    /// <param name="sequenceNr">Its row.</param>
    /// <param name="preparedBy">For an outcome: the row that prepared it; else 0.</param>
    /// <param name="ids">Those of the row so far, some more than once; null for none.</param>
    internal static void Collect(
        AccountEvent happened, AccountAddress account, long sequenceNr, long preparedBy, ref List<TransferId>? ids)
    {
        switch (happened)
        {
            case TransactionPrepared(var branch, var at):
                Collect(branch, account, at, named: true, ref ids);
                break;
            case LastAgentCommitted(var branch, var at):
                Collect(branch, account, at, named: true, ref ids);
                break;
            case TransactionRejected rejected:
                Collect(rejected.Branch, account, rejected.At, named: false, ref ids);
                break;
            case LastAgentRefused refused:
                Collect(refused.Branch, account, refused.At, named: false, ref ids);
                if (refused.Verdict is not null)
                {
                    // Its time may not be that of the rows around it.
                    Take(refused.Branch.Key, ref ids);
                }

                break;
            case AbortRecorded disowned:
                Take(disowned.Key, disowned.At, ref ids);
                break;
            case TransactionCommitted committed when IsLate(sequenceNr, preparedBy):
                Take(committed.Key, ref ids);
                break;
            case TransactionAborted aborted when IsLate(sequenceNr, preparedBy):
                Take(aborted.Key, ref ids);
                break;
            default:
                break;
        }
    }

    private static bool IsLate(long sequenceNr, long preparedBy) =>
        preparedBy > 0 && sequenceNr - preparedBy > IdWindow.OutcomeRowsMax;

    // What is named besides, a hold that is resolved or a transfer that is taken back, has its entry where it may come
    // to that.
    private static void Collect(
        TransactionBranch branch, AccountAddress account, LedgerTime at, bool named, ref List<TransferId>? ids)
    {
        Take(branch.Id, at, ref ids);
        if (branch.IsPlain)
        {
            return;
        }

        Take(branch.Key, at, ref ids);
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer && leg.Concerns(account))
            {
                Take(transfer.Id, at, ref ids);
                if (named)
                {
                    Take(transfer.HoldId, at, ref ids);
                    Take(transfer.Reverses, at, ref ids);
                }
            }
        }
    }

    private static void Take(TransferId id, LedgerTime at, ref List<TransferId>? ids)
    {
        if (!IdWindow.Holds(id, at) && !id.IsNil)
        {
            Take(id, ref ids);
        }
    }

    private static void Take(TransferId id, ref List<TransferId>? ids) => (ids ??= []).Add(id);
}
