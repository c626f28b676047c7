using System.Collections.Immutable;
using Akka.Actor;
using Ledger.Actors.HoldExpiry;
using Ledger.Core;

namespace Ledger.Actors;

/// <content>Transfers, transactions and what is built of them.</content>
internal sealed partial class LedgerService
{
    private readonly RecentTransfers recent = remembered ?? new();

    public async Task<TransactionResult> PostTransactionAsync(
        Transaction transaction, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        Check(transaction);
        CheckReturned(transaction.Legs.Length, "legs");
        var deadline = Begin(transaction.Legs.Length, timeout);
        try
        {
            var result = await PostAsync(transaction, chainOpen: false, deadline, cancellationToken);
            Count(transaction, result);
            return result;
        }
        finally
        {
            calls.Leave(transaction.Legs.Length);
        }
    }

    public async Task<TransactionRecord?> GetTransactionAsync(
        AccountAddress account, TransferId id, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        RequireAddress(account, "account");
        var deadline = Begin(1, timeout);
        try
        {
            return await TransactionAsync(account, id, deadline, cancellationToken) is { } record
                ? await ShownAsync(account, record, deadline, cancellationToken)
                : null;
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<AccountChangeResult> ChangeAccountAsync(
        AccountAddress account, AccountChange change, TimeSpan? timeout = null,
        CancellationToken cancellationToken = default)
    {
        RequireAddress(account, "account");
        switch (change)
        {
            case FreezeAccount(var freeze):
                CheckReason(freeze.Reason, "reason");
                if (!freeze.Debits && !freeze.Credits)
                {
                    throw new LedgerException(
                        LedgerErrorReason.InvalidArgument, "A freeze is of debits, of credits, or of both.", "debits");
                }

                break;
            case UnfreezeAccount(var reason):
                CheckReason(reason, "reason");
                break;
            case CloseAccount(var reason):
                CheckReason(reason, "reason");
                break;
            case ReopenAccount(var reason):
                CheckReason(reason, "reason");
                break;
            default:
                break;
        }

        var deadline = Begin(1, timeout);
        try
        {
            var answer = await AskOnceAsync(
                account, (caller, until) => new ChangeAccountRequest(change, caller, until) { Principal = principal }, deadline,
                cancellationToken);
            return answer is ChangeAccountResponse(var result) ? result : throw Failed(answer);
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<ExtendHoldResult> ExtendHoldAsync(
        ExtendHold request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        if (request.Deadline.UnixMicroseconds <= 0)
        {
            throw new LedgerException(LedgerErrorReason.InvalidArgument, "The new deadline is missing.", "deadline");
        }

        var deadline = Begin(1, timeout);
        try
        {
            var account = request.Account.IsNone
                ? await LocateAsync(request.HoldId, deadline, cancellationToken)
                : request.Account;
            if (account is not { } debit)
            {
                return new ExtendHoldResult(request.HoldId, TransferStatus.PendingTransferNotFound, null);
            }

            var answer = await AskOnceAsync(
                debit,
                (caller, until) => new ExtendHoldRequest(request.HoldId, request.Deadline, caller, until) { Principal = principal },
                deadline, cancellationToken);
            return answer is ExtendHoldResponse extended
                ? new ExtendHoldResult(request.HoldId, extended.Status, extended.HoldDeadline) { Position = extended.Position }
                : throw Failed(answer);
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<TransactionResult> ReverseTransactionAsync(
        Reversal request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        CheckReason(request.Reason, "reason");
        if (request.Reason.Length == 0)
        {
            throw new LedgerException(LedgerErrorReason.InvalidArgument, "A correction needs a reason.", "reason");
        }

        CheckReference(request.Reference, "reference");
        CheckEffectiveTime(request.EffectiveTime, "effective_time");
        var deadline = Begin(1, timeout);
        try
        {
            var account = request.Account.IsNone
                ? await LocateAsync(request.OriginalId, deadline, cancellationToken)
                    ?? throw NotRemembered(request.OriginalId, "account")
                : request.Account;
            var original = await OriginalAsync(account, request.OriginalId, deadline, cancellationToken);
            if (original.Count == 0)
            {
                throw new LedgerException(
                    LedgerErrorReason.NotFound,
                    $"No transaction or transfer {request.OriginalId} that moved money was found on {account}.",
                    "transaction_id");
            }

            if (original.Count > 1 && request.Amount is not null)
            {
                throw new LedgerException(
                    LedgerErrorReason.InvalidArgument,
                    "Only a single transfer can be taken back in part: name one of the transaction's transfers.", "amount");
            }

            // The last movement is taken back first, so that money goes back the way it came.
            var legs = ImmutableArray.CreateBuilder<TransactionLeg>(original.Count);
            for (var i = original.Count - 1; i >= 0; i--)
            {
                var (transfer, amount) = original[i];
                var id = original.Count == 1 ? request.Id : Transaction.LegId(request.Id, legs.Count);
                legs.Add(TransactionLeg.Of(new Transfer(
                    id, transfer.CreditAccount, transfer.DebitAccount,
                    original.Count > 1 ? amount : request.Amount ?? Amount.MaxValue,
                    request.Code == 0 ? transfer.Code : request.Code)
                {
                    Asset = transfer.Asset,
                    Reference = request.Reference,
                    Reverses = transfer.Id,
                    Reason = request.Reason,
                    EffectiveTime = request.EffectiveTime,
                }));
            }

            var transaction = new Transaction(request.Id, legs.MoveToImmutable());
            var result = await PostAsync(transaction, chainOpen: false, deadline, cancellationToken);
            Count(transaction, result);
            return result;
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<TransactionResult> ResolveTransactionAsync(
        TransactionResolution request, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        RequireAddress(request.Account, "account");
        CheckEffectiveTime(request.EffectiveTime, "effective_time");
        var deadline = Begin(1, timeout);
        try
        {
            var record = await TransactionAsync(request.Account, request.TransactionId, deadline, cancellationToken);
            var legs = ImmutableArray.CreateBuilder<TransactionLeg>();
            foreach (var leg in record is { Result.IsCommitted: true } ? record.Transaction.Legs : [])
            {
                if (leg.Transfer is not { } hold || (hold.Flags & TransferFlags.Pending) == TransferFlags.None)
                {
                    continue;
                }

                legs.Add(TransactionLeg.Of(new Transfer(
                    Transaction.LegId(request.Id, legs.Count), hold.DebitAccount, hold.CreditAccount,
                    request.Post ? Amount.MaxValue : Amount.Zero, hold.Code)
                {
                    Asset = hold.Asset,
                    HoldId = hold.Id,
                    Flags = request.Post ? TransferFlags.PostPending : TransferFlags.VoidPending,
                    EffectiveTime = request.EffectiveTime,
                }));
            }

            if (legs.Count == 0)
            {
                throw new LedgerException(
                    LedgerErrorReason.NotFound,
                    $"No transaction {request.TransactionId} that made holds was found on {request.Account}.",
                    "transaction_id");
            }

            var transaction = new Transaction(request.Id, legs.ToImmutable());
            var result = await PostAsync(transaction, chainOpen: false, deadline, cancellationToken);
            Count(transaction, result);
            return result;
        }
        finally
        {
            calls.Leave(1);
        }
    }

    public async Task<IReadOnlyList<BatchItemResult>> SubmitBatchAsync(
        IReadOnlyList<BatchItem> items, TimeSpan? timeout = null, CancellationToken cancellationToken = default)
    {
        items = [.. items];
        CheckBatch(items.Count, "items");
        CheckReturned(items.Count, "items");
        for (var i = 0; i < items.Count; i++)
        {
            Check(items[i].Leg, "items", i);
        }

        RefuseTooLargeChains(items);
        var deadline = Begin(items.Count, timeout);
        try
        {
            // Each group waits for those before it that it shares an account or an id with; the others go on beside it.
            var groups = new List<Task<BatchItemResult[]>>();
            var sinceBarrier = new List<Task>();
            var last = new Dictionary<object, Task>();
            Task barrier = Task.CompletedTask;
            for (var from = 0; from < items.Count;)
            {
                var to = from;
                while (to < items.Count - 1 && items[to].Linked)
                {
                    to++;
                }

                BatchItem[] group = [.. items.Skip(from).Take(to - from + 1)];
                var keys = KeysOf(group);
                var before = new List<Task> { barrier };
                if (keys is null)
                {
                    before.AddRange(sinceBarrier);
                }
                else
                {
                    foreach (var key in keys)
                    {
                        if (last.TryGetValue(key, out var task))
                        {
                            before.Add(task);
                        }
                    }
                }

                var running = RunAsync(group, before, deadline, cancellationToken);
                groups.Add(running);
                sinceBarrier.Add(running);
                if (keys is null)
                {
                    // It waits for all before it, so those after it need wait for nothing else.
                    barrier = running;
                    sinceBarrier.Clear();
                    last.Clear();
                }
                else
                {
                    foreach (var key in keys)
                    {
                        last[key] = running;
                    }
                }

                from = to + 1;
            }

            return [.. (await AllAsync(groups.ToArray())).SelectMany(static group => group)];
        }
        finally
        {
            calls.Leave(items.Count);
        }
    }

    // ---------------------------------------------------------------- tests

    /// <summary>Tests: sets the counters of an account, where the options allow it.</summary>
    internal async Task SeedAsync(AccountAddress account, Balances balances)
    {
        if (!options.AllowSeeding)
        {
            throw new InvalidOperationException("This ledger does not allow balances to be set.");
        }

        var deadline = Begin(1, null);
        try
        {
            var answer = await AskAsync(
                account, (caller, until) => new SeedBalancesRequest(balances, caller, until), deadline, false,
                CancellationToken.None);
            if (answer is not SeedBalancesResponse)
            {
                throw Failed(answer);
            }
        }
        finally
        {
            calls.Leave(1);
        }
    }

    /// <summary>Tests: returns when all that is due by the ledger's clock has expired.</summary>
    internal async Task ExpireDueHoldsAsync() =>
        await (holdExpiry() ?? throw new InvalidOperationException("The ledger has not started."))
            .Ask<ExpiryDone>(ExpireNow.Instance, TimeSpan.FromMinutes(2));

    // ---------------------------------------------------------------- one transfer

    private async Task<TransferResult> PostAsync(
        Transfer transfer, DateTimeOffset deadline, bool retryOverload, CancellationToken cancellationToken)
    {
        var shape = TransferContent.CheckShape(transfer);
        if (shape != TransferStatus.None)
        {
            return new TransferResult(transfer.Id, shape, default, false, null);
        }

        if ((transfer.Flags & TransferFlags.OpenAccounts) != TransferFlags.None)
        {
            return AsTransfer(transfer, await PostAsync(
                Transaction.Of(transfer.Id, transfer), chainOpen: false, deadline, cancellationToken));
        }

        var coordinator = transfer.DebitAccount;
        if (transfer.ResolvesHold)
        {
            if (await LocateAsync(transfer.HoldId, deadline, cancellationToken) is { } found)
            {
                coordinator = found;
            }
            else if (coordinator.IsNone || coordinator.IsReserved)
            {
                // No account is known that could write it down. So nothing is decided, and nothing remembered: the next
                // node would not know of it, and the same may be asked again once the hold is there.
                return await KnownElsewhereAsync(transfer, default, deadline, cancellationToken)
                    ?? new TransferResult(transfer.Id, TransferStatus.PendingTransferNotFound, default, false, null);
            }
        }

        if (await KnownElsewhereAsync(transfer, coordinator, deadline, cancellationToken) is { } elsewhere)
        {
            return elsewhere;
        }

        var answer = await AskAsync(
            coordinator, (caller, until) => new PostTransferRequest(transfer, caller, until)
            {
                Principal = principal, ReturnBalances = returnBalances,
            }, deadline,
            retryOverload, cancellationToken);
        return answer is PostTransferResponse(var result) ? Remember(result, coordinator) : throw Failed(answer);
    }

    private TransferResult Remember(TransferResult result, AccountAddress coordinator)
    {
        if (!result.Replayed && (result.Status == TransferStatus.Created || IdempotencyDetails.ConsumesId(result.Status)))
        {
            recent.Add(result.Id, coordinator);
        }

        return result;
    }

    // An account knows only the ids of its own transfers. That one is used again between other accounts, this node
    // knows if it was lately.
    private async Task<TransferResult?> KnownElsewhereAsync(
        Transfer transfer, AccountAddress coordinator, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        if (!recent.TryFind(transfer.Id, out var known) || known == coordinator)
        {
            return null;
        }

        // Memory only says where to look; what is answered is what that account's journal says.
        if (await RecordAsync(known, transfer.Id, deadline, cancellationToken) is not { } record)
        {
            return null;
        }

        if (record.Status != TransferStatus.Created)
        {
            return IdempotencyDetails.ConsumesId(record.Status)
                ? new TransferResult(transfer.Id, TransferStatus.IdAlreadyFailed, default, false, null)
                : null;
        }

        var difference = TransferContent.Compare(
            new ResolvedLeg(0, record.Transfer, null) { Amount = record.Amount, HoldRemaining = record.Amount }, transfer);
        return new TransferResult(
            transfer.Id, difference, difference == TransferStatus.Exists ? record.Time : default,
            difference == TransferStatus.Exists, null)
        {
            Amount = difference == TransferStatus.Exists ? record.Amount : Amount.Zero,
        };
    }

    // As the account has it: what is written in another row, as a hold's reference and metadata are, is not fetched.
    private async Task<TransferRecord?> RecordWithoutTextAsync(
        AccountAddress account, TransferId id, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(
            account, (caller, until) => new GetTransferRequest(id, caller, until), deadline, true, cancellationToken);
        return answer is GetTransferResponse(var record) ? record : throw Failed(answer, isRead: true);
    }

    private async Task<TransferRecord?> RecordAsync(
        AccountAddress account, TransferId id, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var record = await RecordWithoutTextAsync(account, id, deadline, cancellationToken);
        if (record is not { HoldRow: > 0 })
        {
            return record;
        }

        // Of a live hold itself, or of one that a post or a void was about.
        var hold = record.Transfer.ResolvesHold ? record.Transfer.HoldId : record.Transfer.Id;
        var holds = await ReadAsync(token => reader.HoldsAsync(account, [(record.HoldRow, hold)], token), deadline, cancellationToken);
        return record with { Transfer = record.Transfer.WithTextOf(holds[hold].Reference, holds[hold].Metadata), HoldRow = 0 };
    }

    // With what its posts and voids leave to their holds, as far as an answer has room: of thousands, each with
    // metadata of its hold, it has not.
    private async Task<TransactionRecord> ShownAsync(
        AccountAddress account, TransactionRecord record, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var legs = record.Transaction.Legs;
        if (!legs.Any(static leg => leg.Transfer is { ResolvesHold: true }))
        {
            return record;
        }

        // Those that an earlier leg makes are at hand.
        var made = new Dictionary<TransferId, Transfer>();
        foreach (var leg in legs)
        {
            if (leg.Transfer is { } hold && (hold.Flags & TransferFlags.Pending) != TransferFlags.None)
            {
                made.TryAdd(hold.Id, hold);
            }
        }

        var wanted = new List<(long Row, TransferId Hold)>();
        for (var i = 0; i < record.HoldRows.Length; i++)
        {
            if (record.HoldRows[i] > 0)
            {
                wanted.Add((record.HoldRows[i], legs[i].Transfer!.HoldId));
            }
        }

        var holds = await ReadAsync(token => reader.HoldsAsync(account, wanted, token), deadline, cancellationToken);
        var size = EncodedSize.OfRecord(record);
        var abridged = false;
        var shown = legs.ToBuilder();
        for (var i = 0; i < legs.Length; i++)
        {
            if (legs[i].Transfer is not { ResolvesHold: true } transfer)
            {
                continue;
            }

            if (!holds.TryGetValue(transfer.HoldId, out var hold) && !made.TryGetValue(transfer.HoldId, out hold))
            {
                abridged |= i < record.HoldRows.Length && record.HoldRows[i] > 0;
                continue;
            }

            var whole = transfer.WithTextOf(hold.Reference, hold.Metadata);
            var more = EncodedSize.OfText(whole.Reference, whole.Metadata) - EncodedSize.OfText(transfer.Reference, transfer.Metadata)
                + EncodedSize.OfGrownLengths;
            if (size + more > LedgerSizes.AnswerMax)
            {
                abridged = true;
                continue;
            }

            size += more;
            shown[i] = TransactionLeg.Of(whole);
        }

        return record with
        {
            Transaction = record.Transaction with { Legs = shown.MoveToImmutable() }, IsAbridged = abridged,
        };
    }

    private async Task<TransactionRecord?> TransactionAsync(
        AccountAddress account, TransferId id, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var answer = await AskAsync(
            account, (caller, until) => new GetTransactionRequest(id, caller, until), deadline, true, cancellationToken);
        return answer is GetTransactionResponse(var record) ? record : throw Failed(answer, isRead: true);
    }

    // The account at which a transfer was decided: lately by this node, or for a hold by the index.
    private async Task<AccountAddress?> LocateAsync(
        TransferId id, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        if (recent.TryFind(id, out var account))
        {
            return account;
        }

        return await ReadAsync(token => holds.LocateAsync(id, token), deadline, cancellationToken) is { } found
            ? found.Debit
            : null;
    }

    // Not "there is none": this node may only have forgotten it, or never have known.
    private static LedgerException NotRemembered(TransferId id, string field) => new(
        LedgerErrorReason.TransferNotRemembered,
        $"This node does not remember {id}, which does not say that there is no such transfer. Name one of its accounts.", field);

    // What moved money under an id: the transfers of a transaction, or one transfer.
    private async Task<IReadOnlyList<(Transfer Transfer, Amount Amount)>> OriginalAsync(
        AccountAddress account, TransferId id, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        if (await TransactionAsync(account, id, deadline, cancellationToken) is { Result.IsCommitted: true } transaction)
        {
            return [.. transaction.Transaction.Legs
                .Select((leg, i) => (leg.Transfer, transaction.Result.Legs[i].Amount))
                .Where(static leg => leg.Transfer is { } transfer
                    && (transfer.Flags & (TransferFlags.Pending | TransferFlags.VoidPending)) == TransferFlags.None)
                .Select(static leg => (leg.Transfer!, leg.Amount))];
        }

        return await RecordAsync(account, id, deadline, cancellationToken) is { Status: TransferStatus.Created } record
            ? [(record.Transfer, record.Amount)]
            : [];
    }

    // ---------------------------------------------------------------- transactions

    private async Task<TransactionResult> PostAsync(
        Transaction transaction, bool chainOpen, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var id = TransferContent.CheckId(transaction.Id);
        if (id != TransferStatus.None)
        {
            return Refused(transaction, 0, id);
        }

        RefuseTooLarge(transaction, null);
        transaction = await WithAccountsAsync(transaction, deadline, cancellationToken);
        var (failed, reason) = FirstMalformed(transaction);
        if (failed != 0)
        {
            var (used, how) = await FirstUsedElsewhereAsync(
                transaction, failed < 0 ? transaction.Legs.Length : failed, deadline, cancellationToken);

            // The leg that failed in this very transaction is no other use: its coordinator answers the retry as it did
            // before.
            if (used >= 0 && await TransactionAsync(CoordinatorOf(transaction), transaction.Id, deadline, cancellationToken) is null)
            {
                (failed, reason) = (used, (int)how);
            }
        }

        if (failed < 0 && chainOpen)
        {
            (failed, reason) = (transaction.Legs.Length - 1, (int)TransferStatus.LinkedEventChainOpen);
        }

        if (failed >= 0)
        {
            // Legs before it may fail first; nothing is done, whatever they say. Where the hold of a leg is not known,
            // the same may be asked again once it is.
            return await TryAsync(transaction, failed, deadline, cancellationToken)
                ?? Refused(transaction, failed, (TransferStatus)reason, transaction.Legs[failed].Opening is not null);
        }

        var whole = WithOpenings(transaction);
        var coordinator = CoordinatorOf(whole);
        var answer = await AskAsync(
            coordinator, (caller, until) => new PostTransactionRequest(whole, caller, until)
            {
                Principal = principal, ReturnBalances = returnBalances,
            }, deadline, false,
            cancellationToken);
        if (answer is not PostTransactionResponse(var result))
        {
            throw Failed(answer);
        }

        if (whole.Legs.Length != transaction.Legs.Length && result.Legs.Length == whole.Legs.Length)
        {
            // The openings that a transfer asked for are not the caller's legs.
            var skipped = whole.Legs.Length - transaction.Legs.Length;
            result = result with
            {
                Legs = result.Legs[skipped..], FailedLeg = result.FailedLeg < 0 ? -1 : Math.Max(0, result.FailedLeg - skipped),
            };
        }

        Remember(transaction, result, coordinator);
        return result;
    }

    // The first leg whose id this node has lately seen used between other accounts.
    private async Task<(int Leg, TransferStatus Reason)> FirstUsedElsewhereAsync(
        Transaction transaction, int count, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        for (var i = 0; i < count; i++)
        {
            if (transaction.Legs[i].Transfer is { } transfer && recent.TryFind(transfer.Id, out var known)
                && known != transfer.DebitAccount && known != transfer.CreditAccount
                && await KnownElsewhereAsync(transfer, default, deadline, cancellationToken) is { } elsewhere)
            {
                return (i, elsewhere.Status);
            }
        }

        return (-1, TransferStatus.None);
    }

    private void Remember(Transaction transaction, TransactionResult result, AccountAddress coordinator)
    {
        if (result.Replayed)
        {
            return;
        }

        if (result.Time != default)
        {
            // Journaled: the coordinator knows it.
            recent.Add(transaction.Id, coordinator);
        }

        // The leg that failed is no news of this node's: the coordinator's journal says that its id is used up.
        foreach (var leg in transaction.Legs)
        {
            if (!result.IsCommitted || leg.Transfer is not { } transfer)
            {
                continue;
            }

            recent.Add(transfer.Id, transfer.DebitAccount.IsNone ? coordinator : transfer.DebitAccount);
        }
    }

    private async Task<TransactionResult?> TryAsync(
        Transaction transaction, int count, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        if (count == 0)
        {
            return null;
        }

        var first = WithOpenings(transaction with { Legs = transaction.Legs[..count] });
        var answer = await AskAsync(
            CoordinatorOf(first),
            (caller, until) => new PostTransactionRequest(first, caller, until) { IsDryRun = true }, deadline, true,
            cancellationToken);
        if (answer is not PostTransactionResponse(var result))
        {
            throw Failed(answer);
        }

        if (result.FailedLeg < 0)
        {
            return null;
        }

        var failed = Math.Max(0, result.FailedLeg - (first.Legs.Length - count));
        var opening = transaction.Legs[failed].Opening is not null;
        var reason = opening
            ? (TransferStatus)(int)result.Legs[result.FailedLeg].Opening
            : result.Legs[result.FailedLeg].Transfer;
        return Refused(transaction, failed, reason, opening);
    }

    private static (int Leg, int Reason) FirstMalformed(Transaction transaction)
    {
        var seen = new Dictionary<TransferId, Transfer>();
        for (var i = 0; i < transaction.Legs.Length; i++)
        {
            int reason;
            if (transaction.Legs[i].Transfer is { } transfer)
            {
                reason = (int)TransferContent.CheckShape(transfer, ledgerRequired: transaction.Legs.Length > 1);
                if (reason == 0 && transfer.ResolvesHold && (transfer.DebitAccount.IsNone || transfer.CreditAccount.IsNone))
                {
                    reason = (int)TransferStatus.PendingTransferNotFound;
                }

                if (reason == 0 && !seen.TryAdd(transfer.Id, transfer))
                {
                    reason = (int)TransferContent.Compare(
                        new ResolvedLeg(i, seen[transfer.Id], null) { Amount = seen[transfer.Id].Amount }, transfer);
                }
            }
            else
            {
                reason = (int)AccountDecider.CheckShape(transaction.Legs[i].Opening!);
            }

            if (reason != 0)
            {
                return (i, reason);
            }
        }

        return (-1, 0);
    }

    private static TransactionResult Refused(Transaction transaction, int failed, TransferStatus reason, bool opening = false) => new(
        transaction.Id, opening ? TransferStatus.LinkedEventFailed : reason, failed, default, false, null,
        [.. transaction.Legs.Select((leg, i) => leg.Transfer is not null
            ? new LegResult(i == failed ? reason : TransferStatus.LinkedEventFailed, AccountStatus.None, Amount.Zero)
            : new LegResult(
                TransferStatus.None, i == failed ? (AccountStatus)(int)reason : AccountStatus.LinkedEventFailed, Amount.Zero))]);

    // A post or a void need not name its accounts, but a transaction must know whom to ask.
    private async Task<Transaction> WithAccountsAsync(
        Transaction transaction, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        ImmutableArray<TransactionLeg>.Builder? legs = null;
        for (var i = 0; i < transaction.Legs.Length; i++)
        {
            if (transaction.Legs[i].Transfer is not { ResolvesHold: true } transfer
                || !(transfer.DebitAccount.IsNone || transfer.CreditAccount.IsNone || transfer.Asset.IsNone))
            {
                continue;
            }

            // The hold may be made by an earlier leg.
            var hold = transaction.Legs.Take(i).Select(static leg => leg.Transfer)
                .FirstOrDefault(other => other?.Id == transfer.HoldId);
            if (hold is null && await LocateAsync(transfer.HoldId, deadline, cancellationToken) is { } account)
            {
                // Its accounts and its asset are all that is wanted: of thousands, each one's text would be read from
                // the journal.
                hold = (await RecordWithoutTextAsync(account, transfer.HoldId, deadline, cancellationToken))?.Transfer;
            }

            if (hold is not null)
            {
                legs ??= transaction.Legs.ToBuilder();
                legs[i] = TransactionLeg.Of(transfer with
                {
                    DebitAccount = transfer.DebitAccount.IsNone ? hold.DebitAccount : transfer.DebitAccount,
                    CreditAccount = transfer.CreditAccount.IsNone ? hold.CreditAccount : transfer.CreditAccount,
                    Asset = transfer.Asset.IsNone ? hold.Asset : transfer.Asset,
                });
            }
        }

        return legs is null ? transaction : transaction with { Legs = legs.ToImmutable() };
    }

    // Accounts that are opened on their first use are opened by the same transaction.
    private static Transaction WithOpenings(Transaction transaction)
    {
        // Those that a leg of the caller's opens are not opened besides.
        List<TransactionLeg>? openings = null;
        var seen = transaction.Legs.Where(static leg => leg.Opening is not null).Select(static leg => leg.Opening!.Address).ToHashSet();
        foreach (var leg in transaction.Legs)
        {
            if (leg.Transfer is { } transfer && (transfer.Flags & TransferFlags.OpenAccounts) != TransferFlags.None)
            {
                foreach (var account in (ReadOnlySpan<AccountAddress>)[transfer.DebitAccount, transfer.CreditAccount])
                {
                    if (seen.Add(account))
                    {
                        (openings ??= []).Add(TransactionLeg.Open(
                            new AccountSpec(account, transfer.Asset, transfer.Code), ifMissing: true));
                    }
                }
            }
        }

        return openings is null ? transaction : transaction with { Legs = [.. openings, .. transaction.Legs] };
    }

    private static AccountAddress CoordinatorOf(Transaction transaction)
    {
        foreach (var leg in transaction.Legs)
        {
            if (leg.Transfer is { } transfer)
            {
                return transfer.DebitAccount;
            }
        }

        return transaction.Legs[0].Opening!.Address;
    }

    private static TransferResult AsTransfer(Transfer transfer, TransactionResult result)
    {
        var leg = result.Legs.Length > 0 ? result.Legs[^1] : default;
        return new TransferResult(
            transfer.Id, result.IsCommitted ? result.Status : leg.Transfer == TransferStatus.None ? result.Status : leg.Transfer,
            result.Time, result.Replayed, result.BalanceSeen)
        {
            Amount = leg.Amount,
            Position = result.Position,
            DebitAfter = result.AfterOf(transfer.DebitAccount),
            CreditAfter = result.AfterOf(transfer.CreditAccount),
        };
    }

    // ---------------------------------------------------------------- batches

    // Null: what it touches can't be told without asking.
    private static List<object>? KeysOf(BatchItem[] group)
    {
        var keys = new List<object>(group.Length * 3);
        foreach (var item in group)
        {
            if (item.Leg.Transfer is not { } transfer)
            {
                keys.Add(item.Leg.Opening!.Address);
                continue;
            }

            if (transfer.ResolvesHold && (transfer.DebitAccount.IsNone || transfer.CreditAccount.IsNone))
            {
                return null;
            }

            keys.Add(transfer.DebitAccount);
            keys.Add(transfer.CreditAccount);
            keys.Add(transfer.Id);
            if (!transfer.HoldId.IsNil)
            {
                keys.Add(transfer.HoldId);
            }
        }

        return keys;
    }

    private async Task<BatchItemResult[]> RunAsync(
        BatchItem[] group, List<Task> before, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        foreach (var task in before)
        {
            // What failed there is told there; whether this can be, the accounts know.
            await ((Task)task.ContinueWith(
                static _ => { }, cancellationToken, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default));
        }

        if (group is [{ Linked: false } alone])
        {
            if (alone.Leg.Transfer is { } transfer)
            {
                var shape = TransferContent.CheckShape(transfer, ledgerRequired: true);
                var one = shape == TransferStatus.None
                    ? await PostAsync(transfer, deadline, true, cancellationToken)
                    : new TransferResult(transfer.Id, shape, default, false, null);
                Count(transfer, one);
                return [new BatchItemResult(one, null)];
            }

            return [new BatchItemResult(null, await OpenAsync(alone.Leg, deadline, cancellationToken))];
        }

        // The id of a chain follows from its content: sent again, it is the same transaction.
        var legs = group.Select(static item => item.Leg).ToImmutableArray();
        var first = legs.Select(static leg => leg.Transfer?.Id ?? default).FirstOrDefault(static id => !id.IsNil);
        var chain = new Transaction(Transaction.ChainId(first, legs), legs);
        var result = await PostAsync(chain, chainOpen: group[^1].Linked, deadline, cancellationToken);
        if (group[^1].Linked)
        {
            // Told in any case, whatever else failed.
            result = result with
            {
                Legs = result.Legs.SetItem(legs.Length - 1, legs[^1].Opening is null
                    ? new LegResult(TransferStatus.LinkedEventChainOpen, AccountStatus.None, Amount.Zero)
                    : new LegResult(TransferStatus.None, AccountStatus.LinkedEventChainOpen, Amount.Zero)),
            };
        }

        Count(chain, result);

        return [.. legs.Select((leg, i) => leg.Transfer is { } transfer
            ? new BatchItemResult(
                new TransferResult(
                    transfer.Id,
                    result.Replayed && result.Legs[i].Transfer == TransferStatus.Created
                        ? TransferStatus.Exists
                        : result.Legs[i].Transfer,
                    result.Time, result.Replayed, i == result.FailedLeg ? result.BalanceSeen : null)
                {
                    Amount = result.Legs[i].Amount,
                    Position = result.Position,
                },
                null)
            : new BatchItemResult(
                null,
                new OpenAccountResult(
                    leg.Opening!.Address,
                    result.Replayed && result.Legs[i].Opening == AccountStatus.Created
                        ? AccountStatus.Exists
                        : result.Legs[i].Opening,
                    result.Time)
                {
                    Position = result.Position,
                }))];
    }

    private async Task<OpenAccountResult> OpenAsync(
        TransactionLeg leg, DateTimeOffset deadline, CancellationToken cancellationToken)
    {
        var spec = leg.Opening!;
        var shape = AccountDecider.CheckShape(spec);
        if (shape != AccountStatus.None)
        {
            return new OpenAccountResult(spec.Address, shape, default);
        }

        var answer = await AskAsync(
            spec.Address, (caller, until) => new OpenAccountRequest(spec, caller, until) { Principal = principal }, deadline, true,
            cancellationToken);
        return answer is OpenAccountResponse(var result) ? result : throw Failed(answer);
    }

    // ---------------------------------------------------------------- requests

    // Before anything is looked up or done: what can't be stored, sent and shown must not be decided (R17). The
    // accounts say it again, of what they make of it, which is never more.
    private static void RefuseTooLarge(Transaction transaction, string? field)
    {
        if (transaction.Legs.Length > 1
            && EncodedSize.OfTransaction(WithOpenings(transaction)) is var size and > LedgerSizes.TransactionMax)
        {
            throw TooLarge(size, LedgerSizes.TransactionMax, field);
        }
    }

    // All chains at once, so that none is done when one of them is refused.
    private static void RefuseTooLargeChains(IReadOnlyList<BatchItem> items)
    {
        for (var from = 0; from < items.Count;)
        {
            var to = from;
            while (to < items.Count - 1 && items[to].Linked)
            {
                to++;
            }

            if (to > from)
            {
                var legs = ImmutableArray.CreateBuilder<TransactionLeg>(to - from + 1);
                for (var i = from; i <= to; i++)
                {
                    legs.Add(items[i].Leg);
                }

                RefuseTooLarge(new Transaction(default, legs.MoveToImmutable()), $"items[{from}]");
            }

            from = to + 1;
        }
    }

    private static LedgerException TooLarge(long size, long limit, string? field = null) => new(
        LedgerErrorReason.TransactionTooLarge,
        $"The transaction has {size} bytes, with the accounts that it opens; at most {limit} are allowed. Split it.", field)
    {
        Size = size, Limit = limit,
    };

    private static void Check(Transaction transaction)
    {
        CheckBatch(transaction.Legs.IsDefault ? 0 : transaction.Legs.Length, "legs");
        for (var i = 0; i < transaction.Legs.Length; i++)
        {
            Check(transaction.Legs[i], "legs", i);
        }
    }

    private static void Check(TransactionLeg leg, string list, int index)
    {
        if (leg.Transfer is { } transfer)
        {
            Check(transfer, list, index);
        }
        else
        {
            Check(leg.Opening!.Reference, leg.Opening.Metadata, list, index);
        }
    }

    private static void Check(Transfer transfer, string? list, int index)
    {
        Check(transfer.Reference, transfer.Metadata, list, index);
        CheckReason(transfer.Reason, list is null ? "reason" : $"{list}[{index}].reason");
        CheckEffectiveTime(transfer.EffectiveTime, list, index);
        if (transfer.Timeout < TimeSpan.Zero || transfer.Timeout.Ticks % TimeSpan.TicksPerMicrosecond != 0)
        {
            throw new LedgerException(
                LedgerErrorReason.InvalidArgument, "A timeout is not negative, and of whole microseconds.",
                list is null ? "timeout" : $"{list}[{index}].timeout");
        }
    }

    private static void CheckReason(string reason, string field)
    {
        if (reason.Length > LedgerLimits.ReasonLengthMax || !LedgerLimits.IsWellFormed(reason))
        {
            throw new LedgerException(
                LedgerErrorReason.InvalidArgument,
                $"The reason has {reason.Length} characters; at most {LedgerLimits.ReasonLengthMax}, well-formed, are allowed.", field);
        }
    }

    private static void CheckEffectiveTime(LedgerTime? time, string? list, int index)
    {
        if (time is not null)
        {
            CheckEffectiveTime(time, list is null ? "effective_time" : $"{list}[{index}].effective_time");
        }
    }

    // What can't be printed could be written down, and then neither read nor sent.
    private static void CheckEffectiveTime(LedgerTime? time, string field)
    {
        if (time is { } given && (given < LedgerLimits.EffectiveTimeMin || given > LedgerLimits.EffectiveTimeMax))
        {
            throw new LedgerException(
                LedgerErrorReason.InvalidArgument, "An effective time is in the years 1 to 9999.", field);
        }
    }

    private static void CheckReference(string reference, string field) => Check(reference, Metadata.Empty, null, 0, field);
}
