namespace Ledger.Core;

/// <summary>
/// The state of one account: a fold of its journal, and of nothing else (I8).
/// </summary>
/// <remarks>
/// Invariants that every event keeps, asserted after each:
/// I2 posted counters never fall; I3 the limits hold, reserved money included; I4 an id is decided once;
/// I7 a hold is resolved at most once, and never beyond its amount.
/// Not thread-safe: it belongs to one <see cref="AccountMachine"/>.
/// </remarks>
internal sealed class AccountState
{
    private const int ContentsMax = 16;

    private Dictionary<TransferId, InDoubtTransaction>? inDoubt;
    private Dictionary<TransferId, Hold>? holds;
    private SortedSet<(LedgerTime Deadline, TransferId Id)>? deadlines;

    // Holds that a transaction in doubt resolves (R11), with its key.
    private Dictionary<TransferId, TransferId>? lockedHolds;
    private int openingsOrClosingsInDoubt;

    // The holds that are live or being made, by the other account; and how many of them are being made.
    private Dictionary<AccountAddress, int>? holdsWith;
    private int holdsInDoubt;

    // What was in doubt before this incarnation began. Not a part of the state.
    private long inheritedUpTo;
    private int inheritedDoubts;

    // Nothing in doubt was prepared before.
    private LedgerTime oldestAtLeast;

    /// <summary>Makes the state of an account that has no journal yet.</summary>
    /// <param name="address">The account.</param>
    /// <param name="rememberedIdsMax">How many decided ids stay in memory.</param>
    /// <param name="rememberedAgeMax">For how long they stay.</param>
    public AccountState(AccountAddress address, int rememberedIdsMax, TimeSpan rememberedAgeMax)
    {
        Address = address;
        Idempotency = new IdempotencyWindow(rememberedIdsMax, rememberedAgeMax);
    }

    /// <summary>The account.</summary>
    public AccountAddress Address { get; }

    /// <summary>What it was opened with, with its limits as they are now; null while it does not exist.</summary>
    public AccountSpec? Spec { get; private set; }

    /// <summary>What it was opened with; null while it does not exist.</summary>
    public AccountSpec? OpenedWith { get; private set; }

    /// <summary>When it was opened.</summary>
    public LedgerTime OpenTime { get; private set; }

    /// <summary>Whether it is closed.</summary>
    public bool Closed => ClosedByChange || ClosedByHold;

    /// <summary>Whether a change of the account closed it, or it was opened closed.</summary>
    public bool ClosedByChange { get; private set; }

    /// <summary>Whether a hold closed it, whose void or expiry reopens it.</summary>
    public bool ClosedByHold { get; private set; }

    /// <summary>Why it was closed, where a change of the account closed it.</summary>
    public string ClosedReason { get; private set; } = "";

    /// <summary>Its freeze, which may have ended; null without one.</summary>
    public AccountFreeze? Freeze { get; private set; }

    /// <summary>The counters.</summary>
    public Balances Balances { get; private set; }

    /// <summary>What is in doubt, without regard to what would be taken off.</summary>
    public InDoubtLoad Load { get; private set; }

    /// <summary>How many statement entries there are.</summary>
    public ulong EntryCount { get; private set; }

    /// <summary>The time of the last event.</summary>
    public LedgerTime LastTime { get; private set; }

    /// <summary>How many transactions this account has ever prepared; numbers them.</summary>
    public long PreparedCount { get; private set; }

    /// <summary>The ids that are decided.</summary>
    public IdempotencyWindow Idempotency { get; }

    /// <summary>The newest entry of this account in the index of ids, or none.</summary>
    public IndexedId NewestIndexed { get; private set; }

    /// <summary>How many transactions are prepared and not decided.</summary>
    public int InDoubtCount => inDoubt?.Count ?? 0;

    /// <summary>How many holds are live.</summary>
    public int HoldCount => holds?.Count ?? 0;

    /// <summary>How many holds are live or being made.</summary>
    internal int HoldsReserved => HoldCount + holdsInDoubt;

