using System.Diagnostics;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Benchmarks;

/// <summary>Accounts alone, in memory and on one thread: what the protocol itself costs. With the codec, too: what a
/// row costs before it reaches a database.</summary>
internal static class CoreBenchmark
{
    private const int InFlight = 512;

    public static Task RunAsync(Settings settings, Report report)
    {
        foreach (var encoded in (ReadOnlySpan<bool>)[false, true])
        {
            foreach (var workload in settings.Workloads)
            {
                report.Add(Run(settings, workload, encoded));
            }
        }

        return Task.CompletedTask;
    }

    private static Result Run(Settings settings, string workload, bool encoded)
    {
        var world = new World(workload == "hot" ? 2 : settings.Accounts, encoded);
        world.Go(TimeSpan.FromSeconds(2));
        var (count, rows, bytes) = (world.Answered, world.Rows, world.Bytes);
        var allocated = GC.GetAllocatedBytesForCurrentThread();

        // Seconds of the processor, and not of the wall: a busy neighbour costs then little.
        var start = Environment.CpuUsage.TotalTime;
        world.Go(TimeSpan.FromSeconds(settings.Seconds));
        var elapsed = (Environment.CpuUsage.TotalTime - start).TotalSeconds;
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        double done = world.Answered - count;
        return new Result(encoded ? "codec" : "core", "", workload, InFlight)
        {
            Count = (long)done,
            PerSecond = done / elapsed,
            AllocatedBytes = allocated / done,
            JournalRows = (world.Rows - rows) / done,
            JournalBytes = encoded ? (world.Bytes - bytes) / done : null,
        };
    }

    // A journal and a network that are as fast as can be: all messages are delivered, then all writes end together.
    private sealed class World
    {
        private readonly Account[] accounts;
        private readonly Dictionary<AccountAddress, Account> byAddress = [];
        private readonly Queue<(Account To, AccountMessage Message)> network = new();
        private readonly bool encoded;
        private readonly Random random = new(1);
        private List<Account> writing = [];
        private List<Account> written = [];
        private ulong lastId;
        private LedgerTime now = new(1_700_000_000_000_000);

        public World(int count, bool encoded)
        {
            this.encoded = encoded;
            accounts = new Account[count];
            for (var i = 0; i < count; i++)
            {
                var address = AccountAddress.Parse(FormattableString.Invariant($"bench:core:{i:D6}"));
                accounts[i] = new Account(this, address);
                byAddress.Add(address, accounts[i]);
                Deliver(accounts[i], new OpenAccountRequest(
                    new AccountSpec(address, Asset.Parse("USD/2"), 1), default, LedgerTime.MaxValue));
            }

            Settle();
            Answered = 0;
            for (var i = 0; i < InFlight; i++)
            {
                Post();
            }
        }

        public long Answered { get; private set; }

        public long Rows { get; private set; }

        public long Bytes { get; private set; }

        public void Go(TimeSpan length)
        {
            for (var start = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(start) < length;)
            {
                Turn();
            }
        }

        private void Settle()
        {
            while (network.Count + writing.Count > 0)
            {
                Turn();
            }
        }

        private void Turn()
        {
            // As long as a write of a disk.
            now = now.Add(TimeSpan.FromMilliseconds(2));
            while (network.TryDequeue(out var next))
            {
                Deliver(next.To, next.Message);
            }

            (writing, written) = (written, writing);
            foreach (var account in written)
            {
                account.Written();
            }

            written.Clear();
        }

        private void Deliver(Account account, AccountMessage message) => account.Runtime.Handle(message, now);

        private void Post()
        {
            var debit = random.Next(accounts.Length);
            var credit = random.Next(accounts.Length - 1);
            credit += credit >= debit ? 1 : 0;

            // A UUID of version 7: time first, then version, a number and variant.
            var id = new UInt128(
                ((ulong)(now.UnixMicroseconds / 1000) << 16) | 0x7000 | (++lastId & 0xFFF),
                0x8000_0000_0000_0000 | lastId);
            network.Enqueue((accounts[debit], new PostTransferRequest(
                new Transfer(
                    new TransferId(id), accounts[debit].Address, accounts[credit].Address,
                    Amount.Of((ulong)random.Next(1, 10_000)), 1),
                default, LedgerTime.MaxValue)));
        }

        private sealed class Account : IAccountHost
        {
            private readonly World world;
            private byte[] lastHash;
            private LedgerTime wake = LedgerTime.MaxValue;

            public Account(World world, AccountAddress address)
            {
                this.world = world;
                Address = address;
                lastHash = JournalCodec.GenesisHash(address.Text);
                Runtime = new AccountMachine(address, new AccountMachineOptions(), this);
            }

            public AccountAddress Address { get; }

            public AccountMachine Runtime { get; }

            public void Written()
            {
                Runtime.WriteSucceeded(world.now);
                if (world.now >= wake)
                {
                    wake = LedgerTime.MaxValue;
                    Runtime.Tick(world.now);
                }
            }

            public void Reply(ReplyTarget caller, AccountResponse answer)
            {
                world.Answered++;
                switch (answer)
                {
                    case PostTransferResponse({ Status: TransferStatus.Created }):
                        world.Post();
                        break;
                    case OpenAccountResponse:
                        break;
                    default:
                        throw new BooksException(answer.ToString());
                }
            }

            public void Send(AccountAddress account, AccountMessage message) =>
                world.network.Enqueue((world.byAddress[account], message));

            public void Write(EventBatch batch)
            {
                world.Rows++;
                world.writing.Add(this);
                if (world.encoded)
                {
                    var row = JournalCodec.Encode(batch, lastHash, Runtime.State.Address);
                    lastHash = JournalCodec.HashOf(row);
                    world.Bytes += row.Length;
                }
            }

            public void Lookup(IdLookup lookup) => throw new NotSupportedException("No id here is old.");

            public void WakeAt(LedgerTime time) => wake = time < wake ? time : wake;
        }
    }
}
