using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>
/// Every interleaving of the smallest scopes: two accounts, two requests, one crash, one doubled message. A depth-first
/// search over all that could happen next; a state that was seen before is not gone into again. Since a machine can't
/// be copied, each state is reached by doing again what led to it.
/// </summary>
internal static class Exhaustive
{
    private const int StatesMax = 60_000;

    private static readonly AccountAddress A = AccountAddress.Parse("a");
    private static readonly AccountAddress B = AccountAddress.Parse("b");
    private static readonly TransferId One = new(((UInt128)4 << 76) | ((UInt128)2 << 62) | 1);
    private static readonly TransferId Two = new(((UInt128)4 << 76) | ((UInt128)2 << 62) | 2);

    private sealed record Scope(string Name, int MemoryMax, (AccountAddress To, Transfer Transfer)[] Requests);

    private static Scope[] Scopes =>
    [
        new("two transfers of one account to the other", 4096, [(A, Plain(One, A, B, 5)), (A, Plain(Two, A, B, 7))]),
        new("two transfers to each other", 4096, [(A, Plain(One, A, B, 5)), (B, Plain(Two, B, A, 7))]),
        new("the same transfer twice, with no memory", 1, [(A, Plain(One, A, B, 5)), (A, Plain(One, A, B, 5))]),
        new("one id, two contents", 4096, [(A, Plain(One, A, B, 5)), (A, Plain(One, A, B, 6))]),
        new("one id, from both sides", 4096, [(A, Plain(One, A, B, 5)), (B, Plain(One, B, A, 5))]),
        new("a hold, and its post", 4096,
        [
            (A, Plain(One, A, B, 5) with { Flags = TransferFlags.Pending }),
            (A, Plain(Two, A, B, 3) with { Flags = TransferFlags.PostPending, HoldId = One }),
        ]),
        new("more than there is, twice", 4096, [(A, Plain(One, A, B, 60)), (A, Plain(Two, A, B, 60))]),
    ];

    private static Transfer Plain(TransferId id, AccountAddress debit, AccountAddress credit, ulong amount) =>
        new(id, debit, credit, Amount.Of(amount), 1);

    public static int Run(TextWriter output)
    {
        var failures = 0;
        foreach (var scope in Scopes)
        {
            failures += Search(scope, output) ? 0 : 1;
        }

        return failures == 0 ? 0 : 1;
    }

    private static bool Search(Scope scope, TextWriter output)
    {
        var seen = new HashSet<UInt128>();
        var stack = new Stack<int[]>();
        stack.Push([]);
        long steps = 0;
        int ends = 0, deepest = 0, cut = 0;
        while (stack.TryPop(out var path))
        {
            var small = new SmallWorld(scope.MemoryMax, scope.Requests);
            try
            {
                foreach (var action in path)
                {
                    steps++;
                    small.Do(action);
                }

                if (!seen.Add(small.Fingerprint()))
                {
                    continue;
                }

                deepest = Math.Max(deepest, path.Length);
                var next = small.ActionCount();
                if (next == 0 && small.IsOver)
                {
                    ends++;
                    small.CheckAtRest();
                }
                else if (next == 0)
                {
                    cut++;
                }

                for (var action = next - 1; action >= 0 && path.Length < 200; action--)
                {
                    stack.Push([.. path, action]);
                }
            }
            catch (Exception e) when (e is ViolationException or LedgerInvariantException)
            {
                output.WriteLine($"VIOLATION in the scope '{scope.Name}': {e.Message}");
                var again = new SmallWorld(scope.MemoryMax, scope.Requests);
                foreach (var action in path)
                {
                    output.WriteLine("  " + again.Name(action));
                    try
                    {
                        again.Do(action);
                    }
                    catch (Exception inner) when (inner is ViolationException or LedgerInvariantException)
                    {
                        break;
                    }
                }

                return false;
            }

            if (seen.Count >= StatesMax)
            {
                break;
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{scope.Name}: {seen.Count} states{(seen.Count >= StatesMax ? " (bounded)" : ", all")}, {ends} ends, "
                + $"{cut} cut off, {deepest} deep, {steps} steps, no violation"));
        return true;
    }

