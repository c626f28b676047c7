using System.Collections.Immutable;

namespace Ledger.Core;

/// <summary>What an account needs of the world. The actor shell is one, the simulator another.</summary>
public interface IAccountShell
{
    /// <summary>Answers a call.</summary>
    /// <param name="caller">Who waits.</param>
    /// <param name="answer">The answer.</param>
    void Reply(Caller caller, AccountAnswerBase answer);

    /// <summary>Sends a message to another account; it may be lost, doubled or late.</summary>
    /// <param name="account">The account.</param>
    /// <param name="message">The message.</param>
    void Send(AccountAddress account, AccountMessage message);

    /// <summary>Writes a row, to be answered by <see cref="AccountRuntime.WriteSucceeded"/> or
    /// <see cref="AccountRuntime.Fail"/>. One at a time.</summary>
    /// <param name="batch">The row.</param>
    void Write(EventBatch batch);

    /// <summary>Asks the journal about an id, to be answered by <see cref="AccountRuntime.LookupCompleted"/> or
    /// <see cref="AccountRuntime.LookupFailed"/>.</summary>
    /// <param name="lookup">The question.</param>
    void Lookup(IdLookup lookup);

    /// <summary>Asks for a <see cref="AccountRuntime.Tick"/> at a time or later.</summary>
    /// <param name="time">When.</param>
    void WakeAt(LedgerTime time);
}

/// <summary>The settings of an <see cref="AccountRuntime"/>.</summary>
public sealed record AccountRuntimeOptions
{
    /// <summary>How many decided ids stay in memory.</summary>
    public int RememberedIdsMax { get; init; } = 4096;

