using System.Numerics;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Ledger.V1;

namespace Ledger.Testing;

/// <summary>Holds, transactions and changes of accounts.</summary>
internal sealed partial class FakeLedger
{
    private readonly Dictionary<string, TransactionRecord> transactions = new(StringComparer.Ordinal);

    public int TransactionCount
    {
        get
        {
            lock (gate)
            {
                return transactions.Count;
            }
        }
    }

    public TransactionResult Post(Transaction transaction)
    {
        Arrived.Enqueue(transaction.Id);
        lock (gate)
        {
            if (transactions.TryGetValue(transaction.Id, out var known))
            {
                var again = known.Result.Clone();
                again.Replayed = true;
                again.Status = !known.Transaction.Equals(transaction) ? TransferStatus.ExistsWithDifferentTransfers
                    : again.Status == TransferStatus.Created ? TransferStatus.Exists : again.Status;
                return again;
            }

            var result = Run(transaction);
            transactions.Add(
                transaction.Id, new TransactionRecord { Transaction = transaction.Clone(), Result = result.Clone() });
            return result;
        }
    }

    public TransactionRecord GetTransaction(string account, string id)
    {
        lock (gate)
        {
            if (!transactions.TryGetValue(id, out var record)
                || record.Transaction.Legs.First(l => l.Transfer is not null).Transfer.DebitAccount != account)
            {
                throw new RpcException(new Status(StatusCode.NotFound, "There is no such transaction."));
            }

            record = record.Clone();
            for (var i = 0; i < record.Transaction.Legs.Count; i++)
            {
                if (record.Transaction.Legs[i].Transfer is { } transfer)
                {
                    transfer.Id = record.Result.Legs[i].TransferId;
                }
            }

            return record;
        }
    }

    public IEnumerable<BatchItemResult> Submit(IEnumerable<BatchItem> items) => items.Select(item =>
        item.Transfer is { } transfer
            ? new BatchItemResult { Transfer = Post(transfer) }
            : new BatchItemResult { Opening = Open(item.Opening.Spec) });

    public TransactionResult Reverse(ReverseTransactionRequest request)
    {
        var transfer = GetTransfer("", request.TransactionId).Transfer;
        var opposite = new Transfer
        {
            DebitAccount = transfer.CreditAccount,
            CreditAccount = transfer.DebitAccount,
            Amount = request.Amount.Length == 0 ? transfer.Amount : request.Amount,
            Code = request.Code == 0 ? transfer.Code : request.Code,
            Reference = request.Reference,
            Reverses = transfer.Id,
            Reason = request.Reason,
        };
        return Post(new Transaction { Id = request.Id, Legs = { new TransactionLeg { Transfer = opposite } } });
    }

    public TransactionResult Resolve(ResolveTransactionRequest request)
    {
        var kind = request.Resolution == Resolution.Post ? TransferKind.PostHold : TransferKind.VoidHold;
        return Post(new Transaction
        {
            Id = request.Id,
            Legs =
            {
                GetTransaction(request.Account, request.TransactionId).Transaction.Legs.Select(leg => new TransactionLeg
                {
                    Transfer = new Transfer { Kind = kind, HoldId = leg.Transfer.Id },
                }),
            },
        });
    }

    public ExtendHoldResult Extend(ExtendHoldRequest request)
    {
        lock (gate)
        {
            var result =
                new ExtendHoldResult { HoldId = request.HoldId, Status = TransferStatus.PendingTransferNotFound };
            if (transfers.TryGetValue(request.HoldId, out var record) && record.Hold is { State: HoldState.Live } hold)
            {
                result.Status = request.ExpireTime.Equals(hold.ExpireTime)
                    ? TransferStatus.Exists
                    : TransferStatus.Created;
                hold.ExpireTime = request.ExpireTime;
                result.ExpireTime = request.ExpireTime;
            }

            return result;
        }
    }

    public AccountChangeResult Change(string address, Action<Account> change)
    {
        lock (gate)
        {
            if (!accounts.TryGetValue(address, out var account))
            {
                return new AccountChangeResult { Address = address, Status = AccountStatus.NotFound };
            }

            var before = account.Clone();
            change(account);
            return new AccountChangeResult
            {
                Address = address,
                Status = account.Equals(before) ? AccountStatus.Unchanged : AccountStatus.Changed,
                Account = account.Clone(),
            };
        }
    }

    // All legs or none: what they touch is put back when one fails.
    private TransactionResult Run(Transaction transaction)
    {
        var touched = transaction.Legs.SelectMany(Addresses).Distinct().ToList();
        var before = touched.Where(accounts.ContainsKey).ToDictionary(
            a => a, a => (Account: accounts[a].Clone(), Entries: statements[a].Count), StringComparer.Ordinal);
        var holds = transfers.Where(t => t.Value.Hold is not null).ToDictionary(
            t => t.Key, t => t.Value.Hold.Clone(), StringComparer.Ordinal);
        var done = new List<string>();
        var result = new TransactionResult { Id = transaction.Id, Status = TransferStatus.Created };
        for (var i = 0; i < transaction.Legs.Count; i++)
        {
            var leg = RunLeg(transaction, i, done);
            result.Legs.Add(leg);
            if (leg is { TransferStatus: TransferStatus.Created } or { AccountStatus: AccountStatus.Created })
            {
                continue;
            }

            if (leg.AccountStatus == AccountStatus.Exists
                || (leg.AccountStatus != AccountStatus.Unspecified && transaction.Legs[i].Opening.IfMissing))
            {
                continue;
            }

            Undo(touched, before, holds, done);
            result.Status = leg.TransferStatus == TransferStatus.Unspecified
                ? TransferStatus.LinkedEventFailed
                : leg.TransferStatus;
            result.FailedLeg = i;
            result.Legs.Clear();
            result.Legs.AddRange(transaction.Legs.Select((other, k) => k == i ? leg
                : other.Transfer is null ? new LegResult { AccountStatus = AccountStatus.LinkedEventFailed }
                : new LegResult { TransferStatus = TransferStatus.LinkedEventFailed }));
            return result;
        }

        result.CreateTime = Timestamp.FromDateTime(start.AddSeconds(transfers.Count));
        return result;
    }

