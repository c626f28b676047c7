namespace Ledger.Core;

/// <summary>One decision about an id, with its content. Immutable.</summary>
/// <param name="Part">What was decided.</param>
/// <param name="Leg">The leg that has the id; null when it is the transaction's or its attempt's.</param>
/// <param name="Status"><see cref="TransferStatus.Created"/>, the reason of a rejection, or <see cref="TransferStatus.None"/> for
/// an attempt that was abandoned.</param>
/// <param name="FailedLeg">For a rejection: the place of the leg that failed.</param>
/// <param name="Time">When it was decided.</param>
/// <param name="Seen">For a rejection, the balances that were seen.</param>
/// <param name="SequenceNr">The row that holds the content.</param>
public sealed record IdRecord(
    TransactionPart Part, PartLeg? Leg, TransferStatus Status, int FailedLeg, LedgerTime Time, Balances? Seen,
    long SequenceNr)
{
    /// <summary>Whether the id is used up by it, so that nothing else is ever done under it.</summary>
    internal bool IsFinal =>
        Status == TransferStatus.Created || (Status != TransferStatus.None && AccountState.Burns(Part, Status));
}

/// <summary>What the journal holds about an id. Immutable.</summary>
/// <param name="Records">The decisions about it, oldest first; empty when there is only a record of ignorance (R2).</param>
/// <param name="Hold">For a hold: what has become of it.</param>
/// <param name="Reversed">How much of it has been taken back.</param>
public sealed record IdFound(IReadOnlyList<IdRecord> Records, HoldState Hold, Amount Reversed)
{
    /// <summary>The decision that counts: what was done, else the last rejection, else the last attempt that was
    /// abandoned.</summary>
    public IdRecord? Last
    {
        get
        {
            IdRecord? last = null;
            foreach (var record in Records)
            {
                if (last is null || record.Status == TransferStatus.Created
                    || (last.Status != TransferStatus.Created && (record.Status != TransferStatus.None || last.Status == TransferStatus.None)))
                {
                    last = record;
                }
            }

            return last;
        }
    }
}

/// <summary>Folds journal rows of one account into what they say about ids. Feed it rows in order.</summary>
public sealed class IdSearches
{
    private readonly Dictionary<TransferId, Search> searches;
    private readonly Dictionary<TransferId, (TransactionPart Part, long SequenceNr)> prepared = [];

    /// <summary>Starts a search.</summary>
    /// <param name="account">The account whose rows these are.</param>
    /// <param name="ids">The ids.</param>
    public IdSearches(AccountAddress account, IEnumerable<TransferId> ids)
    {
        Account = account;
        searches = ids.Distinct().ToDictionary(static id => id, static _ => new Search());
    }

    /// <summary>The account whose rows these are.</summary>
    public AccountAddress Account { get; }

    /// <summary>Whether something about the ids is prepared in the rows so far, and not decided.</summary>
    public bool HasOpen => prepared.Count > 0;

    /// <summary>What was found about an id so far; null for nothing.</summary>
    /// <param name="id">The id.</param>
    public IdFound? Found(TransferId id) => searches[id].Found;

    /// <summary>Whether later rows can't change the answer to a question.</summary>
    /// <param name="lookup">The question.</param>
    /// <param name="reached">When the last row so far began.</param>
    /// <remarks>An id that was not used up by a decision may have been decided again, so only the end of its time ends a search.
    /// Where memory names the row of a content, only the decision about that is what was asked for: others may come between, and
    /// the same row may hold an earlier refusal and the next attempt.</remarks>
    public bool IsOver(IdLookup lookup, LedgerTime reached)
    {
        ArgumentNullException.ThrowIfNull(lookup);
        if (lookup.ToEnd)
        {
            return false;
        }

        return Found(lookup.Id) is { Last: { } decided } found
            ? decided.Status == TransferStatus.Created
                || (lookup.SequenceNr > 0 && !IsOpen(lookup.Id) && found.Records.Any(
                    record => record.SequenceNr == lookup.SequenceNr && record.Status != TransferStatus.None))
            : !searches[lookup.Id].Seen && reached > lookup.NotAfter;
    }

    private bool IsOpen(TransferId id) =>
        prepared.Values.Any(one => one.Part.Id == id || one.Part.Legs.Any(leg => leg.Transfer?.Id == id));

    /// <summary>Folds one event.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="sequenceNr">Its row.</param>
    public void Add(AccountEvent happened, long sequenceNr)
    {
        switch (happened)
        {
            case TransactionPrepared(var part, _):
                if (See(part))
                {
                    prepared[part.Key] = (part, sequenceNr);
                }

                break;
            case TransactionCommitted committed when prepared.Remove(committed.Key, out var one):
                Decide(one.Part, TransferStatus.Created, -1, committed.CommitTime, null, one.SequenceNr);
                break;
            case TransactionAborted aborted when prepared.Remove(aborted.Key, out var one):
                Decide(one.Part, aborted.Reason, aborted.Leg, aborted.At, aborted.Seen, one.SequenceNr);
                break;
            case TransactionRejected rejected when See(rejected.Part):
                Decide(rejected.Part, rejected.Reason, rejected.Leg, rejected.At, rejected.Seen, sequenceNr);
                break;
            case CloserCommitted closed when See(closed.Part):
                Decide(closed.Part, TransferStatus.Created, -1, closed.CommitTime, null, sequenceNr);
                break;
            case CloserRefused refused when See(refused.Part):
                Decide(refused.Part, refused.Reason, refused.Leg, refused.At, refused.Seen, sequenceNr);
                break;
            case TransactionDisowned disowned when searches.TryGetValue(disowned.Key, out var search):
                search.Seen = true;
                search.Disowned = true;
                break;
            default:
                break;
        }
    }

