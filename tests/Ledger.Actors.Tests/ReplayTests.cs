using Ledger.Actors.Accounts;
using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Actors.Tests;

/// <summary>I8, byte for byte: what an account is after its journal was written and read again, in its stored form, is
/// what it was when it decided. Without actors and without a database, over everything that a client can ask
/// for.</summary>
public sealed class ReplayTests
{
    private static readonly Asset Usd = Asset.Parse("USD/2");
    private static readonly AccountAddress[] Addresses =
        [.. Enumerable.Range(0, 6).Select(static i => AccountAddress.Parse($"r:{i}"))];

    private readonly Dictionary<AccountAddress, Account> accounts = [];
    private readonly Queue<Action> queue = [];
    private readonly List<Transfer> transfers = [];
    private readonly List<Transaction> transactions = [];
    private LedgerTime now = new(1_790_000_000_000_000);
    private LedgerTime nextWake = LedgerTime.MaxValue;
    private int lastId;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void An_account_that_is_read_back_is_the_same_to_the_byte(int seed)
    {
        var random = new Random(seed);

        // The last is never opened.
        for (var i = 0; i < Addresses.Length - 1; i++)
        {
            Call(Addresses[i], (caller, until) => new OpenAccountRequest(
                new AccountSpec(Addresses[i], Usd, 1)
                {
                    DebitsMustNotExceedCredits = i == 1 ? Amount.Of(50) : null,
                    CreditsMustNotExceedDebits = i == 2 ? Amount.Of(50) : null,
                },
                caller, until));
        }

        for (var i = 0; i < 200; i++)
        {
            Step(random);
            if (random.Next(3) == 0)
            {
                Run();
            }
        }

        Run();
        foreach (var (address, account) in accounts)
        {
            account.Runtime.IsBusy.ShouldBeFalse(address.Text);
            var copy = new Account(this, address);
            var hash = JournalCodec.GenesisHash(AccountActor.PersistenceIdOf(address));
            foreach (var batch in account.Rows)
            {
                var row = JournalCodec.Encode(batch, hash, address);
                var read = JournalCodec.Decode(row, address, batch.SequenceNr, out _);
                Convert.ToHexString(JournalCodec.Encode(read, hash, address)).ShouldBe(Convert.ToHexString(row));
                JournalCodec.DecodeHead(row, address, batch.SequenceNr).ShouldBe(
                    new RowHead(batch.SequenceNr, read.Events[0].At, read.EntriesBefore, read.IsVerdict));
                copy.Runtime.Replay(read);
                hash = JournalCodec.HashOf(row);
            }

            ShouldBeSame(copy, account, $"{address}, seed {seed}, read back");

            // And so is one that is woken from a snapshot.
            var woken = new Account(this, address);
            woken.Runtime.Restore(JournalCodec.DecodeSnapshot(
                JournalCodec.ReadSnapshot(
                    JournalCodec.Encode(AccountSnapshot.Of(account.Runtime.State, account.Rows.Count), hash),
                    isPacked: true),
                address, out _));
            ShouldBeSame(woken, account, $"{address}, seed {seed}, from a snapshot");
        }
    }

    // As text, so that a difference can be read.
    private static void ShouldBeSame(Account actual, Account expected, string what)
    {
        var (one, other) = (Text(actual), Text(expected));
        var at = one.Zip(other, static (a, b) => a == b).TakeWhile(static same => same).Count();
        var from = Math.Max(0, at - 300);
        string.Equals(one, other, StringComparison.Ordinal).ShouldBeTrue(
            $"{what}: ...{string.Concat(one.Skip(from).Take(400))}... but "
                + $"...{string.Concat(other.Skip(from).Take(400))}");

        static string Text(Account account)
        {
            var stored = global::Ledger.Journal.V1.StoredSnapshot.Parser.ParseFrom(JournalCodec.Encode(
                AccountSnapshot.Of(account.Runtime.State, account.Runtime.DurableSequenceNr), new byte[32]));
            stored.RememberedPacked = Google.Protobuf.ByteString.Empty;
            var ids = account.Runtime.State.Idempotency.InOrder().Select(static one =>
                $"{one.Id} {one.At.UnixMicroseconds} {one.What.Digest} {one.What.Status} "
                    + $"{one.What.Time.UnixMicroseconds} {one.What.SequenceNr} {one.What.Details}");
            return stored + string.Join('\n', ids);
        }
    }

