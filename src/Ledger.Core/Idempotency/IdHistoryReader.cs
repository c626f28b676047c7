namespace Ledger.Core;

/// <summary>Folds journal rows of one account into what they say about ids.</summary>
/// <remarks>A row that brings an id up may be fed before an earlier one that does, and more than once; but what a row
/// prepares must be fed before the row that decides it, or that one again after it.</remarks>
internal sealed class IdHistoryReader
{
    private readonly Dictionary<TransferId, Search> searches;
    private readonly Dictionary<TransferId, (TransactionBranch Part, long SequenceNr)> prepared = [];
    private readonly HashSet<(long SequenceNr, int Place)> taken = [];

    /// <summary>Starts a search.</summary>
    /// <param name="account">The account whose rows these are.</param>
    /// <param name="ids">The ids.</param>
    public IdHistoryReader(AccountAddress account, IEnumerable<TransferId> ids)
    {
        Account = account;
        searches = ids.Distinct().ToDictionary(static id => id, static _ => new Search());
    }

    /// <summary>The account whose rows these are.</summary>
    public AccountAddress Account { get; }

    /// <summary>What is prepared in the rows so far and not decided, with the rows that prepare it, in their
    /// order.</summary>
    public IReadOnlyList<IndexedId> Open() =>
        [.. prepared.Select(static one => new IndexedId(one.Key, one.Value.SequenceNr))
            .OrderBy(static one => one.SequenceNr)];

    /// <summary>Whether something about the ids is prepared in the rows so far, and not decided.</summary>
    public bool HasOpen => prepared.Count > 0;

    /// <summary>Whether an attempt is prepared in the rows so far, and not decided.</summary>
    /// <param name="key">The attempt.</param>
    public bool IsOpen(TransferId key) => prepared.ContainsKey(key);

    /// <summary>What was found about an id so far; null for nothing.</summary>
    /// <param name="id">The id.</param>
    public IdHistory? Found(TransferId id) => searches[id].Found();

    /// <summary>Whether other rows can't change the answer to a question, wherever they are.</summary>
    /// <param name="lookup">The question.</param>
    /// <remarks>An id that was not used up by a decision may have been decided again, so only what was done under it
    /// ends a search. Where memory names the row of a content, only the decision about that is what was asked for:
    /// others may come between, and the same row may hold an earlier refusal and the next attempt.</remarks>
    public bool IsOver(IdLookup lookup)
    {
        ArgumentNullException.ThrowIfNull(lookup);
        return !lookup.WithLater && Found(lookup.Id) is { Last: { } decided } found
            && (decided.Status == TransferStatus.Created
                || (lookup.SequenceNr > 0 && !IsOpenAbout(lookup.Id) && found.Records.Any(
                    record => record.SequenceNr == lookup.SequenceNr && record.Status != TransferStatus.None)));
    }

    /// <summary>Whether something about an id is prepared in the rows so far, and not decided.</summary>
    /// <param name="id">The id, of a transaction or a transfer.</param>
    public bool IsOpenAbout(TransferId id) =>
        prepared.Values.Any(one => one.Part.Id == id || one.Part.Legs.Any(leg => leg.Transfer?.Id == id));

    /// <summary>Folds one row.</summary>
    /// <param name="row">The row.</param>
    public void Add(EventBatch row)
    {
        ArgumentNullException.ThrowIfNull(row);
        for (var place = 0; place < row.Events.Count; place++)
        {
            Add(row.Events[place], row.SequenceNr, place);
        }
    }

    private void Add(AccountEvent happened, long sequenceNr, int place)
    {
        switch (happened)
        {
            case TransactionPrepared(var branch, _):
                if (See(branch) && taken.Add((sequenceNr, place)))
                {
                    prepared[branch.Key] = (branch, sequenceNr);
                }

                break;
            case TransactionCommitted committed when prepared.Remove(committed.Key, out var one):
                taken.Add((sequenceNr, place));
                Decide(
                    one.Part, TransferStatus.Created, -1, committed.CommitTime, null, one.SequenceNr,
                    (sequenceNr, place));
                break;
            case TransactionAborted aborted when prepared.Remove(aborted.Key, out var one):
                taken.Add((sequenceNr, place));
                Decide(
                    one.Part, aborted.Reason, aborted.Leg, aborted.At, aborted.Seen, one.SequenceNr,
                    (sequenceNr, place));
                break;
            case TransactionRejected rejected when See(rejected.Branch) && taken.Add((sequenceNr, place)):
                Decide(
                    rejected.Branch, rejected.Reason, rejected.Leg, rejected.At, rejected.Seen, sequenceNr,
                    (sequenceNr, place));
                break;
            case LastAgentCommitted closed when See(closed.Branch) && taken.Add((sequenceNr, place)):
                Decide(
                    closed.Branch, TransferStatus.Created, -1, closed.CommitTime, null, sequenceNr,
                    (sequenceNr, place));
                break;
            case LastAgentRefused refused when See(refused.Branch) && taken.Add((sequenceNr, place)):
                Decide(
                    refused.Branch, refused.Reason, refused.Leg, refused.At, refused.Seen, sequenceNr,
                    (sequenceNr, place));
                break;
            case AbortRecorded disowned when searches.TryGetValue(disowned.Key, out var search):
                search.Disowned = true;
                break;
            default:
                break;
        }
    }

