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
}

internal readonly record struct Outgoing(
    Caller Caller, AccountAnswerBase? Answer, AccountAddress To, AccountMessage? Message, IdLookup? Lookup = null);

/// <summary>
/// One account, as a state machine: the protocol, group commit and the order in which things may leave. The same code
/// runs under the actor and under the simulator.
/// </summary>
/// <remarks>
/// A transfer has an anchor, its debit account, and a closer, its credit account. States of a transfer at its anchor:
/// <code>
///   (unknown) --post, memory may have forgotten it--> looking up --not found--> (unknown)
///   (unknown) --post, own checks pass-->             prepared   [TransferPrepared]; CloseRequest once durable
///   (unknown) --post, own check fails, the closer's reason could rank higher--> on trial; TrialRequest
///   on trial  --TrialAnswer, own check still fails--> rejected  [TransferRejected]
///   on trial  --TrialAnswer, own checks now pass-->   prepared  [TransferPrepared]
///   (unknown) --post, own check fails-->              rejected  [TransferRejected]
///   prepared  --CloseAnswer, created-->               committed [AnchorCommitted, lazy]
///   prepared  --CloseAnswer, refused-->               aborted   [TransferAborted]
/// </code>
/// and at its closer:
/// <code>
///   (unknown) --CloseRequest, checks pass--> committed [CloserCommitted]: this write is the commit
///   (unknown) --CloseRequest, check fails--> refused   [CloserRefused]
///   known     --CloseRequest, same content--> the same answer, for ever
///   known     --CloseRequest, other content--> refused: the record of the other proves that it can never commit (R7)
/// </code>
/// Rules kept here, by number:
/// R1 only a CloseAnswer, which leaves the closer when its row is durable (R8), takes a transfer out of "prepared".
/// R3 recovery sends CloseRequest for everything prepared. R4, R6 <see cref="Route"/> asks memory, then the journal,
/// once at a time, and copies join. R5 what is prepared is never evicted, and resent with backoff for ever. R7 digests.
/// R8 <see cref="Hold"/>. R10 <see cref="readers"/>. R13 a transfer reserves its debit when prepared, and its credit
/// is usable when committed. R15 the trial. R16 unknown is the caller's, who sends the same id again.
/// Nothing here waits for another account while holding anything that the other one needs, so nothing deadlocks.
/// Not thread-safe.
/// </remarks>
public sealed class AccountRuntime
{
    private readonly IAccountShell shell;
    private readonly AccountRuntimeOptions options;
    private readonly AccountState state;

    // Ids that are being worked on: looked up, on trial or prepared. Null until needed: most accounts are idle.
    private Dictionary<TransferId, Work>? working;

    // Reads that wait for what was prepared before they came (R10), in order of arrival.
    private Queue<(long Barrier, AccountCall Call)>? readers;

    // Prepared transfers in order; those that are decided are taken off when they reach the head.
    private Queue<(long Number, TransferId Id)>? prepared;

    private Queue<EventBatch>? full;
    private EventBatch? open;
    private EventBatch? writing;
    private LedgerTime lazySince;
    private long assignedSequenceNr;
    private long snapshotSequenceNr;
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
    public bool IsBusy => calls > 0 || working is { Count: > 0 } || writing is not null || open is not null || full is { Count: > 0 };

    /// <summary>Whether something that was decided is not durable yet.</summary>
    public bool HasUnwritten => writing is not null || open is not null || full is { Count: > 0 };

    /// <summary>Whether transfers are in doubt.</summary>
    public bool HasInDoubt => state.InDoubtCount > 0;

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

    /// <summary>Ends recovery: everything in doubt is taken up again through its closer (R3).</summary>
    /// <param name="now">The time.</param>
    public void RecoveryCompleted(LedgerTime now)
    {
        foreach (var doubt in state.InDoubtInOrder())
        {
            var work = new Work(Phase.Prepared, doubt.Transfer, doubt.Digest);
            (working ??= []).Add(doubt.Transfer.Id, work);
            (prepared ??= []).Enqueue((doubt.Number, doubt.Transfer.Id));
            shell.Send(doubt.Transfer.CreditAccount, new CloseRequest(doubt.Transfer, state.Spec!.Asset));
            ScheduleResend(work, now);
        }
    }

