using System.Globalization;
using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>One account of a world: its journal, its incarnations, and the book that the oracle keeps of it.</summary>
internal sealed class SimulatedAccount(AccountAddress address, int index)
{
    public AccountAddress Address { get; } = address;

    public int Index { get; } = index;

    public List<EventBatch> Rows { get; } = [];

    /// <summary>The place of each row among those of all accounts, in the order in which they were stored.</summary>
    public List<long> Orders { get; } = [];

    public List<AccountSnapshot> Snapshots { get; } = [];

    public List<Incarnation> Alive { get; } = [];

    public Incarnation? Newest { get; set; }

    public required ReferenceAccount Book { get; set; }

    public List<AccountVersion> Versions { get; } = [];

    public LedgerTime LastTime { get; set; }

    /// <summary>When the newest of what is booked here was committed.</summary>
    public LedgerTime NewestCommit { get; set; }

    /// <summary>The last row that anything said by this account has seen.</summary>
    public long SpokenRow { get; set; }

    public int ToldVersion { get; set; }

    public List<Attempt> Unbooked { get; } = [];

    public int Home { get; set; }

    /// <summary>Until when it can't be read.</summary>
    public long UnreadableUntil { get; set; }

    /// <summary>The index of ids, and the rows at which a part of it was found missing.</summary>
    public HashSet<IndexedId> Indexed { get; } = [];

    public SortedSet<long> IndexGaps { get; } = [];

    /// <summary>The index as the rows alone say it.</summary>
    public IdIndex IndexByRows { get; set; } = new(address);
}

/// <summary>What a client wants to know or have done, until it is answered.</summary>
internal sealed class PendingRequest(Command command)
{
    public Command Command { get; } = command;

    public int Sent { get; set; }

    public long FirstSent { get; set; } = long.MaxValue;

    public bool IsDone { get; set; }

    public AccountResponse? Answer { get; set; }
}

/// <summary>One call of a client.</summary>
internal sealed record Call(long Number, PendingRequest Wish, SimulatedAccount Place, KnownBeforeCall Before)
{
    public Command Command => Wish.Command;
}

/// <summary>How a history went.</summary>
internal sealed record History(
    ulong Seed, string? Violation, long Steps, SortedDictionary<string, long> Injected,
    SortedDictionary<string, long> Outcomes,
    string Hash, IReadOnlyList<string> Trace, int Commands, long VirtualMicroseconds);

/// <summary>
/// A ledger of pure cores in one thread: accounts on nodes, a journal with a unique key, a network, clients, clocks.
/// One priority queue says what happens next, one seed says what that is: one seed gives one history.
/// </summary>
/// <remarks>
/// Weaker than the real thing on purpose: an adversary may start a second incarnation of any account at any time while
/// the first goes on and writes. Only two things are granted: the journal takes one row per number, and nothing leaves
/// an incarnation but the newest, which is what the lease gives (R9).
/// </remarks>
internal sealed partial class SimulatedCluster
{
    private const int NodeCount = 3;

    private readonly Prng network;
    private readonly Prng disk;
    private readonly Prng chaos;
    private readonly Prng clients;
    private readonly Prng database;
    private readonly Prng unreadable;
    private readonly Prng verdicts;
    private readonly Prng defects;
    private readonly Prng writing;
    private readonly Faults faults;
    private readonly Workload script;
    private readonly AccountMachineOptions options;
    private readonly PriorityQueue<Action, (long Time, long Order)> queue = new();
    private readonly Dictionary<AccountAddress, SimulatedAccount> places = [];
    private readonly List<SimulatedAccount> order = [];
    private readonly List<PendingRequest> wishes = [];
    private readonly List<Call> calls = [];
    private readonly Dictionary<TransferId, long> firstSent = [];
    private readonly Dictionary<Attempt, long> toldAt = [];
    private readonly SimulatedClock[] clocks = [new(), new(), new()];
    private readonly Dictionary<EventBatch, Incarnation> writers = new(ReferenceEqualityComparer.Instance);
    private readonly long[] silentUntil = new long[NodeCount];
    private readonly Tracer? tracer;
    private readonly ulong seed;
    private readonly bool isSilent;
    private readonly SequentialOracle? sequence;
    private long now;
    private long pushed;
    private int inFlight;
    private bool healed;
    private bool isAudit;
    private long healAt;
    private long settleBy;
    private int partition;
    private long partitionEnd;
    private long steps;
    private long stored;
    private (Incarnation? One, long At) lastSearch;
    private bool lastSearchFails;
    private bool isOver;

    public SimulatedCluster(ulong seed, Workload script, Faults faults, bool isSequential, Tracer? tracer)
    {
        this.seed = seed;
        this.script = script;
        this.faults = faults;
        this.tracer = tracer;
        network = new Prng(seed, "network");
        disk = new Prng(seed, "disk");
        chaos = new Prng(seed, "chaos");
        clients = new Prng(seed, "clients");
        database = new Prng(seed, "database");
        unreadable = new Prng(seed, "unreadable");
        verdicts = new Prng(seed, "operators");
        defects = new Prng(seed, "defects");
        writing = new Prng(seed, "writing");
        now = Workload.Start - 1_000_000;
        isSilent = !isSequential && chaos.Chance(400);
        options = new AccountMachineOptions
        {
            IdempotencyWindowMax = faults.IdempotencyWindowMax,
            IdempotencyAgeMax = faults.IdempotencyAgeMax,
            SnapshotEvery = faults.SnapshotEvery,
            SnapshotEveryBytes = faults.SnapshotEveryBytes,
            BatchEventsMax = chaos.Of(1, 2, 5, 1000, 1000),
            BatchBytesMax = faults.Has(FaultKinds.Payload) ? Workload.RowFull : LedgerSizes.RowFull,
            TransactionBytesMax = faults.Has(FaultKinds.Payload) ? Workload.TransactionMax : LedgerSizes.TransactionMax,
            RequestsMax = chaos.Chance(100) ? 5 : 10_000,
            ExpiriesMax = chaos.Of(1, 2, 1000),
            CommitRecordDelay = TimeSpan.FromMilliseconds(chaos.Of(1, 50, 250, 2000)),
            ReleaseWait = TimeSpan.FromMilliseconds(chaos.Of(1, 500, 500)),
            UnansweredMax = faults.UnansweredMax,
            DoubtMax = faults.DoubtMax,
            FailedExpiryPauseMax = TimeSpan.FromSeconds(30),
            HoldsMax = script.HoldsMax,
            HoldsPerCounterpartyMax = script.HoldsPerCounterpartyMax,
            Deciding = faults.Throws > 0 ? ThrowAtTimes : null,
            OldDoubtAfter = faults.OldDoubtAfter,
            ProbeEvery = faults.ProbeEvery,
            CountDoubtEvery = faults.OldDoubtAfter / 8,
            SendsAhead = faults.Writers > 0,
        };
        Oracle = new Oracle(this);
        foreach (var account in script.Accounts)
        {
            var place = new SimulatedAccount(account, order.Count)
            {
                Home = order.Count % NodeCount,
                Book = NewBook(account),
            };
            places.Add(account, place);
            order.Add(place);
        }

        sequence = isSequential ? new SequentialOracle(this) : null;
    }

