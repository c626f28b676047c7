using Akka.Actor;
using Akka.Event;
using Akka.Persistence;
using Ledger.Actors.Journal;
using Ledger.Actors.Leasing;
using Ledger.Actors.Storage;
using Ledger.Actors.Telemetry;
using Ledger.Core;

namespace Ledger.Actors.Accounts;

/// <summary>The shell around one <see cref="AccountMachine"/>: it routes messages, writes and reads rows, keeps the
/// hash chain, and tells the time. It holds no rule of the ledger.</summary>
internal sealed class AccountActor : UntypedPersistentActor, IAccountHost, ILeaseGateHost
{
    private static readonly TimeSpan s_wakeUnreadWithin = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_checkSearchesAfter = TimeSpan.FromSeconds(1);

    private readonly AccountActorContext context;
    private readonly AccountAddress account;
    private readonly AccountMachine runtime;
    private readonly LeaseGate gate;
    private readonly Action<JournalRow> written;
    private readonly ShardClaim? claim;
    private readonly int? generation;
    private readonly long waking;
    private byte[] lastHash;
    private byte[]? writingHash;
    private EventBatch? writing;
    private WakeTime? wakeTime;

    // Of a wake-up too far ahead for the shared clock.
    private ICancelable? wake;
    private LedgerTime lastUsed;
    private AccountSearches? searches;
    private ICancelable? searchCheck;
    private bool recovered;

    // When this account is woken again, should it end with something unfinished; null where that is arranged already.
    private TimeSpan? wakeAfter = TimeSpan.FromSeconds(1);
    private long previousSnapshot;
    private bool passivating;
    private bool stopping;
    private readonly DoubtNote doubt;
    private long dropped;
    private bool isAhead;
    private bool isCountedInDoubt;
    private ICancelable? silence;

    // Requests of this turn that leave ahead of its row, and the one that it takes (R8').
    private List<(IActorRef To, AheadRequest Request)>? ahead;
    private AheadRequest? taking;
    private RowFollower? writingFollower;

    public AccountActor(AccountAddress account, AccountActorContext context)
    {
        this.account = account;
        this.context = context;
        PersistenceId = PersistenceIdOf(account);
        JournalPluginId = context.JournalPluginId;
        SnapshotPluginId = context.SnapshotPluginId;
        lastHash = JournalCodec.GenesisHash(PersistenceId);
        runtime = new AccountMachine(account, context.Runtime, this);
        gate = new LeaseGate(this);
        written = _ => Written();
        doubt = new DoubtNote(account, context.HoldIndex, failure => Log.Warning(
            failure,
            "The hold index could not record that {Account} is in doubt; the account goes on by itself",
            account));
        claim = context.Claims.GetValueOrDefault(Context.Parent.Path.Name);
        generation = context.Database?.Generation;
        waking = context.Metrics?.StartWaking() ?? 0;
        context.Lease.Enter();
    }

    /// <summary>What the streams of accounts begin with.</summary>
    public const string PersistenceIdPrefix = "ledger-account-";

    public override string PersistenceId { get; }

    public static string PersistenceIdOf(AccountAddress account) => PersistenceIdPrefix + account.Text;

    public bool MaySpeak => context.Lease.IsGood && (claim is null or { IsHeld: true }) && !IsOutdated;

    // R19 b: what this incarnation knows is of a database that is another now.
    private bool IsOutdated => generation is { } mine && mine != context.Database!.Generation;

    private LedgerTime Now => LedgerTime.From(context.Time.GetUtcNow());

    // ---------------------------------------------------------------- recovery

