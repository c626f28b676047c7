using Ledger.Core;

namespace Ledger.Tests.World;

/// <summary>Which faults a world may have, and how many of its steps in a thousand are each.</summary>
public sealed record Faults(
    int Drop = 0, int Duplicate = 0, int Crash = 0, int Zombie = 0, int WriteFails = 0, int AckLost = 0,
    int LookupFails = 0, int Sleep = 0, int ClockBack = 0)
{
    public static readonly Faults None = new();

    public static readonly Faults All = new(
        Drop: 30, Duplicate: 40, Crash: 8, Zombie: 6, WriteFails: 6, AckLost: 6, LookupFails: 6, Sleep: 10, ClockBack: 2);
}

/// <summary>
/// A ledger of pure cores in one thread: accounts, a journal with a unique key, a network that loses, doubles and
/// reorders, clients that repeat themselves, and a clock. One seed gives one history.
/// </summary>
/// <remarks>
/// Weaker than the real thing on purpose: an adversary may start a second incarnation of any account at any time while
/// the first goes on and writes. Only two things are granted: the journal takes one row per number, and nothing leaves an
/// incarnation but the newest, which is what the lease gives (R9): a row of the older that lands after the newer has
/// recovered is unknown to the newer, and so must not be told to anybody.
/// Every transfer moves its own power of two, so that a counter tells exactly which transfers it holds.
/// </remarks>
public sealed class World
{
    private readonly Random random;
    private readonly Faults faults;
    private readonly AccountRuntimeOptions options;
    private readonly Dictionary<AccountAddress, List<EventBatch>> journal = [];
    private readonly Dictionary<AccountAddress, AccountSnapshot> snapshots = [];
    private readonly Dictionary<AccountAddress, Incarnation> newest = [];
    private readonly List<Incarnation> alive = [];
    private readonly List<(AccountAddress To, AccountMessage Message)> network = [];
    private readonly List<LateWrite> late = [];
    private readonly Dictionary<long, Call> calls = [];
    private bool healed;

    public World(int seed, Faults faults, AccountRuntimeOptions options)
    {
        random = new Random(seed);
        this.faults = faults;
        this.options = options;
        Oracle = new Oracle(this);
    }

    public LedgerTime Now { get; private set; } = new(1_000_000);

    public Oracle Oracle { get; }

    public IReadOnlyDictionary<AccountAddress, List<EventBatch>> Journal => journal;

    public Dictionary<string, int> Counted { get; } = new(StringComparer.Ordinal);

    public long RowCount => journal.Values.Sum(static rows => (long)rows.Count);

    // ---------------------------------------------------------------- clients

    public Call Post(Transfer transfer) =>
        Start(transfer.DebitAccount, (caller, deadline) => new PostTransferCall(transfer, caller, deadline), transfer);

    public Call Open(AccountSpec spec) =>
        Start(spec.Address, (caller, deadline) => new OpenAccountCall(spec, caller, deadline), null);

    public Call Read(AccountAddress account) =>
        Start(account, static (caller, deadline) => new GetAccountCall(caller, deadline), null);

    public Call Look(AccountAddress account, TransferId id) =>
        Start(account, (caller, deadline) => new GetTransferCall(id, caller, deadline), null);

    private Call Start(AccountAddress account, Func<Caller, LedgerTime, AccountMessage> make, Transfer? transfer)
    {
        var call = new Call(calls.Count + 1, account, transfer, Oracle.CommittedSoFar(account), Oracle.RejectedSoFar(account));
        calls.Add(call.Number, call);
        network.Add((account, make(new Caller(this, call.Number), Now.Add(TimeSpan.FromHours(10)))));
        return call;
    }

    // ---------------------------------------------------------------- the scheduler