    public Oracle Oracle { get; }

    public IReadOnlyList<SimulatedAccount> Places => order;

    public IReadOnlyList<Call> Calls => calls;

    public SortedDictionary<string, long> Injected { get; } = new(StringComparer.Ordinal);

    public long Now => now;

    public int TransactionBytesMax => options.TransactionBytesMax;

    public long Steps => steps;

    private ReferenceAccount NewBook(AccountAddress account) => new()
    {
        Address = account, HoldsMax = script.HoldsMax, HoldsPerCounterpartyMax = script.HoldsPerCounterpartyMax,
    };

    public SimulatedAccount PlaceOf(AccountAddress account) => places[account];

    public long FirstSentOf(TransferId id) => firstSent.GetValueOrDefault(id, long.MinValue);

    public long ToldAt(Attempt attempt) => toldAt.GetValueOrDefault(attempt, long.MaxValue);

    public void NoteTold(Attempt attempt) => toldAt[attempt] = now;

    public static History Run(
        ulong seed, FaultKinds allowed = FaultKinds.All, Func<Command, bool>? keep = null, bool trace = false,
        bool hash = false)
    {
        // One history in four is sequential: each answer is compared with that of a simple ledger.
        var isSequential = seed % 4 == 3;
        var faults = Faults.Make(seed, allowed, isSequential);
        var script = Workload.Make(seed, isSequential, faults.Has(FaultKinds.Payload));
        var tracer = trace || hash ? new Tracer(trace) : null;
        var world = new SimulatedCluster(seed, script, faults, isSequential, tracer);
        string? violation = null;
        try
        {
            world.RunAll(keep);
        }
        catch (Exception e) when (e is ViolationException or LedgerInvariantException)
        {
            violation = e.Message;
        }
        catch (Exception e) when (e is InvalidOperationException or NullReferenceException or KeyNotFoundException
            or ArgumentException or IndexOutOfRangeException or OverflowException or DefectException)
        {
            violation = "crash: " + e;
        }

        tracer?.Line(world.now, violation is null ? "the end" : "VIOLATION " + violation);
        return new History(
            seed, violation, world.steps, world.Injected, world.Oracle.Outcomes, tracer?.Hash() ?? "",
            tracer?.Lines ?? [],
            world.wishes.Count, world.now - Workload.Start);
    }

    // ---------------------------------------------------------------- the course of a history

    private void RunAll(Func<Command, bool>? keep)
    {
        foreach (var command in script.Commands)
        {
            if (keep is null || keep(command))
            {
                wishes.Add(new PendingRequest(command));
                Oracle.Asked(command.To, command.Call);
            }
        }

        var end = wishes.Count == 0 ? Workload.Start : wishes[^1].Command.At;
        healAt = chaos.Chance(300)
            ? Workload.Start + (long)(chaos.NextBits() % (ulong)(end - Workload.Start + 1))
            : end + chaos.Spread(18, 23);
        if (sequence is null)
        {
            foreach (var wish in wishes)
            {
                At(wish.Command.At, () => Send(wish));
            }
        }
        else
        {
            healAt = long.MaxValue;
            At(Workload.Start, () => sequence.Next(0));
        }

        StartFaults();
        for (var i = 0; i < NodeCount; i++)
        {
            clocks[i].Start(
                now, faults.SkewMax == 0 ? 0 : (long)(chaos.NextBits() % (ulong)(2 * faults.SkewMax)) - faults.SkewMax);
        }

        if (sequence is null)
        {
            At(healAt, Heal);
        }

        At(Workload.Start + 1_000_000, ExpireHolds);
        while (!isOver && queue.TryDequeue(out var happening, out var when))
        {
            now = Math.Max(now, when.Time);
            steps++;
            if (steps > 60_000)
            {
                throw new ViolationException("liveness: this history does not end");
            }

            happening();
        }

        Oracle.CheckAtRest();
        foreach (var place in order)
        {
            var live = place.Newest is { } one && !one.Runtime.HasUnwritten && one.IsReady
                && one.Runtime.DurableSequenceNr == place.Rows.Count
                ? one.Runtime.State : null;
            Oracle.CheckReplay(place, options, live);
        }
    }

    private void ThrowAtTimes()
    {
        if (!healed && defects.Chance(faults.Throws))
        {
            Count("decision threw");
            throw new DefectException();
        }
    }

    public void EndSequence()
    {
        healAt = now;
        Heal();
    }

    private void Heal()
    {
        EndFailover();
        for (var node = 0; node < NodeCount; node++)
        {
            // A node that is far off is not ready, and is started anew.
            if (clocks[node].IsFarFrom(now))
            {
                Crash(node);
                clocks[node].Start(now, 0);
            }

            clocks[node].Aim(now, 0);
        }

        healed = true;
        partition = 0;
        Trace("all faults end");

        // From here on everything must come to rest.
        var last = wishes.Count == 0 ? now : wishes[^1].Command.At;
        settleBy = Math.Max(now, last) + 600_000_000;
        foreach (var place in order)
        {
            foreach (var zombie in place.Alive.Where(one => place.Newest != one).ToArray())
            {
                Stop(zombie, "the older incarnation is stopped");
            }
        }
    }

    // The hold expiry (R5): finds what is unfinished on accounts that sleep, and wakes them. In the healed world it
    // also does what a shell does: puts to sleep what is idle.
    private void ExpireHolds()
    {
        if (healed)
        {
            foreach (var place in order)
            {
                if (place.Newest is { IsReady: true } one && chaos.Chance(500))
                {
                    one.GoToSleep();
                }
            }

            if (IsSettled())
            {
                Settled();
                return;
            }

            if (now > settleBy)
            {
                throw new ViolationException("liveness: the healed world does not come to rest: " + WhatIsOpen());
            }
        }

        foreach (var place in order)
        {
            if (place.Newest is null && (healed || chaos.Chance(200))
                && (place.Book.Doubts.Count > 0
                    || place.Book.Holds.Values.Any(hold => hold.Deadline.UnixMicroseconds <= now
                    && hold.Transfer.DebitAccount == place.Address)))
            {
                Count("woken by hold expiry");
                Deliver(place, new Activate());
            }
        }

        At(now + (healed ? 1_000_000 : 5_000_000), ExpireHolds);
    }