    // Two accounts, each with 100 of one asset; whatever is enabled is an action.
    private sealed class SmallWorld
    {
        private readonly AccountMachineOptions options;
        private readonly Side[] sides;
        private readonly List<(int To, AccountMessage Message)> network = [];
        private readonly List<(int Side, EventBatch Row)> late = [];
        private readonly Dictionary<long, List<AccountResponse>> answers = [];
        private readonly List<(AccountAddress To, Transfer Transfer)> calls = [];
        private readonly HashSet<(TransferId, UInt128)> committed = [];
        private readonly HashSet<(TransferId, UInt128)> aborted = [];
        private int crashes = 1;
        private int copies = 1;
        private int ticks = 12;
        private long now = 1_000_000_000_000;

        public SmallWorld(int memoryMax, (AccountAddress To, Transfer Transfer)[] requests)
        {
            options =
                new AccountMachineOptions
                {
                    IdempotencyWindowMax = memoryMax, IdempotencyAgeMax = TimeSpan.FromDays(1)
                };
            sides = [new Side(this, A, 0), new Side(this, B, 1)];
            foreach (var side in sides)
            {
                var row = new EventBatch(1, 0, default);
                row.Events.Add(new AccountOpened(
                    new AccountSpec(side.Address, Asset.Parse("USD/2"), 1)
                    {
                        DebitsMustNotExceedCredits = Amount.Of(100)
                    },
                    new LedgerTime(now - 1)));
                side.Rows.Add(row);
            }

            foreach (var (to, transfer) in requests)
            {
                calls.Add((to, transfer));
                network.Add((to == A ? 0 : 1, new PostTransferRequest(
                    transfer, new ReplyTarget(null, calls.Count - 1), new LedgerTime(now + 3_600_000_000_000))));
            }
        }

        // The order: messages, writes, look-ups, recoveries, rows that land late, copies, crashes; and time only when
        // there is nothing else.
        private List<(string Name, Action Do)> Actions()
        {
            var actions = new List<(string, Action)>();
            for (var i = 0; i < network.Count; i++)
            {
                var (at, (to, message)) = (i, network[i]);
                if (network.FindIndex(one => one.To == to && Tracer.Text(one.Message) == Tracer.Text(message)) == i)
                {
                    actions.Add(($"{sides[to].Address} takes {Tracer.Text(message)}", () =>
                    {
                        network.RemoveAt(at);
                        sides[to].Take(message);
                    }));
                    if (copies > 0)
                    {
                        actions.Add(($"{sides[to].Address} takes a copy of {Tracer.Text(message)}", () =>
                        {
                            copies--;
                            sides[to].Take(message);
                        }));
                    }
                }
            }

            foreach (var side in sides)
            {
                if (side.Writing is not null)
                {
                    actions.Add(($"{side.Address}'s row {side.Writing.SequenceNr} is written", side.Written));
                }

                if (side.Lookups.Count > 0)
                {
                    actions.Add(($"{side.Address}'s journal answers", side.LookedUp));
                }

                if (crashes > 0 && side.Runtime is not null)
                {
                    actions.Add(($"{side.Address} crashes, what it was writing is lost", () => Crash(side, 0)));
                    if (side.Writing is not null)
                    {
                        actions.Add(($"{side.Address} crashes, what it was writing is there", () => Crash(side, 1)));
                        actions.Add(($"{side.Address} crashes, what it was writing lands later", () => Crash(side, 2)));
                    }
                }
            }

            for (var i = 0; i < late.Count; i++)
            {
                var (at, (side, row)) = (i, late[i]);
                actions.Add(($"row {row.SequenceNr} of {sides[side].Address} lands late", () =>
                {
                    late.RemoveAt(at);
                    sides[side].Append(row);
                }));
            }

            if (network.Count == 0
                && actions.TrueForAll(static one => one.Item1.Contains("crashes", StringComparison.Ordinal))
                && !IsAtRest() && ticks > 0)
            {
                actions.Add(("time passes", () =>
                {
                    ticks--;
                    var first = sides.MinBy(static side => side.DueAt)!;
                    now = Math.Max(now, first.DueAt);
                    first.Tick();
                }));
            }

            return actions;
        }

        /// <summary>Whether nothing is open; else only the patience of the search has come to its end.</summary>
        public bool IsOver => IsAtRest() || ticks > 0;

        public int ActionCount()
        {
            // When nothing is open, a crash would only lead to what was seen.
            var actions = Actions();
            return IsAtRest() && network.Count == 0 && late.Count == 0 ? 0 : actions.Count;
        }

        public void Do(int action) => Actions()[action].Do();

        public string Name(int action) => Actions()[action].Name;

        private bool IsAtRest() => sides.All(static side => side.IsAtRest);