    /// <summary>How many of them are with one other account.</summary>
    /// <param name="other">The other account.</param>
    internal int HoldsReservedWith(AccountAddress other) => holdsWith?.GetValueOrDefault(other) ?? 0;

    /// <summary>Whether the account's opening or closing is in doubt.</summary>
    public bool IsOpeningOrClosingInDoubt => openingsOrClosingsInDoubt > 0;

    /// <summary>When the next hold expires of which this is the debit account; <see cref="LedgerTime.MaxValue"/> for
    /// never.</summary>
    public LedgerTime NextDeadline => deadlines is { Count: > 0 } ? deadlines.Min.Deadline : LedgerTime.MaxValue;

    /// <summary>Counts what was decided: what waits for something in doubt looks again when it has changed. Not a part
    /// of the state.</summary>
    internal long LastDecision { get; private set; }

    /// <summary>Whether the journal is being read again. Not a part of the state.</summary>
    internal bool IsReplaying { get; set; }

    /// <summary>Remembers that all that is in doubt now is another incarnation's.</summary>
    internal void MarkInherited()
    {
        IsReplaying = false;
        inheritedUpTo = PreparedCount;
        inheritedDoubts = InDoubtCount;
    }

    /// <summary>Whether old doubt is left.</summary>
    /// <param name="oldUpTo">What was prepared then, or earlier, is old; and what a former incarnation
    /// prepared.</param>
    internal bool HasInheritedDoubt(LedgerTime oldUpTo)
    {
        foreach (var (_, doubt) in inDoubt ?? [])
        {
            if (doubt.Number <= inheritedUpTo || doubt.PreparedTime <= oldUpTo)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>By how much the room under each limit would grow, at most, if old doubt ended in its favour. Too much
    /// where a hold is both due and being resolved, and never too little.</summary>
    /// <param name="oldUpTo">What was prepared then, or earlier, is old; and what a former incarnation
    /// prepared.</param>
    /// <param name="dueBy">Holds that are due by then count too, since they are about to be released; null for
    /// none.</param>
    internal (Amount Debit, Amount Credit) FavourOf(LedgerTime oldUpTo, LedgerTime? dueBy)
    {
        var debit = UInt128.Zero;
        var credit = UInt128.Zero;
        if (HasInheritedDoubt(oldUpTo))
        {
            oldestAtLeast = LedgerTime.MaxValue;
            foreach (var doubt in inDoubt!.Values)
            {
                if (doubt.PreparedTime < oldestAtLeast)
                {
                    oldestAtLeast = doubt.PreparedTime;
                }

                if (doubt.Number > inheritedUpTo && doubt.PreparedTime > oldUpTo)
                {
                    continue;
                }

                // Released, its reserve is free; committed, it may bring more than it takes.
                CounterChanges.Add(ref debit, doubt.DebitReserve);
                CounterChanges.Add(ref credit, doubt.CreditReserve);
                var changes = doubt.ChangesOf(Address);
                Gain(ref debit, changes.CreditsPosted, changes.DebitsPosted, changes.DebitsPending);
                Gain(ref credit, changes.DebitsPosted, changes.CreditsPosted, changes.CreditsPending);
            }
        }

        if (dueBy is { } due)
        {
            foreach (var hold in DueHolds(due))
            {
                CounterChanges.Add(ref debit, hold.Remaining);
            }
        }

        return (new Amount(debit), new Amount(credit));
    }

    private static void Gain(ref UInt128 room, SignedAmount brought, SignedAmount taken, SignedAmount held)
    {
        var up = UInt128.Zero;
        var down = UInt128.Zero;
        CounterChanges.Add(ref brought.IsNegative ? ref down : ref up, brought.Magnitude);
        CounterChanges.Add(ref taken.IsNegative ? ref up : ref down, taken.Magnitude);
        CounterChanges.Add(ref held.IsNegative ? ref up : ref down, held.Magnitude);
        if (up > down)
        {
            CounterChanges.Add(ref room, new Amount(up - down));
        }
    }

    /// <summary>The live holds.</summary>
    public IEnumerable<Hold> Holds => holds?.Values ?? Enumerable.Empty<Hold>();

    /// <summary>Finds a transaction that is prepared and not decided.</summary>
    /// <param name="key">Its key.</param>
    public InDoubtTransaction? FindInDoubt(TransferId key) =>
        inDoubt is not null && inDoubt.TryGetValue(key, out var found) ? found : null;

    /// <summary>Finds a live hold.</summary>
    /// <param name="id">Its id.</param>
    public Hold? FindHold(TransferId id) => holds is not null && holds.TryGetValue(id, out var found) ? found : null;

    /// <summary>Whether a transaction in doubt resolves the hold.</summary>
    /// <param name="id">The hold.</param>
    public bool IsLocked(TransferId id) => lockedHolds is not null && lockedHolds.ContainsKey(id);

    /// <summary>The holds of this debit account that are due, in the order of their deadlines.</summary>
    /// <param name="now">The time.</param>
    public IEnumerable<Hold> DueHolds(LedgerTime now)
    {
        foreach (var (deadline, id) in deadlines ?? [])
        {
            if (deadline > now)
            {
                yield break;
            }

            yield return holds![id];
        }
    }

    /// <summary>The transactions that are prepared and not decided, in the order of their preparation.</summary>
    public IReadOnlyList<InDoubtTransaction> InDoubtInOrder()
    {
        if (inDoubt is null || inDoubt.Count == 0)
        {
            return [];
        }

        var sorted = new InDoubtTransaction[inDoubt.Count];
        inDoubt.Values.CopyTo(sorted, 0);
        Array.Sort(sorted, static (a, b) => a.Number.CompareTo(b.Number));
        return sorted;
    }

    /// <summary>Folds one event.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="sequenceNr">The journal row that holds it.</param>
    /// <exception cref="LedgerInvariantException">The event can't follow this state: the journal, or the code that
    /// decided, is wrong. The account must not go on.</exception>
    public void Evolve(AccountEvent happened, long sequenceNr)
    {
        List<TransferId>? indexed = null;
        Evolve(happened, sequenceNr, ref indexed);
    }

    /// <summary>Folds one event.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="sequenceNr">The journal row that holds it.</param>
    /// <param name="indexed">Takes the ids that its row is entered under; null for none so far.</param>
    /// <exception cref="LedgerInvariantException">See the other one.</exception>
    internal void Evolve(AccountEvent happened, long sequenceNr, ref List<TransferId>? indexed)
    {
        if (happened.At >= LastTime)
        {
            LastTime = happened.At;
        }
        else
        {
            // Who writes an operator's verdict may not have been able to read how far the account had come.
            Require(happened is LastAgentRefused { Verdict: not null }, "time never runs backwards on an account");
        }

        if (happened is not (TransactionCommitted or TransactionAborted))
        {
            Enter(happened, sequenceNr, 0, ref indexed);
        }

        switch (happened)
        {
            case AccountOpened opened:
                Open(opened.Spec, opened.At);
                break;

            case AccountChanged(var change, _):
                Change(change);
                break;

            case HoldExtended(var holdId, var deadline, _):
                var extended = FindHold(holdId);
                Require(
                    extended is not null && extended.Transfer.DebitAccount == Address, "only a live hold is extended");
                SetHold(extended! with { Deadline = deadline });
                break;

            case TransactionPrepared prepared:
                Prepare(prepared, sequenceNr);
                break;

            case TransactionCommitted committed:
                var done = RemoveInDoubt(committed.Key);
                Enter(committed, sequenceNr, done.SequenceNr, ref indexed);
                ApplyCommitted(done.Branch, committed.CommitTime, done.SequenceNr);
                break;

            case TransactionAborted aborted:
                var released = RemoveInDoubt(aborted.Key);
                Enter(aborted, sequenceNr, released.SequenceNr, ref indexed);
                RecordRejection(
                    released.Branch, aborted.Leg, aborted.Reason, aborted.Seen, aborted.At, released.SequenceNr);
                break;

            case TransactionRejected rejected:
                RecordRejection(rejected.Branch, rejected.Leg, rejected.Reason, rejected.Seen, rejected.At, sequenceNr);
                break;

            case LastAgentCommitted closed:
                ApplyCommitted(closed.Branch, closed.CommitTime, sequenceNr);
                break;

            case LastAgentRefused refused:
                // R20: only what was not decided can have a verdict. Who finds both in its journal must not go on.
                Require(
                    refused.Verdict is null || !HasCommitted(refused.Branch),
                    "R20: an operator's verdict aborts what the last agent has committed");
                RecordRejection(
                    refused.Branch, refused.Leg, refused.Reason, refused.Seen, refused.At, sequenceNr,
                    isLastAgent: true);
                break;

            case AbortRecorded disowned:
                Remember(
                    disowned.Key, new IdempotencyRecord(disowned.Digest, TransferStatus.None, disowned.At, sequenceNr));
                break;

            default:
                // A ledger that skips an event that it does not know has lost money.
                throw new LedgerInvariantException($"{Address}: unknown event {happened.GetType().Name}");
        }
    }

    internal void Restore(AccountSnapshot snapshot)
    {
        Spec = snapshot.Spec;
        OpenedWith = snapshot.OpenedWith;
        OpenTime = snapshot.OpenTime;
        ClosedByChange = snapshot.Closed;
        ClosedByHold = snapshot.ClosedByHold;
        ClosedReason = snapshot.ClosedReason;
        Freeze = snapshot.Freeze;
        Balances = snapshot.Balances;
        EntryCount = snapshot.EntryCount;
        LastTime = snapshot.LastTime;
        PreparedCount = snapshot.PreparedCount;
        NewestIndexed = snapshot.NewestIndexed;
        Idempotency.Restore(
            snapshot.Watermark, snapshot.HasForgottenNonTimeOrdered, snapshot.ForgottenUpTo, snapshot.Remembered.Count);
        foreach (var (id, at, what) in snapshot.RememberedEarly)
        {
            Require(Idempotency.TryAddEarly(id, what, at), "I4: an id is decided once");
        }

        foreach (var (id, at, what) in snapshot.Remembered)
        {
            Require(Idempotency.TryAdd(id, what, at), "I4: an id is decided once");
        }

        foreach (var hold in snapshot.Holds)
        {
            SetHold(hold);
        }

        foreach (var transaction in snapshot.InDoubt)
        {
            // Its reserve is in the counters already.
            Add(transaction);
        }

        CheckLimits();
    }

    private void Open(AccountSpec spec, LedgerTime at)
    {
        Require(Spec is null, "an account is opened once");
        Spec = OpenedWith = spec;
        OpenTime = at;
        ClosedByChange = spec.IsClosed;
    }

    private void Change(AccountChange change)
    {
        Require(Spec is not null, "only an account that exists is changed");
        switch (change)
        {
            case FreezeAccount freeze:
                Freeze = freeze.Freeze;
                break;
            case UnfreezeAccount:
                Freeze = null;
                break;
            case CloseAccount close:
                ClosedByChange = true;
                ClosedReason = close.Reason;
                break;
            case ReopenAccount:
                ClosedByChange = ClosedByHold = false;
                ClosedReason = "";
                break;
            case SetAccountLimits limits:
                Spec = Spec! with
                {
                    DebitsMustNotExceedCredits = limits.DebitsMustNotExceedCredits,
                    CreditsMustNotExceedDebits = limits.CreditsMustNotExceedDebits,
                };
                CheckLimits();
                break;
            default:
                throw new LedgerInvariantException($"{Address}: unknown change {change.GetType().Name}");
        }
    }

    // ---------------------------------------------------------------- transactions

    private void Prepare(TransactionPrepared prepared, long sequenceNr)
    {
        var branch = prepared.Branch;
        PreparedCount++;
        var transaction = new InDoubtTransaction(branch, sequenceNr, PreparedCount, prepared.At);
        Require(Idempotency.Find(branch.Key) is null, "I4: an id is prepared once");
        Add(transaction);

        if (branch.IsPlain && branch.Legs[0].Transfer!.DebitAccount == Address)
        {
            Reserve(transaction, branch.Legs[0].Amount, Amount.Zero);
            return;
        }

        // What the legs do to this account, gone through as the decision went through them.
        var copy = new AccountWorkingCopy(this, ContextOfLive(branch));
        foreach (var leg in branch.Legs)
        {
            if (leg.Concerns(Address))
            {
                copy.Apply(leg);
            }
        }

        Reserve(transaction, copy.DebitReserve, copy.CreditReserve);
    }

    private void Reserve(InDoubtTransaction transaction, Amount debit, Amount credit)
    {
        transaction.Reserve(debit, credit);
        Balances = Balances with
        {
            DebitsInDoubt = Balances.DebitsInDoubt + debit,
            CreditsInDoubt = Balances.CreditsInDoubt + credit,
        };
        CheckLimits();
    }

    private Func<int, LegContext> ContextOfLive(TransactionBranch branch) => index =>
    {
        if (branch.FindLeg(index) is not { Transfer: { ResolvesHold: true } transfer })
        {
            return new LegContext(index);
        }

        var hold = FindHold(transfer.HoldId);
        return new LegContext(index)
        {
            Pending = hold?.Transfer, Remaining = hold?.Remaining ?? Amount.Zero, Deadline = hold?.Deadline ?? default,
        };
    };

    private void Add(InDoubtTransaction transaction)
    {
        var branch = transaction.Branch;
        Require((inDoubt ??= []).TryAdd(branch.Key, transaction), "I4: an id is prepared once");
        if (inDoubt.Count == 1 || transaction.PreparedTime < oldestAtLeast)
        {
            oldestAtLeast = transaction.PreparedTime;
        }

        foreach (var leg in branch.Legs)
        {
            if (!leg.Concerns(Address))
            {
                continue;
            }

            if (leg.Transfer is { } transfer)
            {
                if (transfer.ResolvesHold && FindHold(transfer.HoldId) is not null)
                {
                    // Several parts of one hold may be in one transaction.
                    Require(
                        (lockedHolds ??= []).TryAdd(transfer.HoldId, branch.Key)
                        || lockedHolds[transfer.HoldId] == branch.Key,
                        "I7: one transaction at a time resolves a hold");
                }

                if (leg.IsHold || leg.IsPosting)
                {
                    Load = transfer.DebitAccount == Address
                        ? Load.AddDebit(leg.Amount)
                        : Load.AddCredit(leg.Amount);
                }

                if (leg.IsHold)
                {
                    holdsInDoubt++;
                    CountHold(transfer, 1);
                }
            }

            openingsOrClosingsInDoubt += OpensOrCloses(leg) ? 1 : 0;
        }
    }

    private InDoubtTransaction RemoveInDoubt(TransferId key)
    {
        if (inDoubt is null || !inDoubt.Remove(key, out var found))
        {
            throw new LedgerInvariantException($"{Address}: {key} is decided without having been prepared");
        }

        LastDecision++;
        inheritedDoubts -= found.Number <= inheritedUpTo ? 1 : 0;
        Balances = Balances with
        {
            DebitsInDoubt = Balances.DebitsInDoubt - found.DebitReserve,
            CreditsInDoubt = Balances.CreditsInDoubt - found.CreditReserve,
        };
        foreach (var leg in found.Branch.Legs)
        {
            if (!leg.Concerns(Address))
            {
                continue;
            }

            if (leg.Transfer is { } transfer)
            {
                if (transfer.ResolvesHold)
                {
                    lockedHolds?.Remove(transfer.HoldId);
                }

                if (leg.IsHold || leg.IsPosting)
                {
                    Load = transfer.DebitAccount == Address
                        ? Load.TakeDebit(leg.Amount)
                        : Load.TakeCredit(leg.Amount);
                }

                if (leg.IsHold)
                {
                    holdsInDoubt--;
                    CountHold(transfer, -1);
                }
            }

            openingsOrClosingsInDoubt -= OpensOrCloses(leg) ? 1 : 0;
        }

        return found;
    }

    // A void of a closing hold reopens, so it is in doubt as well.
    private bool OpensOrCloses(ResolvedLeg leg)
    {
        if (leg.Opening is not null)
        {
            // That of an account that is there already opens nothing.
            return Spec is null;
        }

        if (leg.Transfer!.ReleasesHold)
        {
            return FindHold(leg.Transfer.HoldId) is { } hold && ClosesThis(hold.Transfer);
        }

        return ClosesThis(leg.Transfer);
    }

    private bool ClosesThis(Transfer hold) => hold.Closes(hold.DebitAccount == Address);

    private void ApplyCommitted(TransactionBranch branch, LedgerTime time, long sequenceNr)
    {
        var details = branch.Asked == branch.Digest ? null : new IdempotencyDetails { Asked = branch.Asked };
        if (!branch.IsAlone || branch.Legs[0].Amount != branch.Legs[0].Transfer!.Amount
            || branch.Legs[0].Transfer!.IsBalancing
            || branch.Legs[0].Transfer!.ResolvesHold)
        {
            details = (details ?? IdempotencyDetails.None) with { NeedsContent = true };
        }

        foreach (var leg in branch.Legs)
        {
            if (leg.Concerns(Address))
            {
                ApplyCommitted(branch, leg, time, sequenceNr);
            }
        }

        // The ids: of the transaction, of its attempt, and of every transfer in it.
        // Elsewhere than at the coordinator a later attempt is known by its key: the transaction's own id may be
        // another's here.
        if (branch.Attempt == 0 || branch.Coordinator == Address
            || branch.Legs.Any(
                leg => leg.Transfer is { } transfer && transfer.Id == branch.Id && leg.Concerns(Address)))
        {
            Remember(
                branch.Id,
                new IdempotencyRecord(
                    branch.Digest, TransferStatus.Created, time, sequenceNr, WithHold(branch, details)));
        }

        if (branch.Attempt > 0)
        {
            Remember(
                branch.Key, new IdempotencyRecord(branch.Digest, TransferStatus.Created, time, sequenceNr, details));
        }

        foreach (var leg in branch.Legs)
        {
            if (leg.Transfer is { } transfer && transfer.Id != branch.Id && leg.Concerns(Address))
            {
                // Asked for by itself it is the same transfer. An attempt at it by itself is another one, and may have
                // been refused.
                Remember(transfer.Id, new IdempotencyRecord(
                    branch.Digest, TransferStatus.Created, time, sequenceNr,
                    new IdempotencyDetails
                    {
                        Asked = TransferContent.DigestOf(transfer),
                        NeedsContent = true, Hold = HoldStateOf(branch, leg),
                    }));
            }
        }

        CheckLimits();
    }

    // A transfer that opens its accounts shares its id with the transaction of it and the openings.
    private IdempotencyDetails? WithHold(TransactionBranch branch, IdempotencyDetails? details)
    {
        foreach (var leg in branch.Legs)
        {
            if (leg.IsHold && leg.Transfer!.Id == branch.Id)
            {
                return (details ?? IdempotencyDetails.None) with { Hold = HoldStateOf(branch, leg) };
            }
        }

        return details;
    }

    // A hold may be made and resolved by one transaction.
    private HoldState HoldStateOf(TransactionBranch branch, ResolvedLeg leg) => !leg.IsHold ? HoldState.None
        : FindHold(leg.Transfer!.Id) is not null ? HoldState.Live
        : branch.Legs.Last(later =>
            later.Transfer is { ResolvesHold: true } end && end.HoldId == leg.Transfer.Id).HoldAfter;

    private void ApplyCommitted(TransactionBranch branch, ResolvedLeg leg, LedgerTime time, long sequenceNr)
    {
        if (leg.Opening is { } opening)
        {
            if (Spec is null)
            {
                Open(opening, LastTime);
            }

            return;
        }

        Require(Spec is not null, "only an account that exists takes part");
        var transfer = leg.Transfer!;
        var isDebit = transfer.DebitAccount == Address;
        var posted = leg.IsPosting ? leg.Amount : Amount.Zero;
        var held = leg.IsHold ? leg.Amount : Amount.Zero;
        var released = Amount.Zero;
        if (transfer.ResolvesHold)
        {
            var hold = FindHold(transfer.HoldId);
            Require(hold is not null && hold.Remaining == leg.HoldRemaining, "I7: a hold is resolved at most once");
            released = leg.Released;
            Require(leg.Amount <= hold!.Remaining, "I7: no more is posted than was held");
            if (leg.HoldAfter == HoldState.Live)
            {
                SetHold(hold with { Remaining = hold.Remaining - released });
            }
            else
            {
                holds!.Remove(transfer.HoldId);
                CountHold(hold.Transfer, -1);
                deadlines?.Remove((hold.Deadline, transfer.HoldId));
                Idempotency.EndHold(transfer.HoldId, leg.HoldAfter);
                if (leg.HoldAfter is HoldState.Voided or HoldState.Expired && ClosesThis(hold.Transfer))
                {
                    ClosedByHold = false;
                }
            }
        }

        if (leg.IsHold)
        {
            SetHold(new Hold(transfer.WithoutText(), leg.Amount, leg.Deadline, sequenceNr, time, branch.Id)
            {
                Amount = leg.Amount,
                HasReference = transfer.Reference.Length > 0,
                HasMetadata = !transfer.Metadata.Pairs.IsEmpty,
                Principal = branch.Principal,
            });
            ClosedByHold |= ClosesThis(transfer);
        }

        Balances = isDebit
            ? Balances with
            {
                DebitsPending = Balances.DebitsPending - released + held,
                DebitsPosted = Balances.DebitsPosted + posted,
            }
            : Balances with
            {
                CreditsPending = Balances.CreditsPending - released + held,
                CreditsPosted = Balances.CreditsPosted + posted,
            };
        EntryCount += leg.IsPosting ? 1UL : 0;
    }

    private void CountHold(Transfer hold, int more)
    {
        var other = hold.DebitAccount == Address ? hold.CreditAccount : hold.DebitAccount;
        ref var count = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(
            holdsWith ??= [], other, out _);
        count += more;
        if (count == 0)
        {
            holdsWith.Remove(other);
        }
    }

    private void SetHold(Hold hold)
    {
        var id = hold.Transfer.Id;
        if (FindHold(id) is { } before)
        {
            deadlines?.Remove((before.Deadline, id));
        }
        else
        {
            CountHold(hold.Transfer, 1);
        }

        (holds ??= [])[id] = hold;
        if (hold.Deadline < LedgerTime.MaxValue && hold.Transfer.DebitAccount == Address)
        {
            (deadlines ??= []).Add((hold.Deadline, id));
        }
    }

    private void RecordRejection(
        TransactionBranch branch, int leg, TransferStatus reason, Balances? seen, LedgerTime at, long sequenceNr,
        bool isLastAgent = false)
    {
        // Whether a refusal of several votes rejects the transaction, or only this attempt, is the coordinator's to
        // say. So is what an operator aborts: the id may be in hand here for another transaction, whose coordinator
        // this is.
        var consumes = ConsumesId(branch, reason)
            && (!isLastAgent || (branch.IsAlone && reason != TransferStatus.AbortedByOperator));
        var details = new IdempotencyDetails
        {
            Asked = branch.Asked == branch.Digest ? null : branch.Asked,
            IsIdConsumed = branch.Attempt == 0
            && ((reason != TransferStatus.None && consumes) || IsExhausted(branch.Key)),
            FailedLeg = leg,
            Seen = seen,
            NeedsContent = !branch.IsAlone,
        };
        Remember(branch.Key, new IdempotencyRecord(branch.Digest, reason, at, sequenceNr, details));
        // A last agent knows attempts; its refusal may even be for a transfer of that very id.
        if (branch.Attempt > 0 && reason != TransferStatus.None && !isLastAgent)
        {
            Remember(branch.Id, new IdempotencyRecord(
                branch.Digest, reason, at, sequenceNr, details with { IsIdConsumed = consumes }));
        }

        // The leg that failed is over as well, and its id with it: no other request makes it happen. Of legs that are
        // not this account's, it knows no id.
        if (!isLastAgent && FailedLeg(branch, leg, reason, Address) is { Transfer.Id: var id }
            && Idempotency.Find(id) is not { IsFinal: true })
        {
            Remember(id, new IdempotencyRecord(branch.Digest, reason, at, sequenceNr, new IdempotencyDetails
            {
                Asked = branch.Asked == branch.Digest
                    ? null
                    : branch.Asked, IsIdConsumed = true, FailedLeg = leg, Seen = seen,
            }));
        }
    }

    /// <summary>The leg for which a transaction of several was rejected, where that uses up the leg's own id on the
    /// coordinator's account; else null.</summary>
    /// <param name="branch">What was rejected.</param>
    /// <param name="leg">The place of the leg that failed.</param>
    /// <param name="reason">Why.</param>
    /// <param name="account">The coordinator.</param>
    internal static ResolvedLeg? FailedLeg(
        TransactionBranch branch, int leg, TransferStatus reason, AccountAddress account) =>
        branch.Coordinator == account && leg >= 0 && leg < branch.Legs.Length
        && branch.Legs[leg] is { Transfer: { } transfer } failed
        && transfer.Id != branch.Id && failed.Index == leg && failed.Concerns(account)
        && IdempotencyDetails.ConsumesId(reason)
            ? failed
            : null;

    /// <summary>Whether a rejection uses an id up, so that nothing else is ever done under it.</summary>
    /// <param name="branch">What was rejected.</param>
    /// <param name="reason">Why.</param>
    /// <remarks>The end of a hold is tried again until it can be, and always under the same id.</remarks>
    internal static bool ConsumesId(TransactionBranch branch, TransferStatus reason) => !branch.IsAlone
        || (IdempotencyDetails.ConsumesId(reason)
            && branch.Legs[0].Transfer!.Kind != TransferKind.ExpireHold);

    private bool HasCommitted(TransactionBranch branch) =>
        Idempotency.Find(branch.Key) is { Status: TransferStatus.Created } known && known.Digest == branch.Digest;

    // Memory is bounded, also against somebody who tries one id with ever other content.
    private bool IsExhausted(TransferId id)
    {
        var length = 0;
        for (var known = Idempotency.Find(id); known is not null; known = known.Earlier)
        {
            length++;
        }

        return length >= ContentsMax;
    }

    // In which rows an id's own time does not lead to it (R22).
    private void Enter(AccountEvent happened, long sequenceNr, long preparedBy, ref List<TransferId>? indexed)
    {
        var before = indexed?.Count ?? 0;
        IdIndex.Collect(happened, Address, sequenceNr, preparedBy, ref indexed);
        if (indexed?.Count > before)
        {
            NewestIndexed = new IndexedId(indexed[^1], sequenceNr);
        }
    }

    // A refusal may have been decided over an id that was used up, when memory had forgotten that: another attempt's,
    // of other content. Where more is remembered now than was then, its replay finds the id, which stays what it is.
    private void Remember(TransferId id, IdempotencyRecord what)
    {
        Require(
            Idempotency.TryAdd(id, what, LastTime) || (IsReplaying && what.Status != TransferStatus.Created),
            "I4: an id is decided once");
    }

    // I3. The deciders refuse whatever would break a limit; this asserts that they did, on replay too.
    private void CheckLimits()
    {
        if (Spec?.DebitsMustNotExceedCredits is { } debitAllowance)
        {
            Require(
                AccountDecider.Within(
                    Balances.DebitsPosted, Balances.DebitsPending, Balances.DebitsInDoubt, Amount.Zero,
                    Balances.CreditsPosted, debitAllowance),
                "I3: debits exceed credits");
        }

        if (Spec?.CreditsMustNotExceedDebits is { } creditAllowance)
        {
            Require(
                AccountDecider.Within(
                    Balances.CreditsPosted, Balances.CreditsPending, Balances.CreditsInDoubt, Amount.Zero,
                    Balances.DebitsPosted, creditAllowance),
                "I3: credits exceed debits");
        }
    }

    private void Require(bool holds, string invariant)
    {
        if (!holds)
        {
            throw new LedgerInvariantException($"{Address}: {invariant}");
        }
    }
}