    protected override void OnRecover(object message)
    {
        switch (message)
        {
            case JournalRow row:
                var batch = JournalCodec.Decode(row.Bytes, account, LastSequenceNr, out var previousHash);
                if (!previousHash.Span.SequenceEqual(lastHash) && !batch.IsBehindUnread)
                {
                    throw new JournalCorruptException(
                        $"Row {LastSequenceNr} of {account} does not carry the hash of the row before it.");
                }

                batch.Size = row.Bytes.Length;
                runtime.Replay(batch);
                lastHash = JournalCodec.HashOf(row.Bytes.Span);
                break;

            case SnapshotOffer { Snapshot: SnapshotRow { Parsed: { } parsed } } offer:
                previousSnapshot = offer.Metadata.SequenceNr;
                runtime.Restore(JournalCodec.DecodeSnapshot(parsed, account, out lastHash));
                break;

            case RecoveryCompleted:
                // Whatever kept rows back: to go on from an older state would undo what others were told.
                if (runtime.DurableSequenceNr != LastSequenceNr)
                {
                    throw new JournalCorruptException(
                        $"{account} was replayed up to row {runtime.DurableSequenceNr} of {LastSequenceNr}.");
                }

                recovered = true;
                context.Awake?.Add(account, Self);
                context.Metrics?.Awoke(waking);
                WakeUnread(context.Recoveries.Succeeded(account));
                lastUsed = Now;
                runtime.RecoveryCompleted(lastUsed);
                NoteTime(lastUsed);
                LookWhetherIdleAfter(context.PassivateAfter);
                break;

            default:
                throw new JournalCorruptException($"The journal of {account} holds a {message.GetType().Name}.");
        }
    }

    // ---------------------------------------------------------------- messages

    protected override bool AroundReceive(Receive receive, object message)
    {
        if (message is not AheadRequest request)
        {
            var isHandled = base.AroundReceive(receive, message);
            LetAheadGo();
            return isHandled;
        }

        if (!recovered)
        {
            // It is for an incarnation that is awake. This one would put it aside, with its ticket.
            request.PassOn(context.Accounts);
            return true;
        }

        taking = request;
        try
        {
            var isHandled = base.AroundReceive(receive, message);
            LetAheadGo();
            return isHandled;
        }
        finally
        {
            // Unless it goes on in a row.
            taking?.Follower.End();
            taking = null;
        }
    }