        private void Crash(Side side, int fate)
        {
            crashes--;
            var row = side.Writing;
            side.Die();
            if (row is not null && fate == 1)
            {
                side.Append(row);
            }
            else if (row is not null && fate == 2)
            {
                late.Add((side.Index, row));
            }
        }

        public void CheckAtRest()
        {
            UInt128 debits = 0, credits = 0;
            foreach (var side in sides)
            {
                var state = side.Fold();
                Rules.Check(state.InDoubtCount == 0, $"liveness: {side.Address} is in doubt");
                debits += state.Balances.DebitsPosted.Value + (state.Balances.DebitsPending.Value << 64);
                credits += state.Balances.CreditsPosted.Value + (state.Balances.CreditsPending.Value << 64);
                Rules.Check(side.Runtime is null || Oracle.Dump(AccountSnapshot.Of(side.Runtime.State, side.Rows.Count))
                    == Oracle.Dump(AccountSnapshot.Of(state, side.Rows.Count))
                    || side.Runtime.DurableSequenceNr != side.Rows.Count,
                    $"I8: the live state of {side.Address} is not the fold of its rows");
            }

            Rules.Check(debits == credits, $"I1: debits are {debits}, credits {credits}");
            for (var call = 0; call < calls.Count; call++)
            {
                var (_, transfer) = calls[call];
                var happened = committed.Contains((transfer.Id, TransferContent.DigestOf(transfer)))
                    || sides.Any(side => side.Has(transfer));
                foreach (var answer in answers.GetValueOrDefault(call) ?? [])
                {
                    if (answer is PostTransferResponse(var result))
                    {
                        Rules.Check(!result.IsCommitted || happened, $"I5: {transfer.Id} was acknowledged and is lost");
                        Rules.Check(
                            result.IsCommitted || !happened,
                            $"I5: {transfer.Id} was rejected ({result.Status}) and happened");
                    }
                }
            }
        }

