using System.Diagnostics;
using Akka.Actor;
using Akka.Event;
using Ledger.Actors.Storage;
using Ledger.Actors.Timing;

namespace Ledger.Actors.Leasing;

/// <summary>The lease under which the accounts of this process speak (R9).</summary>
/// <remarks>
/// <para>L1. Nothing leaves an account, but the news that a call failed, unless the lease is good at that moment. It is
/// good until its duration has passed on this machine's monotonic clock, counted from before the last successful
/// renewal was sent.
/// </para>
/// <para>L2. A shard is given a home only when every process that may have had it before is known to have handed it
/// over, or its lease is revoked and over: <see cref="LeaseAllocation"/>.</para>
/// <para>L3. A revoked lease can't be renewed, and this process takes no other: it ends. So what an account withheld
/// while the lease had lapsed may leave once the lease is renewed: nobody else can have spoken for the account
/// meanwhile.</para>
/// <para>L4. Where shards are is what their coordinator believes, and it can forget. So a shard is also claimed beside
/// the lease, and starts no account before: <see cref="ShardClaim"/>.</para>
/// <para>L5. A renewal is a compare-and-set on a number in the row. A row that is older than it was left, or gone,
/// shows that the database has lost commits; so does a row of the journal that was acknowledged and is not there. Then
/// the process falls silent, puts that on record for all others, and begins anew when a person has begun a new epoch.
/// Where the database has changed, the lease must be renewed there before anything is said, and is good only when all
/// others that may still hold one have looked as well (R19).</para>
/// <para>The monotonic clock stands still while a hypervisor has the machine paused, or while it sleeps. So the wall
/// clock must not be past the duration either (L1): one that is set ahead costs a silence until the next
/// renewal.</para>
/// <para>The clocks of two machines are never compared. The database's own is, with itself, to see how long ago a
/// renewal was, as far back as it has run evenly: <see cref="WatchedLeases"/>. <see cref="Margin"/> is for its
/// corrections, and for clocks that run unequally fast.</para>
/// </remarks>
internal sealed class NodeLease : IDisposable
{
    /// <summary>What is added to the duration before a lease counts as over.</summary>
    public static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_recordWithin = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_logEvery = TimeSpan.FromSeconds(10);

    // Rows of leases that are revoked are taken off after a day, and only these.
    private static readonly TimeSpan s_rowsAreKept = TimeSpan.FromHours(20);

    private readonly ILeaseStore? store;
    private readonly LeaseHolder holder;
    private readonly TimeSpan duration;
    private readonly ILoggingAdapter? log;
    private readonly Action<string>? lost;
    private readonly DatabaseWatch database;
    private readonly TimeProvider wall;
    private readonly AutoResetEvent soon = new(initialState: false);
    private readonly Lock gate = new();
    private readonly HashSet<IActorRef> waiting = [];
    private readonly ManualResetEventSlim stop = new();
    private Thread? keeper;
    private volatile bool isLossRecorded;
    private long goodUntil;
    private long goodUntilTicks = long.MaxValue;
    private volatile bool isLost;
    private long tries;
    private long confirmed;
    private string? server;
    private long? serverSince;
    private volatile string? failure;
    private long lastRenewed;

    /// <summary>Makes a lease; it is entered when it is first needed.</summary>
    /// <param name="store">Where.</param>
    /// <param name="holder">Whose.</param>
    /// <param name="duration">For how long a renewal is good.</param>
    /// <param name="log">Where to report.</param>
    /// <param name="lost">Called once when it is lost for ever; must end the process's accounts.</param>
    /// <param name="database">What is known of the database that the table is in.</param>
    /// <param name="wall">The machine's wall clock.</param>
    public NodeLease(
        ILeaseStore store, LeaseHolder holder, TimeSpan duration, ILoggingAdapter log, Action<string> lost,
        DatabaseWatch database,
        TimeProvider? wall = null)
    {
        this.wall = wall ?? TimeProvider.System;
        this.database = database;
        this.store = store;
        this.holder = holder;
        this.duration = duration;
        this.log = log;
        this.lost = lost;
    }

    /// <summary>Makes what stands for a lease where only one process can have the storage open: its lock is one. It is
    /// good until
    /// <see cref="Halt"/>.</summary>
    /// <param name="lost">Called once when it is lost for ever; must end the process's accounts.</param>
    /// <param name="database">What is known of the database.</param>
    public NodeLease(Action<string> lost, DatabaseWatch? database = null)
    {
        this.database = database ?? new DatabaseWatch();
        wall = TimeProvider.System;
        holder = new LeaseHolder(Guid.Empty, string.Empty, 0, Shards: 0);
        goodUntil = long.MaxValue;
        this.lost = lost;
    }