    public string WhatIsOpen() =>
        string.Join(
            "; ", order.Where(static place => place.Book.Doubts.Count > 0 || place.Newest is { Runtime.IsBusy: true })
        .Select(
            static place =>
                $"{place.Address}: {place.Book.Doubts.Count} in doubt, "
                    + $"{(place.Newest is { } one ? one.Describe() : "asleep")}"))
        + "; unanswered: "
        + string.Join(
            ", ",
            wishes.Where(static wish => !wish.IsDone && wish.Sent > 0)
                .Select(static wish => Tracer.Text(wish.Command.Call)))
        + "; due: "
        + string.Join(
            ", ",
            order.SelectMany(place => place.Book.Holds.Values.Where(hold => hold.Transfer.DebitAccount == place.Address
            && hold.Deadline.UnixMicroseconds <= now + 120_000_000).Select(
                hold =>
                    $"{Tracer.Text(hold.Transfer)} until {Tracer.Text(hold.Deadline)}, "
                        + $"{(place.Newest is { } one ? one.Describe() : "asleep")}")))
        + $"; {inFlight} messages";

    public bool IsQuiet()
    {
        if (inFlight > 0)
        {
            return false;
        }

        foreach (var place in order)
        {
            if (place.Book.Doubts.Count > 0
                || place.Newest is { } one && (one.Writing is not null || one.LookupCount > 0 || one.Runtime.IsBusy))
            {
                return false;
            }

            foreach (var (_, hold) in place.Book.Holds)
            {
                if (hold.Transfer.DebitAccount == place.Address && hold.Deadline.UnixMicroseconds <= now + 60_000_000)
                {
                    return false;
                }
            }
        }

        return true;
    }

    private bool IsSettled()
    {
        if (inFlight > 0)
        {
            return false;
        }

        foreach (var wish in wishes)
        {
            if (!wish.IsDone && (wish.Sent == 0 || !isSilent || isAudit))
            {
                return false;
            }
        }

        foreach (var place in order)
        {
            if (place.Book.Doubts.Count > 0
                || place.Newest is { } one
                && (one.Writing is not null || one.Runtime.HasUnwritten || one.Runtime.HasInDoubt))
            {
                return false;
            }

            // Holds of hours stay.
            foreach (var (_, hold) in place.Book.Holds)
            {
                if (hold.Transfer.DebitAccount == place.Address && hold.Deadline.UnixMicroseconds <= now + 120_000_000)
                {
                    return false;
                }
            }
        }

        return true;
    }

    // First everything is asked once more, and must be answered as before; then it is over.
    private void Settled()
    {
        if (isAudit)
        {
            isOver = true;
            return;
        }

        Trace("everything is at rest; all is asked once more");
        isAudit = true;
        sequence?.Stop();
        var asked = wishes.Count;
        for (var i = 0; i < asked; i++)
        {
            var command = wishes[i].Command;
            if (command.Call is PostTransferRequest or PostTransactionRequest { IsDryRun: false } or OpenAccountRequest
                or GetAccountRequest)
            {
                var again = new PendingRequest(command with { Number = command.Number + 10_000, Attempts = 1000 });
                wishes.Add(again);
                At(now + clients.Spread(10, 22), () => Send(again));
            }
        }

        foreach (var place in order)
        {
            var read = new PendingRequest(
                new Command(20_000 + place.Index, now, place.Address, new GetAccountRequest(default, default), 1000));
            wishes.Add(read);
            At(now + clients.Spread(21, 22), () => Send(read));
        }

        settleBy = now + 600_000_000;
        At(now + 1_000_000, ExpireHolds);
    }

    // ---------------------------------------------------------------- clients

    public void Send(PendingRequest wish)
    {
        var place = places[wish.Command.To];
        wish.Sent++;
        if (wish.FirstSent == long.MaxValue)
        {
            wish.FirstSent = now;
            if (IdOf(wish.Command.Call) is { } id)
            {
                firstSent.TryAdd(id, now);
            }
        }

        var patience = isAudit || sequence is not null || clients.Chance(800) ? 30_000_000L : clients.Spread(14, 23);
        var call = new Call(calls.Count, wish, place, Oracle.Now(place));
        calls.Add(call);
        var caller = new ReplyTarget(null, call.Number);
        var message = wish.Command.Call with { ReplyTo = caller, Deadline = new LedgerTime(now + patience) };
        Trace($"client asks {place.Address}: #{call.Number} {Tracer.Text(message)}");
        Transmit(-1, place, message);
        var sent = wish.Sent;
        At(now + (isAudit ? 35_000_000 : clients.Spread(17, 24)), () => Again(wish, sent));
    }

    private void Again(PendingRequest wish, int sent)
    {
        if (wish.IsDone || wish.Sent != sent)
        {
            return;
        }

        if (wish.Sent < wish.Command.Attempts || sequence is not null || (healed && !isSilent))
        {
            Send(wish);
        }
        else if (!healed || isSilent)
        {
            wish.IsDone = true;
        }
    }

    private void Answer(Incarnation from, Call call, AccountResponse answer, long durableRow)
    {
        Trace($"#{call.Number} {call.Place.Address} is answered {Tracer.Text(answer)}");
        if (from.IsOfLostHistory && answer is not RequestFailed)
        {
            // What it tells may be lost, and nobody there knows that yet.
            Count("answered by who has not noticed a loss");
        }
        else
        {
            Oracle.Answered(call, answer, durableRow);
        }

        // The answer travels; it may be lost.
        if (!healed && network.Chance(faults.Drop))
        {
            Count("answer lost");
            return;
        }

        inFlight++;
        At(now + Delay(), () =>
        {
            inFlight--;
            if (call.Wish.IsDone)
            {
                return;
            }

            if (answer is RequestFailed { Reason: not RequestFailure.TransactionTooLarge })
            {
                var wish = call.Wish;
                var sent = wish.Sent;
                At(now + clients.Spread(12, 18), () => Again(wish, sent));
                return;
            }

            call.Wish.IsDone = true;
            call.Wish.Answer = answer;
        });
    }

    private static TransferId? IdOf(AccountRequest call) => call switch
    {
        PostTransferRequest post => post.Transfer.Id,
        PostTransactionRequest post => post.Transaction.Id,
        _ => null,
    };

    // ---------------------------------------------------------------- network

    private long Delay() => network.Spread(6, healed ? 12 : faults.DelayBits);

    private void Transmit(int fromNode, SimulatedAccount to, AccountMessage message, int mark = AnyHistory)
    {
        if (!healed && network.Chance(faults.Drop))
        {
            Count("message lost");
            return;
        }

        var copies = 1;
        if (!healed && network.Chance(faults.Duplicate))
        {
            Count("message doubled");
            copies = 2;
        }

        for (; copies > 0; copies--)
        {
            inFlight++;
            At(now + Delay(), () =>
            {
                inFlight--;
                if (!healed && partition != 0 && fromNode >= 0
                    && (partition >> fromNode & 1) != (partition >> to.Home & 1))
                {
                    Count("message cut off");
                    return;
                }

                Deliver(to, message, mark);
            });
        }
    }