    // ---------------------------------------------------------------- inputs

    /// <summary>Takes a message.</summary>
    /// <param name="message">The message.</param>
    /// <param name="now">The time.</param>
    public void Handle(AccountMessage message, LedgerTime now)
    {
        if (message is AccountCall call && !Admit(call, now))
        {
            return;
        }

        switch (message)
        {
            case PostTransferCall post:
                Route(post.Transfer.Id, post, now);
                break;
            case CloseRequest close:
                Route(close.Transfer.Id, close, now);
                break;
            case CloseAnswer answer:
                Closed(answer, now);
                break;
            case TrialRequest trial:
                Route(trial.Transfer.Id, trial, now);
                break;
            case TrialAnswer answer:
                Tried(answer, now);
                break;
            case OpenAccountCall opening:
                Open(opening, now);
                break;
            case GetAccountCall or StatementFenceCall:
                Read((AccountCall)message);
                break;
            case GetTransferCall get:
                Route(get.Id, get, now);
                break;
            case Poke:
                break;
            default:
                throw new LedgerInvariantException($"{state.Address}: unknown message {message.GetType().Name}");
        }

        Pump();
    }

    /// <summary>The row that was being written is durable: what waited for it leaves.</summary>
    /// <param name="now">The time.</param>
    public void WriteSucceeded(LedgerTime now)
    {
        var written = writing ?? throw new LedgerInvariantException($"{state.Address}: nothing was being written");
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
        foreach (var work in working?.Values ?? Enumerable.Empty<Work>())
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
        if (working is null || !working.TryGetValue(id, out var work) || work.Phase != Phase.LookingUp)
        {
            return;
        }

        working.Remove(id);
        foreach (var waiter in work.Waiters)
        {
            if (found is not null)
            {
                AnswerFound(waiter, found);
            }
            else if (working.ContainsKey(id) || state.Remembered.Find(id) is not null)
            {
                // A waiter before this one has just been decided.
                Route(id, waiter, now);
            }
            else
            {
                Decide(id, waiter, now);
            }
        }

        Pump();
    }

    /// <summary>The journal could not be asked: the callers' outcome is unknown, and other accounts will ask again.</summary>
    /// <param name="id">The id.</param>
    public void LookupFailed(TransferId id)
    {
        if (working is null || !working.TryGetValue(id, out var work) || work.Phase != Phase.LookingUp)
        {
            return;
        }

        working.Remove(id);
        foreach (var waiter in work.Waiters)
        {
            if (waiter is AccountCall call)
            {
                Release(new Outgoing(call.Caller, new CallFailed(CallFailure.JournalUnavailable), default, null));
            }
        }
    }

    /// <summary>Time has passed: what is late is written or sent again.</summary>
    /// <param name="now">The time.</param>
    public void Tick(LedgerTime now)
    {
        if (MustRecordCommits && IsDue(lazySince.Add(options.CommitRecordDelay), now, options.CommitRecordDelay))
        {
            open!.Urgent = true;
        }

        ForgetExpired(now);
        List<TransferId>? abandoned = null;
        foreach (var (id, work) in working ?? [])
        {
            if (work.Phase == Phase.LookingUp)
            {
                continue;
            }

            if (work.Phase == Phase.OnTrial && !AnyoneWaits(work, now))
            {
                (abandoned ??= []).Add(id);
            }
            else if (IsDue(work.ResendAt, now, options.ResendAfterMax))
            {
                shell.Send(work.Transfer.CreditAccount, work.Phase == Phase.Prepared
                    ? new CloseRequest(work.Transfer, state.Spec!.Asset)
                    : new TrialRequest(work.Transfer, state.Spec?.Asset ?? default));
                ScheduleResend(work, now);
            }
        }

        foreach (var id in abandoned ?? [])
        {
            // Nothing was journaled, so the callers' outcome is unknown to them and "nothing" in truth.
            working!.Remove(id, out var work);
            calls -= work!.Waiters.Count(static waiter => waiter is AccountCall);
        }

        WakeForTheNext();
        Pump();
    }