    protected override void OnCommand(object message)
    {
        if (IsOutdated)
        {
            // Whoever waits learns "unknown"; what has just come goes to the next incarnation.
            Log.Debug("{Account} starts again from the journal, since its database has changed", account);
            runtime.Fail(RequestFailure.Relocating);
            Context.System.DeadLetters.Tell(message, Sender);
            Context.Stop(Self);
            return;
        }

        switch (message)
        {
            case AccountEnvelope { Mark: { } mark } envelope when !IsOfMyHistory(mark):
                Leave(envelope);
                break;
            case AccountEnvelope envelope:
                Handle(envelope, ticket: null);
                break;
            case AheadRequest { Envelope: { Mark: { } mark } envelope } when !IsOfMyHistory(mark):
                Leave(envelope);
                break;
            case AheadRequest request:
                Handle(request.Envelope, request.Ticket);
                break;
            case TicketDecided:
                if (!runtime.TicketDecided())
                {
                    EndWithItsGround();
                }

                break;
            case SearchEnded ended:
                Searched(ended);
                break;
            case SearchCheck:
                searchCheck = null;
                var checkedAt = Now;
                searches?.StopUnawaited(lookup => runtime.IsAwaited(lookup, checkedAt));
                CheckSearches();
                break;
            case Wake:
                Awoken();
                break;
            case IdleCheck:
                LookWhetherIdle();
                break;
            case LeaseChanged:
                OnLeaseRenewed();
                break;
            case LeaseLapsedForLong:
                OnLeaseLapsed();
                break;
            case StopAccount:
                stopping = true;
                context.Awake?.Remove(account, Self);
                runtime.Flush();
                StopWhenWritten();
                break;
            case SaveSnapshotSuccess saved:
                // Two are kept: the newest, and the one before it.
                if (previousSnapshot > 1)
                {
                    DeleteSnapshots(new SnapshotSelectionCriteria(previousSnapshot - 1));
                }

                previousSnapshot = saved.Metadata.SequenceNr;
                break;
            case DeleteSnapshotsSuccess:
                break;
            case DeleteSnapshotsFailure failure:
                Log.Warning(failure.Cause, "Old snapshots of {Account} could not be deleted", account);
                break;
            case SaveSnapshotFailure { Cause: SnapshotTooLargeException tooLarge }:
                Log.Error(
                    "{Reason} It is not written, and the account replays ever more of its journal when it wakes:"
                        + " bring the holds that are live, or the transactions that are in doubt, down ({Count} such"
                        + " snapshots on this node so far)",
                    tooLarge.Message, context.Snapshots.CountTooLarge());
                break;
            case SaveSnapshotFailure failure:
                // Nothing is lost: the journal alone is the truth.
                Log.Warning(failure.Cause, "A snapshot of {Account} could not be saved", account);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void Handle(AccountEnvelope envelope, WriteTicket? ticket)
    {
        lastUsed = Now;
        passivating = false;
        runtime.Handle(envelope.Message, lastUsed, ticket);
        NoteTime(lastUsed);
        if (isCountedInDoubt)
        {
            CountInDoubt(lastUsed);
        }
    }

    // Whether the database that a message rests on is the one that this account was read from.
    private bool IsOfMyHistory(DatabaseMark mark) =>
        generation is not { } mine || context.Database!.MarkOf(mine) is not { } my || my.IsOf(mark);

    // What it rests on may be lost, or what this account rests on may be what its sender's database lacks. Who sent it
    // sends it again, if it still stands.
    private void Leave(AccountEnvelope envelope)
    {
        Log.Info(
            "{Account} leaves a {Message} that was sent before the database failed over, or by a node that has not"
                + " noticed yet",
            account, envelope.Message.GetType().Name);
        if (envelope.Message is AccountRequest call)
        {
            Responses.Send(call.ReplyTo, new RequestFailed(RequestFailure.JournalUnavailable));
        }
    }

    private void Awoken()
    {
        var now = Now;
        ForgetWake();
        runtime.Tick(now);
        NoteTime(now);
        doubt.Look(runtime.OldestInDoubt, now);
        CountInDoubt(now);
        if (context.Lease.IsLapsedForLong)
        {
            // Those that wait for other accounts: where this one can't speak, the others hardly can.
            runtime.GiveUpRequests(RequestFailure.JournalUnavailable);
        }
    }

    // Looked at where the account asks others again, as all that wait for long do, and not for each transfer.
    private void CountInDoubt(LedgerTime now)
    {
        if (runtime.OldestInDoubt is { } oldest && now >= oldest.PreparedTime.Add(InDoubtAccounts.After))
        {
            isCountedInDoubt = true;
            context.Metrics?.InDoubt.Note(account, oldest.PreparedTime);
        }
        else if (isCountedInDoubt)
        {
            isCountedInDoubt = false;
            context.Metrics?.InDoubt.Forget(account);
        }
    }

    // R21: what the node's health says.
    private void NoteTime(LedgerTime now)
    {
        if (runtime.DroppedAhead is var all && all != dropped)
        {
            context.Ahead.CountDropped(all - dropped, account, Log);
            dropped = all;
        }

        var by = runtime.AheadBy(now);
        if (isAhead || by > TimeSpan.Zero)
        {
            isAhead = by > TimeSpan.Zero;
            context.Ahead.Note(account, by);
        }
    }

    private void LookWhetherIdle()
    {
        var now = Now;
        if (lastUsed > now)
        {
            // The clock was set back. How long ago it was used is not known: a whole time more, and not as much as
            // that.
            lastUsed = now;
        }

        var idleAt = lastUsed.Add(context.PassivateAfter);
        if (now < idleAt)
        {
            LookWhetherIdleAfter(TimeSpan.FromMicroseconds(idleAt.UnixMicroseconds - now.UnixMicroseconds));
            return;
        }

        runtime.Flush();
        if (runtime.IsBusy)
        {
            // What is unfinished never goes to sleep (R5).
            Awoken();
            LookWhetherIdleAfter(TimeSpan.FromSeconds(1));
        }
        else if (!passivating)
        {
            passivating = true;
            Context.Parent.Tell(new Akka.Cluster.Sharding.Passivate(StopAccount.Instance));
        }
    }

    private void LookWhetherIdleAfter(TimeSpan pause) =>
        context.Clock.RemindAfter(Context.System.Scheduler, pause, Self);

    // Messages that came between "I am idle" and "stop" are finished as far as this account's own journal goes; for
    // what then still waits for another account, the next incarnation asks again (R3).
    private void StopWhenWritten()
    {
        if (!runtime.HasUnwritten)
        {
            runtime.Fail(RequestFailure.Relocating);
            Context.Stop(Self);
        }
    }

    // ---------------------------------------------------------------- the runtime's world

    public void Reply(ReplyTarget caller, AccountResponse answer) =>
        gate.Send(OutboundMessage.Of(caller, answer), runtime.DurableSequenceNr);

    public void Send(AccountAddress account, AccountMessage message) =>
        gate.Send(OutboundMessage.Of(account, message), runtime.DurableSequenceNr);

    public void Withholds()
    {
        context.Lease.Notify(Self);
        CheckSilence();
    }

    public void Leave(in OutboundMessage message, long durableRow)
    {
        if (message.Answer is { } answer)
        {
            Responses.Send(message.ReplyTo, answer);
        }
        else
        {
            context.Accounts().Tell(EnvelopeTo(message.To, message.Message!), Self);
        }
    }

    private AccountEnvelope EnvelopeTo(AccountAddress to, AccountMessage message) => new(to, message)
    {
        Mark = generation is { } mine ? context.Database!.MarkOf(mine) : null,
    };

    // G8, G12. What is withheld leaves first.
    public bool SendAhead(AccountAddress account, AccountMessage message, WriteTicket ticket)
    {
        if (!gate.IsOpen || context.Awake?.Find(account) is not { } awake)
        {
            return false;
        }

        (ahead ??= []).Add((awake, new AheadRequest(EnvelopeTo(account, message), ticket)));
        return true;
    }

    // G9. The turn has ended, so its row is on its way to the writer, and what it leads to comes there behind it.
    private void LetAheadGo()
    {
        if (ahead is not { Count: > 0 })
        {
            return;
        }

        foreach (var (to, request) in ahead)
        {
            to.Tell(request, Self);
        }

        ahead.Clear();
    }

    public void Watch(WriteTicket ticket)
    {
        var self = Self;
        ticket.WhenDecided(() => self.Tell(TicketDecided.Instance, ActorRefs.NoSender));
    }

    // G6. What it has taken in, be it only into memory, may not be true.
    private void EndWithItsGround()
    {
        Log.Info(
            "{Account} starts again from the journal: a row of another account that it rests on is not known to be"
                + " stored",
            account);
        runtime.Fail(RequestFailure.JournalUnavailable);
        Context.Stop(Self);
    }

    private void OnLeaseRenewed()
    {
        if (context.Lease.IsLost)
        {
            // The process ends, and until then nobody here may be heard.
            Context.Stop(Self);
            return;
        }

        // Where it is the shard's claim that is gone, this account is about to end.
        if (!gate.TryRelease() && !context.Lease.IsGood)
        {
            context.Lease.Notify(Self);
        }
    }

    // Callers are not left waiting for their deadlines: they learn that their outcome is unknown, and ask again.
    private void OnLeaseLapsed()
    {
        if (!gate.IsWithholding || context.Lease.IsGood)
        {
            OnLeaseRenewed();
            return;
        }

        // The first lease of a process is on its way; that it takes a moment is no reason to ask again.
        if (context.Lease.Age is not null)
        {
            gate.FailAnswers(RequestFailure.JournalUnavailable);
            runtime.GiveUpRequests(RequestFailure.JournalUnavailable);
        }

        CheckSilence();
    }

    private void CheckSilence()
    {
        silence?.Cancel();
        silence = Context.System.Scheduler.ScheduleTellOnceCancelable(
            context.Lease.Duration, Self, LeaseLapsedForLong.Instance, ActorRefs.NoSender);
    }

    public void Write(EventBatch batch)
    {
        var bytes = JournalCodec.Encode(batch, lastHash, account);
        writing = batch;
        writingHash = JournalCodec.HashOf(bytes);
        writingFollower = taking?.Follower;
        taking = null;
        PersistAsync(
            new JournalRow(bytes, HoldFacts.AreIn(batch, account), IdEntries.Of(batch))
            {
                Generation = generation, Ticket = batch.Ticket, Follower = writingFollower,
            },
            written);
    }

    public void Lookup(IdLookup lookup)
    {
        (searches ??= new AccountSearches(account, context.Reader, Self)).Ask(lookup);
        CheckSearches();
    }

    private void Searched(SearchEnded ended)
    {
        if (searches?.Ended(ended) != true)
        {
            // Of an incarnation before, under the same reference: its questions had the same numbers.
            return;
        }

        if (ended.Answers is { } answers)
        {
            foreach (var answer in answers)
            {
                if (answer.IsProved)
                {
                    runtime.LookupCompleted(answer.Asked, answer.Found, Now);
                }
            }

            return;
        }

        if (ended.Cause is OperationCanceledException)
        {
            Log.Debug(
                "A search of the journal of {Account} for {Count} ids was stopped: nobody waits for it",
                account, ended.Asked.Length);
        }
        else
        {
            Log.Warning(
                ended.Cause, "The journal of {Account} could not be searched for {Count} ids",
                account, ended.Asked.Length);
        }

        foreach (var asked in ended.Asked)
        {
            runtime.LookupFailed(asked);
        }
    }

    // A search ends when nobody waits for it any more, which is seen now and then.
    private void CheckSearches()
    {
        if (searchCheck is null && searches is { IsSearching: true })
        {
            searchCheck = Context.System.Scheduler.ScheduleTellOnceCancelable(
                s_checkSearchesAfter, Self, SearchCheck.Instance, ActorRefs.NoSender);
        }
    }

    public void DecisionFailed(AccountMessage? input, Exception thrown)
    {
        var asked = input?.GetType().Name ?? "an expiry";
        var what = $"{account}: {asked}: {thrown.GetType().Name}: {thrown.Message.Split('\n')[0].Trim()}";
        if (context.Decisions.Failed(what))
        {
            Log.Error(
                thrown,
                "{Account} could not decide {Input}, by a defect of the ledger; it was refused, and nothing was done."
                    + " Report it",
                account, input?.GetType().Name ?? "the expiry of a hold");
        }
    }

    public void WakeAt(LedgerTime time)
    {
        wakeTime ??= new WakeTime();
        if (!wakeTime.IsAfter(time))
        {
            return;
        }

        ForgetWake();
        wakeTime.Want(time);
        var delay = TimeSpan.FromMicroseconds(Math.Max(0, time.UnixMicroseconds - Now.UnixMicroseconds));
        var scheduler = Context.System.Scheduler;
        if (delay <= TimingWheel.WakeWithin)
        {
            context.Clock.WakeAfter(scheduler, delay, Self, wakeTime, time);
        }
        else
        {
            wake = scheduler.ScheduleTellOnceCancelable(delay, Self, Wake.Instance, ActorRefs.NoSender);
        }
    }

    private void ForgetWake()
    {
        wake?.Cancel();
        wake = null;
        wakeTime?.Forget();
    }

    private void Written()
    {
        lastHash = writingHash!;
        var snapshot = writing!.Snapshot;
        context.Writes.Succeeded();
        writing = null;
        writingFollower = null;
        runtime.WriteSucceeded(Now);
        if (snapshot is not null)
        {
            // LastSequenceNr is that of the row whose state this is: one row is written at a time, and this is its
            // handler.
            SaveSnapshot(new SnapshotRow(JournalCodec.Encode(snapshot, HashOfRow(snapshot.SequenceNr))));
        }

        if (stopping)
        {
            StopWhenWritten();
        }
    }

    // The runtime may already be writing the next row; the snapshot needs the hash of its own.
    private byte[] HashOfRow(long sequenceNr) => sequenceNr == LastSequenceNr
        ? lastHash
        : throw new LedgerInvariantException($"{account}: snapshot {sequenceNr} taken at row {LastSequenceNr}");

    // ---------------------------------------------------------------- failure

    // The row may have been stored or not: everybody who waits learns "unknown", and the next incarnation starts from
    // what the journal holds. Akka stops this one.
    protected override void OnPersistFailure(Exception cause, object @event, long sequenceNr)
    {
        GiveUpRow();
        Log.Warning(cause, "The journal could not confirm row {SequenceNr} of {Account}", sequenceNr, account);
        context.Writes.Failed(cause);
        runtime.Fail(RequestFailure.JournalUnavailable);
    }

    protected override void OnPersistRejected(Exception cause, object @event, long sequenceNr)
    {
        GiveUpRow();
        Log.Error(cause, "The journal rejected row {SequenceNr} of {Account}", sequenceNr, account);
        runtime.Fail(RequestFailure.JournalUnavailable);
        Context.Stop(Self);
    }

    // G5. Whatever has become of it, the writer may never have seen it, as while the breaker of the journal is open.
    private void GiveUpRow()
    {
        writing?.Ticket?.TryFail();
        writingFollower?.End();
        if (ahead is null)
        {
            return;
        }

        foreach (var (_, request) in ahead)
        {
            // Its row has not come to the writer: the turn has thrown.
            request.Follower.End();
        }

        ahead.Clear();
    }

    protected override void OnRecoveryFailure(Exception reason, object? message = null)
    {
        Log.Error(reason, "{Account} can't be recovered", account);

        // What is wrong with one row says nothing about the journal.
        var isOwn = message is not null || reason is JournalCorruptException or LedgerInvariantException;
        wakeAfter = context.Recoveries.Failed(account, reason, isOwn);
    }

    protected override void PreRestart(Exception reason, object message)
    {
        GiveUpRow();
        runtime.Fail(RequestFailure.JournalUnavailable);
        base.PreRestart(reason, message);
    }

    protected override void PostStop()
    {
        context.Awake?.Remove(account, Self);
        GiveUpRow();
        ForgetWake();
        silence?.Cancel();
        searches?.StopAll();
        searchCheck?.Cancel();
        context.Ahead.Note(account, TimeSpan.Zero);
        if (isCountedInDoubt)
        {
            context.Metrics?.InDoubt.Forget(account);
        }

        if (recovered)
        {
            context.Metrics?.FellAsleep();
        }

        runtime.Fail(RequestFailure.Relocating);
        gate.FailAnswers(RequestFailure.Relocating);
        if ((!recovered || runtime.HasInDoubt) && wakeAfter is { } pause)
        {
            // Something is unfinished, or may be where the journal could not be read, so this account must not sleep
            // for long (R5).
            context.ActivateAfter(Context.System, pause, account);
        }

        base.PostStop();
    }

    // The journal can be read again. Who could not be is waiting to be tried, some of them for long: soon, but not all
    // at once.
    private void WakeUnread(IReadOnlyCollection<AccountAddress> unread)
    {
        var place = 0;
        foreach (var one in unread)
        {
            context.ActivateAfter(Context.System, s_wakeUnreadWithin * (++place / (double)unread.Count), one);
        }
    }

    private sealed class LeaseLapsedForLong : INoSerializationVerificationNeeded, IDeadLetterSuppression
    {
        public static readonly LeaseLapsedForLong Instance = new();
    }
}
