using System.Collections.Concurrent;
using System.Globalization;
using System.Numerics;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ledger.V1;

namespace Ledger.Testing;

/// <summary>One call that the fake received.</summary>
internal sealed record FakeCall(string Method, int Number, ServerCallContext Context);

/// <summary>A ledger in memory, just good enough to see what a client does, with hooks to fail before or after a call
/// is applied.</summary>
internal sealed partial class FakeLedger
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Account> accounts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<Entry>> statements = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TransferRecord> transfers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> calls = new(StringComparer.Ordinal);
    private int sharedStreamsOpen;
    private readonly DateTime start = new(2025, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    /// <summary>Runs before a call is applied; what it throws fails the call, which then did nothing.</summary>
    public Func<FakeCall, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Runs after a call is applied; what it throws hides that from the caller.</summary>
    public Func<FakeCall, Task> After { get; set; } = _ => Task.CompletedTask;

    /// <summary>Replaces the answers to a stream, if set.</summary>
    public Func<
        IAsyncStreamReader<StreamTransfersRequest>, IServerStreamWriter<StreamTransfersResponse>, FakeCall,
        Task>? Stream
    {
        get; set;
    }

    /// <summary>Whether it has streams that calls share; else a server that knows of none.</summary>
    public bool HasSharedStreams { get; init; }

    /// <summary>Replaces what is done on a stream that calls share, if set.</summary>
    public Func<FakeSharedStream, Task>? SharedStream { get; set; }

    /// <summary>The largest page that is given, whatever is asked for.</summary>
    public int PageMax { get; set; } = 1000;

    /// <summary>The ids of all transfers that arrived, retries included, in order.</summary>
    public ConcurrentQueue<string> Arrived { get; } = new();

    /// <summary>How many streams that calls share have said hello and not ended.</summary>
    public int SharedStreamsOpen => Volatile.Read(ref sharedStreamsOpen);

    /// <summary>The streams that calls share that are under way and had an item.</summary>
    public ConcurrentDictionary<FakeSharedStream, bool> SharedStreamsUsed { get; } = new();

    public void SharedStreamOpened(int change) => Interlocked.Add(ref sharedStreamsOpen, change);

    /// <summary>Forgets what was counted so far.</summary>
    public void ForgetCalls() => calls.Clear();

    public int CallCount(string method) => calls.GetValueOrDefault(method);

    public int TransferCount
    {
        get
        {
            lock (gate)
            {
                return transfers.Count;
            }
        }
    }

    public async Task<T> RunAsync<T>(string method, ServerCallContext context, Func<T> apply)
    {
        var call = Begin(method, context);
        await Before(call);
        var result = apply();
        await After(call);
        return result;
    }

    public FakeCall Begin(string method, ServerCallContext context) =>
        new(method, calls.AddOrUpdate(method, 1, (_, n) => checked(n + 1)), context);

    public OpenAccountResult Open(AccountSpec spec)
    {
        lock (gate)
        {
            if (accounts.TryGetValue(spec.Address, out var account))
            {
                var status = account.Spec.Asset != spec.Asset ? AccountStatus.ExistsWithDifferentLedger
                    : account.Spec.Code != spec.Code ? AccountStatus.ExistsWithDifferentCode
                    : !account.Spec.Equals(spec) ? AccountStatus.ExistsWithDifferentReference
                    : AccountStatus.Exists;
                return new OpenAccountResult
                {
                    Address = spec.Address,
                    Status = status,
                    CreateTime = status == AccountStatus.Exists ? account.CreateTime : null,
                };
            }

            account = new Account
            {
                Spec = spec.Clone(),
                CreateTime = Timestamp.FromDateTime(start),
                Balances = new Balances
                {
                    DebitsPending = "0",
                    DebitsPosted = "0",
                    CreditsPending = "0",
                    CreditsPosted = "0",
                    DebitsInDoubt = "0",
                    CreditsInDoubt = "0",
                },
                Balance = "0",
                AvailableDebits = spec.DebitsMustNotExceedCredits is null
                ? ""
                : spec.DebitsMustNotExceedCredits.Allowance,
                Version = 1,
            };
            accounts.Add(spec.Address, account);
            statements.Add(spec.Address, []);
            return new OpenAccountResult
            {
                Address = spec.Address,
                Status = AccountStatus.Created,
                CreateTime = account.CreateTime,
            };
        }
    }

    /// <summary>Puts a transaction of 5 in doubt on an account.</summary>
    public void Doubt(string address)
    {
        lock (gate)
        {
            var account = accounts[address];
            var decided = account.Balances;
            var greatest = decided.Clone();
            greatest.DebitsPosted = "5";
            account.Balance = "";
            account.Doubtful = new DoubtfulBalances
            {
                Decided = decided,
                Least = decided,
                Greatest = greatest,
                TransactionCount = 1,
                Transactions =
                {
                    new TransactionInDoubt
                    {
                        Id = Guid.Empty.ToString(),
                        AttemptId = Guid.Empty.ToString(),
                        PrepareTime = account.CreateTime,
                        Coordinator = address,
                        Counterparties = { "bad" },
                        DebitsPosted = "5",
                        CreditsPending = "-1",
                    },
                },
                CompleteUpTo = account.CreateTime,
            };
        }
    }

    public TransferResult Post(Transfer transfer)
    {
        Arrived.Enqueue(transfer.Id);
        return PostOne(transfer);
    }

    private TransferResult PostOne(Transfer transfer)
    {
        lock (gate)
        {
            if (transfers.TryGetValue(transfer.Id, out var known))
            {
                return new TransferResult
                {
                    Id = transfer.Id,
                    Status = !known.Transfer.Equals(transfer) ? TransferStatus.ExistsWithDifferentAmount
                        : known.Status == TransferStatus.Created ? TransferStatus.Exists : known.Status,
                    CreateTime = known.Status == TransferStatus.Created ? known.CreateTime : null,
                    Replayed = true,
                    BalanceSeen = known.BalanceSeen,
                    Amount = known.Amount,
                };
            }

            var record = Decide(transfer);
            transfers.Add(transfer.Id, record);
            return new TransferResult
            {
                Id = transfer.Id,
                Status = record.Status,
                CreateTime = record.Status == TransferStatus.Created ? record.CreateTime : null,
                BalanceSeen = record.BalanceSeen,
                Amount = record.Amount,
            };
        }
    }

    public Account Get(string address)
    {
        lock (gate)
        {
            return accounts.TryGetValue(address, out var account)
                ? account.Clone()
                : throw new RpcException(new Status(StatusCode.NotFound, "There is no such account."));
        }
    }

    public TransferRecord GetTransfer(string account, string id)
    {
        lock (gate)
        {
            return transfers.TryGetValue(id, out var record)
                && (account.Length == 0 || record.Transfer.DebitAccount == account
                    || record.Transfer.CreditAccount == account)
                ? record
                : throw new RpcException(new Status(StatusCode.NotFound, "There is no such transfer."));
        }
    }

    public (List<Account> Page, string Next) List(int pageSize, string token)
    {
        lock (gate)
        {
            // The order of a store: not that of addresses.
            var all = accounts.Values.OrderByDescending(a => a.Spec.Address, StringComparer.Ordinal).ToList();
            return Page(all, pageSize, token);
        }
    }

    /// <summary>Up to when a statement is complete; null where nothing is in doubt.</summary>
    public Timestamp? CompleteUpTo(string address)
    {
        lock (gate)
        {
            return accounts[address].Doubtful?.CompleteUpTo;
        }
    }

    public (List<Entry> Page, string Next) Statement(ListStatementRequest request)
    {
        lock (gate)
        {
            if (!statements.TryGetValue(request.Address, out var entries))
            {
                throw new RpcException(new Status(StatusCode.NotFound, "There is no such account."));
            }

            var some = entries
                .Where(e => e.Sequence >= request.MinSequence)
                .Where(e => request.MaxSequence == 0 || e.Sequence <= request.MaxSequence)
                .Where(e => request.StartTime is null || e.BookTime >= request.StartTime)
                .Where(e => request.EndTime is null || e.BookTime < request.EndTime);
            return Page((request.NewestFirst ? some.Reverse() : some).ToList(), request.PageSize, request.PageToken);
        }
    }

    private (List<T> Page, string Next) Page<T>(List<T> all, int pageSize, string token)
    {
        var from = token.Length == 0 ? 0 : int.Parse(token, CultureInfo.InvariantCulture);
        var count = Math.Min(pageSize == 0 ? 100 : pageSize, PageMax);
        var page = all.Skip(from).Take(count).ToList();
        return (page, checked(from + count) < all.Count ? (from + count).ToString(CultureInfo.InvariantCulture) : "");
    }

    private TransferRecord Decide(Transfer transfer)
    {
        if (transfer.Kind is TransferKind.PostHold or TransferKind.VoidHold)
        {
            return Resolve(transfer);
        }

        var debit = accounts.GetValueOrDefault(transfer.DebitAccount);
        var credit = accounts.GetValueOrDefault(transfer.CreditAccount);
        var record = new TransferRecord
        {
            Transfer = transfer.Clone(),
            Status = debit is null ? TransferStatus.DebitAccountNotFound
                : credit is null ? TransferStatus.CreditAccountNotFound
                : debit.Spec.Asset != credit.Spec.Asset ? TransferStatus.AccountsMustHaveTheSameLedger
                : debit.Closed ? TransferStatus.DebitAccountAlreadyClosed
                : debit.Freeze is { Debits: true } ? TransferStatus.DebitAccountFrozen
                : TransferStatus.Created,
            CreateTime = Timestamp.FromDateTime(start.AddSeconds(transfers.Count)),
            TransactionId = transfer.Id,
        };
        if (record.Status != TransferStatus.Created)
        {
            return record;
        }

        var amount = Number(transfer.Amount);
        if (debit!.Spec.DebitsMustNotExceedCredits is { } limit
            && Number(debit.Balances.DebitsPosted) + Number(debit.Balances.DebitsPending) + amount
                > Number(debit.Balances.CreditsPosted) + Number(limit.Allowance))
        {
            record.Status = TransferStatus.ExceedsCredits;
            record.BalanceSeen = debit.Balances.Clone();
            return record;
        }

        record.Amount = amount.ToString();
        if (transfer.Kind == TransferKind.Hold)
        {
            record.Hold = new Hold
            {
                State = HoldState.Live,
                Remaining = record.Amount,
                ExpireTime = transfer.Timeout is null ? null : record.CreateTime + transfer.Timeout,
            };
            Reserve(debit, credit!, amount);
            return record;
        }

        Move(debit, credit!, amount, record);
        return record;
    }

    private void Move(Account debit, Account credit, BigInteger amount, TransferRecord record)
    {
        debit.Balances.DebitsPosted = (Number(debit.Balances.DebitsPosted) + amount).ToString();
        credit.Balances.CreditsPosted = (Number(credit.Balances.CreditsPosted) + amount).ToString();
        Book(debit, record, Direction.Debit);
        Book(credit, record, Direction.Credit);
    }

    private void Book(Account account, TransferRecord record, Direction direction)
    {
        account.Balance =
            (Number(account.Balances.DebitsPosted) - Number(account.Balances.CreditsPosted)).ToString();
        account.EntryCount++;
        account.Version++;
        statements[account.Spec.Address].Add(new Entry
        {
            Sequence = account.EntryCount,
            BookTime = record.CreateTime,
            CreateTime = record.CreateTime,
            Transfer = record.Transfer,
            Direction = direction,
            DebitsPosted = account.Balances.DebitsPosted,
            CreditsPosted = account.Balances.CreditsPosted,
            Balance = account.Balance,
            Asset = account.Spec.Asset,
        });
    }

    private static BigInteger Number(string text) =>
        text.Length == 0 ? BigInteger.Zero : BigInteger.Parse(text, CultureInfo.InvariantCulture);
}