        public UInt128 Fingerprint()
        {
            var text = new StringBuilder();
            text.Append(CultureInfo.InvariantCulture, $"{crashes} {copies} {ticks}\n");
            text.AppendJoin(
                '\n',
                network.Select(
                    static one => $"{one.To} {Tracer.Text(one.Message)} "
                        + $"{(one.Message as AccountRequest)?.ReplyTo.Correlation}").Order(StringComparer.Ordinal));
            foreach (var (side, row) in late)
            {
                text.Append(
                    CultureInfo.InvariantCulture,
                    $"\nlate {side} {row.SequenceNr} {string.Join(';', row.Events.Select(Tracer.Text))}");
            }

            foreach (var side in sides)
            {
                text.Append("\n# ")
                    .AppendJoin('\n', side.Rows.Select(static row => string.Join(';', row.Events.Select(Tracer.Text))));
                if (side.Runtime is { } runtime)
                {
                    text.Append(
                        CultureInfo.InvariantCulture,
                        $"\n{Oracle.Dump(AccountSnapshot.Of(runtime.State, 0))}\n{runtime.DescribeOperations()}\n"
                        + $"{runtime.DurableSequenceNr} {side.Writing?.SequenceNr} {side.Lookups.Count} "
                        + $"{runtime.HasUnwritten} {side.WakeAt}");
                }
            }

            foreach (var (call, list) in answers.OrderBy(static one => one.Key))
            {
                text.Append(CultureInfo.InvariantCulture, $"\n{call} {string.Join(';', list.Select(Tracer.Text))}");
            }

            return BinaryPrimitives.ReadUInt128BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString())));
        }

        private void Journaled(Side side, AccountEvent happened)
        {
            switch (happened)
            {
                case LastAgentCommitted closed:
                    Rules.Check(
                        committed.Add((closed.Branch.Key, closed.Branch.Digest)),
                        $"I4: {closed.Branch.Key} is committed twice");
                    Rules.Check(
                        !aborted.Contains((closed.Branch.Key, closed.Branch.Digest)),
                        $"R1: {closed.Branch.Key} is committed after its abort");
                    break;
                case TransactionAborted gone:
                    var part = side.Prepared(gone.Key);
                    aborted.Add((part.Key, part.Digest));
                    Rules.Check(
                        !committed.Contains((part.Key, part.Digest)), $"R1: {gone.Key} is aborted after its commit");
                    break;
                case TransactionCommitted done:
                    var whole = side.Prepared(done.Key);
                    Rules.Check(
                        committed.Contains((whole.Key, whole.Digest)),
                        $"R1: {done.Key} is committed before its last agent");
                    break;
                default:
                    break;
            }
        }

        private sealed class Side(SmallWorld world, AccountAddress address, int index) : IAccountHost
        {
            public AccountAddress Address { get; } = address;

            public int Index { get; } = index;

            public List<EventBatch> Rows { get; } = [];

            public AccountMachine? Runtime { get; private set; }

            public EventBatch? Writing { get; private set; }

            public List<IdLookup> Lookups { get; } = [];

            public long WakeAt { get; private set; } = long.MaxValue;

            private bool IsOvertaken => Runtime is not null && Runtime.DurableSequenceNr != Rows.Count;

            public bool IsAtRest => Writing is null && Lookups.Count == 0
                && (Runtime is null || IsOvertaken
                    ? Fold().InDoubtCount == 0
                    : !Runtime.IsBusy && Runtime.State.InDoubtCount == 0);

            // When something happens here that nobody asks for: a timer, going to sleep, the hold expiry.
            public long DueAt => Runtime is null || (IsOvertaken && !Runtime.IsBusy)
                ? Fold().InDoubtCount > 0 ? world.now + 1_000_000 : long.MaxValue
                : WakeAt;

            public AccountState Fold()
            {
                var state = new AccountState(
                    Address, world.options.IdempotencyWindowMax, world.options.IdempotencyAgeMax);
                foreach (var row in Rows)
                {
                    foreach (var happened in row.Events)
                    {
                        state.Evolve(happened, row.SequenceNr);
                    }
                }

                return state;
            }

            public bool Has(Transfer transfer) => Rows.SelectMany(static row => row.Events).OfType<LastAgentCommitted>()
                .Any(closed => closed.Branch.Asked == TransferContent.DigestOf(transfer));

            public TransactionBranch Prepared(TransferId key) =>
                Rows.SelectMany(static row => row.Events).OfType<TransactionPrepared>()
                .Last(prepared => prepared.Branch.Key == key).Branch;

            public void Take(AccountMessage message)
            {
                Wake();
                Runtime!.Handle(message, new LedgerTime(world.now));
            }

            public void Tick()
            {
                if (IsOvertaken && !Runtime!.IsBusy)
                {
                    Die();
                }

                if (Runtime is null && Fold().InDoubtCount > 0)
                {
                    Wake();
                }

                if (WakeAt <= world.now)
                {
                    WakeAt = long.MaxValue;
                    Runtime!.Tick(new LedgerTime(world.now));
                }
            }

            private void Wake()
            {
                if (Runtime is not null)
                {
                    return;
                }

                Runtime = new AccountMachine(Address, world.options, this);
                foreach (var row in Rows)
                {
                    Runtime.Replay(row);
                }

                Runtime.RecoveryCompleted(new LedgerTime(world.now));
            }

            public void Die()
            {
                Runtime = null;
                Writing = null;
                Lookups.Clear();
                WakeAt = long.MaxValue;
            }

            public bool Append(EventBatch row)
            {
                if (row.SequenceNr != Rows.Count + 1)
                {
                    return false;
                }

                Rows.Add(row);
                foreach (var happened in row.Events)
                {
                    world.Journaled(this, happened);
                }

                return true;
            }

            public void Written()
            {
                var row = Writing!;
                Writing = null;
                if (Append(row))
                {
                    Runtime!.WriteSucceeded(new LedgerTime(world.now));
                }
                else
                {
                    Runtime!.Fail(RequestFailure.JournalUnavailable);
                    Die();
                }
            }

            public void LookedUp()
            {
                var lookup = Lookups[0];
                Lookups.RemoveAt(0);
                var search = new IdHistoryReader(Address, [lookup.Id]);
                foreach (var row in Rows.Take((int)lookup.UpTo))
                {
                    search.Add(row);
                }

                Runtime!.LookupCompleted(lookup, search.Found(lookup.Id), new LedgerTime(world.now));
            }

            public void Reply(ReplyTarget caller, AccountResponse answer)
            {
                if (!world.answers.TryGetValue(caller.Correlation, out var list))
                {
                    world.answers.Add(caller.Correlation, list = []);
                }

                list.Add(answer);
            }

            public void Send(AccountAddress account, AccountMessage message) =>
                world.network.Add((account == A ? 0 : 1, message));

            public void Write(EventBatch batch) => Writing = batch;

            public void Lookup(IdLookup lookup) => Lookups.Add(lookup);

            void IAccountHost.WakeAt(LedgerTime time) => WakeAt = Math.Min(WakeAt, time.UnixMicroseconds);
        }
    }
}