    private LegResult RunLeg(Transaction transaction, int index, List<string> done)
    {
        var leg = transaction.Legs[index];
        if (leg.Transfer is null)
        {
            return new LegResult { AccountStatus = Open(leg.Opening.Spec).Status };
        }

        var transfer = leg.Transfer.Clone();
        transfer.Id = transfer.Id.Length > 0 ? transfer.Id : Derived(transaction.Id, index);
        var isKnown = transfers.ContainsKey(transfer.Id);
        var posted = PostOne(transfer);
        if (!isKnown)
        {
            done.Add(transfer.Id);
            transfers[transfer.Id].TransactionId = transaction.Id;
        }

        return new LegResult { TransferId = transfer.Id, TransferStatus = posted.Status, Amount = posted.Amount };
    }

    private void Undo(
        List<string> touched, Dictionary<string, (Account Account, int Entries)> before, Dictionary<string, Hold> holds,
        List<string> done)
    {
        foreach (var address in touched)
        {
            if (!before.TryGetValue(address, out var state))
            {
                accounts.Remove(address);
                statements.Remove(address);
                continue;
            }

            accounts[address] = state.Account;
            statements[address].RemoveRange(state.Entries, statements[address].Count - state.Entries);
        }

        done.ForEach(id => transfers.Remove(id));
        foreach (var (id, hold) in holds)
        {
            transfers[id].Hold = hold;
        }
    }

    private IEnumerable<string> Addresses(TransactionLeg leg)
    {
        if (leg.Transfer is null)
        {
            return [leg.Opening.Spec.Address];
        }

        return transfers.TryGetValue(leg.Transfer.HoldId, out var hold)
            ? [hold.Transfer.DebitAccount, hold.Transfer.CreditAccount]
            : [leg.Transfer.DebitAccount, leg.Transfer.CreditAccount];
    }

    private TransferRecord Resolve(Transfer transfer)
    {
        var hold = transfers.GetValueOrDefault(transfer.HoldId);
        var record = new TransferRecord
        {
            Transfer = transfer.Clone(),
            CreateTime = Timestamp.FromDateTime(start.AddSeconds(transfers.Count)),
            TransactionId = transfer.Id,
            Status = hold?.Hold is null ? TransferStatus.PendingTransferNotFound
                : hold.Hold.State == HoldState.Posted ? TransferStatus.PendingTransferAlreadyPosted
                : hold.Hold.State == HoldState.Voided ? TransferStatus.PendingTransferAlreadyVoided
                : TransferStatus.Created,
        };
        if (record.Status != TransferStatus.Created)
        {
            return record;
        }

        var (debit, credit) = (accounts[hold!.Transfer.DebitAccount], accounts[hold.Transfer.CreditAccount]);
        var left = Number(hold.Hold.Remaining);
        var amount = transfer.Kind == TransferKind.VoidHold || transfer.Amount.Length == 0
            ? left
            : Number(transfer.Amount);
        if (amount > left)
        {
            record.Status = TransferStatus.ExceedsPendingTransferAmount;
            return record;
        }

        record.Amount = amount.ToString();
        record.Transfer.DebitAccount = debit.Spec.Address;
        record.Transfer.CreditAccount = credit.Spec.Address;
        var keeps = transfer.KeepRest && amount < left;
        Reserve(debit, credit, -(keeps ? amount : left));
        hold.Hold = keeps
            ? new Hold { State = HoldState.Live, Remaining = (left - amount).ToString(),
                ExpireTime = hold.Hold.ExpireTime }
            : new Hold { State = transfer.Kind == TransferKind.VoidHold ? HoldState.Voided : HoldState.Posted };
        if (transfer.Kind == TransferKind.PostHold)
        {
            Move(debit, credit, amount, record);
        }

        return record;
    }

    private static void Reserve(Account debit, Account credit, BigInteger amount)
    {
        debit.Balances.DebitsPending = (Number(debit.Balances.DebitsPending) + amount).ToString();
        credit.Balances.CreditsPending = (Number(credit.Balances.CreditsPending) + amount).ToString();
    }

    private static string Derived(string id, int index)
    {
        var bytes = Guid.Parse(id).ToByteArray(bigEndian: true);
        BitConverter.TryWriteBytes(bytes.AsSpan(12), BitConverter.ToInt32(bytes, 12) ^ (index + 1));
        return new Guid(bytes, bigEndian: true).ToString("D");
    }
}