    private void Deliver(SimulatedAccount to, AccountMessage message, int mark = AnyHistory)
    {
        var target = to.Newest;
        if (to.Alive.Count > 1 && chaos.Chance(300))
        {
            target = to.Alive[chaos.Next(to.Alive.Count)];
        }

        if (target is null && !healed && now < to.UnreadableUntil)
        {
            Count("message to an unreadable account");
            return;
        }

        if (target is null && !Meet(to.Home))
        {
            Count("message to a node that is halted");
            return;
        }

        target ??= Wake(to);
        target.Take(message, mark);
    }

    // ---------------------------------------------------------------- nodes and incarnations

    private Incarnation Wake(SimulatedAccount place)
    {
        Count("woken");
        var one = new Incarnation(this, place, place.Home);
        place.Alive.Add(one);
        place.Newest = one;
        AccountSnapshot? snapshot = null;
        if (place.Snapshots.Count > 0)
        {
            snapshot = !faults.Has(FaultKinds.OldSnapshots) || disk.Chance(600) ? place.Snapshots[^1]
                : disk.Chance(500) ? place.Snapshots[disk.Next(place.Snapshots.Count)] : null;
        }

        if (place.Snapshots.Count > 0 && !healed && sequence is null && faults.LookupFails > 0
            && disk.Chance(faults.LookupFails))
        {
            // As the store's failed look-ups: nothing is replayed in its place, somebody wakes the account again.
            At(now + disk.Spread(7, faults.WriteBits), one.FailRecovery);
            return one;
        }

        Trace(
            $"{place.Address} wakes on node {one.Node}, {place.Rows.Count} rows, snapshot {snapshot?.SequenceNr ?? 0}");
        one.Recover(snapshot, place.Rows);
        At(now + disk.Spread(7, healed ? 12 : faults.WriteBits), one.Recovered);
        return one;
    }

    private void Stop(Incarnation one, string? why)
    {
        if (why is not null)
        {
            Trace($"{one.Place.Address}: {why}");
        }

        one.IsDead = true;
        if (!Mutants.EndsRowsSilently)
        {
            // Whatever becomes of what it was writing (G5).
            one.Writing?.Ticket?.TryFail();
        }

        one.Place.Alive.Remove(one);
        if (one.Place.Newest == one)
        {
            one.Place.Newest = null;
        }
    }

    private void StartFaults()
    {
        Every(faults.CrashBits, () => Crash(chaos.Next(NodeCount)));
        Every(faults.RelocateBits, Relocate);
        Every(faults.IndexLostBits, LoseIndex);
        StartFailovers();
        Every(faults.SleepBits, () =>
        {
            var place = order[chaos.Next(order.Count)];
            if (place.Newest is { IsReady: true } one)
            {
                if (chaos.Chance(300))
                {
                    one.HandOver();
                }
                else
                {
                    one.GoToSleep();
                }
            }
        });
        Every(faults.PartitionBits, () =>
        {
            Count("network cut in two");
            partition = chaos.Between(1, (1 << NodeCount) - 2);
            partitionEnd = now + chaos.Spread(18, 23);
            Trace($"network cut: {partition}");
            At(partitionEnd, () =>
            {
                if (now >= partitionEnd)
                {
                    partition = 0;
                    Trace("network whole again");
                }
            });
        });
        Every(faults.LapseBits, () =>
        {
            Count("lease lapsed");
            var node = chaos.Next(NodeCount);
            var until = now + chaos.Spread(14, 23);
            silentUntil[node] = Math.Max(silentUntil[node], until);
            Trace($"the lease of node {node} lapses until {until}");
            At(now + ((until - now) / 2), () =>
            {
                if (IsSilent(node))
                {
                    Tell(static one => one.OnLeaseLapsed());
                }
            });
            At(until, () =>
            {
                if (!IsSilent(node))
                {
                    Tell(static one => one.OnLeaseRenewed());
                }
            });

            void Tell(Action<Incarnation> what)
            {
                foreach (var one in order.SelectMany(static place => place.Alive.ToArray()))
                {
                    if (one.Node == node)
                    {
                        what(one);
                    }
                }
            }
        });
        Every(faults.UnreadableBits, () =>
        {
            Count("account unreadable");
            var place = order[unreadable.Next(order.Count)];
            place.UnreadableUntil = now + unreadable.Spread(20, 26);
            foreach (var one in place.Alive.ToArray())
            {
                Stop(one, $"can't be read until {place.UnreadableUntil}");
            }
        });
        Every(faults.VerdictBits, AbortSomething);
        Every(faults.ClockJumpBits, () =>
        {
            var node = chaos.Next(NodeCount);
            var sign = chaos.Chance(500) ? 1 : -1;
            switch (chaos.Next(4))
            {
                case 0:
                    // What the nodes follow is set: all together they step forward, or slew back.
                    Count("all clocks set");
                    var by = sign * chaos.Spread(10, 24);
                    foreach (var clock in clocks)
                    {
                        clock.Aim(now, clock.Aimed + by);
                    }

                    Trace($"all clocks are set by {by}");
                    break;
                case 1:
                    // A clock that nothing has guarded: seconds to days off, in a process that begins.
                    Count("clock wild");
                    var wild = sign * chaos.Spread(20, 38);
                    if (!Crash(node))
                    {
                        return;
                    }

                    clocks[node].Start(now, wild);
                    Trace($"clock of node {node} is off by {clocks[node].Aimed}");
                    break;
                default:
                    Count("clock set");
                    clocks[node].Aim(now, chaos.Chance(200) ? 0 : sign * chaos.Spread(10, 17));
                    Trace($"clock of node {node} is to be off by {clocks[node].Aimed}");
                    break;
            }
        });
    }

    private void Every(int bits, Action fault)
    {
        if (bits == 0)
        {
            return;
        }

        var left = 200;
        void Next() => At(now + chaos.Spread(bits - 2, bits + 1), () =>
        {
            if (!healed && left-- > 0)
            {
                fault();
                Next();
            }
        });
        Next();
    }

    private bool Crash(int node)
    {
        if (isSameServer && isUncertain)
        {
            // Who dies in the moment in which an older copy is put back takes the evidence with him: that is not seen.
            return false;
        }

        Count("node crashed");
        Trace($"node {node} crashes");
        EndWriter(node, mayLand: !isUncertain);
        foreach (var place in order)
        {
            foreach (var victim in place.Alive.ToArray())
            {
                if (victim.Node != node)
                {
                    continue;
                }

                if (victim.Writing is { } row && !HasSharedWriters)
                {
                    // What was on its way may be there, may never be, and may land after the successor has recovered.
                    switch (disk.Next(3))
                    {
                        case 0 when !isUncertain:
                            Append(place, row);
                            break;
                        case 1 when sequence is null && !isUncertain:
                            Count("write landed late");
                            AppendLate(place, row);
                            break;
                        default:
                            Count("write lost");
                            break;
                    }
                }

                Stop(victim, "is gone");
            }

            if (place.Home == node)
            {
                place.Home = chaos.Next(NodeCount);
            }
        }

        watches[node] = NewWatch();
        if (isUncertain && watches.All(one => one.Revision == revision && !one.IsHalted))
        {
            isUncertain = false;
        }

        SpeakWhereAllowed();
        return true;
    }