    /// <summary>No lease, for actors that nobody else can stand in for.</summary>
    public static NodeLease NotRequired { get; } = new(static _ => { });

    /// <summary>What the renewals keep right; null for none.</summary>
    public LedgerClock? Clock { get; init; }

    /// <summary>Whose it is.</summary>
    public LeaseHolder Holder => holder;

    /// <summary>For how long a renewal is good.</summary>
    public TimeSpan Duration => duration;

    /// <summary>Whether it is good now.</summary>
    public bool IsGood => Stopwatch.GetTimestamp() < Volatile.Read(ref goodUntil)
        && (store is null || wall.GetUtcNow().UtcTicks < Volatile.Read(ref goodUntilTicks));

    /// <summary>Why nothing may be said until a new epoch has begun; null where that is not so.</summary>
    public string? Halted => database.Loss;

    /// <summary>How long the lease is still good without a renewal, 0 where it is not; null where none is needed, or
    /// none was entered.</summary>
    public TimeSpan? Remaining => store is null || !IsEntered ? null
        : IsGood && Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), Volatile.Read(ref goodUntil)) is var left
            && left > TimeSpan.Zero ? left
        : TimeSpan.Zero;

    /// <summary>Whether it ended because a new epoch has begun after a loss: the process is to begin anew.</summary>
    public bool IsForNewEpoch { get; private set; }

    /// <summary>Whether it is over for good: revoked, or the process may not go on.</summary>
    public bool IsLost => isLost;

    /// <summary>Whether others have, or keep, the accounts.</summary>
    public bool IsTaken { get; private set; }

    /// <summary>Whether it has been revoked or given back.</summary>
    public bool IsEnded => isLost || stop.IsSet;

    /// <summary>Whether it is, or was, held.</summary>
    public bool IsEntered => Volatile.Read(ref keeper) is not null;

    /// <summary>Why the last renewal failed; null when it succeeded.</summary>
    public string? Failure => failure;

    /// <summary>How long ago the last successful renewal was sent; null before the first.</summary>
    public TimeSpan? Age => Volatile.Read(ref lastRenewed) is var at and not 0 ? Stopwatch.GetElapsedTime(at) : null;

    /// <summary>Whether it was good once and has not been for so long that callers are better told.</summary>
    public bool IsLapsedForLong => !IsGood && Age is { } age && age >= 2 * duration;

    /// <summary>Enters it, if that has not been done; by and by it becomes good.</summary>
    public void Enter()
    {
        if (store is null || Volatile.Read(ref keeper) is not null)
        {
            return;
        }

        lock (gate)
        {
            if (keeper is not null || stop.IsSet)
            {
                return;
            }

            // Above the others: a process whose threads are all busy still has to renew it.
            var thread =
                new Thread(RenewLoop) { IsBackground = true, Name = "ledger-lease", Priority = ThreadPriority.Highest };
            Volatile.Write(ref keeper, thread);
            thread.Start();
        }
    }

    /// <summary>Enters it and waits until it is good.</summary>
    /// <exception cref="InvalidOperationException">Another process serves the same accounts.</exception>
    public async Task EnterAndWaitAsync(TimeSpan patience)
    {
        Enter();
        var started = Stopwatch.GetTimestamp();
        while (!IsGood && Halted is null)
        {
            if (isLost)
            {
                throw new InvalidOperationException(failure);
            }

            if (Stopwatch.GetElapsedTime(started) > patience)
            {
                throw new InvalidOperationException($"The node's lease could not be had within {patience}: {failure}");
            }

            await Task.Delay(1).ConfigureAwait(false);
        }
    }

    /// <summary>Refuses to go on beside a process that serves the same accounts and with which it can't share them: one
    /// that belongs to no cluster, or that divides them into another number of shards.</summary>
    /// <exception cref="InvalidOperationException">There is one, and it lives.</exception>
    public async Task EnsureNoConflictAsync()
    {
        var started = Stopwatch.GetTimestamp();
        while (store!.List().FirstOrDefault(row =>
            !row.IsRevoked && row.Holder.ConflictsWith(holder) && row.Left > TimeSpan.Zero) is { } other)
        {
            if (Stopwatch.GetElapsedTime(started) > duration + Margin + Margin)
            {
                throw new InvalidOperationException(Refusal(other));
            }

            await Task.Delay(s_retry).ConfigureAwait(false);
        }
    }

    /// <summary>Tells an account once when the lease is good or lost; at once if it already is.</summary>
    public void Notify(IActorRef account)
    {
        lock (gate)
        {
            if (!isLost && !IsGood)
            {
                waiting.Add(account);
                return;
            }
        }

        account.Tell(LeaseChanged.Instance, ActorRefs.NoSender);
    }

    /// <summary>Notes that this process hands its accounts over, so that nobody takes its lease away while it
    /// does.</summary>
    public void Leave()
    {
        if (IsEntered && !isLost)
        {
            Try(() => store!.Leave(holder.Id));
        }
    }

    /// <summary>Silences the process until the lease is renewed: the database is not the one in which it was renewed
    /// last.</summary>
    public void Suspend()
    {
        if (store is null)
        {
            return;
        }

        lock (gate)
        {
            Volatile.Write(ref goodUntil, 0);
        }

        soon.Set();
    }

    /// <summary>Silences the process at once, because its database has lost rows.</summary>
    public void Halt()
    {
        lock (gate)
        {
            Volatile.Write(ref goodUntil, 0);
            failure = Halted;
        }

        if (store is null)
        {
            Lose(Halted!);
            return;
        }

        soon.Set();
        Enter();
    }

    /// <summary>Gives it back, so that nobody has to wait until it is over. Only when no account is left that could
    /// speak; it can't be entered again.</summary>
    public void Release()
    {
        if (store is null)
        {
            return;
        }

        Thread? running;
        lock (gate)
        {
            if (stop.IsSet)
            {
                return;
            }

            Volatile.Write(ref goodUntil, 0);
            stop.Set();
            running = keeper;
        }

        running?.Join(TimeSpan.FromSeconds(3));
        RecordLossAtEnd();
        if (running is not null && !isLost)
        {
            Try(() => store.Release(holder.Id));
        }
    }

    /// <summary>Gives it back if that has not been done, and ends.</summary>
    public void Dispose()
    {
        Release();
        store?.Dispose();
    }

    // A process may be stopped in the very moment in which it falls silent. Its next life would serve what the database
    // has left, and nobody would know of the rest.
    private void RecordLossAtEnd()
    {
        if (Halted is not { } evidence || isLossRecorded)
        {
            return;
        }

        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                store!.RecordLoss(database.LostEpoch ?? store.Look([]).Epoch, holder.Address, evidence);
                isLossRecorded = true;
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                if (Stopwatch.GetElapsedTime(started) > s_recordWithin)
                {
                    log!.Error(
                        "HALTED: the database has lost rows that it had acknowledged, and that can't be put on record "
                            + "before the process ends: {0} Start no node before it is known what was lost. {1}",
                        e.Message, evidence);
                    return;
                }
            }

            // Its keeper has ended, so nobody else waits for this.
            soon.WaitOne(s_retry);
        }
    }

    private void Try(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            log!.Warning("The node's lease could not be given back; it runs out by itself: {Reason}", e.Message);
        }
    }

    // ---------------------------------------------------------------- the keeper

    private void RenewLoop()
    {
        try
        {
            if (!EnterStore())
            {
                return;
            }

            var renewEvery = duration / 4;
            long logged = 0;
            while (!IsEnded)
            {
                var start = Stopwatch.GetTimestamp();
                var startTicks = wall.GetUtcNow().UtcTicks;
                var changes = database.Changes;
                TimeSpan pause;
                try
                {
                    if (TryRenew() is not { } renewal)
                    {
                        if (Halted is not null)
                        {
                            AwaitNewEpoch();
                            return;
                        }

                        Wait(s_retry);
                        continue;
                    }

                    Clock?.Sample(start, Stopwatch.GetTimestamp(), renewal.RenewedAt, renewal.Lead);
                    if (failure is not null)
                    {
                        log!.Info("The node's lease is renewed again");
                        failure = null;
                    }

                    BecomeGood(start, startTicks, changes);
                    pause = renewEvery - Stopwatch.GetElapsedTime(start);
                }
                catch (Exception e) when (e is not OutOfMemoryException)
                {
                    failure = e.Message;
                    if (logged == 0 || Stopwatch.GetElapsedTime(logged) > s_logEvery)
                    {
                        logged = Stopwatch.GetTimestamp();
                        log!.Warning(
                            e, "The node's lease can't be renewed; accounts on this node do not answer until it is");
                    }

                    pause = s_retry;
                }

                Wait(pause);
            }
        }
        catch (Exception e)
        {
            Lose($"The node's lease can't be kept: {e.Message}");
            throw;
        }
    }

    private void Wait(TimeSpan pause) =>
        WaitHandle.WaitAny([stop.WaitHandle, soon], pause > TimeSpan.Zero ? pause : TimeSpan.Zero);

    // Null where the lease is not good by it: it was lost, the process must be silent, the database has changed, or
    // others have not looked at it yet.
    private LeaseRenewal? TryRenew()
    {
        if (Halted is not null)
        {
            return null;
        }

        var renewal = store!.Renew(holder.Id, confirmed, ++tries, database.AcknowledgedRows(), Clock?.Now ?? default);
        if (renewal.Outcome == LeaseOutcome.Renewed)
        {
            confirmed = tries;
        }

        var epoch = database.Known?.Epoch;
        var isKnown = Judge(renewal.Database);
        switch (renewal.Outcome)
        {
            case LeaseOutcome.Revoked:
                Lose("The node's lease has been revoked: the other nodes have taken its accounts over.", isTaken: true);
                break;
            case LeaseOutcome.Missing when Age > s_rowsAreKept:
                Lose("The node's lease has been revoked, and its row was taken off since.", isTaken: true);
                break;
            case LeaseOutcome.Missing:
                database.ReportLoss(
                    $"The row of the lease of {holder.Address} is gone from table ledger_lease.", epoch);
                break;
            case LeaseOutcome.Altered:
                database.ReportLoss(
                    $"Renewal {confirmed} of the lease of {holder.Address} was confirmed, and its row in table "
                    + $"ledger_lease knows of renewal {renewal.Found}.",
                    epoch);
                break;
            default:
                break;
        }

        if (isLost || Halted is not null || !isKnown || renewal.Outcome != LeaseOutcome.Renewed)
        {
            return null;
        }

        // Whoever has just started has nothing in memory that could contradict the database.
        var found = renewal.Database.Server + " " + renewal.Database.Instance;
        if (server != found)
        {
            serverSince = server is null ? null : Stopwatch.GetTimestamp();
            server = found;
        }

        if (!renewal.AreOthersBehind || serverSince is not { } since
            || Stopwatch.GetElapsedTime(since) > duration + Margin)
        {
            return renewal;
        }

        failure =
            "The database's server is another one, or was started anew, and not all other nodes have looked at it yet.";
        return null;
    }

    // R19 b, d. Whether it is the database that the accounts of this process know.
    private bool Judge(DatabaseState state)
    {
        if (state.Weakness is { } weakness)
        {
            Lose(weakness);
            return false;
        }

        if (database.Known is null && state.HasUnknownServer)
        {
            log!.Warning(
                "The database does not let this role call pg_control_system() and pg_walfile_name(): that it has "
                + "failed over is seen by its epoch, the leases and the newest rows alone");
        }

        return database.Meet(state);
    }

    // Silent. The loss is put on record, so that no node serves, this one in its next life included.
    private void AwaitNewEpoch()
    {
        var evidence = Halted!;
        lock (gate)
        {
            Volatile.Write(ref goodUntil, 0);
            failure = evidence;
        }

        TellWaiting();
        log!.Error(
            "HALTED: the database has lost rows that it had acknowledged, and nothing is answered any more. {0} Find "
            + "out what was lost and, when the ledger is to go on with what there is, begin a new epoch: Ledger.Node "
            + "epoch begin --by NAME --reason TEXT",
            evidence);
        var epoch = database.LostEpoch;
        var logged = Stopwatch.GetTimestamp();
        while (!IsEnded)
        {
            try
            {
                var state = store!.Look([]);
                epoch ??= state.Epoch;
                if (state.Epoch > epoch)
                {
                    IsForNewEpoch = true;
                    Lose($"Epoch {state.Epoch} has begun: the node begins anew.");
                    return;
                }

                if (!isLossRecorded)
                {
                    store.RecordLoss(epoch.Value, holder.Address, evidence);
                    isLossRecorded = true;
                }

                if (database.MustEnd)
                {
                    Lose(evidence);
                    return;
                }
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                if (Stopwatch.GetElapsedTime(logged) > s_logEvery)
                {
                    logged = Stopwatch.GetTimestamp();
                    log.Warning(
                        "That rows were lost can't be put on record, or whether a new epoch has begun not be seen: {0}",
                        e.Message);
                }
            }

            Wait(duration / 4);
        }
    }

    private bool EnterStore()
    {
        var entered = false;
        LeaseRow[]? first = null;
        var started = Stopwatch.GetTimestamp();
        long logged = 0;
        while (!stop.IsSet)
        {
            try
            {
                Judge(store!.Look(database.AcknowledgedRows()));
                if (isLost)
                {
                    return false;
                }

                if (Halted is not null)
                {
                    AwaitNewEpoch();
                    return false;
                }

                if (!entered)
                {
                    // It gives nothing yet: a lease is good from its first renewal on.
                    store.Enter(holder, duration);
                    entered = true;
                }

                // Who is in the way: an earlier process at this address, which is dead, and, where one process must be
                // the only one, any other. Who is not known to be dead is given the time to show that it lives.
                var now = store.List().Where(row => row.Holder.Id != holder.Id
                    && (row.Holder.Address == holder.Address || row.Holder.ConflictsWith(holder))).ToArray();
                first ??= now;
                var rivals = now.Where(row => row is { IsRevoked: false, IsLeaving: false } && row.Left > TimeSpan.Zero
                    && row.Holder.ConflictsWith(holder)).ToArray();
                var living = rivals.FirstOrDefault(row => !first.Any(old => old.Holder.Id == row.Holder.Id)
                    || Stopwatch.GetElapsedTime(started) > duration + Margin + Margin);
                if (living is not null)
                {
                    Try(() => store.Release(holder.Id));
                    Lose(Refusal(living), isTaken: true);
                    return false;
                }

                if (rivals.Length == 0)
                {
                    var dead = now.Where(row => !row.IsRevoked).Select(static row => row.Holder.Id).ToArray();
                    if (dead.Length > 0)
                    {
                        store.Revoke(dead);
                        continue;
                    }

                    var left = now.Where(row => row.Left > TimeSpan.Zero).Select(static row => row.Left)
                        .DefaultIfEmpty(TimeSpan.Zero).Max();
                    if (left == TimeSpan.Zero)
                    {
                        return true;
                    }
                }
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                failure = e.Message;
                if (logged == 0 || Stopwatch.GetElapsedTime(logged) > s_logEvery)
                {
                    logged = Stopwatch.GetTimestamp();
                    log!.Warning(
                        e, "The node's lease can't be entered; accounts on this node do not answer until it is");
                }
            }

            Wait(s_retry);
        }

        return false;
    }

    private string Refusal(LeaseRow other) => holder.IsAlone || other.Holder.IsAlone
        ? $"Another process, {other.Holder.Address}, serves the accounts of this database. One with Mode = Local must "
            + "be the only one; with Mode = Clustered they share the work."
        : $"Another process, {other.Holder.Address}, divides the accounts of this database into {other.Holder.Shards} "
            + $"shards, and this one into {holder.Shards}. ShardCount is one for a cluster; to change it, all of its "
            + "nodes must be stopped.";

    private void BecomeGood(long start, long startTicks, int changes)
    {
        lock (gate)
        {
            // A writer may have met another database while the renewal was on its way to the one before.
            if (stop.IsSet || isLost || Halted is not null || database.Changes != changes)
            {
                return;
            }

            database.Confirm(changes);
            Volatile.Write(ref lastRenewed, start);
            Volatile.Write(ref goodUntilTicks, startTicks + duration.Ticks);
            Volatile.Write(ref goodUntil, start + (long)(duration.TotalSeconds * Stopwatch.Frequency));
        }

        TellWaiting();
    }

    private void Lose(string reason, bool isTaken = false)
    {
        lock (gate)
        {
            if (isLost)
            {
                return;
            }

            Volatile.Write(ref goodUntil, 0);
            failure = reason;
            (isLost, IsTaken) = (true, isTaken);
        }

        TellWaiting();
        lost!(reason);
    }

    private void TellWaiting()
    {
        IActorRef[] accounts;
        lock (gate)
        {
            if (waiting.Count == 0)
            {
                return;
            }

            accounts = [.. waiting];
            waiting.Clear();
        }

        foreach (var account in accounts)
        {
            account.Tell(LeaseChanged.Instance, ActorRefs.NoSender);
        }
    }
}