    private bool See(TransactionBranch branch)
    {
        var any = searches.ContainsKey(branch.Id);
        any |= branch.Attempt > 0 && searches.ContainsKey(branch.Key);
        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer && leg.Concerns(Account))
            {
                any |= searches.ContainsKey(transfer.Id);
                any |= !transfer.HoldId.IsNil && searches.ContainsKey(transfer.HoldId);
                any |= !transfer.Reverses.IsNil && searches.ContainsKey(transfer.Reverses);
            }
        }

        return any;
    }

    private void Decide(
        TransactionBranch branch, TransferStatus status, int failedLeg, LedgerTime time, Balances? seen,
        long sequenceNr,
        (long SequenceNr, int Place) by)
    {
        var leavesIdFree = status == TransferStatus.AbortedByOperator && branch.Coordinator != Account;

        // An attempt that was abandoned says nothing of the id, only of the attempt.
        if (searches.TryGetValue(branch.Id, out var whole) && (status != TransferStatus.None || branch.Attempt == 0))
        {
            var leg = branch.Legs.FirstOrDefault(one => one.Transfer?.Id == branch.Id && one.Concerns(Account));
            whole.Add(by, new IdHistoryEntry(branch, leg, status, failedLeg, time, seen, sequenceNr)
            {
                LeavesIdFree = leavesIdFree,
            });
        }

        if (branch.Attempt > 0 && searches.TryGetValue(branch.Key, out var attempt))
        {
            attempt.Add(by, new IdHistoryEntry(branch, null, status, failedLeg, time, seen, sequenceNr)
            {
                LeavesIdFree = leavesIdFree,
            });
        }

        if (status != TransferStatus.Created)
        {
            if (AccountState.FailedLeg(branch, failedLeg, status, Account) is { } failed
                && searches.TryGetValue(failed.Transfer!.Id, out var over))
            {
                over.Add(by, new IdHistoryEntry(branch, failed, status, failedLeg, time, seen, sequenceNr));
            }

            return;
        }

        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is not { } transfer || !leg.Concerns(Account))
            {
                continue;
            }

            if (transfer.Id != branch.Id && searches.TryGetValue(transfer.Id, out var own))
            {
                own.Add(by, new IdHistoryEntry(branch, leg, status, -1, time, null, sequenceNr));
            }

            if (leg.IsHold && searches.TryGetValue(transfer.Id, out own))
            {
                own.Add(by, HoldState.Live);
            }

            if (transfer.ResolvesHold && searches.TryGetValue(transfer.HoldId, out var hold))
            {
                hold.Add(by, leg.HoldAfter);
            }

            if (!transfer.Reverses.IsNil && searches.TryGetValue(transfer.Reverses, out var original))
            {
                // Never more than the original; what says otherwise has no more left to take back.
                original.Reversed = original.Reversed.TryAdd(leg.Amount, out var sum) ? sum : Amount.MaxValue;
            }
        }
    }

    // What was said of one id, each with the place of the event that says it.
    private sealed class Search
    {
        private readonly List<((long SequenceNr, int Place) By, IdHistoryEntry Record)> records = [];
        private ((long SequenceNr, int Place) By, HoldState State) hold;
        private IdHistory? found;

        public bool Disowned { get; set; }

        public Amount Reversed { get; set; }

        public void Add((long SequenceNr, int Place) by, IdHistoryEntry record)
        {
            records.Add((by, record));
            found = null;
        }

        // The last word counts; of one event, that of its last leg.
        public void Add((long SequenceNr, int Place) by, HoldState state)
        {
            if (by.CompareTo(hold.By) >= 0)
            {
                hold = (by, state);
                found = null;
            }
        }

        public IdHistory? Found() => records.Count == 0 && !Disowned ? null
            : found is not null && found.Reversed == Reversed ? found
            : found = new IdHistory(
                [.. records.OrderBy(static one => one.By).Select(static one => one.Record)], hold.State, Reversed);
    }
}