    /// <summary>Gathers the ids without an order of time that an event brings up. A search for one of them that is given the events
    /// which bring it up, and those that decide what it finds prepared, misses none that counts.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="account">The account whose event it is.</param>
    /// <param name="ids">Those found so far; null for none.</param>
    public static void AddUnordered(AccountEvent happened, AccountAddress account, ref HashSet<TransferId>? ids)
    {
        if (happened is TransactionDisowned disowned)
        {
            Take(disowned.Key, ref ids);
        }

        if (PartOf(happened) is not { } part)
        {
            return;
        }

        Take(part.Id, ref ids);
        Take(part.Key, ref ids);
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer && leg.Concerns(account))
            {
                Take(transfer.Id, ref ids);
                Take(transfer.PendingId, ref ids);
                Take(transfer.Reverses, ref ids);
            }
        }

        static void Take(TransferId id, ref HashSet<TransferId>? ids)
        {
            if (!id.IsTimeOrdered && !id.IsNil)
            {
                (ids ??= []).Add(id);
            }
        }
    }

    private bool See(TransactionPart part)
    {
        var any = See(part.Id);
        any |= part.Attempt > 0 && See(part.Key);
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer && leg.Concerns(Account))
            {
                any |= See(transfer.Id);
                any |= !transfer.PendingId.IsNil && searches.ContainsKey(transfer.PendingId);
                any |= !transfer.Reverses.IsNil && searches.ContainsKey(transfer.Reverses);
            }
        }

        return any;
    }

    private bool See(TransferId id)
    {
        if (!searches.TryGetValue(id, out var search))
        {
            return false;
        }

        search.Seen = true;
        return true;
    }

    private static TransactionPart? PartOf(AccountEvent happened) => happened switch
    {
        TransactionPrepared prepared => prepared.Part,
        TransactionRejected rejected => rejected.Part,
        CloserCommitted closed => closed.Part,
        CloserRefused refused => refused.Part,
        _ => null,
    };

    private void Decide(
        TransactionPart part, TransferStatus status, int failedLeg, LedgerTime time, Balances? seen, long sequenceNr)
    {
        // An attempt that was abandoned says nothing of the id, only of the attempt.
        if (searches.TryGetValue(part.Id, out var whole) && (status != TransferStatus.None || part.Attempt == 0))
        {
            var leg = part.Legs.FirstOrDefault(one => one.Transfer?.Id == part.Id && one.Concerns(Account));
            whole.Records.Add(new IdRecord(part, leg, status, failedLeg, time, seen, sequenceNr));
        }

        if (part.Attempt > 0 && searches.TryGetValue(part.Key, out var attempt))
        {
            attempt.Records.Add(new IdRecord(part, null, status, failedLeg, time, seen, sequenceNr));
        }

        if (status != TransferStatus.Created)
        {
            if (AccountState.FailedLeg(part, failedLeg, status, Account) is { } failed
                && searches.TryGetValue(failed.Transfer!.Id, out var over))
            {
                over.Records.Add(new IdRecord(part, failed, status, failedLeg, time, seen, sequenceNr));
            }

            return;
        }

        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is not { } transfer || !leg.Concerns(Account))
            {
                continue;
            }

            if (transfer.Id != part.Id && searches.TryGetValue(transfer.Id, out var own))
            {
                own.Records.Add(new IdRecord(part, leg, status, -1, time, null, sequenceNr));
            }

            if (leg.IsHold && searches.TryGetValue(transfer.Id, out own))
            {
                own.Hold = HoldState.Live;
            }

            if (transfer.ResolvesHold && searches.TryGetValue(transfer.PendingId, out var hold))
            {
                hold.Hold = leg.HoldAfter;
            }

            if (!transfer.Reverses.IsNil && searches.TryGetValue(transfer.Reverses, out var original))
            {
                // Never more than the original; what says otherwise has no more left to take back.
                original.Reversed = original.Reversed.TryAdd(leg.Amount, out var sum) ? sum : Amount.MaxValue;
            }
        }
    }

    private sealed class Search
    {
        public List<IdRecord> Records { get; } = [];

        public bool Seen { get; set; }

        public bool Disowned { get; set; }

        public HoldState Hold { get; set; }

        public Amount Reversed { get; set; }

        public IdFound? Found => Records.Count > 0 || Disowned ? new IdFound([.. Records], Hold, Reversed) : null;
    }
}
