using System.Collections.Immutable;
using Ledger.Actors;
using Ledger.Core;

namespace Ledger.Access;

/// <summary>What one call may do, and what of its answer may be shown.</summary>
internal sealed class CallAuthorization(
    ILedger inner, Permissions permissions, Caller caller, TimeProvider clock, TimeSpan? timeout,
    CancellationToken cancellationToken)
{
    private readonly long began = clock.GetTimestamp();
    private readonly AnswerCut cut = new(permissions);

    /// <summary>Whether nothing has to be cut.</summary>
    public bool ReadsAll => permissions.ReadsAll;

    /// <summary>What is left of the caller's time, after what was looked up; null for the ledger's own.</summary>
    public TimeSpan? Timeout => timeout is { } given && given != System.Threading.Timeout.InfiniteTimeSpan
        ? given - clock.GetElapsedTime(began)
        : timeout;

    /// <summary>A refusal. It says nothing of what exists.</summary>
    /// <param name="field">What of the request is forbidden; null where it is the whole.</param>
    public static LedgerException Denied(string? field = null) => new(
        LedgerErrorReason.PermissionDenied,
        "The caller may not do this: no grant of its principal allows it. Nothing was applied.", field);

    public bool Allows(AccessRights right, AccountAddress account) => permissions.Allows(right, account);

    public void Require(AccessRights right, AccountAddress account, string field)
    {
        if (!permissions.Allows(right, account))
        {
            throw Denied(field);
        }
    }

    public void RequireSome(AccessRights right)
    {
        if ((permissions.Rights & right) == AccessRights.None)
        {
            throw Denied();
        }
    }

    public void RequireOpening(AccountSpec account, string field)
    {
        if (!permissions.AllowsOpening(account.Address, account.Asset))
        {
            throw Denied(field);
        }
    }

    /// <summary>Requires the rights that a transfer takes.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="field">Its name in the request; null where it is the whole request.</param>
    /// <param name="made">Holds that the same request makes.</param>
    /// <returns>Null when it may be made. Otherwise its outcome, which stands in no journal: a hold that is to be
    /// resolved on an account where the caller may do that, and that is not there.</returns>
    public async ValueTask<TransferResult?> RequireAsync(
        Transfer transfer, string? field, Dictionary<TransferId, Transfer>? made)
    {
        if (transfer.ResolvesHold)
        {
            var amount = (transfer.Flags & TransferFlags.VoidPending) != TransferFlags.None ? Amount.Zero : transfer.Amount;
            return await RequireResolvingAsync(transfer.DebitAccount, transfer.HoldId, amount, field, made)
                ? null
                : new TransferResult(transfer.Id, TransferStatus.PendingTransferNotFound, default, false, null);
        }

        var (debit, credit, flags) = (transfer.DebitAccount, transfer.CreditAccount, transfer.Flags);
        if ((flags & TransferFlags.Pending) != TransferFlags.None)
        {
            Require(AccessRights.Hold, transfer, field);
        }

        if (transfer.Reverses != default)
        {
            Require(AccessRights.Reverse, transfer, field);
        }
        else if ((flags & TransferFlags.Pending) == TransferFlags.None)
        {
            Require(AccessRights.Transfer, transfer, field);
        }

        if ((flags & (TransferFlags.ClosingDebit | TransferFlags.ClosingCredit)) != TransferFlags.None)
        {
            Require(AccessRights.CloseByTransfer, transfer, field);
        }

        // Which of them is missing would be told by a refusal.
        if ((flags & TransferFlags.OpenAccounts) != TransferFlags.None
            && !(permissions.AllowsOpening(debit, transfer.Asset) && permissions.AllowsOpening(credit, transfer.Asset)))
        {
            throw Denied(field);
        }

        return null;
    }

    /// <summary>Requires the right to resolve a hold.</summary>
    /// <param name="account">The account that the hold debits, as the caller names it; none where it does not.</param>
    /// <param name="holdId">The hold.</param>
    /// <param name="amount">What is posted of it, or the most that it can be.</param>
    /// <param name="field">What of the request is forbidden where it is.</param>
    /// <param name="made">Holds that the same request makes.</param>
    /// <returns>Whether the hold is there; false only where the caller may resolve holds on the account that it
    /// named.</returns>
    public async ValueTask<bool> RequireResolvingAsync(
        AccountAddress account, TransferId holdId, Amount amount, string? field, Dictionary<TransferId, Transfer>? made)
    {
        if (permissions.ResolvesAny)
        {
            return true;
        }

        RequireSome(AccessRights.Resolve);
        if (made is not null && made.TryGetValue(holdId, out var own))
        {
            return permissions.AllowsResolving(own.DebitAccount, own.Asset, Least(amount, own.Amount))
                ? true
                : throw Denied(field);
        }

        // An account on which the caller may resolve nothing is not asked for anything.
        if (!account.IsNone && !permissions.AllowsResolvingSome(account))
        {
            throw Denied(field);
        }

        var record = await FindAsync(account, holdId);
        if (record is null || (record.Transfer.Flags & TransferFlags.Pending) == TransferFlags.None
            || (!account.IsNone && record.Transfer.DebitAccount != account))
        {
            return account.IsNone ? throw Denied(field) : false;
        }

        var hold = record.Transfer;
        var asset = hold.Asset.IsNone ? await AssetOfAsync(hold.DebitAccount) : hold.Asset;
        return permissions.AllowsResolving(hold.DebitAccount, asset, Least(amount, hold.Amount)) ? true : throw Denied(field);
    }

    /// <summary>Requires the rights to take back what a request names.</summary>
    /// <returns>What is taken back; nothing where the caller may take back anything.</returns>
    public async Task<ImmutableArray<TransactionLeg>> RequireReversingAsync(Reversal request)
    {
        if (permissions.ReversesAny)
        {
            return [];
        }

        RequireSome(AccessRights.Reverse);
        var moved = new List<(Transfer Transfer, Amount Amount)>();
        if (!request.Account.IsNone
            && await FindTransactionAsync(request.Account, request.OriginalId) is { Result.IsCommitted: true } transaction)
        {
            for (var i = 0; i < transaction.Transaction.Legs.Length; i++)
            {
                if (transaction.Transaction.Legs[i].Transfer is { } leg)
                {
                    moved.Add((leg, transaction.Result.Legs[i].Amount));
                }
            }
        }
        else if (await FindAsync(request.Account, request.OriginalId) is { } record)
        {
            moved.Add((record.Transfer, record.Amount));
        }

        if (moved.Count == 0)
        {
            throw Denied("transaction_id");
        }

        foreach (var (one, amount) in moved)
        {
            // What posted a hold names no accounts where its caller did not.
            var transfer = one.ResolvesHold && (one.DebitAccount.IsNone || one.CreditAccount.IsNone)
                ? (await FindAsync(request.Account, one.HoldId))?.Transfer ?? one
                : one;
            var asset = transfer.Asset.IsNone && !transfer.DebitAccount.IsNone
                ? await AssetOfAsync(transfer.DebitAccount)
                : transfer.Asset;
            if (!permissions.Allows(
                AccessRights.Reverse, transfer.CreditAccount, transfer.DebitAccount, asset,
                Least(request.Amount ?? amount, amount)))
            {
                throw Denied("transaction_id");
            }
        }

        return [.. moved.Select(static one => TransactionLeg.Of(one.Transfer))];
    }

    /// <summary>Requires the rights to resolve all holds of a transaction.</summary>
    /// <returns>The legs that made them.</returns>
    public async Task<ImmutableArray<TransactionLeg>> RequireResolvingAsync(TransactionResolution request)
    {
        RequireSome(AccessRights.Resolve);
        var record = await FindTransactionAsync(request.Account, request.TransactionId);
        if (record is null)
        {
            // Whoever may resolve everything there is told that it is not there.
            return permissions.ResolvesAny ? [] : throw Denied("transaction_id");
        }

        foreach (var leg in record.Transaction.Legs)
        {
            if (leg.Transfer is not { } hold || (hold.Flags & TransferFlags.Pending) == TransferFlags.None)
            {
                continue;
            }

            var asset = hold.Asset.IsNone ? await AssetOfAsync(hold.DebitAccount) : hold.Asset;
            if (!permissions.AllowsResolving(hold.DebitAccount, asset, request.Post ? hold.Amount : Amount.Zero))
            {
                throw Denied("transaction_id");
            }
        }

        return record.Transaction.Legs;
    }

    /// <summary>Looks a transfer up for its accounts.</summary>
    /// <returns>The transfer; null where it is not there, or not remembered.</returns>
    public async Task<TransferRecord?> FindAsync(AccountAddress account, TransferId id)
    {
        try
        {
            return await inner.GetTransferAsync(account, id, Timeout, cancellationToken);
        }
        catch (LedgerException e) when (e.Reason is LedgerErrorReason.TransferNotRemembered or LedgerErrorReason.NotFound)
        {
            return null;
        }
    }

    public bool MayRead(TransferRecord record) =>
        MayRead(record.Transfer.DebitAccount) || MayRead(record.Transfer.CreditAccount);

    /// <summary>A record without what the caller may not read.</summary>
    public TransferRecord Cut(TransferRecord record) => cut.Of(record);

    /// <summary>A record without the legs and balances that the caller may not read.</summary>
    public TransactionRecord Cut(TransactionRecord record)
    {
        if (ReadsAll)
        {
            return record;
        }

        var kept = new List<int>();
        var legs = record.Transaction.Legs;
        for (var i = 0; i < legs.Length; i++)
        {
            if (legs[i].Transfer is { } transfer
                ? MayRead(transfer.DebitAccount) || MayRead(transfer.CreditAccount)
                : MayRead(legs[i].Opening!.Address))
            {
                kept.Add(i);
            }
        }

        var result = Cut(record.Result, legs);
        return record with
        {
            Transaction = record.Transaction with { Legs = [.. kept.Select(i => legs[i])] },
            Result = result with
            {
                FailedLeg = kept.IndexOf(result.FailedLeg),
                Legs = [.. kept.Where(i => i < result.Legs.Length).Select(i => result.Legs[i])],
            },
            HoldRows = record.HoldRows.IsDefaultOrEmpty ? record.HoldRows : [.. kept.Select(i => record.HoldRows[i])],
            IsAbridged = record.IsAbridged || kept.Count < legs.Length,
        };
    }

    /// <summary>An outcome without what the caller may not read. Where its id stands for something else, of accounts
    /// that the caller may not read, it is not told what; among others, which may have been applied, the id is only
    /// used up.</summary>
    /// <param name="asked">What was asked for.</param>
    /// <param name="result">What the ledger says.</param>
    /// <param name="isAlone">Whether nothing else was asked for.</param>
    /// <exception cref="LedgerException">It stands for something else, and nothing else was asked for.</exception>
    public async ValueTask<TransferResult> CutAsync(Transfer asked, TransferResult result, bool isAlone)
    {
        if (ReadsAll)
        {
            return result;
        }

        if (IsOther(result.Status) && !MayRead(asked.DebitAccount)
            && !(await FindAsync(asked.DebitAccount, asked.Id) is { } other
                && (MayRead(other) || string.Equals(other.Principal, caller.Principal, StringComparison.Ordinal))))
        {
            return isAlone
                ? throw Denied()
                : result with { Status = TransferStatus.IdAlreadyFailed, Time = default, BalanceSeen = null };
        }

        return result with
        {
            BalanceSeen = result.BalanceSeen is not null
                && cut.MaySeeBalance(result.Status, asked.DebitAccount, asked.CreditAccount) ? result.BalanceSeen : null,
            DebitAfter = result.DebitAfter is { } debit && MayRead(debit.Address) ? debit : null,
            CreditAfter = result.CreditAfter is { } credit && MayRead(credit.Address) ? credit : null,
        };
    }

    /// <summary>An outcome without what the caller may not read.</summary>
    public TransactionResult Cut(TransactionResult result, ImmutableArray<TransactionLeg> legs)
    {
        if (ReadsAll)
        {
            return result;
        }

        var failed = result.FailedLeg >= 0 && result.FailedLeg < legs.Length ? legs[result.FailedLeg].Transfer : null;
        return result with
        {
            BalanceSeen = failed is not null && cut.MaySeeBalance(result.Status, failed.DebitAccount, failed.CreditAccount)
                ? result.BalanceSeen
                : null,
            After = [.. result.After.Where(after => MayRead(after.Address))],
        };
    }

    private bool MayRead(AccountAddress account) => cut.MayRead(account);

    private void Require(AccessRights right, Transfer transfer, string? field)
    {
        if (!permissions.Allows(
            right, transfer.DebitAccount, transfer.CreditAccount, transfer.Asset, transfer.Amount))
        {
            throw Denied(field);
        }
    }

    private async Task<TransactionRecord?> FindTransactionAsync(AccountAddress account, TransferId id)
    {
        if (account.IsNone)
        {
            return null;
        }

        try
        {
            return await inner.GetTransactionAsync(account, id, Timeout, cancellationToken);
        }
        catch (LedgerException e) when (e.Reason is LedgerErrorReason.TransferNotRemembered or LedgerErrorReason.NotFound)
        {
            return null;
        }
    }

    private async Task<Asset> AssetOfAsync(AccountAddress account) =>
        await inner.GetAccountAsync(new AccountQuery(account) { AllowInDoubt = true }, Timeout, cancellationToken)
            is { } view ? view.Spec.Asset : default;

    private static Amount Least(Amount one, Amount other) => one < other ? one : other;

    private static bool IsOther(TransferStatus status) => status is TransferStatus.ExistsWithDifferentFlags
        or TransferStatus.ExistsWithDifferentDebitAccountId or TransferStatus.ExistsWithDifferentCreditAccountId
        or TransferStatus.ExistsWithDifferentAmount or TransferStatus.ExistsWithDifferentPendingId
        or TransferStatus.ExistsWithDifferentTimeout or TransferStatus.ExistsWithDifferentCode
        or TransferStatus.ExistsWithDifferentLedger or TransferStatus.ExistsWithDifferentReference
        or TransferStatus.ExistsWithDifferentMetadata or TransferStatus.ExistsWithDifferentTransfers
        or TransferStatus.ExistsWithDifferentReverses or TransferStatus.ExistsWithDifferentEffectiveTime;
}