    /// <summary>How long they stay at most.</summary>
    public TimeSpan RememberedAgeMax { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How many events a row holds at most.</summary>
    public int BatchEventsMax { get; init; } = 1000;

    /// <summary>How many calls are worked on at once.</summary>
    public int CallsMax { get; init; } = 10_000;

    /// <summary>How many rows lie between two snapshots.</summary>
    public int SnapshotEvery { get; init; } = 250;

    /// <summary>How long a commit's record at the anchor may wait for a row to share.</summary>
    public TimeSpan CommitRecordDelay { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>The first pause before a message to the other account is sent again; it doubles each time.</summary>
    public TimeSpan ResendAfter { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>The longest such pause.</summary>
    public TimeSpan ResendAfterMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The first pause before a transaction that met something in doubt is decided again; it doubles each time.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The longest such pause.</summary>
    public TimeSpan RetryAfterMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a rejection waits at most for the participants to have released what they had reserved.</summary>
    public TimeSpan ReleaseWait { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How many holds of one account are expiring at once.</summary>
    public int ExpiriesMax { get; init; } = 1000;

    /// <summary>Tests: whether balances may be set.</summary>
    internal bool AllowSeeding { get; init; }
}

internal readonly record struct Outgoing(
    Caller Caller, AccountAnswerBase? Answer, AccountAddress To, AccountMessage? Message, IdLookup? Lookup = null);

/// <summary>
/// One account, as a state machine: the protocol, group commit and the order in which things may leave. The same code
/// runs under the actor and under the simulator.
/// </summary>
/// <remarks>
/// A transaction has an anchor, the debit account of its first transfer, which the client's call comes to; a closer, the last
/// other account; and participants, all between. A transfer alone has no participants.
/// <code>
///   anchor:   (asked) --id or hold not in memory--> looking up --> (asked)
///             (asked) --depends on something in doubt--> waiting --> (asked)
///             (asked) --amounts depend on others, or a refusal that they may outrank--> on trial --quotes--> (asked)
///             (asked) --a leg fails--> rejected                       [TransactionRejected]
///             (asked) --all legs can be--> voting                     [TransactionPrepared]   without participants: closing
///             voting  --every participant has voted yes--> closing;  --one has not--> cancelling
///             closing, cancelling --CloseAnswer, committed--> telling --acknowledged by all--> done  [TransactionCommitted, lazy]
///             closing, cancelling --CloseAnswer, refused--> releasing [TransactionAborted] --acknowledged--> rejected
///             ... refused because something was in doubt --> (asked), under a new attempt
///   others:   (unknown) --PrepareRequest--> reserved [TransactionPrepared] --Outcome--> [TransactionCommitted|TransactionAborted]
///   closer:   (unknown) --CloseRequest--> committed [CloserCommitted]: this write is the commit
///             (unknown) --CloseRequest, can't be, or cancel--> refused [CloserRefused]
///             known     --CloseRequest, same attempt--> the same answer, for ever
/// </code>
/// Rules kept here, by number:
/// R1 only a CloseAnswer, which leaves the closer when its row is durable (R8), ends what is prepared. R2
/// <see cref="DecideOutcome"/>. R3 recovery asks the closer again. R4, R6 <see cref="Route"/> asks memory, then the journal,
/// once at a time, and copies join. R5 what is prepared is never evicted, and asked about with backoff for ever. R7 digests.
/// R8 <see cref="Hold(in Outgoing)"/>. R10 <see cref="readers"/>, and <see cref="AccountState.HasOldDoubt"/> for refusals.
/// R11 the hold's id is claimed. R12 <see cref="CheckDue"/>. R13 <see cref="AccountSheet"/>. R14 the trial resolves every amount
/// before anything is journaled, and everybody verifies it. R15 <see cref="Worst"/> and the trial. R16 unknown is the caller's,
/// who sends the same id again.
/// Who waits holds nothing: a client's call waits for what is in doubt before it has journaled anything, and a request of
/// another account is answered "in doubt" at once, whereupon its anchor gives the attempt up. So nothing deadlocks.
/// Not thread-safe.
/// </remarks>
public sealed class AccountRuntime
{
    private const int QuotesExactMax = 5;

    private readonly IAccountShell shell;
    private readonly AccountRuntimeOptions options;
    private readonly AccountState state;
    private readonly AccountSheet sheet = new();

    // Who is deciding about an id: of a transaction, of a transfer, of a hold that is resolved or a transfer that is taken back.
    // Null until needed: most accounts are idle.
    private Dictionary<TransferId, Work>? claims;

    // Attempts that are prepared here, by their key.
    private Dictionary<TransferId, Work>? attempts;

    // Calls that wait for what was prepared before they came (R10), in order of arrival.
    private Queue<(long Barrier, AccountCall Call)>? readers;

    // Prepared transactions in order; those that are decided are taken off when they reach the head.
    private Queue<(long Number, TransferId Key)>? prepared;

    private Queue<EventBatch>? full;
    private EventBatch? open;
    private EventBatch? writing;
    private LedgerTime lazySince;
    private LedgerTime armedFor = LedgerTime.MaxValue;
    private LedgerTime lastNow;
    private long assignedSequenceNr;
    private long snapshotSequenceNr;
    private long round;
    private int waiting;
    private int expiring;
    private int calls;
    private long eventsSinceSnapshot;
    private bool failed;

    /// <summary>Makes an account that has not recovered yet.</summary>
    /// <param name="address">The account.</param>
    /// <param name="options">The settings.</param>
    /// <param name="shell">The world.</param>
    public AccountRuntime(AccountAddress address, AccountRuntimeOptions options, IAccountShell shell)
    {
        this.options = options;
        this.shell = shell;
        state = new AccountState(address, options.RememberedIdsMax, options.RememberedAgeMax);
    }

    /// <summary>The state, including what is decided and not yet durable. To be read only.</summary>
    public AccountState State => state;

    /// <summary>The last row that is durable.</summary>
    public long DurableSequenceNr { get; private set; }

    /// <summary>Whether something is unfinished, so that the account must stay awake (R5).</summary>
    public bool IsBusy => calls > 0 || claims is { Count: > 0 } || HasUnwritten;

    /// <summary>Whether something that was decided is not durable yet.</summary>
    public bool HasUnwritten => writing is not null || open is not null || full is { Count: > 0 };

    /// <summary>Whether transactions are in doubt.</summary>
    public bool HasInDoubt => state.InDoubtCount > 0;

    /// <summary>The number of the oldest transaction in doubt, by which one that stays is told from ones that come and go; 0
    /// for none.</summary>
    public long OldestInDoubt
    {
        get
        {
            ForgetDecidedHeads();
            return prepared is { Count: > 0 } ? prepared.Peek().Number : 0;
        }
    }

    private AccountAddress Address => state.Address;

    private bool MustRecordCommits => open is { Urgent: false };

    // ---------------------------------------------------------------- recovery

    /// <summary>Starts recovery from a snapshot.</summary>
    /// <param name="snapshot">The snapshot.</param>
    public void Restore(AccountSnapshot snapshot)
    {
        state.Restore(snapshot);
        DurableSequenceNr = assignedSequenceNr = snapshotSequenceNr = snapshot.SequenceNr;
    }

    /// <summary>Folds one row of the journal.</summary>
    /// <param name="batch">The row.</param>
    /// <exception cref="LedgerInvariantException">The row does not follow the one before (I8).</exception>
    public void Replay(EventBatch batch)
    {
        if (batch.SequenceNr != DurableSequenceNr + 1)
        {
            throw new LedgerInvariantException(
                $"{state.Address}: row {batch.SequenceNr} follows row {DurableSequenceNr}");
        }

        if (batch.EntriesBefore != state.EntryCount || batch.Before != state.Balances)
        {
            throw new LedgerInvariantException(
                $"{state.Address}: I8: row {batch.SequenceNr} was written on another state than its replay gives");
        }

        foreach (var happened in batch.Events)
        {
            state.Evolve(happened, batch.SequenceNr);
        }

        eventsSinceSnapshot += batch.Events.Count;
        DurableSequenceNr = assignedSequenceNr = batch.SequenceNr;
    }

    /// <summary>Ends recovery: everything in doubt is taken up again, by the anchor through the closer (R3), elsewhere by asking
    /// the anchor.</summary>
    /// <param name="now">The time.</param>
    public void RecoveryCompleted(LedgerTime now)
    {
        // Whoever prepared them may have answered already.
        state.CallOld();
        foreach (var doubt in state.InDoubtInOrder())
        {
            var work = new Work(null) { Part = doubt.Part with { AnchorAsset = AnchorAssetOf(doubt.Part) } };
            Claim(work, IdsOf(doubt.Part));
            (attempts ??= []).Add(doubt.Part.Key, work);
            (prepared ??= []).Enqueue((doubt.Number, doubt.Part.Key));
            if (doubt.Part.Anchor == Address)
            {
                AskOthers(work, now);
            }
            else
            {
                work.Phase = Phase.Reserved;
                shell.Send(doubt.Part.Anchor, new OutcomeRequest(doubt.Part, Address));
                ScheduleResend(work, now);
            }
        }

        CheckDue(now);
        Settle(now);
    }

    // ---------------------------------------------------------------- inputs

    /// <summary>Takes a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="now">The time.</param>
    public void Handle(AccountMessage message, LedgerTime now)
    {
        lastNow = now;
        if (message is AccountCall call && !Admit(call, now))
        {
            return;
        }

        if (state.NextDeadline <= Later(now))
        {
            CheckDue(now);
        }

        switch (message)
        {
            case PostTransferCall or PostTransactionCall or GetTransferCall or GetTransactionCall or ExtendHoldCall
                or PrepareRequest or CloseRequest or TrialRequest or OutcomeRequest:
                Route(message, now);
                break;
            case Vote vote:
                Voted(vote, now);
                break;
            case CloseAnswer answer:
                Closed(answer, now);
                break;
            case TrialAnswer answer:
                Quoted(answer, now);
                break;
            case Outcome outcome:
                Told(outcome, now);
                break;
            case OutcomeAck ack:
                Acknowledged(ack, now);
                break;
            case OpenAccountCall or ChangeAccountCall when state.IsOpeningOrClosingInDoubt:
                (readers ??= []).Enqueue((state.PreparedCount, (AccountCall)message));
                break;
            case OpenAccountCall opening:
                Open(opening, now);
                break;
            case ChangeAccountCall change:
                Change(change, now);
                break;
            case GetAccountCall or StatementFenceCall:
                Read((AccountCall)message, now);
                break;
            case SeedBalancesCall seed when options.AllowSeeding:
                Emit(new BalancesSeeded(seed.Balances, Later(now)), urgent: true);
                Hold(seed.Caller, new SeedBalancesAnswer());
                break;
            case Poke:
                break;
            default:
                throw new LedgerInvariantException($"{Address}: unknown message {message.GetType().Name}");
        }

        Settle(now);
    }

    /// <summary>The row that was being written is durable: what waited for it leaves.</summary>
    /// <param name="now">The time.</param>
    public void WriteSucceeded(LedgerTime now)
    {
        var written = writing ?? throw new LedgerInvariantException($"{Address}: nothing was being written");
        writing = null;
        DurableSequenceNr = written.SequenceNr;
        if (written.Held is { } held)
        {
            foreach (var outgoing in held)
            {
                Release(outgoing);
            }
        }

        Pump();
    }

    /// <summary>A write failed, or the account must stop: every caller learns that its outcome is unknown, and nothing
    /// that was decided since the last durable row may be used (R8). The runtime is dead afterwards.</summary>
    /// <param name="reason">What the callers are told.</param>
    public void Fail(CallFailure reason)
    {
        if (failed)
        {
            return;
        }

        failed = true;
        var failure = new CallFailed(reason);
        FailHeld(writing, failure);
        foreach (var batch in full ?? [])
        {
            FailHeld(batch, failure);
        }

        FailHeld(open, failure);
        foreach (var work in Works())
        {
            foreach (var waiter in work.Waiters)
            {
                if (waiter is AccountCall call)
                {
                    shell.Reply(call.Caller, failure);
                }
            }
        }

        foreach (var (_, call) in readers ?? [])
        {
            shell.Reply(call.Caller, failure);
        }
    }

    /// <summary>The journal has answered a look-up.</summary>
    /// <param name="id">The id.</param>
    /// <param name="found">What it holds; null when it never saw the id.</param>
    /// <param name="now">The time.</param>
    public void LookupCompleted(TransferId id, IdFound? found, LedgerTime now)
    {
        SettleBesides(id, found, failed: false);
        if (claims is null || !claims.TryGetValue(id, out var work) || work.Phase != Phase.LookingUp
            || work.Known is null || !work.Known.TryAdd(id, found) || --work.Missing > 0)
        {
            return;
        }

        Continue(work, now);
        Settle(now);
    }

    /// <summary>The journal could not be asked: the callers' outcome is unknown, and other accounts will ask again.</summary>
    /// <param name="id">The id.</param>
    public void LookupFailed(TransferId id)
    {
        SettleBesides(id, null, failed: true);
        // What was claimed may be a hold that has become due.
        armedFor = LedgerTime.MaxValue;
        if (state.NextDeadline < LedgerTime.MaxValue)
        {
            // Not at once: while the journal can't be read, it would fail again.
            var pause = lastNow.Add(options.RetryAfterMax);
            shell.WakeAt(state.NextDeadline > pause ? state.NextDeadline : pause);
        }

        if (claims is null || !claims.TryGetValue(id, out var work) || work.Phase != Phase.LookingUp)
        {
            return;
        }

        Unclaim(work);
        foreach (var waiter in work.Waiters)
        {
            if (waiter is AccountCall call)
            {
                Release(new Outgoing(call.Caller, new CallFailed(CallFailure.JournalUnavailable), default, null));
            }
        }
    }

    /// <summary>Time has passed: what is late is written or sent again, and what is due expires.</summary>
    /// <param name="now">The time.</param>
    public void Tick(LedgerTime now)
    {
        lastNow = now;
        armedFor = LedgerTime.MaxValue;
        if (MustRecordCommits && IsDue(lazySince.Add(options.CommitRecordDelay), now, options.CommitRecordDelay))
        {
            open!.Urgent = true;
        }

        ForgetExpired(now);
        List<Work>? due = null;
        foreach (var work in Works())
        {
            if (work.Phase != Phase.LookingUp
                && (IsDue(work.ResendAt, now, options.ResendAfterMax) || work.Phase is Phase.Waiting or Phase.OnTrial
                    || (work.Phase == Phase.Releasing && IsDue(work.AnswerBy, now, options.ReleaseWait))))
            {
                (due ??= []).Add(work);
            }
        }

        foreach (var work in due ?? [])
        {
            if (IsClaimed(work))
            {
                GoOn(work, now);
            }
        }

        CheckDue(now);
        WakeForTheNext();
        Settle(now);
    }

    /// <summary>Makes what may still be lazy be written now, before the account goes to sleep.</summary>
    public void Flush()
    {
        if (MustRecordCommits)
        {
            open!.Urgent = true;
        }

        Pump();
    }

    // What is late, by its phase.
    private void GoOn(Work work, LedgerTime now)
    {
        switch (work.Phase)
        {
            case Phase.OnTrial when !AnyoneWaits(work, now):
            case Phase.Waiting when !AnyoneWaits(work, now):
                // Nothing was journaled, so the callers' outcome is unknown to them and "nothing" in truth. An expiry that
                // waits starts again by itself.
                Unclaim(work);
                calls -= work.Waiters.Count(static waiter => waiter is AccountCall);
                RouteAgain(work.Waiters.Where(static waiter => waiter is not AccountCall), now);
                break;
            case Phase.Waiting when IsDue(work.ResendAt, now, options.RetryAfterMax):
                Begin(work, now);
                break;
            case Phase.OnTrial when IsDue(work.ResendAt, now, options.ResendAfterMax):
                foreach (var other in work.Others)
                {
                    if (!work.Quotes!.ContainsKey(other))
                    {
                        shell.Send(other, new TrialRequest(work.Asked!.SliceFor(other), work.Round));
                    }
                }

                ScheduleResend(work, now);
                break;
            case Phase.Voting:
                foreach (var other in work.Participants)
                {
                    if (!work.Votes!.ContainsKey(other))
                    {
                        Hold(other, new PrepareRequest(work.Part!.SliceFor(other)));
                    }
                }

                ScheduleResend(work, now);
                break;
            case Phase.Closing:
                // Its own row may still be under way (R8).
                Hold(work.Closer, new CloseRequest(work.Part!.SliceFor(work.Closer), work.Cancel));
                ScheduleResend(work, now);
                break;
            case Phase.Telling or Phase.Releasing:
                if (work.Phase == Phase.Releasing && IsDue(work.AnswerBy, now, options.ReleaseWait))
                {
                    // A participant that is not told asks.
                    FinishAbort(work, now);
                    break;
                }

                if (IsDue(work.ResendAt, now, options.ResendAfterMax))
                {
                    Tell(work, now);
                }

                break;
            case Phase.Reserved:
                Hold(work.Part!.Anchor, new OutcomeRequest(work.Part, Address));
                ScheduleResend(work, now);
                break;
            default:
                break;
        }
    }

    // Callers that have stopped waiting, for an outcome that may be long in coming, must not fill the account up.
    private void ForgetExpired(LedgerTime now)
    {
        foreach (var work in Works())
        {
            if (work.Phase == Phase.LookingUp)
            {
                continue;
            }

            for (var i = work.Waiters.Count - 1; i >= 0; i--)
            {
                if (work.Waiters[i] is AccountCall call && call.Deadline < now)
                {
                    work.Waiters.RemoveAt(i);
                    work.HasFirst &= i > 0;
                    calls--;
                }
            }
        }

        for (var left = readers?.Count ?? 0; left > 0; left--)
        {
            var reader = readers!.Dequeue();
            if (reader.Call.Deadline < now)
            {
                calls--;
            }
            else
            {
                readers.Enqueue(reader);
            }
        }
    }

    // ---------------------------------------------------------------- opening, changing and reading

    private bool Admit(AccountCall call, LedgerTime now)
    {
        // Only before anything is decided: from there on the outcome is the transaction's own.
        if (now > call.Deadline)
        {
            shell.Reply(call.Caller, new CallFailed(CallFailure.DeadlineExpired));
            return false;
        }

        if (calls >= options.CallsMax)
        {
            shell.Reply(call.Caller, new CallFailed(CallFailure.Overloaded));
            return false;
        }

        calls++;
        return true;
    }

    private void Open(OpenAccountCall call, LedgerTime now)
    {
        var status = AccountDecider.Open(state, call.Spec);
        if (status == AccountStatus.Created)
        {
            Emit(new AccountOpened(call.Spec, Later(now)), urgent: true);
        }

        var known = status is AccountStatus.Created or AccountStatus.Exists;
        Hold(call.Caller, new OpenAccountAnswer(
            new OpenAccountResult(Address, status, known ? state.OpenTime : default)));
    }

    private void Change(ChangeAccountCall call, LedgerTime now)
    {
        var status = AccountDecider.Change(state, call.Change, Later(now));
        if (status == AccountStatus.Changed)
        {
            Emit(new AccountChanged(call.Change, Later(now)), urgent: true);
        }

        Hold(call.Caller, new ChangeAccountAnswer(new AccountChangeResult(status, View(now))));
    }

    private void Read(AccountCall call, LedgerTime now)
    {
        ForgetDecidedHeads();
        if (prepared is { Count: > 0 })
        {
            (readers ??= []).Enqueue((state.PreparedCount, call));
            return;
        }

        AnswerRead(call, now);
    }

    private void AnswerRead(AccountCall call, LedgerTime now)
    {
        switch (call)
        {
            case GetAccountCall:
                Hold(call.Caller, new AccountAnswer(View(now)));
                break;
            case OpenAccountCall or ChangeAccountCall when state.IsOpeningOrClosingInDoubt:
                // Another one has been prepared meanwhile.
                readers!.Enqueue((state.PreparedCount, call));
                break;
            case OpenAccountCall opening:
                Open(opening, now);
                break;
            case ChangeAccountCall change:
                Change(change, now);
                break;
            default:
                // The statement is read from the journal, so even what is lazy must be there first.
                Flush();
                Hold(call.Caller, new StatementFenceAnswer(state.Spec is not null, assignedSequenceNr, state.EntryCount));
                break;
        }
    }

    private AccountView? View(LedgerTime now) => state.Spec is null
        ? null
        : new AccountView(
            state.Spec, state.OpenTime, state.Balances, state.EntryCount, assignedSequenceNr, state.Closed)
        {
            Freeze = state.Freeze is { } freeze && freeze.HoldsAt(now) ? freeze : null,
            ClosedReason = state.ClosedReason,
            HoldCount = state.HoldCount,
        };

    private void ForgetDecidedHeads()
    {
        while (prepared is { Count: > 0 } && state.FindInDoubt(prepared.Peek().Key)?.Number != prepared.Peek().Number)
        {
            prepared.Dequeue();
        }
    }

    private void ReleaseReaders(LedgerTime now)
    {
        ForgetDecidedHeads();
        while (readers is { Count: > 0 }
            && (prepared is not { Count: > 0 } || readers.Peek().Barrier < prepared.Peek().Number))
        {
            AnswerRead(readers.Dequeue().Call, now);
        }
    }

    // ---------------------------------------------------------------- ids: claims, memory, journal (R4, R6, R7, R11)

    private void Route(AccountMessage input, LedgerTime now)
    {
        var ids = IdsOf(input);
        if (claims is { Count: > 0 })
        {
            foreach (var id in ids)
            {
                if (claims.TryGetValue(id, out var owner))
                {
                    if (!TryAnswerBesides(owner, input, now))
                    {
                        owner.Waiters.Add(input);
                    }

                    return;
                }
            }
        }

        var work = new Work(input);
        if (input is AccountCall)
        {
            work.Waiters.Add(input);
            work.HasFirst = true;
        }

        Claim(work, ids);
        Begin(work, now);
    }

    private void RouteAgain(IEnumerable<AccountMessage> inputs, LedgerTime now)
    {
        foreach (var input in inputs.ToArray())
        {
            Route(input, now);
        }
    }

    // Looks up what memory can't answer; then, or at once, decides.
    private void Begin(Work work, LedgerTime now)
    {
        SetPhase(work, Phase.LookingUp);
        work.Known = null;
        work.Quotes = null;
        work.Missing = 0;
        List<IdLookup>? lookups = null;
        foreach (var id in work.Ids)
        {
            if (LookupFor(id, work) is { } lookup)
            {
                (lookups ??= []).Add(lookup);
            }
        }

        if (lookups is null)
        {
            Continue(work, now);
            return;
        }

        // What was decided and has left memory may be in a row that is not durable yet; so the questions, too, leave
        // when all is durable that was decided before them. While they are out, everything about the ids joins them.
        if (MustRecordCommits)
        {
            open!.Urgent = true;
        }

        work.Known = [];
        work.Missing = lookups.Count;
        foreach (var lookup in lookups)
        {
            Hold(new Outgoing(default, null, default, null, lookup with { UpTo = assignedSequenceNr }));
        }
    }

    private IdLookup? LookupFor(TransferId id, Work work)
    {
        // What a live hold is, is known without the journal; who made it, and what became of that attempt, is not.
        if (state.FindHold(id) is not null && work.Input is GetTransferCall or ExtendHoldCall)
        {
            return null;
        }

        var input = work.Input;
        var remembered = state.Remembered.Find(id);
        var role = RoleOf(id, work);
        switch (role)
        {
            case IdRole.Hold when state.FindHold(id) is not null:
                return null;
            case IdRole.Reversed:
                return remembered is not null || state.Remembered.MayHaveForgotten(id) ? Search(0, toEnd: true) : null;
            case IdRole.Hold:
                return remembered is not null ? Search(remembered.SequenceNr, toEnd: false)
                    : state.Remembered.MayHaveForgotten(id) ? Search(0, toEnd: true) : null;
            default:
                break;
        }

        if (remembered is null)
        {
            return state.Remembered.MayHaveForgotten(id)
                ? Search(0, toEnd: input is GetTransferCall)
                : null;
        }

        if (NeedsContent(id, work, remembered))
        {
            // This very request may have been rejected before, and that may have left memory.
            var mayHaveBeenAsked = input is PostTransferCall or PostTransactionCall && id == work.Asked!.Id
                && FindAsked(remembered, work.Asked.Asked) is null && state.Remembered.MayHaveForgotten(id);
            return Search(mayHaveBeenAsked ? 0 : remembered.SequenceNr, toEnd: false);
        }

        // An id that is not used up may have been decided before, and that may have left memory.
        return !remembered.IsFinal && state.Remembered.MayHaveForgotten(id) ? Search(0, toEnd: false) : null;

        IdLookup Search(long sequenceNr, bool toEnd)
        {
            var (notBefore, notAfter) = state.Remembered.JournaledBetween(id);
            return new IdLookup(id, sequenceNr, 0, notBefore, notAfter, toEnd);
        }
    }

    private enum IdRole
    {
        Own,
        Hold,
        Reversed,
    }

    private IdRole RoleOf(TransferId id, Work work)
    {
        if (work.Input is ExtendHoldCall)
        {
            return IdRole.Hold;
        }

        if (work.Asked is not { } part || id == part.Id || id == part.Key)
        {
            return IdRole.Own;
        }

        var role = IdRole.Own;
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                if (transfer.Id == id)
                {
                    return IdRole.Own;
                }

                role = transfer.Reverses == id ? IdRole.Reversed : transfer.PendingId == id ? IdRole.Hold : role;
            }
        }

        return role;
    }

    private bool NeedsContent(TransferId id, Work work, RememberedId remembered)
    {
        if (work.Input is GetTransferCall or GetTransactionCall)
        {
            return true;
        }

        if (work.Asked is not { } part || !remembered.IsFinal || work.Input is OutcomeRequest)
        {
            return false;
        }

        if (id != part.Id && id != part.Key)
        {
            return remembered.Status == TransferStatus.Created;
        }

        if (work.Input is PrepareRequest)
        {
            return false;
        }

        var isAsked = work.Input is AccountCall or null;
        var same = isAsked ? FindAsked(remembered, part.Asked) : FindDigest(remembered, part.Digest);
        return same is not null
            ? isAsked && same.Details.NeedsContent
            : remembered.Status == TransferStatus.Created
                || part.Legs.Any(static leg => leg.Transfer is { } transfer && (transfer.ResolvesHold || transfer.IsBalancing));
    }

    // Once an id is used up, what was refused under it before no longer counts.
    private static RememberedId? FindAsked(RememberedId? remembered, UInt128 asked)
    {
        if (remembered is { IsFinal: true })
        {
            return remembered.Asked == asked ? remembered : null;
        }

        while (remembered is not null && (remembered.Asked != asked || remembered.Status == TransferStatus.None))
        {
            remembered = remembered.Earlier;
        }

        return remembered;
    }

    private static RememberedId? FindDigest(RememberedId? remembered, UInt128 digest)
    {
        while (remembered is not null && remembered.Digest != digest)
        {
            remembered = remembered.Earlier;
        }

        return remembered;
    }

    // What must not wait for the outcome of the work in progress: what another account asks, for it holds something there.
    private bool TryAnswerBesides(Work owner, AccountMessage input, LedgerTime now)
    {
        if (input is AccountCall || owner.Phase == Phase.LookingUp)
        {
            return false;
        }

        var isPrepared = owner.Phase is not (Phase.OnTrial or Phase.Waiting);
        switch (input)
        {
            case PrepareRequest prepare when owner.Phase == Phase.Reserved && owner.Part!.Key == prepare.Part.Key:
                // Another anchor's attempt under the same id is abandoned, lest the two wait for each other.
                SendVote(
                    prepare.Part, owner.Part.Digest == prepare.Part.Digest ? VoteKind.Yes : VoteKind.InDoubt, null);
                return true;

            case PrepareRequest prepare when isPrepared:
                SendVote(prepare.Part, VoteKind.InDoubt, null);
                return true;

            case CloseRequest close when isPrepared:
                // The attempt is given up for ever, and the other anchor makes it again when this is settled.
                if (FindRecord(close.Part.Key, close.Part.Digest) is { } known)
                {
                    AnswerClose(close.Part, known);
                }
                else if (state.Remembered.Find(close.Part.Key) is { IsFinal: true })
                {
                    Hold(close.Part.Anchor, new CloseAnswer(
                        close.Part.Key, close.Part.Digest, false, Later(now),
                        RefusalOf(new LegDecision(UsedUp(close.Part, null), close.Part.Legs[0])) with { Seen = null }));
                }
                else if (MayBeJournaled(close.Part.Key))
                {
                    LookBesides(close, now);
                }
                else
                {
                    RefuseClose(close.Part, null, now);
                }

                return true;

            case TrialRequest trial:
                AnswerTrialBesides(trial, owner);
                return true;

            case OutcomeRequest asked when isPrepared && owner.Part!.Key == asked.Part.Key:
                // It is told when there is an outcome.
                return true;

            case OutcomeRequest asked when isPrepared:
                if (FindRecord(asked.Part.Key, asked.Part.Digest) is null && MayBeJournaled(asked.Part.Key))
                {
                    // What is prepared here ends without the help of who asks, and then the journal tells.
                    owner.Waiters.Add(input);
                }
                else
                {
                    DecideOutcome(asked, null, now);
                }

                return true;

            case Outcome outcome:
                // It is told again if this does not know it.
                Acknowledge(outcome, null);
                return true;

            default:
                // Nothing is journaled yet: what another account asks is decided now, and the calls find it.
                Unclaim(owner);
                Route(input, now);
                if (owner.Waiters.Count > 0)
                {
                    RouteAgain(owner.Waiters, now);
                }

                return true;
        }
    }

    // R4: what memory may have forgotten is not refused from memory.
    private bool MayBeJournaled(TransferId key) =>
        state.Remembered.Find(key) is not { IsFinal: true } && state.Remembered.MayHaveForgotten(key);

    // Asks the journal about an attempt although something else is being done about one of its other ids. When that has claimed
    // the key itself, as a hold that it resolves or a transfer that it takes back, the question waits for its end: it is
    // prepared, and so began later than what it names was committed; such waits make no circle. When it is its own id, then
    // nothing was committed under it.
    private void LookBesides(CloseRequest close, LedgerTime now)
    {
        var key = close.Part.Key;
        if (claims!.TryGetValue(key, out var owner))
        {
            if (owner.Phase == Phase.LookingUp || (owner.Part is { } part && part.Legs.Any(
                leg => leg.Transfer is { } transfer && (transfer.PendingId == key || transfer.Reverses == key))))
            {
                owner.Waiters.Add(close);
            }
            else if (owner.Part is null)
            {
                _ = TryAnswerBesides(owner, close, now);
            }
            else
            {
                RefuseClose(close.Part, null, now);
            }

            return;
        }

        var work = new Work(close) { IsAside = true };
        Claim(work, [close.Part.Key]);
        Begin(work, now);
    }

    // What memory knew when the journal was asked about the other ids may have left it since.
    private bool HasForgotten(Work work)
    {
        foreach (var id in work.Ids)
        {
            if (work.Known?.ContainsKey(id) != true && LookupFor(id, work) is not null)
            {
                return true;
            }
        }

        return false;
    }

    private void Continue(Work work, LedgerTime now)
    {
        if (HasForgotten(work))
        {
            Begin(work, now);
            return;
        }

        switch (work.Input)
        {
            case PostTransferCall or PostTransactionCall or null:
                DecideAsked(work, now);
                return;
            case PrepareRequest prepare:
                DecidePrepare(work, prepare.Part, now);
                break;
            case CloseRequest close:
                Unclaim(work);
                if (!work.IsAside)
                {
                    DecideClose(close, work.Known, now);
                }
                else if (FindRecord(close.Part.Key, close.Part.Digest, work.Known) is { } record)
                {
                    AnswerClose(close.Part, record);
                }
                else
                {
                    RefuseClose(close.Part, null, now);
                }

                break;
            case TrialRequest trial:
                Unclaim(work);
                AnswerTrial(trial, work.Known);
                break;
            case OutcomeRequest asked:
                Unclaim(work);
                DecideOutcome(asked, work.Known, now);
                break;
            case Outcome outcome:
                Unclaim(work);
                Acknowledge(outcome, work.Known);
                break;
            case GetTransferCall get:
                Unclaim(work);
                Hold(get.Caller, new TransferRecordAnswer(RecordOf(get.Id, work.Known)));
                work.Waiters.Remove(get);
                break;
            case GetTransactionCall get:
                Unclaim(work);
                Hold(get.Caller, new TransactionRecordAnswer(TransactionOf(get.Id, work.Known)));
                work.Waiters.Remove(get);
                break;
            case ExtendHoldCall extend:
                Unclaim(work);
                Extend(extend, work.Known, now);
                work.Waiters.Remove(extend);
                break;
            default:
                throw new LedgerInvariantException($"{Address}: nothing to decide for {work.Input.GetType().Name}");
        }

        if (!IsClaimed(work) && work.Waiters.Count > 0)
        {
            RouteAgain(work.Waiters, now);
        }
    }

    // ---------------------------------------------------------------- anchor: deciding

    private void DecideAsked(Work work, LedgerTime now)
    {
        var call = work.Waiters.Count > 0 ? work.Waiters[0] as AccountCall : null;
        if (call is not null && now > call.Deadline)
        {
            // A look-up may have taken longer than the caller wanted to wait.
            Hold(call.Caller, new CallFailed(CallFailure.DeadlineExpired));
            Finish(work, skipFirst: true, now);
            return;
        }

        if (work.IsExpiry && (state.FindHold(work.Asked!.Legs[0].Transfer!.PendingId) is not { } hold || hold.Deadline > Later(now)
            || hold.ExpiryId != work.Asked.Id))
        {
            Finish(work, skipFirst: false, now);
            return;
        }

        if (TryAnswerKnown(work, now))
        {
            return;
        }

        var asked = work.Asked!;
        var part = asked;
        if (state.Remembered.Find(asked.Id) is not null || FoundIn(work.Known, asked.Id) is not null)
        {
            part = part with { Attempt = state.PreparedCount + 1 };
        }

        if (work.Quotes is null && !part.IsPlain && part.Legs.Any(leg => NeedsQuote(part, leg)))
        {
            StartTrial(work, now);
            return;
        }

        var decision = Walk(part, work, now, out var resolved);
        if (decision.InDoubt)
        {
            WaitFor(work, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            if (work.Quotes is null && MayBeOutranked(part, decision))
            {
                StartTrial(work, now);
            }
            else
            {
                Reject(work, part, decision, now);
            }
        }
        else if (work.IsTrial)
        {
            if (work.Quotes is null && part.Others().Count > 0)
            {
                StartTrial(work, now);
            }
            else
            {
                Answer(work, new TransactionResult(part.Id, TransferStatus.None, -1, default, false, null, []));
                Finish(work, skipFirst: work.HasFirst, now);
            }
        }
        else
        {
            if (work.Retries >= QuotesExactMax)
            {
                // On an account that never rests, the quote is never exact: what it said must still be there, no more.
                resolved = [.. resolved.Select(static leg => leg.Bound == AmountBound.None ? leg : leg with { Bound = AmountBound.Quoted })];
            }

            // Opened meanwhile, perhaps.
            var anchorAsset = AnchorAssetOf(part);
            Prepare(
                work,
                resolved == part.Legs && anchorAsset == part.AnchorAsset
                    ? part
                    : part with { Legs = resolved, AnchorAsset = anchorAsset },
                now);
        }
    }

    private Asset AnchorAssetOf(TransactionPart part)
    {
        if (state.Spec is { } spec)
        {
            return spec.Asset;
        }

        foreach (var leg in part.Legs)
        {
            if (leg.Opening is { } opening && opening.Address == Address)
            {
                return opening.Asset;
            }
        }

        return default;
    }

    // Whether the leg's amount, or its hold, is another account's to tell.
    private bool NeedsQuote(TransactionPart part, PartLeg leg) => leg.Transfer is { } transfer
        && (((transfer.Flags & TransferFlags.BalancingDebit) != TransferFlags.None && transfer.DebitAccount != Address)
            || ((transfer.Flags & TransferFlags.BalancingCredit) != TransferFlags.None && transfer.CreditAccount != Address)
            || (!transfer.Reverses.IsNil && transfer.Amount == Amount.MaxValue && transfer.DebitAccount != Address)
            || (transfer.ResolvesHold && !IsMine(part, leg)));

    // The resolution of a hold that stands alone is anchored where the hold is debited, whatever accounts it names.
    private bool IsMine(TransactionPart part, PartLeg leg) =>
        leg.Concerns(Address) || (part.IsAlone && leg.Transfer!.ResolvesHold);

    // Goes through the legs in order, as far as accounts are known: this one as it is, the others by their quotes.
    private LegDecision Walk(TransactionPart part, Work work, LedgerTime now, out ImmutableArray<PartLeg> resolved)
    {
        var facts = FactsOf(part, work.Known, work);
        var own = sheet.Take(state, facts, dueHolds: state.NextDeadline <= Later(now));
        Dictionary<AccountAddress, AccountSheet>? others = null;
        if (work.Quotes is { } quotes)
        {
            others = [];
            foreach (var (account, quote) in quotes)
            {
                others.Add(account, new AccountSheet(quote));
            }
        }

        resolved = part.Legs;
        var legs = part.Legs.Length == 1 ? null : ImmutableArray.CreateBuilder<PartLeg>(part.Legs.Length);
        var at = Later(now);
        foreach (var leg in part.Legs)
        {
            AccountSheet? debit;
            AccountSheet? credit = null;
            if (leg.Transfer is { } transfer)
            {
                debit = transfer.DebitAccount == Address || (part.IsAlone && transfer.ResolvesHold)
                    ? own
                    : others?.GetValueOrDefault(transfer.DebitAccount);
                credit = transfer.CreditAccount == Address && debit != own
                    ? own
                    : others?.GetValueOrDefault(transfer.CreditAccount);
            }
            else
            {
                debit = leg.Opening!.Address == Address ? own : others?.GetValueOrDefault(leg.Opening.Address);
            }

            var decision = LegLadder.Decide(leg, debit, credit, default, at, isFixed: false);
            if (decision.InDoubt || decision.Status != TransferStatus.None)
            {
                return decision;
            }

            if (legs is null)
            {
                if (!ReferenceEquals(decision.Leg, part.Legs[0]))
                {
                    resolved = [decision.Leg];
                }

                return decision;
            }

            debit?.Apply(decision.Leg);
            credit?.Apply(decision.Leg);
            legs.Add(decision.Leg);
        }

        resolved = legs is null ? [] : legs.MoveToImmutable();
        return new LegDecision(TransferStatus.None, resolved.Length > 0 ? resolved[0] : part.Legs[0]);
    }

    private bool MayBeOutranked(TransactionPart part, LegDecision decision)
    {
        if (decision.Leg.Opening is not null ? decision.Leg.Index == 0 : part.IsAlone
            && (part.Legs[0].Transfer!.ResolvesHold
                || TransferStatusPrecedence.Outranks(decision.Status, TransferStatus.CreditAccountNotFound)))
        {
            return false;
        }

        return part.Others().Count > 0;
    }

    private void WaitFor(Work work, LedgerTime now)
    {
        SetPhase(work, Phase.Waiting);
        var pause = options.RetryAfter * (1 << Math.Min(work.Retries, 10));
        pause = pause < options.RetryAfterMax ? pause : options.RetryAfterMax;
        work.Retries++;

        // Two that meet again and again must not do so in step.
        var spread = (long)(unchecked((ulong)(work.Ids[0].Value ^ (uint)work.Retries) * 0x9E3779B97F4A7C15UL) >> 40 & 0x3FF);
        work.ResendAt = now.Add(pause * (1 + (spread / 1024.0)));
        work.WaitsSince = state.LastDecision;
        shell.WakeAt(work.ResendAt);
        LetOthersIn(work, now);
    }

    // What other accounts asked while ids were looked up does not wait for what this account waits for.
    private void LetOthersIn(Work work, LedgerTime now)
    {
        List<AccountMessage>? others = null;
        for (var i = work.Waiters.Count - 1; i >= 0; i--)
        {
            if (work.Waiters[i] is not AccountCall)
            {
                (others ??= []).Add(work.Waiters[i]);
                work.Waiters.RemoveAt(i);
            }
        }

        others?.Reverse();
        RouteAgain(others ?? [], now);
    }

    private void StartTrial(Work work, LedgerTime now)
    {
        SetPhase(work, Phase.OnTrial);
        work.Others = work.Asked!.Others();
        work.Round = ++round;
        work.Quotes = [];
        work.Resends = 0;
        foreach (var other in work.Others)
        {
            Hold(other, new TrialRequest(work.Asked.SliceFor(other), work.Round));
        }

        ScheduleResend(work, now);
        LetOthersIn(work, now);
    }

    private void Quoted(TrialAnswer answer, LedgerTime now)
    {
        if (claims is null || !claims.TryGetValue(answer.Id, out var work) || work.Phase != Phase.OnTrial
            || work.Round != answer.Round || !work.Others.Contains(answer.Quote.Account))
        {
            return;
        }

        work.Quotes![answer.Quote.Account] = answer.Quote;
        if (work.Quotes.Count == work.Others.Count)
        {
            Continue(work, now);
        }
    }

    private void Reject(Work work, TransactionPart part, LegDecision decision, LedgerTime now)
    {
        var at = Later(now);
        var seen = SeenBy(work, decision);
        if (!work.IsExpiry && !work.IsTrial && !FollowsFromIds(decision))
        {
            // What was never prepared is no attempt.
            Emit(new TransactionRejected(AsStored(part) with { Attempt = 0 }, decision.Leg.Index, decision.Status, seen, at), urgent: true);
        }
        else
        {
            at = default;
            seen = null;
        }

        Answer(work, Rejected(part, decision.Leg.Index, decision.Status, at, seen, replayed: false));
        Finish(work, skipFirst: work.HasFirst, now);
    }

    // A hold that never was has no deadline, and is stored as one that never expires: its digest must be the same before the
    // journal and after it (I8).
    private static TransactionPart AsStored(TransactionPart part) =>
        part.Legs.Any(static leg => leg.IsHold && leg.Deadline == default)
            ? part with
            {
                Legs = [.. part.Legs.Select(static leg =>
                    leg.IsHold && leg.Deadline == default ? leg with { Deadline = LedgerTime.MaxValue } : leg)],
            }
            : part;

    // What follows from an id that is used up stays so for ever, without being journaled again.
    private static bool FollowsFromIds(LegDecision decision) => decision.Leg.Transfer is not null
        && (decision.Status == TransferStatus.IdAlreadyFailed || IsExists(decision.Status));

    private static bool IsExists(TransferStatus status) =>
        status is TransferStatus.Exists
        || (TransferStatusPrecedence.RankOf(status) >= TransferStatusPrecedence.RankOf(TransferStatus.ExistsWithDifferentTransfers)
            && TransferStatusPrecedence.RankOf(status) <= TransferStatusPrecedence.RankOf(TransferStatus.Exists));

    // The balances are those of the account whose reason it is.
    private Balances? SeenBy(Work work, LegDecision decision)
    {
        if (decision.Leg.Transfer is not { } transfer)
        {
            return null;
        }

        var account = decision.Status is TransferStatus.CreditAccountNotFound or TransferStatus.ExceedsDebits
            or TransferStatus.CreditAccountAlreadyClosed or TransferStatus.CreditAccountFrozen
            or TransferStatus.OverflowsCredits or TransferStatus.OverflowsCreditsPending or TransferStatus.OverflowsCreditsPosted
            ? transfer.CreditAccount
            : transfer.DebitAccount;
        if (account == Address || account.IsNone)
        {
            return state.Spec is null ? null : state.Balances;
        }

        return work.Quotes?.GetValueOrDefault(account) is { Spec: not null } quote ? quote.Balances : null;
    }

    // ---------------------------------------------------------------- anchor: the commit

    private void Prepare(Work work, TransactionPart part, LedgerTime now)
    {
        work.Part = part;
        work.Quotes = null;
        work.Others = part.Others();
        if (work.Others.Count == 0)
        {
            // Openings of this very account: its own write is the commit.
            var at = Later(now);
            Emit(new CloserCommitted(part, at), urgent: true);
            Answer(work, Committed(part, at, replayed: false));
            Finish(work, skipFirst: work.HasFirst, now);
            return;
        }

        Emit(new TransactionPrepared(part, Later(now)), urgent: true);
        (attempts ??= [])[part.Key] = work;
        (prepared ??= []).Enqueue((state.PreparedCount, part.Key));
        if (!part.IsPlain)
        {
            Claim(work, IdsOf(part));
        }

        work.Known = null;
        AskOthers(work, now);
        LetOthersIn(work, now);
    }

    // From here only the closer's journal decides (R1).
    private void AskOthers(Work work, LedgerTime now)
    {
        if (work.Others.Count == 0)
        {
            work.Others = work.Part!.Others();
        }

        work.Resends = 0;
        work.Cancel = false;
        if (work.Others.Count == 1)
        {
            AskCloser(work, now);
            return;
        }

        SetPhase(work, Phase.Voting);
        work.Votes = [];
        foreach (var participant in work.Participants)
        {
            Hold(participant, new PrepareRequest(work.Part!.SliceFor(participant)));
        }

        ScheduleResend(work, now);
    }

    private void AskCloser(Work work, LedgerTime now)
    {
        SetPhase(work, Phase.Closing);
        Hold(work.Closer, new CloseRequest(work.Part!.SliceFor(work.Closer), work.Cancel));
        ScheduleResend(work, now);
    }

    private void Voted(Vote vote, LedgerTime now)
    {
        if (FindAttempt(vote.Key, vote.Digest) is not { Phase: Phase.Voting } work || !work.Participants.Contains(vote.Account))
        {
            return;
        }

        work.Votes![vote.Account] = vote;
        if (work.Votes.Count == work.Others.Count - 1)
        {
            work.Cancel = work.Votes.Values.Any(static one => one.Kind != VoteKind.Yes);
            work.Resends = 0;
            AskCloser(work, now);
        }
    }

    private void Closed(CloseAnswer answer, LedgerTime now)
    {
        if (FindAttempt(answer.Key, answer.Digest) is not { Phase: Phase.Voting or Phase.Closing } work)
        {
            // An answer to a duplicate: it is decided already.
            return;
        }

        if (work.Phase == Phase.Voting && !answer.Committed)
        {
            // A former incarnation had asked, but the votes that name the reason are to come (R15); then it says so again.
            return;
        }

        work.Committed = answer.Committed;
        work.CommitTime = answer.Time;
        work.Acks = [];
        work.Resends = 0;
        if (answer.Committed)
        {
            if (work.Others.Count == 1)
            {
                FinishCommit(work, now);
                return;
            }

            SetPhase(work, Phase.Telling);
        }
        else
        {
            var refusal = Worst(work, answer.Refusal);
            work.AbortTime = Later(now);
            Emit(
                new TransactionAborted(
                    answer.Key, refusal?.Leg ?? -1, refusal?.Reason ?? TransferStatus.None, refusal?.Seen, Later(now)),
                urgent: true);
            work.Refusal = refusal;
            if (work.Others.Count == 1)
            {
                FinishAbort(work, now);
                return;
            }

            SetPhase(work, Phase.Releasing);
            work.AnswerBy = now.Add(options.ReleaseWait);
            shell.WakeAt(work.AnswerBy);
        }

        Tell(work, now);
    }

    // The lowest leg that fails decides, and on it the reason that ranks higher (R15). Null: something was in doubt.
    private static Refusal? Worst(Work work, Refusal? closers)
    {
        var refusals = new List<Refusal>();
        foreach (var vote in work.Votes?.Values ?? Enumerable.Empty<Vote>())
        {
            if (vote.Kind == VoteKind.InDoubt)
            {
                return null;
            }

            if (vote.Refusal is { } refusal)
            {
                refusals.Add(refusal);
            }
        }

        if (closers is not null)
        {
            refusals.Add(closers);
        }

        if (refusals.Count == 0)
        {
            return null;
        }

        var first = refusals.Min(static one => one.Leg);
        refusals.RemoveAll(one => one.Leg != first);
        var worst = refusals[0];
        if (work.Part!.Legs[first].Opening is not null)
        {
            return worst;
        }

        foreach (var refusal in refusals)
        {
            worst = TransferStatusPrecedence.Outranks(refusal.Reason, worst.Reason) ? refusal : worst;
        }

        // Each side alone can only say that the transfer's asset is not its own. If the other one's is, or is another one
        // still, then the accounts differ, which ranks higher.
        return worst.Reason == TransferStatus.TransferMustHaveTheSameLedgerAsAccounts
            && (refusals.Count == 1 || refusals[0].Asset != refusals[1].Asset)
                ? worst with { Reason = TransferStatus.AccountsMustHaveTheSameLedger }
                : worst;
    }

    private void Tell(Work work, LedgerTime now)
    {
        var outcome = new Outcome(work.Part!.Key, work.Part.Digest, work.Committed, work.CommitTime) { Anchor = Address };
        foreach (var participant in work.Participants)
        {
            if (!work.Acks!.Contains(participant))
            {
                Hold(participant, outcome);
            }
        }

        ScheduleResend(work, now);
    }

    private void Acknowledged(OutcomeAck ack, LedgerTime now)
    {
        if (FindAttempt(ack.Key, ack.Digest) is not { Phase: Phase.Telling or Phase.Releasing } work
            || !work.Participants.Contains(ack.Account) || !work.Acks!.Add(ack.Account)
            || work.Acks.Count < work.Others.Count - 1)
        {
            return;
        }

        if (work.Committed)
        {
            FinishCommit(work, now);
        }
        else
        {
            FinishAbort(work, now);
        }
    }

    private void FinishCommit(Work work, LedgerTime now)
    {
        if (open is null)
        {
            lazySince = now;
            shell.WakeAt(now.Add(options.CommitRecordDelay));
        }

        var part = work.Part!;
        Emit(CommitOf(part, work.CommitTime, now), urgent: false);
        expiryPauses?.Remove(part.Id);
        if (work.HasFirst)
        {
            // The commit is durable at the closer, and everybody's preparation and the participants' outcomes are durable too:
            // whatever is lost here, recovery asks the closer and answers the same. So the answer need not wait for any row of
            // this account, and must not: the client is told at once.
            var call = (AccountCall)work.Waiters[0];
            Release(new Outgoing(call.Caller, AnswerTo(call, Committed(part, work.CommitTime, replayed: false)), default, null));
        }

        Finish(work, skipFirst: work.HasFirst, now);
    }

    private void FinishAbort(Work work, LedgerTime now)
    {
        var part = work.Part!;
        if (work.Refusal is { } refusal)
        {
            if (work.HasFirst)
            {
                Answer(work, Rejected(
                    part, refusal.Leg, refusal.Reason, work.AbortTime, refusal.Seen, replayed: false));
            }

            Finish(work, skipFirst: work.HasFirst, now);
            return;
        }

        // Something was in doubt: the attempt is over, the request is not.
        Unclaim(work);
        ReleaseReaders(now);
        if (work.IsExpiry)
        {
            // It starts again by itself, for as long as the hold is due.
            Pause(work.Part!.Id, Later(now));
            RouteAgain(work.Waiters, now);
            return;
        }

        if (!work.HasFirst)
        {
            RouteAgain(work.Waiters, now);
            return;
        }

        var again = new Work(work.Input, work.Asked) { HasFirst = true, Retries = work.Retries };
        again.Waiters.AddRange(work.Waiters.Where(static waiter => waiter is AccountCall));
        Claim(again, IdsOf(again.Asked!));
        WaitFor(again, now);

        // What other accounts ask does not wait with it.
        RouteAgain(work.Waiters.Where(static waiter => waiter is not AccountCall).ToArray(), now);
    }

    private TransactionCommitted CommitOf(TransactionPart part, LedgerTime commitTime, LedgerTime now)
    {
        List<TransferId>? ended = null;
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { ResolvesHold: true } transfer && transfer.CreditAccount == Address
                && leg.HoldAfter != HoldState.Live)
            {
                (ended ??= []).Add(transfer.PendingId);
            }
        }

        var committed = new TransactionCommitted(
            part.Key, state.FindInDoubt(part.Key)!.SequenceNr, commitTime, Later(now));
        return ended is null ? committed : committed with { EndedHolds = ended };
    }

    private Work? FindAttempt(TransferId key, UInt128 digest) =>
        attempts is not null && attempts.TryGetValue(key, out var work) && work.Part!.Digest == digest ? work : null;

    // Takes a work off, and lets those go on that waited for it.
    private void Finish(Work work, bool skipFirst, LedgerTime now)
    {
        Unclaim(work);
        if (work.Waiters.Count > (skipFirst ? 1 : 0))
        {
            RouteAgain(skipFirst ? work.Waiters.Skip(1) : work.Waiters, now);
        }

        ReleaseReaders(now);
    }

    // ---------------------------------------------------------------- participant

    private void DecidePrepare(Work work, TransactionPart part, LedgerTime now)
    {
        if (FindRecord(part.Key, part.Digest, work.Known) is { } status)
        {
            // Decided already: this is a late duplicate, or an anchor that has recovered.
            Unclaim(work);
            SendVote(part, status.Status == TransferStatus.Created ? VoteKind.Yes : VoteKind.InDoubt, null);
            return;
        }

        var used = UsedUp(part, work.Known);
        var decision = used != TransferStatus.None ? new LegDecision(used, part.Legs[0])
            : state.Remembered.Find(part.Key) is not null || FoundIn(work.Known, part.Key) is not null
                ? LegDecision.Doubt(part.Legs[0])
            : Verify(part, work.Known, work, now);
        if (decision.InDoubt)
        {
            Unclaim(work);
            SendVote(part, VoteKind.InDoubt, null);
        }
        else if (decision.Status != TransferStatus.None)
        {
            Unclaim(work);
            SendVote(part, VoteKind.No, RefusalOf(decision));
        }
        else
        {
            work.Part = part;
            Emit(new TransactionPrepared(part, Later(now)), urgent: true);
            (attempts ??= [])[part.Key] = work;
            (prepared ??= []).Enqueue((state.PreparedCount, part.Key));
            SetPhase(work, Phase.Reserved);
            work.Known = null;
            SendVote(part, VoteKind.Yes, null);
            ScheduleResend(work, now);
            LetOthersIn(work, now);
        }
    }

    private void SendVote(TransactionPart part, VoteKind kind, Refusal? refusal) =>
        Hold(part.Anchor, new Vote(part.Key, part.Digest, Address, kind, refusal));

    private Refusal RefusalOf(LegDecision decision) => new(
        decision.Leg.Index, decision.Status, state.Spec?.Asset ?? default, state.Spec is null ? null : state.Balances);

    private void Told(Outcome outcome, LedgerTime now)
    {
        if (FindAttempt(outcome.Key, outcome.Digest) is { Phase: Phase.Reserved } work)
        {
            var part = work.Part!;
            Emit(
                outcome.Committed
                    ? CommitOf(part, outcome.Time, now)
                    : new TransactionAborted(part.Key, -1, TransferStatus.None, null, Later(now)),
                urgent: true);
            Hold(part.Anchor, new OutcomeAck(outcome.Key, outcome.Digest, Address));
            Finish(work, skipFirst: false, now);
        }
        else if (!outcome.Committed)
        {
            // What was never prepared needs no release: should a late request still prepare it, this account asks.
            Hold(outcome.Anchor, new OutcomeAck(outcome.Key, outcome.Digest, Address));
        }
        else if (attempts is null || !attempts.ContainsKey(outcome.Key))
        {
            Route(outcome, now);
        }
    }

    // That it is done is said by the record of it, in memory or in the journal: an incarnation that has been overtaken may know
    // less than the one that has prepared.
    private void Acknowledge(Outcome outcome, Dictionary<TransferId, IdFound?>? known)
    {
        if (FindRecord(outcome.Key, outcome.Digest, known) is { Status: TransferStatus.Created })
        {
            Hold(outcome.Anchor, new OutcomeAck(outcome.Key, outcome.Digest, Address));
        }
    }

    // R2: that nothing is known of it is never said from memory.
    private void DecideOutcome(OutcomeRequest asked, Dictionary<TransferId, IdFound?>? known, LedgerTime now)
    {
        var part = asked.Part;
        var record = FindRecord(part.Key, part.Digest, known);
        if (record is null && state.Remembered.Find(part.Key) is not { IsFinal: true })
        {
            Emit(new TransactionDisowned(part.Key, part.Digest, Later(now)), urgent: true);
        }

        Hold(asked.Account, new Outcome(
            part.Key, part.Digest, record is { Status: TransferStatus.Created }, record?.Time ?? default)
        {
            Anchor = Address,
        });
    }

    // ---------------------------------------------------------------- closer

    private void DecideClose(CloseRequest close, Dictionary<TransferId, IdFound?>? known, LedgerTime now)
    {
        var part = close.Part;
        if (FindRecord(part.Key, part.Digest, known) is { } record)
        {
            AnswerClose(part, record);
            return;
        }

        var used = UsedUp(part, part.Key, known);
        if (used != TransferStatus.None)
        {
            // What used it up is journaled, and stays so: that is the refusal.
            Hold(part.Anchor, new CloseAnswer(
                part.Key, part.Digest, false, Later(now), RefusalOf(new LegDecision(used, part.Legs[0])) with { Seen = null }));
            return;
        }

        used = UsedUp(part, known);
        if (used != TransferStatus.None)
        {
            RefuseClose(part, RefusalOf(new LegDecision(used, part.Legs[0])) with { Seen = null }, now);
            return;
        }

        if (state.Remembered.Find(part.Key) is not null || FoundIn(known, part.Key) is not null)
        {
            // An attempt of another content under this key was refused: this one needs a key of its own.
            RefuseClose(part, null, now);
            return;
        }

        var decision = Verify(part, known, null, now);
        if (decision.InDoubt)
        {
            RefuseClose(part, null, now);
        }
        else if (decision.Status != TransferStatus.None)
        {
            RefuseClose(part, RefusalOf(decision), now);
        }
        else if (close.Cancel)
        {
            RefuseClose(part, null, now);
        }
        else
        {
            var at = Later(now);
            Emit(new CloserCommitted(part, at), urgent: true);
            Hold(part.Anchor, new CloseAnswer(part.Key, part.Digest, true, at, null));
            ReleaseReaders(now);
        }
    }

    // Whether another transaction has used up the id here, or that of the attempt: that is journaled, and stays so (R7).
    private TransferStatus UsedUp(TransactionPart part, Dictionary<TransferId, IdFound?>? known)
    {
        var status = UsedUp(part, part.Key, known);
        return status != TransferStatus.None || part.Attempt == 0 ? status : UsedUp(part, part.Id, known);
    }

    private TransferStatus UsedUp(TransactionPart part, TransferId id, Dictionary<TransferId, IdFound?>? known)
    {
        var used = FoundIn(known, id)?.Last;
        var remembered = state.Remembered.Find(id);
        if (used is { Status: TransferStatus.Created } || remembered is { Status: TransferStatus.Created })
        {
            return used is not null && part.IsAlone
                ? CompareWith(used, part.Legs[0].Transfer!)
                : TransferStatus.ExistsWithDifferentTransfers;
        }

        return remembered is { IsFinal: true }
            || (used is not null && used.Status != TransferStatus.None && AccountState.Burns(used.Part, used.Status))
                ? TransferStatus.IdAlreadyFailed
                : TransferStatus.None;
    }

    private void RefuseClose(TransactionPart part, Refusal? refusal, LedgerTime now)
    {
        var at = Later(now);
        Emit(
            new CloserRefused(part, refusal?.Leg ?? -1, refusal?.Reason ?? TransferStatus.None, refusal?.Seen, at),
            urgent: true);
        Hold(part.Anchor, new CloseAnswer(part.Key, part.Digest, false, at, refusal));
    }

    private void AnswerClose(TransactionPart part, RememberedId record)
    {
        var committed = record.Status == TransferStatus.Created;
        Hold(part.Anchor, new CloseAnswer(
            part.Key, part.Digest, committed, record.Time,
            committed || record.Status == TransferStatus.None
                ? null
                : new Refusal(
                    record.Details.FailedLeg, record.Status, state.Spec?.Asset ?? default, record.Details.Seen)));
    }

    // Goes through this account's legs, whose amounts are given.
    private LegDecision Verify(TransactionPart part, Dictionary<TransferId, IdFound?>? known, Work? work, LedgerTime now)
    {
        sheet.Take(state, FactsOf(part, known, work), dueHolds: false);
        LegDecision decision = default;
        foreach (var leg in part.Legs)
        {
            if (!leg.Concerns(Address))
            {
                continue;
            }

            var isDebit = leg.Transfer is null || leg.Transfer.DebitAccount == Address;
            var other = leg.Transfer is { } transfer
                && (isDebit ? transfer.CreditAccount : transfer.DebitAccount) == part.Anchor
                    ? part.AnchorAsset
                    : default;
            decision = LegLadder.Decide(
                leg, isDebit ? sheet : null, isDebit ? null : sheet, other, Later(now), isFixed: true);
            if (decision.InDoubt || decision.Status != TransferStatus.None)
            {
                return decision;
            }

            if (part.Legs.Length > 1)
            {
                sheet.Apply(leg);
            }
        }

        return decision;
    }

    // ---------------------------------------------------------------- trial (R14, R15)

    // Something else is being done about one of its ids, which must not wait for the question, nor the question for it. What
    // only the journal can tell is looked up besides (R4).
    private void AnswerTrialBesides(TrialRequest trial, Work owner)
    {
        var part = trial.Part;
        var known = owner.Known is null ? [] : new Dictionary<TransferId, IdFound?>(owner.Known);
        HashSet<TransferId> missing = [.. IdsOf(part).Where(id => id != part.Id && id != part.Key && state.FindHold(id) is null
            && (state.Remembered.Find(id) is not null || state.Remembered.MayHaveForgotten(id)) && !known.ContainsKey(id))];
        if (missing.Count == 0)
        {
            AnswerTrial(trial, known);
            return;
        }

        if (MustRecordCommits)
        {
            open!.Urgent = true;
        }

        foreach (var id in missing.Order())
        {
            if (besides is null || !besides.Any(other => other.Missing.Contains(id)))
            {
                var (notBefore, notAfter) = state.Remembered.JournaledBetween(id);
                Hold(new Outgoing(default, null, default, null, new IdLookup(
                    id, 0, assignedSequenceNr, notBefore, notAfter, ToEnd: true)));
            }
        }

        (besides ??= []).Add(new Besides(trial, missing, known));
    }

    // The journal has answered about an id, or could not: then who asked asks again.
    private void SettleBesides(TransferId id, IdFound? found, bool failed)
    {
        for (var i = (besides?.Count ?? 0) - 1; i >= 0; i--)
        {
            var one = besides![i];
            if (!one.Missing.Remove(id))
            {
                continue;
            }

            one.Known[id] = found;
            if (failed || one.Missing.Count == 0)
            {
                besides.RemoveAt(i);
                if (!failed)
                {
                    AnswerTrial(one.Trial, one.Known);
                }
            }
        }
    }

    private void AnswerTrial(TrialRequest trial, Dictionary<TransferId, IdFound?>? known)
    {
        var part = trial.Part;
        var facts = FactsOf(part, known, null);
        Hold(part.Anchor, new TrialAnswer(part.Id, trial.Round, new AccountQuote(
            Address, state.Spec, state.ClosedByChange, state.Freeze, state.Balances, state.Load,
            state.IsOpeningOrClosingInDoubt || state.HasOldDoubt,
            [.. part.Legs.Where(leg => leg.Transfer is not null).Select(leg => facts?.Invoke(leg.Index) ?? new LegFact(leg.Index))])
        {
            OpenedWith = state.OpenedWith,
            ClosedByHold = state.ClosedByHold,
        }));
    }

    // What this account knows of the ids that its legs name.
    private Func<int, LegFact>? FactsOf(TransactionPart part, Dictionary<TransferId, IdFound?>? known, Work? work)
    {
        if (part.Attempt == 0 && part.Legs is [{ Transfer: { ResolvesHold: false, Reverses.IsNil: true } }] && part.IsAlone)
        {
            // Its id is the attempt's own, and it names no other.
            return null;
        }

        Dictionary<int, LegFact> facts = [];
        Dictionary<TransferId, Amount>? reversing = null;
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer && IsMine(part, leg))
            {
                var fact = new LegFact(leg.Index);
                if (transfer.Id != part.Id || part.Attempt > 0)
                {
                    fact = WithOwnId(fact, transfer, known, work);
                }

                if (transfer.ResolvesHold)
                {
                    fact = WithHold(fact, transfer, known, work);
                }

                if (!transfer.Reverses.IsNil && transfer.DebitAccount == Address)
                {
                    fact = WithReversed(fact, transfer, known, work, reversing?.GetValueOrDefault(transfer.Reverses) ?? Amount.Zero);
                    reversing ??= [];
                    reversing[transfer.Reverses] =
                        reversing.GetValueOrDefault(transfer.Reverses).TryAdd(transfer.Amount, out var sum) ? sum : Amount.MaxValue;
                }

                facts[leg.Index] = fact;
            }
        }