    // Callers that have stopped waiting, for an outcome that may be long in coming, must not fill the account up.
    private void ForgetExpired(LedgerTime now)
    {
        foreach (var work in working?.Values ?? Enumerable.Empty<Work>())
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

    /// <summary>Makes what may still be lazy be written now, before the account goes to sleep.</summary>
    public void Flush()
    {
        if (MustRecordCommits)
        {
            open!.Urgent = true;
        }

        Pump();
    }

    // ---------------------------------------------------------------- opening and reading

    private bool Admit(AccountCall call, LedgerTime now)
    {
        // Only before anything is decided: from there on the outcome is the transfer's own.
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
            new OpenAccountResult(state.Address, status, known ? state.OpenTime : default)));
    }

    private void Read(AccountCall call)
    {
        ForgetDecidedHeads();
        if (prepared is { Count: > 0 })
        {
            (readers ??= []).Enqueue((state.PreparedCount, call));
            return;
        }

        AnswerRead(call);
    }

    private void AnswerRead(AccountCall call)
    {
        if (call is GetAccountCall)
        {
            Hold(call.Caller, new AccountAnswer(state.Spec is null
                ? null
                : new AccountView(
                    state.Spec, state.OpenTime, state.Balances, state.EntryCount, assignedSequenceNr, Closed: false)));
            return;
        }

        // The statement is read from the journal, so even what is lazy must be there first.
        Flush();
        Hold(call.Caller, new StatementFenceAnswer(state.Spec is not null, assignedSequenceNr, state.EntryCount));
    }

    private void ForgetDecidedHeads()
    {
        while (prepared is { Count: > 0 } && state.FindInDoubt(prepared.Peek().Id)?.Number != prepared.Peek().Number)
        {
            prepared.Dequeue();
        }
    }

    private void ReleaseReaders()
    {
        ForgetDecidedHeads();
        while (readers is { Count: > 0 }
            && (prepared is not { Count: > 0 } || readers.Peek().Barrier < prepared.Peek().Number))
        {
            AnswerRead(readers.Dequeue().Call);
        }
    }

    // ---------------------------------------------------------------- ids: memory, journal, decision (R4, R6, R7)

    private void Route(TransferId id, AccountMessage input, LedgerTime now)
    {
        if (working is not null && working.TryGetValue(id, out var work))
        {
            if (TryAnswerBesides(work, input, now))
            {
                return;
            }

            work.Waiters.Add(input);
            return;
        }

        if (state.Remembered.Find(id) is { } remembered)
        {
            AnswerRemembered(id, input, remembered);
        }
        else if (state.Remembered.MayHaveForgotten(id))
        {
            StartLookup(id, sequenceNr: 0, input);
        }
        else
        {
            Decide(id, input, now);
        }
    }

    // What must not wait for the outcome of the work in progress. A close or a trial comes from another anchor: were two
    // anchors that prepared the same id to wait for each other, they would wait for ever.
    private bool TryAnswerBesides(Work work, AccountMessage input, LedgerTime now)
    {
        switch (input, work.Phase)
        {
            case (CloseRequest close, Phase.Prepared):
                // This account has journaled another transfer under the id: committed or aborted, it will never be the
                // one that is asked for. That row is the durable proof (R1), and Hold waits for it (R8).
                Hold(close.Transfer.DebitAccount, new CloseAnswer(
                    close.Transfer.Id, TransferContent.DigestOf(close.Transfer),
                    TransferContent.Compare(work.Transfer, close.Transfer), Later(now), null));
                return true;

            case (CloseRequest close, Phase.OnTrial):
                // Nothing is journaled yet: the close is decided now, which ends the trial, and the posts find it.
                working!.Remove(close.Transfer.Id);
                Decide(close.Transfer.Id, close, now);
                foreach (var waiter in work.Waiters)
                {
                    Route(close.Transfer.Id, waiter, now);
                }

                return true;

            case (TrialRequest trial, Phase.Prepared):
                Hold(trial.Transfer.DebitAccount, new TrialAnswer(
                    trial.Transfer.Id, TransferContent.DigestOf(trial.Transfer),
                    TransferContent.Compare(work.Transfer, trial.Transfer)));
                return true;

            case (TrialRequest trial, Phase.OnTrial):
                Decide(trial.Transfer.Id, trial, now);
                return true;

            default:
                return false;
        }
    }

    private void StartLookup(TransferId id, long sequenceNr, AccountMessage input)
    {
        var work = new Work(Phase.LookingUp, null!, default);
        work.Waiters.Add(input);
        (working ??= []).Add(id, work);

        // What was decided and has left memory may be in a row that is not durable yet; so the question, too, leaves
        // when all is durable that was decided before it. While it is out, everything about the id joins it.
        if (MustRecordCommits)
        {
            open!.Urgent = true;
        }

        var (notBefore, notAfter) = state.Remembered.JournaledBetween(id);
        Hold(new Outgoing(
            default, null, default, null, new IdLookup(id, sequenceNr, assignedSequenceNr, notBefore, notAfter)));
    }

    private void AnswerRemembered(TransferId id, AccountMessage input, RememberedId known)
    {
        if (input is GetTransferCall)
        {
            StartLookup(id, known.SequenceNr, input);
            return;
        }

        var asked = ContentOf(input)!;
        var same = TransferContent.DigestOf(asked) == known.Digest;
        if (!same && known.Status == TransferStatus.Created)
        {
            // Which field differs, only the content can tell, and that is in the journal.
            StartLookup(id, known.SequenceNr, input);
            return;
        }

        Answer(input, same ? known.Status : TransferStatus.IdAlreadyFailed, known.Time, same ? known.Seen : null, same);
    }

    private void AnswerFound(AccountMessage input, IdFound found)
    {
        if (input is GetTransferCall get)
        {
            Hold(get.Caller, new TransferRecordAnswer(
                new TransferRecord(found.Transfer, found.Status, found.Time, found.Seen)));
            return;
        }

        var difference = TransferContent.Compare(found.Transfer, ContentOf(input)!);
        var same = difference == TransferStatus.Exists;
        var status = same ? found.Status
            : found.Status == TransferStatus.Created ? difference
            : TransferStatus.IdAlreadyFailed;
        Answer(input, status, found.Time, same ? found.Seen : null, same);
    }

    // Answers from the record of an earlier decision.
    private void Answer(AccountMessage input, TransferStatus status, LedgerTime time, Balances? seen, bool same)
    {
        switch (input)
        {
            case PostTransferCall post:
                Hold(post.Caller, new TransferAnswer(new TransferResult(
                    post.Transfer.Id, status == TransferStatus.Created ? TransferStatus.Exists : status,
                    same ? time : default, Replayed: same, seen)));
                break;
            case CloseRequest close:
                Hold(close.Transfer.DebitAccount, new CloseAnswer(
                    close.Transfer.Id, TransferContent.DigestOf(close.Transfer), status, time, seen));
                break;
            case TrialRequest trial:
                Hold(trial.Transfer.DebitAccount, new TrialAnswer(
                    trial.Transfer.Id, TransferContent.DigestOf(trial.Transfer),
                    status == TransferStatus.Created ? TransferStatus.None : status));
                break;
            default:
                throw new LedgerInvariantException($"{state.Address}: no answer to {input.GetType().Name}");
        }
    }

    private static Transfer? ContentOf(AccountMessage input) => input switch
    {
        PostTransferCall post => post.Transfer,
        CloseRequest close => close.Transfer,
        TrialRequest trial => trial.Transfer,
        _ => null,
    };

    private static bool IsSame(Work work, PostTransferCall post) =>
        ReferenceEquals(work.Transfer, post.Transfer) || TransferContent.DigestOf(post.Transfer) == work.Digest;

    private void Decide(TransferId id, AccountMessage input, LedgerTime now)
    {
        switch (input)
        {
            case PostTransferCall post:
                DecidePost(post, now);
                break;

            case CloseRequest close:
                DecideClose(close, now);
                break;

            case TrialRequest trial:
                Hold(trial.Transfer.DebitAccount, new TrialAnswer(
                    id, TransferContent.DigestOf(trial.Transfer),
                    AccountDecider.CheckCredit(state, trial.Transfer, trial.DebitAsset)));
                break;

            case GetTransferCall get:
                Hold(get.Caller, new TransferRecordAnswer(null));
                break;

            default:
                throw new LedgerInvariantException($"{state.Address}: nothing to decide for {input.GetType().Name}");
        }
    }

    // ---------------------------------------------------------------- anchor

    private void DecidePost(PostTransferCall post, LedgerTime now)
    {
        // A look-up may have taken longer than the caller wanted to wait.
        if (now > post.Deadline)
        {
            Hold(post.Caller, new CallFailed(CallFailure.DeadlineExpired));
            return;
        }

        var transfer = post.Transfer;
        var reason = AccountDecider.CheckDebit(state, transfer);
        if (reason == TransferStatus.None)
        {
            Prepare(new Work(Phase.Prepared, transfer, TransferContent.DigestOf(transfer)), post, now);
        }
        else if (TransferStatusPrecedence.Outranks(reason, TransferStatus.CreditAccountNotFound))
        {
            Reject(transfer, reason, post, now);
        }
        else
        {
            // The closer may have a reason that ranks higher (R15).
            var work = new Work(Phase.OnTrial, transfer, TransferContent.DigestOf(transfer));
            work.Waiters.Add(post);
            (working ??= []).Add(transfer.Id, work);
            Hold(transfer.CreditAccount, new TrialRequest(transfer, state.Spec!.Asset));
            ScheduleResend(work, now);
        }
    }

    private void Prepare(Work work, PostTransferCall? post, LedgerTime now)
    {
        var transfer = work.Transfer;
        work.Phase = Phase.Prepared;
        work.Attempts = 0;
        if (post is not null)
        {
            work.Waiters.Add(post);
        }

        work.HasFirst = work.Waiters.Count > 0;
        Emit(new TransferPrepared(transfer, Later(now)), urgent: true);
        (working ??= [])[transfer.Id] = work;
        (prepared ??= []).Enqueue((state.PreparedCount, transfer.Id));

        // From here only the closer's journal decides (R1).
        Hold(transfer.CreditAccount, new CloseRequest(transfer, state.Spec!.Asset));
        ScheduleResend(work, now);
    }

    private void Reject(
        Transfer transfer, TransferStatus reason, PostTransferCall? post, LedgerTime now, bool isOwn = true)
    {
        // The balances are those of the account whose reason it is; of the closer's, a trial tells none.
        Balances? seen = state.Spec is null || !isOwn ? null : state.Balances;
        var at = Later(now);
        Emit(new TransferRejected(transfer, reason, seen, at), urgent: true);
        if (post is not null)
        {
            Hold(post.Caller, new TransferAnswer(new TransferResult(transfer.Id, reason, at, Replayed: false, seen)));
        }
    }

    private void Tried(TrialAnswer answer, LedgerTime now)
    {
        if (working is null || !working.TryGetValue(answer.Id, out var work)
            || work.Phase != Phase.OnTrial || work.Digest != answer.Digest)
        {
            return;
        }

        working.Remove(answer.Id);
        if (state.Remembered.Find(answer.Id) is null)
        {
            var own = AccountDecider.CheckDebit(state, work.Transfer);
            if (own == TransferStatus.None)
            {
                // Money has come meanwhile: the rejection would be journaled on a state that does not give it.
                Prepare(work, null, now);
                return;
            }

            var reason = answer.Reason != TransferStatus.None && TransferStatusPrecedence.Outranks(answer.Reason, own)
                ? answer.Reason
                : own;
            var first = work.Waiters.Count > 0 ? work.Waiters[0] as PostTransferCall : null;
            if (first is not null && IsSame(work, first))
            {
                work.Waiters.RemoveAt(0);
            }
            else
            {
                first = null;
            }

            Reject(work.Transfer, reason, first, now, isOwn: reason == own);
        }

        foreach (var waiter in work.Waiters)
        {
            Route(answer.Id, waiter, now);
        }
    }

    private void Closed(CloseAnswer answer, LedgerTime now)
    {
        if (working is null || !working.TryGetValue(answer.Id, out var work)
            || work.Phase != Phase.Prepared || work.Digest != answer.Digest)
        {
            // An answer to a duplicate: it is decided already.
            return;
        }

        working.Remove(answer.Id);
        if (answer.Reason == TransferStatus.Created)
        {
            if (open is null)
            {
                lazySince = now;
                shell.WakeAt(now.Add(options.CommitRecordDelay));
            }

            var row = state.FindInDoubt(answer.Id)!.SequenceNr;
            Emit(new AnchorCommitted(answer.Id, row, answer.Time, Later(now)), urgent: false);
        }
        else
        {
            Emit(new TransferAborted(answer.Id, answer.Reason, answer.Seen, Later(now)), urgent: true);
        }

        var known = state.Remembered.Find(answer.Id);
        for (var i = 0; i < work.Waiters.Count; i++)
        {
            var waiter = work.Waiters[i];
            var record = new IdFound(work.Transfer, answer.Reason, known?.Time ?? answer.Time, answer.Seen);
            if (answer.Reason == TransferStatus.Created)
            {
                // The commit is durable at the closer, and this anchor's preparation is durable too: whatever is lost
                // here, recovery asks the closer and answers the same. So the answer need not wait for any row of
                // this account, and must not: the client is told at once.
                Release(AnswerOf(waiter, work, record, first: i == 0 && work.HasFirst));
            }
            else if (waiter is PostTransferCall post && IsSame(work, post))
            {
                Hold(post.Caller, new TransferAnswer(new TransferResult(
                    post.Transfer.Id, record.Status, record.Time, Replayed: i > 0 || !work.HasFirst, record.Seen)));
            }
            else
            {
                AnswerFound(waiter, record);
            }
        }

        ReleaseReaders();
    }

    private static Outgoing AnswerOf(AccountMessage waiter, Work work, IdFound record, bool first)
    {
        if (waiter is GetTransferCall get)
        {
            return new Outgoing(
                get.Caller,
                new TransferRecordAnswer(new TransferRecord(record.Transfer, record.Status, record.Time, record.Seen)),
                default, null);
        }

        var post = (PostTransferCall)waiter;
        var same = IsSame(work, post);
        var status = first && same ? TransferStatus.Created : TransferContent.Compare(record.Transfer, post.Transfer);
        return new Outgoing(
            post.Caller,
            new TransferAnswer(new TransferResult(
                post.Transfer.Id, status, same ? record.Time : default, Replayed: same && !first, null)),
            default, null);
    }

    // ---------------------------------------------------------------- closer

    private void DecideClose(CloseRequest close, LedgerTime now)
    {
        var transfer = close.Transfer;
        var reason = AccountDecider.CheckCredit(state, transfer, close.DebitAsset);
        var at = Later(now);
        Balances? seen = null;
        if (reason == TransferStatus.None)
        {
            Emit(new CloserCommitted(transfer, at), urgent: true);
            reason = TransferStatus.Created;
        }
        else
        {
            seen = state.Spec is null ? null : state.Balances;
            Emit(new CloserRefused(transfer, reason, seen, at), urgent: true);
        }

        Hold(transfer.DebitAccount, new CloseAnswer(
            transfer.Id, TransferContent.DigestOf(transfer), reason, at, seen));
    }

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
        var pause = options.ResendAfter * (1 << Math.Min(work.Attempts, 10));
        work.Attempts++;
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

        return false;
    }

    private void WakeForTheNext()
    {
        var next = LedgerTime.MaxValue;
        foreach (var work in working?.Values ?? Enumerable.Empty<Work>())
        {
            if (work.Phase != Phase.LookingUp && work.ResendAt < next)
            {
                next = work.ResendAt;
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
        OnTrial,
        Prepared,
    }

    private sealed class Work(Phase phase, Transfer transfer, UInt128 digest)
    {
        public Phase Phase { get; set; } = phase;

        public Transfer Transfer { get; } = transfer;

        public UInt128 Digest { get; } = digest;

        public List<AccountMessage> Waiters { get; } = new(1);

        // Whether the first waiter is the call that had this transfer prepared: it is answered "created", copies "exists".
        public bool HasFirst { get; set; }

        public LedgerTime ResendAt { get; set; }

        public int Attempts { get; set; }
    }
}