    /// <summary>Does one thing, chosen by the seed. False when there is nothing left to do.</summary>
    public bool Step()
    {
        Now = Now.Add(TimeSpan.FromMicroseconds(random.Next(1, 2000)));
        if (!healed && Fault())
        {
            return true;
        }

        for (var attempt = 0; attempt < 8; attempt++)
        {
            switch (random.Next(10))
            {
                case < 5 when network.Count > 0:
                    Deliver(random.Next(network.Count), keep: false);
                    return true;
                case < 8 when AnyWriter() is { } writer:
                    FinishWrite(writer);
                    return true;
                case 8 when AnySearcher() is { } searcher:
                    searcher.FinishLookup(fails: false);
                    return true;
                case 9 when late.Count > 0:
                    Land(random.Next(late.Count));
                    return true;
                default:
                    break;
            }
        }

        return Idle();
    }

    /// <summary>Ends all faults and goes on until nothing is left to do: everything must settle (liveness).</summary>
    public void Heal(int stepsMax = 200_000)
    {
        healed = true;
        foreach (var zombie in alive.Where(one => newest.GetValueOrDefault(one.Account) != one).ToArray())
        {
            Stop(zombie, "zombie stopped");
        }

        for (var i = 0; i < stepsMax; i++)
        {
            if (!Step())
            {
                // An incarnation that does not know the last row finds out when it writes next; here it is stopped.
                foreach (var stale in alive.Where(one => one.Runtime.DurableSequenceNr != journal.GetValueOrDefault(one.Account, []).Count).ToArray())
                {
                    Stop(stale, "stale incarnation stopped");
                }

                // Accounts that lost an incarnation with something in doubt are woken, as the shell does (R5).
                var unfinished = journal.Keys.Where(account => !newest.ContainsKey(account) && StateOf(account).InDoubtCount > 0)
                    .ToArray();
                if (unfinished.Length == 0)
                {
                    return;
                }

                foreach (var account in unfinished)
                {
                    network.Add((account, new Poke()));
                }
            }
        }

        throw new OracleException(
            "liveness: the healed world does not come to rest: " + string.Join("; ", alive.Select(static one =>
                $"{one.Account} in doubt {one.Runtime.State.InDoubtCount}, writing {one.Writing?.SequenceNr}, look-ups {one.Lookups.Count}, wakes {one.WakeAt}"))
            + $"; {network.Count} messages: {string.Join(", ", network.Take(5))}; now {Now}");
    }

    /// <summary>The fold of an account's journal.</summary>
    public AccountState StateOf(AccountAddress account)
    {
        var state = new AccountState(account, options.RememberedIdsMax, options.RememberedAgeMax);
        foreach (var row in journal.GetValueOrDefault(account) ?? [])
        {
            foreach (var happened in row.Events)
            {
                state.Evolve(happened, row.SequenceNr);
            }
        }

        return state;
    }

    /// <summary>The live state of an account, or null when it sleeps.</summary>
    public AccountState? LiveStateOf(AccountAddress account) => newest.GetValueOrDefault(account)?.Runtime.State;

    public AccountSnapshot? SnapshotOf(AccountAddress account) => snapshots.GetValueOrDefault(account);

    public AccountRuntimeOptions Options => options;

    private bool Idle()
    {
        if (AnyWriter() is { } writer)
        {
            FinishWrite(writer);
            return true;
        }

        if (AnySearcher() is { } searcher)
        {
            searcher.FinishLookup(fails: false);
            return true;
        }

        if (network.Count > 0)
        {
            Deliver(0, keep: false);
            return true;
        }

        if (late.Count > 0)
        {
            Land(0);
            return true;
        }

        // Nothing moves but time.
        var due = alive.Where(static one => one.WakeAt < LedgerTime.MaxValue).MinBy(static one => one.WakeAt);
        if (due is null)
        {
            return false;
        }

        Now = due.WakeAt > Now ? due.WakeAt : Now;
        due.Tick();
        return true;
    }