        return index => facts.TryGetValue(index, out var fact) ? fact : new LegFact(index);
    }

    private LegFact WithOwnId(LegFact fact, Transfer transfer, Dictionary<TransferId, IdFound?>? known, Work? work)
    {
        if (IsInDoubtElsewhere(transfer.Id, work))
        {
            return fact with { InDoubt = true };
        }

        if (FoundIn(known, transfer.Id)?.Last is { } record)
        {
            return record.Status == TransferStatus.Created ? fact with { Known = CompareWith(record, transfer) }
                : record.Status != TransferStatus.None && AccountState.Burns(record.Part, record.Status)
                    ? fact with { Known = TransferStatus.IdAlreadyFailed }
                    : fact;
        }

        return state.Remembered.Find(transfer.Id) switch
        {
            // Decided while the question was out: asking again tells which field differs.
            { Status: TransferStatus.Created } => fact with { InDoubt = true },
            { IsFinal: true } => fact with { Known = TransferStatus.IdAlreadyFailed },
            _ => fact,
        };
    }

    private LegFact WithHold(LegFact fact, Transfer transfer, Dictionary<TransferId, IdFound?>? known, Work? work)
    {
        var id = transfer.PendingId;
        if (IsInDoubtElsewhere(id, work) || (state.IsLocked(id) && (work?.Part is null || !state.IsLocked(id))))
        {
            return fact with { InDoubt = true };
        }

        if (state.FindHold(id) is { } hold)
        {
            return fact with
            {
                Pending = hold.Transfer with { Amount = hold.Amount }, Remaining = hold.Remaining, Deadline = hold.Deadline,
            };
        }

        if (FoundIn(known, id) is not { Last: { Status: TransferStatus.Created } record } found)
        {
            return fact with { HoldProblem = TransferStatus.PendingTransferNotFound };
        }

        var leg = record.Leg ?? (record.Part.IsAlone ? record.Part.Legs[0] : null);
        if (leg is not { IsHold: true })
        {
            return fact with { HoldProblem = TransferStatus.PendingTransferNotPending };
        }

        var end = state.Remembered.Find(id)?.Details.Hold is { } remembered and not (HoldState.None or HoldState.Live)
            ? remembered
            : found.Hold;
        return fact with
        {
            Pending = leg.Transfer! with { Amount = leg.Amount },
            HoldProblem = end switch
            {
                HoldState.Posted => TransferStatus.PendingTransferAlreadyPosted,
                HoldState.Voided => TransferStatus.PendingTransferAlreadyVoided,
                HoldState.Expired => TransferStatus.PendingTransferExpired,
                _ => TransferStatus.PendingTransferNotFound,
            },
        };
    }

    private LegFact WithReversed(
        LegFact fact, Transfer transfer, Dictionary<TransferId, IdFound?>? known, Work? work, Amount before)
    {
        if (IsInDoubtElsewhere(transfer.Reverses, work))
        {
            return fact with { InDoubt = true };
        }

        if (FoundIn(known, transfer.Reverses) is not { Last: { Status: TransferStatus.Created } record } found
            || (record.Leg ?? (record.Part.IsAlone ? record.Part.Legs[0] : null)) is not { Transfer: { } original } leg)
        {
            return fact with { ReversalProblem = TransferStatus.ReversedTransferNotFound };
        }

        if (!leg.IsPosting)
        {
            return fact with { ReversalProblem = TransferStatus.ReversedTransferNotPosted };
        }

        if (original.DebitAccount != transfer.CreditAccount || original.CreditAccount != transfer.DebitAccount)
        {
            return fact with { ReversalProblem = TransferStatus.ReversedTransferHasDifferentAccounts };
        }

        var left = leg.Amount - found.Reversed;
        return fact with { Reversible = before < left ? left - before : Amount.Zero };
    }

    private bool IsInDoubtElsewhere(TransferId id, Work? work) =>
        claims is not null && claims.TryGetValue(id, out var owner) && owner != work && owner.Part is not null;

    // ---------------------------------------------------------------- expiry and extension (R12)

    // What is due expires in the order of its time. The void is a transaction like any other, that nobody waits for.
    private void CheckDue(LedgerTime now)
    {
        // By the account's own time, as posts and voids are judged: a clock that was set back must not part them.
        now = Later(now);
        if (state.NextDeadline > now)
        {
            return;
        }

        List<Hold>? due = null;
        List<Work>? displaced = null;
        foreach (var hold in state.DueHolds(now))
        {
            if (expiring + (due?.Count ?? 0) >= options.ExpiriesMax)
            {
                break;
            }

            if (IsPaused(hold, now))
            {
                continue;
            }

            if (claims is null || !(claims.ContainsKey(hold.Transfer.Id) || claims.ContainsKey(hold.ExpiryId)))
            {
                (due ??= []).Add(hold);
            }
            else if (claims.TryGetValue(hold.Transfer.Id, out var owner) && owner.Phase == Phase.Waiting && !owner.IsExpiry)
            {
                // It may be waiting for this very expiry.
                Unclaim(owner);
                (displaced ??= []).Add(owner);
                (due ??= []).Add(hold);
            }
        }

        foreach (var hold in due ?? [])
        {
            var transfer = new Transfer(
                hold.ExpiryId, hold.Transfer.DebitAccount, hold.Transfer.CreditAccount, Amount.Zero, hold.Transfer.Code)
            {
                Asset = hold.Transfer.Asset,
                Flags = TransferFlags.VoidPending | TransferFlags.Expiry,
                PendingId = hold.Transfer.Id,
            };
            var work = new Work(null, AskedPart(transfer));
            Claim(work, IdsOf(work.Asked!));
            Begin(work, now);
        }

        foreach (var owner in displaced ?? [])
        {
            RouteAgain(owner.Waiters, now);
        }
    }

    // An expiry that met something in doubt pauses, ever longer, or it would try at every message.
    private bool IsPaused(Hold hold, LedgerTime now) =>
        expiryPauses is not null && expiryPauses.TryGetValue(hold.ExpiryId, out var pause)
        && !IsDue(pause.Until, now, options.RetryAfterMax);

    private void Pause(TransferId expiry, LedgerTime now)
    {
        var tries = expiryPauses is not null && expiryPauses.TryGetValue(expiry, out var before) ? before.Tries + 1 : 0;
        var pause = options.RetryAfter * (1 << Math.Min(tries, 10));
        pause = pause < options.RetryAfterMax ? pause : options.RetryAfterMax;
        (expiryPauses ??= [])[expiry] = (now.Add(pause), tries);
        shell.WakeAt(now.Add(pause));
    }

    private void Extend(ExtendHoldCall call, Dictionary<TransferId, IdFound?>? known, LedgerTime now)
    {
        var fact = WithHold(
            new LegFact(0), new Transfer(default, default, default, default, 0) { PendingId = call.HoldId }, known, null);
        LedgerTime? deadline = fact.HoldProblem == TransferStatus.None && fact.Deadline < LedgerTime.MaxValue
            ? fact.Deadline
            : null;
        var status = fact.HoldProblem != TransferStatus.None ? fact.HoldProblem
            : fact.Pending!.DebitAccount != Address ? TransferStatus.PendingTransferHasDifferentDebitAccountId
            : fact.Deadline <= Later(now) ? TransferStatus.PendingTransferExpired
            : call.HoldDeadline > LedgerLimits.HoldDeadlineMax ? TransferStatus.OverflowsTimeout
            : call.HoldDeadline == fact.Deadline ? TransferStatus.Exists
            : TransferStatus.Created;
        if (status == TransferStatus.Created)
        {
            deadline = call.HoldDeadline;
            Emit(new HoldExtended(call.HoldId, call.HoldDeadline, Later(now)), urgent: true);
        }

        Hold(call.Caller, new ExtendHoldAnswer(status, deadline));
    }

    // ---------------------------------------------------------------- answers

    // Whether the id of the request is decided, so that the record answers.
    private bool TryAnswerKnown(Work work, LedgerTime now)
    {
        var asked = work.Asked!;
        var remembered = state.Remembered.Find(asked.Id);
        var found = FoundIn(work.Known, asked.Id);
        if (remembered is null && found is null)
        {
            return false;
        }

        if (work.IsExpiry)
        {
            if (remembered is { IsFinal: true })
            {
                Finish(work, skipFirst: false, now);
                return true;
            }

            return false;
        }

        if (FindAsked(remembered, asked.Asked) is { } same && !(same.Details.NeedsContent && same.Status == TransferStatus.Created))
        {
            Answer(work, same.Status == TransferStatus.Created
                ? Committed(asked with { Legs = [.. asked.Legs.Select(static leg => leg with { Amount = leg.Transfer!.Amount })] }, same.Time, replayed: true)
                : Rejected(asked, same.Details.FailedLeg, same.Status, same.Time, same.Details.Seen, replayed: true));
            Finish(work, skipFirst: work.HasFirst, now);
            return true;
        }

        // What was once answered to this very request is answered for ever, whatever was done under the id since.
        if (found?.Records.FirstOrDefault(record => record.Status != TransferStatus.None && record.Part.Asked == asked.Asked) is { } before)
        {
            Answer(work, before.Status == TransferStatus.Created
                ? Committed(before.Part, before.Time, replayed: true)
                : Rejected(asked, before.FailedLeg, before.Status, before.Time, before.Seen, replayed: true));
            Finish(work, skipFirst: work.HasFirst, now);
            return true;
        }

        foreach (var record in (found?.Records ?? []).Reverse())
        {
            if (record.Status == TransferStatus.None)
            {
                continue;
            }

            // What was rejected has no amounts to compare: only the very same request is the same.
            var difference = record.Part.Asked == asked.Asked ? TransferStatus.Exists
                : record.Status == TransferStatus.Created ? Difference(record, asked)
                : TransferStatus.IdAlreadyFailed;
            if (difference == TransferStatus.Exists)
            {
                Answer(work, record.Status == TransferStatus.Created
                    ? Committed(record.Part, record.Time, replayed: true)
                    : Rejected(asked, record.FailedLeg, record.Status, record.Time, record.Seen, replayed: true));
                Finish(work, skipFirst: work.HasFirst, now);
                return true;
            }

            if (record.Status == TransferStatus.Created || AccountState.Burns(record.Part, record.Status))
            {
                Answer(work, Rejected(
                    asked, 0, record.Status == TransferStatus.Created ? difference : TransferStatus.IdAlreadyFailed, default,
                    null, replayed: false));
                Finish(work, skipFirst: work.HasFirst, now);
                return true;
            }
        }

        if (remembered is { IsFinal: true })
        {
            if (remembered.Status == TransferStatus.Created)
            {
                // Decided since the journal was asked: ask again, for the content.
                Begin(work, now);
                return true;
            }

            Answer(work, Rejected(asked, 0, TransferStatus.IdAlreadyFailed, default, null, replayed: false));
            Finish(work, skipFirst: work.HasFirst, now);
            return true;
        }

        return false;
    }

    private static TransferStatus Difference(IdRecord record, TransactionPart asked)
    {
        if (asked.IsAlone)
        {
            return CompareWith(record, asked.Legs[0].Transfer!);
        }

        if (record.Part.LegCount != asked.LegCount || record.Part.Legs.Length != asked.Legs.Length)
        {
            return TransferStatus.ExistsWithDifferentTransfers;
        }

        for (var i = 0; i < asked.Legs.Length; i++)
        {
            var leg = asked.Legs[i];
            var known = record.Part.Legs[i];
            if (leg.Transfer is null
                ? known.Opening != leg.Opening || known.IfMissing != leg.IfMissing
                : known.Transfer?.Id != leg.Transfer.Id || TransferContent.Compare(known, leg.Transfer) != TransferStatus.Exists)
            {
                return TransferStatus.ExistsWithDifferentTransfers;
            }
        }

        return TransferStatus.Exists;
    }

    private static TransferStatus CompareWith(IdRecord record, Transfer asked) =>
        (record.Leg ?? (record.Part.IsAlone ? record.Part.Legs[0] : null)) is { Transfer: not null } leg
            ? TransferContent.Compare(leg, asked)
            : TransferStatus.ExistsWithDifferentTransfers;

    private RememberedId? FindRecord(TransferId key, UInt128 digest, Dictionary<TransferId, IdFound?>? known = null)
    {
        if (FindDigest(state.Remembered.Find(key), digest) is { } remembered)
        {
            return remembered;
        }

        foreach (var record in FoundIn(known, key)?.Records ?? [])
        {
            if (record.Part.Digest == digest)
            {
                return new RememberedId(digest, record.Status, record.Time, record.SequenceNr, new RememberedDetails
                {
                    FailedLeg = record.FailedLeg, Seen = record.Seen,
                });
            }
        }

        return null;
    }

    private static IdFound? FoundIn(Dictionary<TransferId, IdFound?>? known, TransferId id) => known?.GetValueOrDefault(id);

    private TransferRecord? RecordOf(TransferId id, Dictionary<TransferId, IdFound?>? known)
    {
        if (state.FindHold(id) is { } hold)
        {
            return new TransferRecord(hold.Transfer, TransferStatus.Created, hold.Time, null)
            {
                Amount = hold.Amount,
                TransactionId = hold.TransactionId,
                Hold = HoldState.Live,
                HoldRemaining = hold.Remaining,
                HoldDeadline = hold.Deadline < LedgerTime.MaxValue ? hold.Deadline : null,
            };
        }

        if (FoundIn(known, id) is not { Last: { } record } found
            || (record.Leg ?? (record.Part.IsAlone ? record.Part.Legs[0] : null)) is not { Transfer: { } transfer } leg
            || record.Status == TransferStatus.None)
        {
            return null;
        }

        var remembered = state.Remembered.Find(id)?.Details.Hold ?? HoldState.None;
        var committed = record.Status == TransferStatus.Created;
        return new TransferRecord(transfer, record.Status, record.Time, record.Seen)
        {
            Amount = committed ? leg.Amount : Amount.Zero,
            TransactionId = record.Part.Id,
            Hold = !leg.IsHold || !committed ? HoldState.None : remembered != HoldState.None ? remembered : found.Hold,
        };
    }

    private TransactionRecord? TransactionOf(TransferId id, Dictionary<TransferId, IdFound?>? known)
    {
        if (FoundIn(known, id) is not { Last: { } record } || record.Part.Id != id || record.Part.Anchor != Address
            || record.Status == TransferStatus.None)
        {
            return null;
        }

        var part = record.Part;
        return new TransactionRecord(
            new Transaction(id, [.. part.Legs.Select(static leg => leg.Transfer is { } transfer
                ? TransactionLeg.Of(transfer)
                : TransactionLeg.Open(leg.Opening!, leg.IfMissing))]),
            record.Status == TransferStatus.Created
                ? Committed(part, record.Time, replayed: false)
                : Rejected(part, record.FailedLeg, record.Status, record.Time, record.Seen, replayed: false));
    }

    private static TransactionResult Committed(TransactionPart part, LedgerTime time, bool replayed) => new(
        part.Id, replayed ? TransferStatus.Exists : TransferStatus.Created, -1, time, replayed, null,
        [.. part.Legs.Select(static leg => leg.Transfer is null
            ? new LegResult(TransferStatus.None, AccountStatus.Created, Amount.Zero)
            : new LegResult(TransferStatus.Created, AccountStatus.None, leg.Amount))]);

    private static TransactionResult Rejected(
        TransactionPart part, int failedLeg, TransferStatus reason, LedgerTime time, Balances? seen, bool replayed)
    {
        var legs = ImmutableArray.CreateBuilder<LegResult>(part.Legs.Length);
        var status = reason;
        foreach (var leg in part.Legs)
        {
            var failed = leg.Index == failedLeg;
            if (leg.Transfer is not null)
            {
                legs.Add(new LegResult(failed ? reason : TransferStatus.LinkedEventFailed, AccountStatus.None, Amount.Zero));
            }
            else
            {
                legs.Add(new LegResult(
                    TransferStatus.None, failed ? (AccountStatus)(int)reason : AccountStatus.LinkedEventFailed, Amount.Zero));
                status = failed ? TransferStatus.LinkedEventFailed : status;
            }
        }

        return new TransactionResult(part.Id, status, failedLeg, time, replayed, seen, legs.MoveToImmutable());
    }

    private void Answer(Work work, TransactionResult result)
    {
        if (work.HasFirst && work.Waiters[0] is AccountCall call)
        {
            Hold(call.Caller, AnswerTo(call, result));
        }
    }

    private static AccountAnswerBase AnswerTo(AccountCall call, TransactionResult result) => call is PostTransferCall post
        ? new TransferAnswer(new TransferResult(
            post.Transfer.Id, result.Status, result.Time, result.Replayed, result.BalanceSeen)
        {
            Amount = result.Legs.Length > 0 ? result.Legs[0].Amount : Amount.Zero,
        })
        : new TransactionAnswer(result);

    // ---------------------------------------------------------------- works

    private TransactionPart AskedPart(Transfer transfer) => new()
    {
        Id = transfer.Id,
        Anchor = Address,
        AnchorAsset = state.Spec?.Asset ?? default,
        LegCount = 1,
        Asked = TransferContent.DigestOf(transfer),
        Legs = [new PartLeg(0, transfer, null) { Amount = transfer.Amount }],
    };

    private TransactionPart AskedPart(Transaction transaction) => new()
    {
        Id = transaction.Id,
        Anchor = Address,
        LegCount = transaction.Legs.Length,
        Asked = TransferContent.DigestOf(transaction),
        Legs = [.. transaction.Legs.Select(static (leg, index) => new PartLeg(index, leg.Transfer, leg.Opening)
        {
            IfMissing = leg.IfMissing,
            Amount = leg.Transfer?.Amount ?? Amount.Zero,
        })],
    };

    private TransferId[] IdsOf(AccountMessage input) => input switch
    {
        PostTransferCall { Transfer: { ResolvesHold: false, Reverses.IsNil: true } transfer } => [transfer.Id],
        PostTransferCall post => post.Transfer.ResolvesHold
            ? [post.Transfer.Id, post.Transfer.PendingId]
            : transferReverses(post.Transfer),
        PostTransactionCall post => IdsOf(AskedPart(post.Transaction)),
        PrepareRequest prepare => IdsOf(prepare.Part),
        CloseRequest close => IdsOf(close.Part),
        TrialRequest trial => IdsOf(trial.Part),
        OutcomeRequest asked => [asked.Part.Key],
        Outcome outcome => [outcome.Key],
        GetTransferCall get => [get.Id],
        GetTransactionCall get => [get.Id],
        ExtendHoldCall extend => [extend.HoldId],
        _ => throw new LedgerInvariantException($"{Address}: {input.GetType().Name} is about no id"),
    };

    private TransferId[] transferReverses(Transfer transfer) =>
        transfer.DebitAccount == Address ? [transfer.Id, transfer.Reverses] : [transfer.Id];

    private TransferId[] IdsOf(TransactionPart part)
    {
        if (part.Attempt == 0 && part.IsAlone
            && part.Legs[0].Transfer is { ResolvesHold: false, Reverses.IsNil: true })
        {
            return [part.Id];
        }

        var ids = new List<TransferId>(part.Legs.Length + 2) { part.Id };
        var seen = new HashSet<TransferId> { part.Id };
        Add(part.Key);
        foreach (var leg in part.Legs)
        {
            if (leg.Transfer is { } transfer && IsMine(part, leg))
            {
                Add(transfer.Id);
                if (transfer.ResolvesHold)
                {
                    Add(transfer.PendingId);
                }

                if (!transfer.Reverses.IsNil && transfer.DebitAccount == Address)
                {
                    Add(transfer.Reverses);
                }
            }
        }

        return [.. ids];

        void Add(TransferId id)
        {
            if (seen.Add(id))
            {
                ids.Add(id);
            }
        }
    }

    private void Claim(Work work, TransferId[] ids)
    {
        claims ??= [];
        if (work.Ids.Length > 0)
        {
            foreach (var id in work.Ids)
            {
                claims.Remove(id);
            }
        }
        else if (work.IsExpiry)
        {
            expiring++;
        }

        work.Ids = ids;
        foreach (var id in ids)
        {
            claims.TryAdd(id, work);
        }

        if (work.Asked is null)
        {
            work.Asked = work.Input switch
            {
                PostTransferCall post => AskedPart(post.Transfer),
                PostTransactionCall post => AskedPart(post.Transaction),
                PrepareRequest prepare => prepare.Part,
                CloseRequest close => close.Part,
                TrialRequest trial => trial.Part,
                OutcomeRequest asked => asked.Part,
                _ => null,
            };
        }
    }

    private void Unclaim(Work work)
    {
        SetPhase(work, Phase.LookingUp);
        foreach (var id in work.Ids)
        {
            if (claims!.TryGetValue(id, out var owner) && owner == work)
            {
                claims.Remove(id);
            }
        }

        if (work.Part is { } part && attempts is not null && attempts.TryGetValue(part.Key, out var attempt) && attempt == work)
        {
            attempts.Remove(part.Key);
        }

        if (work.IsExpiry && work.Ids.Length > 0)
        {
            expiring--;
        }

        work.Ids = [];
    }

    private bool IsClaimed(Work work) => work.Ids.Length > 0;

    private IEnumerable<Work> Works()
    {
        if (claims is null)
        {
            yield break;
        }

        foreach (var (id, work) in claims)
        {
            if (work.Ids[0] == id)
            {
                yield return work;
            }
        }
    }

    private void SetPhase(Work work, Phase phase)
    {
        waiting += (phase == Phase.Waiting ? 1 : 0) - (work.Phase == Phase.Waiting ? 1 : 0);
        work.Phase = phase;
    }

    // After something was decided: those go on that waited for something in doubt; and the next deadline is kept.
    private void Settle(LedgerTime now)
    {
        if (waiting > 0 && settledAt != state.LastDecision)
        {
            settledAt = state.LastDecision;
            foreach (var work in Works().Where(static one => one.Phase == Phase.Waiting).ToArray())
            {
                // The end of its own attempt is no news to it.
                if (IsClaimed(work) && work.Phase == Phase.Waiting && work.WaitsSince != state.LastDecision)
                {
                    Begin(work, now);
                }
            }
        }

        var next = state.NextDeadline;
        if (next < armedFor && (next > Later(now) || HasUnclaimedDue(now)))
        {
            // A look ahead of a minute: an account that sleeps by then is woken by the sweeper. What is due already, such as a
            // hold that was extended into the past, is not begun in the middle of something else.
            armedFor = next;
            var horizon = now.Add(TimeSpan.FromMinutes(1));
            shell.WakeAt(next <= now ? now.Add(options.RetryAfterMax) : next < horizon ? next : horizon);
        }

        Pump();
    }

    private bool HasUnclaimedDue(LedgerTime now)
    {
        if (expiring >= options.ExpiriesMax)
        {
            return false;
        }

        foreach (var hold in state.DueHolds(Later(now)))
        {
            if (!IsPaused(hold, Later(now)) && (claims is null || !claims.ContainsKey(hold.Transfer.Id)))
            {
                return true;
            }
        }

        return false;
    }

    private long settledAt;

    // Questions of other accounts about ids that are in hand here.
    private List<Besides>? besides;

    // When expiries that were abandoned may be tried again.
    private Dictionary<TransferId, (LedgerTime Until, int Tries)>? expiryPauses;

    // ---------------------------------------------------------------- group commit (R8)

    private LedgerTime Later(LedgerTime now) => now > state.LastTime ? now : state.LastTime;

    private void Emit(AccountEvent happened, bool urgent)
    {
        open ??= new EventBatch(++assignedSequenceNr, state.EntryCount, state.Balances);
        state.Evolve(happened, open.SequenceNr);
        open.Events.Add(happened);
        open.Urgent |= urgent;
        eventsSinceSnapshot++;
        if (open.Events.Count >= options.BatchEventsMax)
        {
            open.Urgent = true;
            (full ??= []).Enqueue(open);
            open = null;
        }
    }

    private void Hold(Caller caller, AccountAnswerBase answer) => Hold(new Outgoing(caller, answer, default, null));

    private void Hold(AccountAddress to, AccountMessage message) => Hold(new Outgoing(default, null, to, message));

    // Nothing leaves before every row that it has seen is durable. A row that holds nothing but records of commits is
    // no news: the closers' journals have them, so a failure there takes back nothing that was seen.
    private void Hold(in Outgoing outgoing)
    {
        var last = open is { Urgent: true } ? open : full is { Count: > 0 } ? full.Last() : writing;
        if (last is null)
        {
            Release(outgoing);
        }
        else
        {
            (last.Held ??= []).Add(outgoing);
        }
    }

    private void Release(in Outgoing outgoing)
    {
        if (outgoing.Answer is { } answer)
        {
            calls--;
            shell.Reply(outgoing.Caller, answer);
        }
        else if (outgoing.Lookup is { } lookup)
        {
            shell.Lookup(lookup);
        }
        else
        {
            shell.Send(outgoing.To, outgoing.Message!);
        }
    }

    private void Pump()
    {
        if (writing is not null || failed)
        {
            return;
        }

        if (full is { Count: > 0 })
        {
            writing = full.Dequeue();
        }
        else if (open is { Urgent: true })
        {
            writing = open;
            open = null;
        }
        else
        {
            return;
        }

        // The state is exactly that of the row only while nothing newer is decided.
        if (open is null && full is not { Count: > 0 }
            && writing.SequenceNr - snapshotSequenceNr >= options.SnapshotEvery
            && eventsSinceSnapshot >= state.Remembered.Count / 2)
        {
            // The ids in memory are most of a snapshot: it must not cost more than the rows that it stands for.
            eventsSinceSnapshot = 0;
            writing.Snapshot = AccountSnapshot.Of(state, writing.SequenceNr);
            snapshotSequenceNr = writing.SequenceNr;
        }

        shell.Write(writing);
    }

    private void FailHeld(EventBatch? batch, CallFailed failure)
    {
        foreach (var outgoing in batch?.Held ?? [])
        {
            if (outgoing.Answer is not null)
            {
                shell.Reply(outgoing.Caller, failure);
            }
        }
    }

    // ---------------------------------------------------------------- time

    private void ScheduleResend(Work work, LedgerTime now)
    {
        var pause = options.ResendAfter * (1 << Math.Min(work.Resends, 10));
        work.Resends++;
        work.ResendAt = now.Add(pause < options.ResendAfterMax ? pause : options.ResendAfterMax);
        shell.WakeAt(work.ResendAt);
    }

    // A clock that was set back must not stop the ledger: what lies further ahead than any pause is due.
    private static bool IsDue(LedgerTime due, LedgerTime now, TimeSpan pauseMax) =>
        now >= due || due > now.Add(pauseMax);

    private static bool AnyoneWaits(Work work, LedgerTime now)
    {
        foreach (var waiter in work.Waiters)
        {
            if (waiter is not AccountCall call || call.Deadline >= now)
            {
                return true;
            }
        }

        return work.IsExpiry;
    }

    private void WakeForTheNext()
    {
        var next = LedgerTime.MaxValue;
        foreach (var work in Works())
        {
            if (work.Phase != Phase.LookingUp && work.ResendAt < next)
            {
                next = work.ResendAt;
            }

            if (work.Phase == Phase.Releasing && work.AnswerBy < next)
            {
                next = work.AnswerBy;
            }
        }

        if (MustRecordCommits)
        {
            var due = lazySince.Add(options.CommitRecordDelay);
            next = due < next ? due : next;
        }

        if (next < LedgerTime.MaxValue)
        {
            shell.WakeAt(next);
        }
    }

    private enum Phase
    {
        LookingUp,
        Waiting,
        OnTrial,
        Voting,
        Closing,
        Telling,
        Releasing,
        Reserved,
    }

    private sealed record Besides(TrialRequest Trial, HashSet<TransferId> Missing, Dictionary<TransferId, IdFound?> Known);

    // Something that this account is deciding, or has prepared. Without an input it is an expiry, or was recovered.
    private sealed class Work(AccountMessage? input, TransactionPart? asked = null)
    {
        public AccountMessage? Input { get; } = input;

        // The request as it came; of another account's, its part.
        public TransactionPart? Asked { get; set; } = asked;

        // What is prepared here.
        public TransactionPart? Part { get; set; }

        public TransferId[] Ids { get; set; } = [];

        public Phase Phase { get; set; }

        public List<AccountMessage> Waiters { get; } = new(1);

        // Whether the first waiter is the call that this is about: it is answered "created", copies "exists".
        public bool HasFirst { get; set; }

        public bool IsExpiry => (Asked ?? Part) is { Legs: [{ Transfer: { } transfer }] }
            && (transfer.Flags & TransferFlags.Expiry) != TransferFlags.None && Input is null;

        public bool IsTrial => Input is PostTransactionCall { IsTrial: true };

        // What the journal said of the ids; null values for what it never saw.
        public Dictionary<TransferId, IdFound?>? Known { get; set; }

        public int Missing { get; set; }

        // Whether only its key was free to be looked up.
        public bool IsAside { get; init; }

        public IReadOnlyList<AccountAddress> Others { get; set; } = [];

        public AccountAddress Closer => Others[^1];

        public IEnumerable<AccountAddress> Participants => Others.Take(Others.Count - 1);

        public long Round { get; set; }

        public SortedDictionary<AccountAddress, AccountQuote>? Quotes { get; set; }

        public SortedDictionary<AccountAddress, Vote>? Votes { get; set; }

        public HashSet<AccountAddress>? Acks { get; set; }

        public bool Cancel { get; set; }

        public bool Committed { get; set; }

        public LedgerTime CommitTime { get; set; }

        public LedgerTime AbortTime { get; set; }

        public Refusal? Refusal { get; set; }

        public LedgerTime AnswerBy { get; set; }

        public LedgerTime ResendAt { get; set; }

        public int Resends { get; set; }

        public int Retries { get; set; }

        // What had been decided when it began to wait.
        public long WaitsSince { get; set; }
    }
}