    private void Relocate()
    {
        var place = order[chaos.Next(order.Count)];
        if (place.Newest is not { } old || place.Alive.Count > 2)
        {
            return;
        }

        var home = chaos.Next(NodeCount);
        if (!Meet(home) || old.IsDead)
        {
            return;
        }

        Count("second incarnation");
        place.Home = home;
        Wake(place);
        At(now + chaos.Spread(14, 23), () =>
        {
            if (!old.IsDead)
            {
                Stop(old, "the older incarnation is stopped");
            }
        });
    }

    // ---------------------------------------------------------------- journal

    // What follows a snapshot is replayed whenever the account wakes: it must not grow without bound, in no way.
    private void CheckReplay(Incarnation one, EventBatch row)
    {
        one.Add(row);
        if (row.Snapshot is not null)
        {
            Count("snapshot");
            return;
        }

        // At most 16 times as many as it should be, and 16 events or legs are worth a row.
        var rowsMax = options.SnapshotEvery * 16;
        var workMax = rowsMax * 16L;
        if (one.Since.Rows >= rowsMax || one.Since.Work >= workMax || one.Since.Bytes >= options.SnapshotEveryBytes)
        {
            throw new ViolationException(
                $"R17: {one.Place.Address} would replay {one.Since}, and a snapshot is due by {rowsMax} rows, "
                + $"{workMax} legs or {options.SnapshotEveryBytes} bytes");
        }
    }

    // What can't be stored, ever, takes all down with it that an account does.
    private void CheckRow(Incarnation one, EventBatch row)
    {
        long size = EncodedSize.Row;
        foreach (var happened in row.Events)
        {
            size += EncodedSize.OfEvent(happened);
            if (happened is TransactionPrepared(var part, _) && part.Coordinator == one.Place.Address
                && part.Legs.Length > 1)
            {
                var bytes = EncodedSize.OfTransaction(part);
                if (bytes > options.TransactionBytesMax)
                {
                    throw new ViolationException($"R17: {one.Place.Address} prepares {part.Id} of {bytes} bytes");
                }
            }
        }

        // One transaction, with what its row says besides, and its event: the balances seen, and on whose behalf.
        var max = options.TransactionBytesMax + EncodedSize.Row + 512;
        if (size > max)
        {
            throw new ViolationException(
                $"R17: a row of {one.Place.Address} has {size} bytes, and {max} can be stored");
        }

        if (faults.Has(FaultKinds.Payload) && size > options.BatchBytesMax)
        {
            Count("row of one large event");
        }
    }

    private void StartWrite(Incarnation one, EventBatch row)
    {
        if (HasSharedWriters)
        {
            HandOver(one, row);
            return;
        }

        CheckRow(one, row);
        CheckReplay(one, row);
        var delay = disk.Spread(7, healed ? 12 : faults.WriteBits);
        var fate = disk.Next(1000);
        At(now + delay, () => Arrive(one, row, fate));
    }

    private void Arrive(Incarnation one, EventBatch row, int fate)
    {
        if (one.IsDead || one.Writing != row || !MayWrite(one, row, fate))
        {
            return;
        }

        if (healed || fate >= faults.WriteFails + faults.AckLost + faults.WriteLate)
        {
            Finish(one);
            return;
        }

        // What is in one batch of the node shares its fate.
        var batch = faults.Has(FaultKinds.SharedFate)
            ? order.SelectMany(static place => place.Alive)
                .Where(other => other.Node == one.Node && other.Writing is not null).ToArray()
            : [one];
        foreach (var each in batch)
        {
            Fail(each, fate);
        }
    }

    private void Finish(Incarnation one)
    {
        var row = one.Writing!;
        if (Append(one.Place, row))
        {
            watches[one.Node].Acknowledged = (one.Place, row);
            one.WriteSucceeded(row);
        }
        else
        {
            Count("stale incarnation fenced");
            one.FailWrite("fenced");
        }
    }

    private void Fail(Incarnation one, int fate)
    {
        var row = one.Writing!;
        if (fate < faults.WriteFails)
        {
            Count("write failed");
            one.FailWrite("write failed");
        }
        else if (fate < faults.WriteFails + faults.AckLost)
        {
            Count("write stored, confirmation lost");
            Append(one.Place, row);
            one.FailWrite("confirmation lost");
        }
        else
        {
            Count("write given up, landed late");
            AppendLate(one.Place, row);
            one.FailWrite("write given up");
        }
    }

    // A statement that runs on at the server, and ends with it.
    private void AppendLate(SimulatedAccount place, EventBatch row)
    {
        var server = instance;
        At(now + disk.Spread(10, 23), () =>
        {
            if (server == instance)
            {
                Append(place, row);
            }
        });
    }

    // The journal's unique key (I9), and the row before (R19 a).
    private bool Append(SimulatedAccount place, EventBatch row)
    {
        if (row.SequenceNr > place.Rows.Count + 1)
        {
            throw new ViolationException(
                $"R19: row {row.SequenceNr} of {place.Address} comes without the row before, and nobody has noticed");
        }

        if (row.SequenceNr != place.Rows.Count + 1)
        {
            Trace($"{place.Address}: row {row.SequenceNr} is refused");
            return false;
        }

        if (tracer is not null)
        {
            foreach (var happened in row.Events)
            {
                Trace($"{place.Address} row {row.SequenceNr}: {Tracer.Text(happened)}");
            }
        }

        place.Rows.Add(row);
        place.Orders.Add(++stored);
        commits.Add(new Commit(place, row, now, stored));
        Enter(place, row);
        Oracle.Journaled(place, row);
        return true;
    }

    // In the row's statement, as the stores do it.
    private static void Enter(SimulatedAccount place, EventBatch row)
    {
        var expected = place.IndexByRows.Add(row).ToHashSet();
        if (!expected.SetEquals(row.IndexedIds ?? []))
        {
            throw new ViolationException(
                $"R22: {place.Address}: row {row.SequenceNr} is not entered under what it brings up");
        }

        if (row.IndexedIds is not { } ids)
        {
            return;
        }

        if (row.PreviousIndexed.SequenceNr > 0 && !place.Indexed.Contains(row.PreviousIndexed) && !Mutants.NotesNoGap)
        {
            place.IndexGaps.Add(row.SequenceNr);
        }

        foreach (var id in ids)
        {
            place.Indexed.Add(new IndexedId(id, row.SequenceNr));
        }
    }