    private void Step(Random random)
    {
        var (debit, credit) = Two();
        switch (random.Next(14))
        {
            case 0:
                Change(debit, random.Next(6) switch
                {
                    0 => new FreezeAccount(new AccountFreeze(true, false, "f", now.Add(TimeSpan.FromSeconds(1)))),
                    1 => new UnfreezeAccount("u"),
                    2 => new CloseAccount("c"),
                    3 => new ReopenAccount("o"),
                    4 => new SetAccountLimits(Amount.Of(1000), null),
                    _ => new SetAccountLimits(null, null),
                });
                break;
            case 1 when transfers.Count > 0:
                Post(transfers[random.Next(transfers.Count)]);
                break;
            case 2 when transactions.Count > 0:
                Post(transactions[random.Next(transactions.Count)]);
                break;
            case 3 when transfers.Count > 0:
                var hold = transfers[random.Next(transfers.Count)];
                Call(hold.DebitAccount.IsNone ? debit : hold.DebitAccount, (caller, until) => new ExtendHoldRequest(
                    hold.Id, now.Add(TimeSpan.FromMinutes(random.Next(1, 9))), caller, until));
                break;
            case 4 or 5 or 6:
                var legs = Enumerable.Range(0, random.Next(1, 5)).Select(_ => Any() with { Asset = Usd })
                    .Where(static leg => !leg.DebitAccount.IsNone).Select(TransactionLeg.Of).ToList();
                if (random.Next(3) == 0)
                {
                    legs.Insert(0, TransactionLeg.Open(new AccountSpec(debit, Usd, 1), ifMissing: random.Next(2) == 0));
                }

                if (legs.Count > 0 && legs.Any(static leg => leg.Transfer is not null))
                {
                    transactions.Add(new Transaction(NewId(), [.. legs]));
                    Post(transactions[^1]);
                }

                break;
            default:
                transfers.Add(Any());
                Post(transfers[^1]);
                break;
        }

        (AccountAddress Debit, AccountAddress Credit) Two()
        {
            var one = random.Next(Addresses.Length);
            return (Addresses[one], Addresses[(one + 1 + random.Next(Addresses.Length - 1)) % Addresses.Length]);
        }

        Transfer Any()
        {
            var (from, to) = Two();
            var transfer = new Transfer(NewId(), from, to, Amount.Of((ulong)random.Next(0, 60)), 1);
            var earlier = transfers.Count > 0 ? transfers[random.Next(transfers.Count)] : null;
            return random.Next(9) switch
            {
                0 or 1 => transfer with
                {
                    Flags = TransferFlags.Pending, Timeout = TimeSpan.FromSeconds(random.Next(3)),
                },
                2 => transfer with { Flags = TransferFlags.Pending | (TransferFlags)(64 << random.Next(2)) },
                3 => transfer with { Flags = (TransferFlags)(16 << random.Next(2)) },
                4 when earlier is not null => transfer with
                {
                    DebitAccount = earlier.DebitAccount,
                    CreditAccount = earlier.CreditAccount,
                    HoldId = earlier.Id,
                    Flags = TransferFlags.PostPending | (random.Next(2) == 0
                        ? TransferFlags.KeepRest
                        : TransferFlags.None),
                },
                5 when earlier is not null => transfer with
                {
                    DebitAccount = earlier.DebitAccount,
                    CreditAccount = earlier.CreditAccount,
                    Amount = Amount.Zero,
                    HoldId = earlier.Id,
                    Flags = TransferFlags.VoidPending,
                },
                6 when earlier is not null => transfer with
                {
                    DebitAccount = earlier.CreditAccount,
                    CreditAccount = earlier.DebitAccount,
                    Amount = random.Next(2) == 0 ? Amount.MaxValue : transfer.Amount,
                    Reverses = earlier.Id,
                    Reason = "r",
                },
                _ => transfer,
            };
        }
    }