    private bool Fault()
    {
        var roll = random.Next(1000);
        bool Chosen(int permille)
        {
            roll -= permille;
            return roll < 0 && roll >= -permille;
        }

        if (Chosen(faults.Drop) && network.Count > 0)
        {
            Count("message dropped");
            network.RemoveAt(random.Next(network.Count));
            return true;
        }

        if (Chosen(faults.Duplicate) && network.Count > 0)
        {
            Count("message doubled");
            Deliver(random.Next(network.Count), keep: true);
            return true;
        }

        if (Chosen(faults.Crash) && alive.Count > 0)
        {
            Crash(alive[random.Next(alive.Count)]);
            return true;
        }

        if (Chosen(faults.Zombie) && alive.Count > 0)
        {
            Count("second incarnation");
            Wake(alive[random.Next(alive.Count)].Account);
            return true;
        }

        if (Chosen(faults.WriteFails) && AnyWriter() is { } failing)
        {
            Count("write failed");
            failing.FailWrite();
            return true;
        }

        if (Chosen(faults.AckLost) && AnyWriter() is { } unlucky)
        {
            Count("write stored, confirmation lost");
            Append(unlucky.Account, unlucky.Writing!);
            unlucky.FailWrite();
            return true;
        }

        if (Chosen(faults.LookupFails) && AnySearcher() is { } searcher)
        {
            Count("look-up failed");
            searcher.FinishLookup(fails: true);
            return true;
        }

        if (Chosen(faults.Sleep) && alive.Count > 0)
        {
            var sleepy = alive[random.Next(alive.Count)];
            sleepy.Runtime.Flush();
            if (!sleepy.Runtime.IsBusy)
            {
                Count("went to sleep");
                Stop(sleepy, null);
            }

            return true;
        }

        if (Chosen(faults.ClockBack))
        {
            Count("clock set back");
            Now = new LedgerTime(Math.Max(1, Now.UnixMicroseconds - random.Next(1, 50_000_000)));
            return true;
        }

        return false;
    }

    private void Crash(Incarnation victim)
    {
        Count("crash");
        if (victim.Writing is { } row)
        {
            // What was on its way may be there, may never be, and may land after the successor has recovered.
            switch (random.Next(3))
            {
                case 0:
                    Append(victim.Account, row);
                    break;
                case 1:
                    late.Add(new LateWrite(victim.Account, row));
                    break;
                default:
                    break;
            }
        }

        victim.Dead = true;
        alive.Remove(victim);
        if (newest.GetValueOrDefault(victim.Account) == victim)
        {
            newest.Remove(victim.Account);
        }
    }

    private void Stop(Incarnation one, string? reason)
    {
        if (reason is not null)
        {
            Count(reason);
        }

        one.Dead = true;
        alive.Remove(one);
        if (newest.GetValueOrDefault(one.Account) == one)
        {
            newest.Remove(one.Account);
        }
    }

    private void Land(int index)
    {
        Count("late write landed or refused");
        var write = late[index];
        late.RemoveAt(index);
        Append(write.Account, write.Row);
    }

    private void Deliver(int index, bool keep)
    {
        var (to, message) = network[index];
        if (!keep)
        {
            network.RemoveAt(index);
        }

        var candidates = alive.Where(one => one.Account == to).ToArray();
        var target = candidates.Length == 0 ? Wake(to) : candidates[random.Next(candidates.Length)];
        target.Handle(message);
    }

    private Incarnation Wake(AccountAddress account)
    {
        Count("woken");
        var one = new Incarnation(this, account);
        var rows = journal.GetValueOrDefault(account) ?? [];
        var from = 0L;
        if (snapshots.TryGetValue(account, out var snapshot) && random.Next(4) > 0)
        {
            one.Runtime.Restore(snapshot);
            from = snapshot.SequenceNr;
        }

        foreach (var row in rows.Skip((int)from))
        {
            one.Runtime.Replay(row);
        }

        newest[account] = one;
        alive.Add(one);
        one.Runtime.RecoveryCompleted(Now);
        return one;
    }

    private Incarnation? AnyWriter()
    {
        var writers = alive.Where(static one => one.Writing is not null).ToArray();
        return writers.Length == 0 ? null : writers[random.Next(writers.Length)];
    }

    private Incarnation? AnySearcher()
    {
        var searchers = alive.Where(static one => one.Lookups.Count > 0).ToArray();
        return searchers.Length == 0 ? null : searchers[random.Next(searchers.Length)];
    }

    private void FinishWrite(Incarnation writer)
    {
        if (Append(writer.Account, writer.Writing!))
        {
            writer.WriteSucceeded();
        }
        else
        {
            Count("stale incarnation fenced");
            writer.FailWrite();
        }
    }