    // As the reader of streams answers it.
    private IdHistory? Search(SimulatedAccount place, IdLookup lookup)
    {
        for (var again = false; ; again = true)
        {
            var search = new StreamSearch(place.Address, [lookup]);
            foreach (var question in search.Questions())
            {
                Answer(place, question);
            }

            if (search.IsProved(lookup))
            {
                return search.Found(lookup);
            }

            if (again)
            {
                throw new ViolationException($"R22: {place.Address}: an index that was made again is not complete");
            }

            Count("index made again");
            place.Indexed.Clear();
            place.IndexGaps.Clear();
            var index = new IdIndex(place.Address);
            foreach (var row in place.Rows)
            {
                place.Indexed.UnionWith(index.Add(row).Select(id => new IndexedId(id, row.SequenceNr)));
            }
        }
    }

    private void Answer(SimulatedAccount place, StreamQuestion question)
    {
        switch (question)
        {
            case RowsQuestion rows:
                // Fewer than were asked for are an answer too.
                var count = Math.Min(rows.RowsMax, disk.Between(1, 3));
                rows.Rows = place.Rows.Skip((int)rows.From - 1).Take((int)Math.Min(count, rows.To - rows.From + 1))
                    .ToArray();
                break;
            case IndexQuestion index:
                index.Rows = place.Indexed.Where(one => index.Ids.Contains(one.Id)).Select(static one => one.SequenceNr)
                    .Distinct().Order().ToArray();
                index.IsComplete = place.IndexGaps.Count == 0
                    && (index.Newest.SequenceNr == 0 || place.Indexed.Contains(index.Newest));
                break;
            default:
                throw new ViolationException($"nobody answers a {question.GetType().Name}");
        }
    }

    // The table of the index is put back from a copy that is older than the journal.
    private void LoseIndex()
    {
        Count("index put back from an older copy");
        foreach (var place in order)
        {
            var upTo = chaos.Next(place.Rows.Count + 1);
            place.Indexed.RemoveWhere(one => one.SequenceNr > upTo);
            place.IndexGaps.RemoveWhere(gap => gap > upTo);
        }
    }

    // ---------------------------------------------------------------- time

    public void At(long time, Action happening) => queue.Enqueue(happening, (Math.Max(time, now), pushed++));

    private LedgerTime ClockOf(int node) => new(clocks[node].Read(now));

    internal void Count(string what) => Injected[what] = Injected.GetValueOrDefault(what) + 1;

    internal void Trace(TraceText text)
    {
        if (tracer is not null)
        {
            tracer.Line(now, text.ToString());
        }
    }

    internal void Trace(string text) => tracer?.Line(now, text);

    internal void Trace([System.Runtime.CompilerServices.InterpolatedStringHandlerArgument("")] ref TraceHandler text)
    {
        if (tracer is not null)
        {
            tracer.Line(now, text.ToString());
        }
    }

    internal readonly record struct TraceText(string Text);

    [System.Runtime.CompilerServices.InterpolatedStringHandler]
    internal readonly ref struct TraceHandler
    {
        private readonly System.Text.StringBuilder? text;

        public TraceHandler(int literalLength, int formattedCount, SimulatedCluster world, out bool isNeeded)
        {
            isNeeded = world.tracer is not null;
            text = isNeeded ? new System.Text.StringBuilder(literalLength + (8 * formattedCount)) : null;
        }

        public void AppendLiteral(string literal) => text!.Append(literal);

        public void AppendFormatted<T>(T value) => text!.Append(CultureInfo.InvariantCulture, $"{value}");

        public override string ToString() => text!.ToString();
    }
}

/// <summary>One life of an account on a node.</summary>
internal sealed class Incarnation : IAccountHost, ILeaseGateHost
{
    private readonly SimulatedCluster world;
    private readonly List<(AccountMessage Message, int Mark)> inbox = [];
    private readonly int losses;
    private long armedFor = long.MaxValue;
    private bool isStopping;
    private readonly LeaseGate gate;

    public Incarnation(SimulatedCluster world, SimulatedAccount place, int node)
    {
        this.world = world;
        Place = place;
        Node = node;
        Runtime = new AccountMachine(place.Address, world.Options, this);
        gate = new LeaseGate(this);
        Mark = world.MarkOf(node);
        losses = world.Losses;
    }

    /// <summary>The history of the database that this one was read from, as its node tells it from others (R19
    /// b).</summary>
    public int Mark { get; }

    /// <summary>Whether the journal has lost rows since this one read it.</summary>
    public bool IsOfLostHistory => losses != world.Losses;

    public SimulatedAccount Place { get; }

    public int Node { get; }

    public AccountMachine Runtime { get; }

    public EventBatch? Writing { get; private set; }

    public int LookupCount { get; private set; }

    public bool IsReady { get; private set; }

    public LedgerTime ReadySince { get; private set; }

    /// <summary>When it last prepared something beyond a bound, to see whether it is answered.</summary>
    public LedgerTime? LastProbe { get; set; }

    public bool IsDead { get; set; }

    private bool IsNewest => Place.Newest == this || Mutants.SpeaksWithoutLease;

    private LedgerTime Clock => world.Clock(Node);

    public string Describe() =>
        $"busy {Runtime.IsBusy}, in doubt {Runtime.State.InDoubtCount}, writing {Writing?.SequenceNr}, "
        + $"look-ups {LookupCount}, durable {Runtime.DurableSequenceNr} of {Place.Rows.Count}"
#if MUTANTS
        + " " + Runtime.DescribeOperations()
#endif
        ;

    public void Recover(AccountSnapshot? snapshot, List<EventBatch> rows)
    {
        var from = 0;
        if (snapshot is not null)
        {
            Runtime.Restore(snapshot);
            from = (int)snapshot.SequenceNr;
        }

        for (; from < rows.Count; from++)
        {
            Runtime.Replay(rows[from]);
            Add(rows[from]);
        }
    }

    /// <summary>What would be replayed after the newest snapshot that this incarnation knows of.</summary>
    public (int Rows, long Work, long Bytes) Since { get; private set; }

    /// <summary>Counts a row towards that.</summary>
    public void Add(EventBatch row)
    {
        var work = row.Events.Sum(static happened => happened switch
        {
            TransactionPrepared(var part, _) => Math.Max(1, part.Legs.Length),
            TransactionRejected { Branch: var part } => Math.Max(1, part.Legs.Length),
            LastAgentCommitted(var part, _) => Math.Max(1, part.Legs.Length),
            LastAgentRefused { Branch: var part } => Math.Max(1, part.Legs.Length),
            _ => 1,
        });
        var bytes = row.Events.Aggregate(
            (long)EncodedSize.Row, static (sum, happened) => sum + EncodedSize.OfEvent(happened));
        Since = row.Snapshot is null || !IsReady ? (Since.Rows + 1, Since.Work + work, Since.Bytes + bytes) : default;
    }

