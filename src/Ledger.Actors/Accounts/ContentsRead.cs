using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>What the rows of a statement's page commit, as far as it was read. Not thread-safe.</summary>
internal sealed class ContentsRead
{
    // Rows that lie last agent together than this are read at once.
    private const int GapMax = 8;

    private readonly SortedSet<long> missing = [];

    /// <summary>The parts, by their keys.</summary>
    public Dictionary<TransferId, TransactionBranch> Parts { get; } = [];

    /// <summary>Adds the rows of a page: what they prepare is known, what else they commit will be asked for.</summary>
    /// <param name="rows">The rows.</param>
    public void Add(IReadOnlyList<EventBatch> rows)
    {
        Collect(rows);
        foreach (var row in rows)
        {
            foreach (var happened in row.Events)
            {
                if (happened is TransactionCommitted committed && !Parts.ContainsKey(committed.Key))
                {
                    missing.Add(committed.PreparedSequenceNr);
                }
            }
        }
    }

    /// <summary>Adds rows that were named by commits.</summary>
    /// <param name="rows">The rows, in their order.</param>
    public void AddNamed(IReadOnlyList<EventBatch> rows)
    {
        Collect(rows);
        foreach (var row in rows)
        {
            missing.Remove(row.SequenceNr);
        }
    }

    /// <summary>The last of the rows that are asked for together with one: those that lie close behind it.</summary>
    /// <param name="from">The first row.</param>
    /// <param name="rowsMax">How many rows at most.</param>
    public long LastTogether(long from, int rowsMax)
    {
        var to = from;
        foreach (var wanted in missing.GetViewBetween(from, from + rowsMax - 1))
        {
            if (wanted - to > GapMax)
            {
                break;
            }

            to = wanted;
        }

        return to;
    }

    private void Collect(IReadOnlyList<EventBatch> rows)
    {
        foreach (var row in rows)
        {
            foreach (var happened in row.Events)
            {
                if (happened is TransactionPrepared prepared)
                {
                    Parts[prepared.Branch.Key] = prepared.Branch;
                }
            }
        }
    }
}