    // The journal's unique key (I9).
    private bool Append(AccountAddress account, EventBatch row)
    {
        if (!journal.TryGetValue(account, out var rows))
        {
            journal.Add(account, rows = []);
        }

        if (row.SequenceNr != rows.Count + 1)
        {
            return false;
        }

        rows.Add(row);
        Oracle.Journaled(account, row);
        return true;
    }

    private void Count(string what) => Counted[what] = Counted.GetValueOrDefault(what) + 1;

    private sealed record LateWrite(AccountAddress Account, EventBatch Row);

    private sealed class Incarnation : IAccountShell
    {
        private readonly World world;

        public Incarnation(World world, AccountAddress account)
        {
            this.world = world;
            Account = account;
            Runtime = new AccountRuntime(account, world.options, this);
        }

        public AccountAddress Account { get; }

        public AccountRuntime Runtime { get; }

        public EventBatch? Writing { get; private set; }

        public List<IdLookup> Lookups { get; } = [];

        public LedgerTime WakeAt { get; private set; } = LedgerTime.MaxValue;

        public bool Dead { get; set; }

        private bool IsNewest => world.newest.GetValueOrDefault(Account) == this;

        public void Handle(AccountMessage message) => Runtime.Handle(message, world.Now);

        public void Tick()
        {
            WakeAt = LedgerTime.MaxValue;
            Runtime.Tick(world.Now);
        }

        public void WriteSucceeded()
        {
            var row = Writing!;
            Writing = null;
            if (row.Snapshot is { } snapshot)
            {
                world.snapshots[Account] = snapshot;
            }

            Runtime.WriteSucceeded(world.Now);
        }

        public void FailWrite()
        {
            Writing = null;
            Runtime.Fail(CallFailure.JournalUnavailable);
            Dead = true;
            world.alive.Remove(this);
            if (IsNewest)
            {
                world.newest.Remove(Account);
            }
        }

        public void FinishLookup(bool fails)
        {
            var lookup = Lookups[0];
            Lookups.RemoveAt(0);
            if (fails)
            {
                Runtime.LookupFailed(lookup.Id);
                return;
            }

            var search = new IdSearch(lookup.Id);
            var rows = world.journal[Account].Take((int)lookup.UpTo)
                .SkipWhile(row => row.Events[^1].At < lookup.NotBefore || row.SequenceNr < lookup.SequenceNr);
            foreach (var row in rows)
            {
                if (search.Content is null && row.Events[0].At > lookup.NotAfter)
                {
                    break;
                }

                search.Add(row.Events);
            }

            Runtime.LookupCompleted(lookup.Id, search.Found, world.Now);
        }

        void IAccountShell.Reply(Caller caller, AccountAnswerBase answer)
        {
            if (Dead || (!IsNewest && answer is not CallFailed))
            {
                return;
            }

            var call = world.calls[caller.Correlation];
            call.Answers.Add(answer);
            world.Oracle.Answered(call, answer);
        }

        void IAccountShell.Send(AccountAddress account, AccountMessage message)
        {
            if (!Dead && IsNewest)
            {
                world.network.Add((account, message));
            }
        }

        void IAccountShell.Write(EventBatch batch) => Writing = Writing is null
            ? batch
            : throw new OracleException("two rows are being written at once");

        void IAccountShell.Lookup(IdLookup lookup) => Lookups.Add(lookup);

        void IAccountShell.WakeAt(LedgerTime time) => WakeAt = time < WakeAt ? time : WakeAt;
    }
}

/// <summary>A call of a client.</summary>
public sealed record Call(
    long Number, AccountAddress Account, Transfer? Transfer,
    IReadOnlyCollection<Transfer> CommittedBefore, IReadOnlyCollection<Transfer> RejectedBefore)
{
    public List<AccountAnswerBase> Answers { get; } = [];

    public AccountAnswerBase? Answer => Answers.Count == 0 ? null : Answers[0];

    public TransferStatus? Status => (Answers.OfType<TransferAnswer>().FirstOrDefault())?.Result.Status;
}

/// <summary>An invariant was broken.</summary>
public sealed class OracleException(string message) : Exception(message);