    public void FailRecovery()
    {
        if (!IsDead)
        {
            world.Count("snapshot not read");
            world.Stop(this, "its snapshot can't be read");
        }
    }

    public void Recovered()
    {
        if (IsDead)
        {
            return;
        }

        IsReady = true;
        ReadySince = Clock;
        var (clock, before) = (Clock, Runtime.State.LastTime);
        Runtime.RecoveryCompleted(clock);
        NoteAhead(clock, before, mayBeMoved: false);
        world.Covered(Runtime, null, "recovered");
        foreach (var (message, mark) in inbox.ToArray())
        {
            Take(message, mark);
        }

        inbox.Clear();
    }

    /// <summary>Stops, because its node has met another history: whoever waits learns "unknown", and what has come and
    /// was not looked at goes to the next incarnation.</summary>
    public void EndWithItsHistory()
    {
        world.Covered(Runtime, null, "database changed");
        Runtime.Fail(RequestFailure.Relocating);
        gate.FailAnswers(RequestFailure.Relocating);
        foreach (var (message, mark) in inbox)
        {
            world.SendAgain(Place, message, mark);
        }

        world.Stop(this, "starts again from the journal");
    }

    public void Take(AccountMessage message, int mark, WriteTicket? ticket = null)
    {
        if (IsDead)
        {
            return;
        }

        if (!IsReady)
        {
            inbox.Add((message, mark));
            return;
        }

        if (mark != SimulatedCluster.AnyHistory && mark != Mark && !SimulatedCluster.TakesAnyHistory)
        {
            // It may rest on rows that are lost, or be sent to one that rests on them.
            world.Count("message of another history");
            world.Trace($"{Place.Address} leaves {Tracer.Text(message)}, which is of another history");
            return;
        }

        world.Trace($"{Place.Address}{(IsNewest ? "" : "'")} takes {Tracer.Text(message)}");
        world.Covered(Runtime, message, null);
        var (clock, before) = (Clock, Runtime.State.LastTime);
        Runtime.Handle(message, clock, ticket);
        NoteAhead(
            clock, before, message is Outcome { Committed: true } or CommitResponse { Committed: true } or OutcomeAck
            or ResolveInDoubtRequest { Found.Committed: true });
    }

    // R21: what this has decided was judged by a time that its events don't show, where the account is ahead of its
    // clock. Only a commit moves it there.
    private void NoteAhead(LedgerTime clock, LedgerTime before, bool mayBeMoved)
    {
        var judged = clock.Add(AccountTime.AheadMax);
        var after = Runtime.State.LastTime;
        if (after > judged)
        {
            if (before <= judged && !mayBeMoved)
            {
                throw new ViolationException(
                    $"R21: {Place.Address} follows another's clock to {after}, and has {clock}");
            }

            Note(after);
        }

        if (before > judged)
        {
            Note(before);
        }
        else if (Ahead.TryGetValue(before, out var caughtUp))
        {
            // What is booked at the same time is judged by it now.
            Ahead[before] = (caughtUp.From, before);
        }

        void Note(LedgerTime booked) =>
            Ahead[booked] = Ahead.TryGetValue(booked, out var one) ? (one.From, judged) : (judged, judged);
    }

    /// <summary>Between which times events were judged that are booked ahead of the clock, by the time that they are
    /// booked at.</summary>
    public Dictionary<LedgerTime, (LedgerTime From, LedgerTime To)> Ahead { get; } = [];

    /// <summary>Whether it is ahead of its clock, or was.</summary>
    public bool WasAhead => Ahead.Count > 0 || Runtime.State.LastTime > Clock.Add(AccountTime.AheadMax);

    public void GoToSleep()
    {
        Runtime.Flush();
        if (!Runtime.IsBusy && Writing is null)
        {
            world.Count("went to sleep");
            world.Stop(this, "goes to sleep");
        }
    }

    public void HandOver()
    {
        world.Count("handed over");
        isStopping = true;
        Runtime.Flush();
        StopWhenWritten();
    }

    public void WriteSucceeded(EventBatch row)
    {
        Writing = null;
        if (row.Snapshot is { } snapshot && !IsOfLostHistory)
        {
            // Where the database has lost the row meanwhile, whoever connects to store this finds that out.
            Place.Snapshots.Add(snapshot);
        }

        world.Covered(Runtime, null, "written");
        Runtime.WriteSucceeded(Clock);
        StopWhenWritten();
    }

    public void FailWrite(string why)
    {
        Writing = null;
        world.Covered(Runtime, null, "write failed");
        Runtime.Fail(RequestFailure.JournalUnavailable);
        gate.FailAnswers(RequestFailure.Relocating);
        world.Stop(this, why);
    }

    private void StopWhenWritten()
    {
        if (isStopping && !IsDead && !Runtime.HasUnwritten)
        {
            Runtime.Fail(RequestFailure.Relocating);
            gate.FailAnswers(RequestFailure.Relocating);
            world.Stop(this, "is handed over");
        }
    }

    private void Tick(long armed)
    {
        if (IsDead || armedFor != armed)
        {
            return;
        }

        armedFor = long.MaxValue;
        world.Covered(Runtime, null, "tick");
        var (clock, before) = (Clock, Runtime.State.LastTime);
        Runtime.Tick(clock);
        NoteAhead(clock, before, mayBeMoved: false);
    }

    void IAccountHost.Reply(ReplyTarget caller, AccountResponse answer) =>
        gate.Send(OutboundMessage.Of(caller, answer), Runtime.DurableSequenceNr);

    void IAccountHost.Send(AccountAddress account, AccountMessage message) =>
        gate.Send(OutboundMessage.Of(account, message), Runtime.DurableSequenceNr);

    bool ILeaseGateHost.MaySpeak => !world.IsSilent(Node);

    // The world tells all accounts of the node.
    void ILeaseGateHost.Withholds()
    {
    }

    void ILeaseGateHost.Leave(in OutboundMessage message, long durableRow)
    {
        if (message.Answer is { } answer)
        {
            Speak(message.ReplyTo, answer, durableRow);
        }
        else
        {
            Speak(message.To, message.Message!, durableRow);
        }
    }

    /// <summary>The node's lease is good again.</summary>
    public void OnLeaseRenewed() => gate.TryRelease();

    /// <summary>The node's lease has not been good for long: whoever waits is told so, and what is for other accounts
    /// goes on waiting.</summary>
    public void OnLeaseLapsed()
    {
        if (IsDead || !IsReady)
        {
            return;
        }

        gate.FailAnswers(RequestFailure.JournalUnavailable);
        world.Covered(Runtime, null, "silent");
        Runtime.GiveUpRequests(RequestFailure.JournalUnavailable);
    }

    private void Speak(ReplyTarget caller, AccountResponse answer, long durable)
    {
        if (IsDead || (!IsNewest && answer is not RequestFailed))
        {
            return;
        }

        NoteSpoken(durable, answer is RequestFailed);
        world.Answered(this, caller.Correlation, answer, durable);
    }

    private void Speak(AccountAddress account, AccountMessage message, long durable)
    {
        if (IsDead || (!IsNewest && !(world.HasLooseLease && message is PrepareRequest or Outcome or OutcomeRequest)))
        {
            return;
        }

        NoteSpoken(durable, isNothing: false);
        world.Sent(this, account, message);
    }

    private void NoteSpoken(long durable, bool isNothing)
    {
        if (!isNothing)
        {
            world.CheckMaySpeak(this);
        }

        if (!IsOfLostHistory)
        {
            Place.SpokenRow = Math.Max(Place.SpokenRow, durable);
        }
    }

    void IAccountHost.Write(EventBatch batch)
    {
        if (Writing is not null)
        {
            throw new ViolationException($"{Place.Address}: two rows are being written at once");
        }

        Writing = batch;
        world.Write(this, batch);
    }

    bool IAccountHost.SendAhead(AccountAddress account, AccountMessage message, WriteTicket ticket) =>
        IsNewest && gate.IsOpen && world.SendAhead(this, account, message, ticket);

    void IAccountHost.Watch(WriteTicket ticket) => ticket.WhenDecided(() => world.At(world.Now, () =>
    {
        if (!IsDead && !Runtime.TicketDecided())
        {
            world.Count("ends with what it rests on");
            FailWrite("rests on a row that failed");
        }
    }));

    void IAccountHost.Lookup(IdLookup lookup)
    {
        LookupCount++;
        world.Look(this, lookup);
    }

    public void LookedUp(IdLookup lookup, IdHistory? found, bool failed)
    {
        LookupCount--;
        if (IsDead)
        {
            return;
        }

        world.Covered(Runtime, null, failed ? "look-up failed" : "looked up", lookup.Id);
        if (failed)
        {
            Runtime.LookupFailed(lookup);
        }
        else
        {
            var (clock, before) = (Clock, Runtime.State.LastTime);
            Runtime.LookupCompleted(lookup, found, clock);
            NoteAhead(clock, before, mayBeMoved: false);
        }
    }

    // Nothing but what the world itself throws may be thrown by a decision (R18).
    void IAccountHost.DecisionFailed(AccountMessage? input, Exception thrown)
    {
        if (thrown is ViolationException)
        {
            // What the world finds wrong with what is said here.
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
        }

        if (thrown is not DefectException)
        {
            throw new ViolationException(
                $"R18: {Place.Address} can't decide {(input is null ? "an expiry" : Tracer.Text(input))}: {thrown}");
        }

        var asked = input is null ? "an expiry" : Tracer.Text(input);
        world.Trace($"{Place.Address}{(IsNewest ? "" : "'")} can't decide {asked}");
    }

    void IAccountHost.WakeAt(LedgerTime time)
    {
        // A timer counts a pause, whatever becomes of the clock meanwhile.
        var pause = time.UnixMicroseconds - Clock.UnixMicroseconds;
        var at = pause > 1L << 50 ? long.MaxValue : world.Now + Math.Max(0, pause);
        if (at < armedFor)
        {
            armedFor = at;
            world.At(at, () => Tick(at));
        }
    }
}

internal sealed partial class SimulatedCluster
{
    public AccountMachineOptions Options => options;

    public bool IsSilent(int node) => now < silentUntil[node] || !CanSend(node);

    public bool HasLooseLease => !healed && faults.Has(FaultKinds.LooseLease);

    public LedgerTime Clock(int node) => ClockOf(node);

    public void Answered(Incarnation from, long number, AccountResponse answer, long durableRow)
    {
        if (number < 0)
        {
            AnswerOperator(from, number, answer);
        }
        else
        {
            Answer(from, calls[(int)number], answer, durableRow);
        }
    }

    public void Sent(Incarnation from, AccountAddress account, AccountMessage message)
    {
        Trace($"{from.Place.Address} -> {account}: {Tracer.Text(message)}");
        if (!from.IsOfLostHistory)
        {
            Oracle.Sent(from.Place, from.WasAhead, message);
        }

        if (places.TryGetValue(account, out var to))
        {
            Transmit(from.Node, to, message, from.Mark);
        }
        else
        {
            throw new ViolationException($"{from.Place.Address} sends to '{account}', which nobody named");
        }
    }

    /// <summary>Whether clocks go on evenly, so that an account's time tells how long something has been in
    /// doubt.</summary>
    public bool HasEvenClocks => faults.SkewMax == 0 && faults.ClockJumpBits == 0;

    public void Write(Incarnation one, EventBatch row)
    {
        writers[row] = one;
        if (HasEvenClocks)
        {
            Oracle.CheckBounds(one, row, options);
        }

        StartWrite(one, row);
    }

    /// <summary>By what times an event may have been judged.</summary>
    public (LedgerTime From, LedgerTime To) JudgedAt(EventBatch row, LedgerTime booked) =>
        writers.TryGetValue(row, out var writer) && writer.Ahead.TryGetValue(booked, out var judged)
        ? judged
        : (booked, booked);

    /// <summary>Whether what is booked at a time was decided by an account that was ahead of its clock.</summary>
    public bool IsAhead(EventBatch row, LedgerTime booked) =>
        writers.TryGetValue(row, out var writer) && writer.Ahead.ContainsKey(booked);

    public void Look(Incarnation one, IdLookup lookup)
    {
        // What is asked at once is asked in one search.
        var fails = lastSearch == (one, now) ? lastSearchFails : disk.Chance(faults.LookupFails);
        lastSearch = (one, now);
        lastSearchFails = fails;
        At(now + disk.Spread(7, healed ? 12 : faults.LookupBits), () =>
        {
            if (one.IsDead || !Meet(one.Node) || !IsConfirmed(one.Node) || lookup.UpTo > one.Place.Rows.Count)
            {
                // R19: nothing is said of what a database holds that others may know more of.
                one.LookedUp(lookup, null, failed: true);
                return;
            }

            if (fails && !healed)
            {
                Count("look-up failed");
                one.LookedUp(lookup, null, failed: true);
                return;
            }

            Count("look-up");
            var found = Search(one.Place, lookup);
            Trace(
                $"{one.Place.Address} looks {lookup.Id} up: "
                    + $"{(found is null ? "nothing" : $"{found.Last?.Status} {found.Hold} {found.Reversed}")}");
            one.LookedUp(lookup, found, failed: false);
        });
    }

    public void Stop(Incarnation one, string why, bool quiet = false)
    {
        _ = quiet;
        Stop(one, (string?)why);
    }

    /// <summary>Counts for the table of what was reached; see Coverage.</summary>
    public void Covered(AccountMachine runtime, AccountMessage? message, string? happening, TransferId id = default)
    {
#if MUTANTS
        Coverage.Note(runtime, message, happening, id);
#endif
    }
}