    private TransferId NewId() =>
        new(((UInt128)0x01A0_C450_6C00_7000 << 64) | (0x8000_0000_0000_0000 + (ulong)++lastId));

    private void Change(AccountAddress account, AccountChange change) =>
        Call(account, (caller, until) => new ChangeAccountRequest(change, caller, until));

    private void Post(Transfer transfer) =>
        Call(transfer.DebitAccount, (caller, until) => new PostTransferRequest(transfer, caller, until));

    private void Post(Transaction transaction) => Call(
        transaction.Legs.First(static leg => leg.Transfer is not null).Transfer!.DebitAccount,
        (caller, until) => new PostTransactionRequest(transaction, caller, until));

    private void Call(AccountAddress account, Func<ReplyTarget, LedgerTime, AccountRequest> make)
    {
        var call = make(new ReplyTarget(null, 1), now.Add(TimeSpan.FromMinutes(1)));
        queue.Enqueue(() => Of(account).Runtime.Handle(call, now));
    }

    private Account Of(AccountAddress address)
    {
        if (!accounts.TryGetValue(address, out var account))
        {
            accounts.Add(address, account = new Account(this, address));
            account.Runtime.RecoveryCompleted(now);
        }

        return account;
    }

    // Until nothing is unfinished; holds may stay.
    private void Run()
    {
        for (var round = 0; round < 10_000; round++)
        {
            while (queue.TryDequeue(out var next))
            {
                now = now.Add(TimeSpan.FromMicroseconds(50));
                next();
            }

            if (accounts.Values.All(static account => !account.Runtime.IsBusy))
            {
                return;
            }

            now = nextWake > now && nextWake < LedgerTime.MaxValue ? nextWake : now.Add(TimeSpan.FromMilliseconds(10));
            nextWake = LedgerTime.MaxValue;
            foreach (var account in accounts.Values.ToArray())
            {
                account.Runtime.Tick(now);
            }
        }

        throw new TimeoutException("Something never ends: "
            + string.Join(
                ", ", accounts.Where(static pair => pair.Value.Runtime.IsBusy).Select(static pair => pair.Key)));
    }

    private sealed class Account : IAccountHost
    {
        private readonly ReplayTests world;
        private readonly AccountAddress address;

        public Account(ReplayTests world, AccountAddress address)
        {
            this.world = world;
            this.address = address;
            Runtime = new AccountMachine(address, new AccountMachineOptions { IdempotencyWindowMax = 12 }, this);
        }

        public AccountMachine Runtime { get; }

        public List<EventBatch> Rows { get; } = [];

        public void Reply(ReplyTarget caller, AccountResponse answer) => answer.ShouldNotBeOfType<RequestFailed>();

        public void Send(AccountAddress account, AccountMessage message) =>
            world.queue.Enqueue(() => world.Of(account).Runtime.Handle(message, world.now));

        public void Write(EventBatch batch) => world.queue.Enqueue(() =>
        {
            Rows.Add(batch);
            Runtime.WriteSucceeded(world.now);
        });

        public void Lookup(IdLookup lookup) => world.queue.Enqueue(() =>
        {
            var search = new IdHistoryReader(address, [lookup.Id]);
            foreach (var row in Rows.Where(row => row.SequenceNr <= lookup.UpTo))
            {
                search.Add(row);
            }

            Runtime.LookupCompleted(lookup, search.Found(lookup.Id), world.now);
        });

        public void WakeAt(LedgerTime time) => world.nextWake = time < world.nextWake ? time : world.nextWake;
    }
}
