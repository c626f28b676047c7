namespace Ledger.Core;

/// <summary>An operator's abort of a transaction whose last agent can't be asked (R20), step by step.</summary>
/// <remarks>
/// Only the last agent's journal decides. So the verdict is a row of that very stream, under the next number of all:
/// <list type="number">
/// <item>All rows are read that were stored after the coordinator's preparation, which was durable before the last
/// agent was asked. A decision that is among them stands, and is what is told. A row that can't be read may be it: then
/// there is no verdict.</item>
/// <item>Else the refusal is appended under the number after the last row that was read. The number was free, so
/// nothing was decided meanwhile. A last agent that is awake somewhere, and knows nothing of the row, can't append any
/// more: its next row has a number that is taken (I9). It ends, and reads the verdict before it says anything
/// else.</item>
/// <item>Only then is the coordinator told, as if the last agent had answered (R1).</item>
/// </list>
/// Only to abort can be a verdict: to commit takes a decision about money that is not known here. Pure, so that the
/// same course runs over a database and in the simulator. Not thread-safe.
/// </remarks>
internal sealed class OperatorAbort
{
    /// <summary>How often somebody else's row may come between before this gives up.</summary>
    public const int ConflictsMax = 10;

    private static readonly LedgerTime s_longAgo = new(1);

    private readonly AccountAddress lastAgent;
    private readonly TransactionBranch branch;
    private readonly OperatorVerdict verdict;
    private int conflicts;

    /// <summary>Begins one.</summary>
    /// <param name="lastAgent">The last agent.</param>
    /// <param name="branch">Its legs, as the coordinator has them.</param>
    /// <param name="verdict">Who wants it, and why.</param>
    public OperatorAbort(AccountAddress lastAgent, TransactionBranch branch, OperatorVerdict verdict)
    {
        ArgumentNullException.ThrowIfNull(branch);
        this.lastAgent = lastAgent;
        this.verdict = verdict;

        // Where the text of a hold is, is each account's own.
        this.branch = branch.Legs.Any(static leg => leg.HoldRow != 0)
            ? branch with { Legs = [.. branch.Legs.Select(static leg => leg with { HoldRow = 0 })] }
            : branch;
    }

    /// <summary>What is to be done next.</summary>
    public OperatorAbortStep Step { get; private set; }

    /// <summary>The row to append; null before there is one.</summary>
    public EventBatch? Row { get; private set; }

    /// <summary>What the coordinator is told; null before that is known.</summary>
    public CommitResponse? Answer { get; private set; }

    /// <summary>Whether it was decided before this could abort it.</summary>
    public bool WasDecided { get; private set; }

    /// <summary>The last agent's row that holds the decision; 0 before that is known.</summary>
    public long DecidedRow { get; private set; }

    /// <summary>Takes what was read of the last agent's stream.</summary>
    /// <param name="since">All its rows that were stored after the coordinator's preparation, in their order; those
    /// without a decision about it may be left out.</param>
    /// <param name="newest">The number of the last of all its rows; 0 when there is none.</param>
    /// <param name="last">That row; null when there is none, or it can't be read and is older than the
    /// preparation.</param>
    /// <param name="now">The time.</param>
    public void TakeRows(IReadOnlyList<EventBatch> since, long newest, EventBatch? last, LedgerTime now)
    {
        ArgumentNullException.ThrowIfNull(since);
        foreach (var row in since)
        {
            foreach (var happened in row.Events)
            {
                if (DecisionIn(happened) is { } decision)
                {
                    Answer = decision with { Row = decision.Committed ? row.SequenceNr : 0 };
                    DecidedRow = row.SequenceNr;
                    WasDecided = true;
                    Step = OperatorAbortStep.Tell;
                    return;
                }
            }
        }

        Row = RowAfter(newest, last, now);
        Step = OperatorAbortStep.Append;
    }

    /// <summary>Whether a row decides about the attempt.</summary>
    /// <param name="row">A row of the last agent.</param>
    public bool IsDecidedBy(EventBatch row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return row.Events.Any(happened => DecisionIn(happened) is not null);
    }

    /// <summary>The row is durable.</summary>
    public void Appended()
    {
        var refused = (LastAgentRefused)Row!.Events[0];
        Answer = AnswerOf(refused);
        DecidedRow = Row.SequenceNr;
        Step = OperatorAbortStep.Tell;
    }

    /// <summary>Its number was taken, or whether it is stored is not known: only the stream can tell.</summary>
    public void NotAppended() => Step = ++conflicts > ConflictsMax ? OperatorAbortStep.GivenUp : OperatorAbortStep.Read;

    // What the last agent itself would answer by (R7).
    private CommitResponse? DecisionIn(AccountEvent happened) => happened switch
    {
        LastAgentCommitted closed when IsSame(closed.Branch) =>
            new CommitResponse(branch.Key, branch.Digest, true, closed.CommitTime, null),
        LastAgentRefused refused when IsSame(refused.Branch) => AnswerOf(refused),
        AbortRecorded disowned when disowned.Key == branch.Key && disowned.Digest == branch.Digest =>
            new CommitResponse(branch.Key, branch.Digest, false, disowned.At, null),
        _ => null,
    };

    private bool IsSame(TransactionBranch other) => other.Key == branch.Key && other.Digest == branch.Digest;

    private CommitResponse AnswerOf(LastAgentRefused refused) => new(
        branch.Key, branch.Digest, false, refused.At,
        refused.Reason == TransferStatus.None ? null : new Refusal(refused.Leg, refused.Reason, default, refused.Seen));

    private EventBatch RowAfter(long newest, EventBatch? last, LedgerTime now)
    {
        // A stream never runs backwards.
        var at = last is not null && last.Events[^1].At > now ? last.Events[^1].At : now;
        var isBehindUnread = newest > 0 && last is null;
        var row = new EventBatch(newest + 1, 0, default)
        {
            IsVerdict = true,
            IsBehindUnread = isBehindUnread,
            OldestPrepared = isBehindUnread ? s_longAgo : OldestAfter(last),
        };
        var refused = new LastAgentRefused(
            branch, branch.Legs.Length > 0 ? branch.Legs[0].Index : 0, TransferStatus.AbortedByOperator, null, at)
        {
            Verdict = verdict,
        };
        row.Events.Add(refused);
        row.Size += EncodedSize.OfEvent(refused);

        List<TransferId>? indexed = null;
        IdIndex.Collect(refused, lastAgent, row.SequenceNr, 0, ref indexed);
        row.Indexed = indexed;

        // Which entry is the newest is known only to who has folded the stream. One that is not there says so: the
        // index of this stream is made again before anything is taken from it, rather than that this entry hides a loss
        // (R22).
        row.PreviousIndexed = newest == 0 ? default : new IndexedId(branch.Key, newest);
        return row;
    }

    // No later than it is, for those who read on until a row says a later time (I11).
    private static LedgerTime? OldestAfter(EventBatch? last)
    {
        if (last?.OldestPrepared is { } oldest)
        {
            return oldest;
        }

        foreach (var happened in last?.Events ?? [])
        {
            if (happened is TransactionPrepared prepared)
            {
                return prepared.At;
            }
        }

        return null;
    }
}
