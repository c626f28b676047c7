using System.Collections.Immutable;

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
    /// <param name="made">Holds that legs before it make, in the same transaction; null where it is in none.</param>
    /// <returns>The transfer as it may be made: what resolves a hold names the accounts of the hold that was judged, so
    /// that no other is resolved. Null for a hold that is not there, on an account where the caller may resolve
    /// some.</returns>
    public async ValueTask<Transfer?> RequireAsync(
        Transfer transfer, string? field, Dictionary<TransferId, Transfer>? made)
    {
        if (transfer.ResolvesHold)
        {
            // What ends a hold takes nothing back.
            if (transfer.Reverses != default)
            {
                throw Denied(field);
            }

            if (permissions.ResolvesAny)
            {
                return transfer;
            }

            var amount = transfer.ReleasesHold
                ? Amount.Zero
                : transfer.Amount;
            var hold = await JudgedAsync(
                transfer.DebitAccount, transfer.CreditAccount, transfer.HoldId, amount, field, made);
            return hold is null
                ? null
                : transfer with { DebitAccount = hold.DebitAccount, CreditAccount = hold.CreditAccount };
        }

        var (debit, credit) = (transfer.DebitAccount, transfer.CreditAccount);
        if (transfer.Kind == TransferKind.Hold)
        {
            Require(AccessRights.Hold, transfer, field);
        }

        if (transfer.Reverses != default)
        {
            Require(AccessRights.Reverse, transfer, field);
        }
        else if (transfer.Kind != TransferKind.Hold)
        {
            Require(AccessRights.Transfer, transfer, field);
        }

        if (transfer.ClosingDebit || transfer.ClosingCredit)
        {
            Require(AccessRights.CloseByTransfer, transfer, field);
        }

        // Which of them is missing would be told by a refusal.
        if (transfer.OpenAccounts
            && !(permissions.AllowsOpening(debit, transfer.Asset) && permissions.AllowsOpening(credit, transfer.Asset)))
        {
            throw Denied(field);
        }

        return transfer;
    }

    /// <summary>Requires the right to extend a hold.</summary>
    /// <param name="account">The account that the hold debits, as the caller names it; none where it does not.</param>
    /// <param name="holdId">The hold.</param>
    /// <returns>The account that the hold debits; null where it is not there, on an account where the caller may
    /// resolve some.</returns>
    public async ValueTask<AccountAddress?> RequireExtendingAsync(AccountAddress account, TransferId holdId) =>
        permissions.ResolvesAny
            ? account
            : (await JudgedAsync(account, default, holdId, Amount.Zero, "hold_id", null))?.DebitAccount;

    // The hold, when the caller may resolve so much of it.
    private async ValueTask<Transfer?> JudgedAsync(
        AccountAddress debit, AccountAddress credit, TransferId holdId, Amount amount, string? field,
        Dictionary<TransferId, Transfer>? made)
    {
        RequireSome(AccessRights.Resolve);
        if (made is not null && made.TryGetValue(holdId, out var own) && IsOf(own, debit, credit))
        {
            return permissions.AllowsResolving(own.DebitAccount, own.Asset, Least(amount, own.Amount))
                ? own
                : throw Denied(field);
        }

        // An account on which the caller may resolve nothing is not asked for anything.
        if (!debit.IsNone && !permissions.AllowsResolvingSome(debit))
        {
            throw Denied(field);
        }

        var record = await FindAsync(debit, holdId);
        if (record is null || record.Transfer.Kind != TransferKind.Hold
            || !IsOf(record.Transfer, debit, default))
        {
            return debit.IsNone ? throw Denied(field) : null;
        }

        var hold = record.Transfer;
        var asset = await AssetOfAsync(hold);
        if (!permissions.AllowsResolving(hold.DebitAccount, asset, Least(amount, hold.Amount)))
        {
            throw Denied(field);
        }

        // A wrong credit account is the ledger's to name.
        return credit.IsNone ? hold : hold with { CreditAccount = credit };
    }

    private static bool IsOf(Transfer hold, AccountAddress debit, AccountAddress credit) =>
        (debit.IsNone || hold.DebitAccount == debit) && (credit.IsNone || hold.CreditAccount == credit);

    /// <summary>Requires the rights to take back what a request names.</summary>
    /// <returns>The request, of the account on which it was judged.</returns>
    public async Task<Reversal> RequireReversingAsync(Reversal request)
    {
        if (permissions.ReversesAny)
        {
            return request;
        }

        RequireSome(AccessRights.Reverse);
        var account = request.Account;
        if (account.IsNone)
        {
            account = await FindAsync(account, request.OriginalId) is { } named
                ? await DebitedAsync(named.Transfer, account)
                : throw Denied("transaction_id");
        }

        // As the ledger looks it up: what the account has coordinated under the id, and else the transfer.
        var moved = new List<(Transfer Transfer, Amount Amount)>();
        if (await FindTransactionAsync(account, request.OriginalId) is { Result.IsCommitted: true } transaction)
        {
            for (var i = 0; i < transaction.Transaction.Legs.Length; i++)
            {
                if (transaction.Transaction.Legs[i].Transfer is { } leg)
                {
                    moved.Add((leg, transaction.Result.Legs[i].Amount));
                }
            }
        }
        else if (await FindAsync(account, request.OriginalId) is { } record)
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
                ? (await FindAsync(account, one.HoldId))?.Transfer ?? one
                : one;
            var asset = await AssetOfAsync(transfer);
            if (!permissions.Allows(
                AccessRights.Reverse, transfer.CreditAccount, transfer.DebitAccount, asset,
                Least(request.Amount ?? amount, amount)))
            {
                throw Denied("transaction_id");
            }
        }

        return request with { Account = account };
    }

    private async Task<AccountAddress> DebitedAsync(Transfer transfer, AccountAddress account) =>
        transfer.DebitAccount.IsNone && transfer.ResolvesHold
            ? (await FindAsync(account, transfer.HoldId))?.Transfer.DebitAccount ?? throw Denied("transaction_id")
            : transfer.DebitAccount;

    /// <summary>Requires the rights to resolve all holds of a transaction.</summary>
    public async Task RequireResolvingAsync(TransactionResolution request)
    {
        RequireSome(AccessRights.Resolve);
        var record = await FindTransactionAsync(request.Account, request.TransactionId);
        if (record is null)
        {
            // Whoever may resolve everything is told that it is not there.
            if (permissions.ResolvesAny)
            {
                return;
            }

            throw Denied("transaction_id");
        }

        foreach (var leg in record.Transaction.Legs)
        {
            if (leg.Transfer is not { } hold || hold.Kind != TransferKind.Hold)
            {
                continue;
            }

            var asset = await AssetOfAsync(hold);
            if (!permissions.AllowsResolving(hold.DebitAccount, asset, request.Post ? hold.Amount : Amount.Zero))
            {
                throw Denied("transaction_id");
            }
        }
    }

    /// <summary>Looks a transfer up for its accounts.</summary>
    /// <returns>The transfer; null where it is not there, or not remembered.</returns>
    public async Task<TransferRecord?> FindAsync(AccountAddress account, TransferId id)
    {
        try
        {
            return await inner.GetTransferAsync(account, id, Timeout, cancellationToken);
        }
        catch (LedgerException e) when (e.Reason is LedgerErrorReason.TransferNotRemembered
            or LedgerErrorReason.TransferIdAmbiguous or LedgerErrorReason.NotFound)
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

        if (IsOther(result.Status)
            && !(await FindAsync(asked.DebitAccount, asked.Id) is { } other
                && (MayRead(other) || string.Equals(other.Principal, caller.Principal, StringComparison.Ordinal))))
        {
            return isAlone
                ? throw Denied()
                : result with { Status = TransferStatus.IdAlreadyFailed, CreateTime = default, BalanceSeen = null };
        }

        return result with
        {
            BalanceSeen = result.BalanceSeen is not null
                && cut.MaySeeBalance(result.Status, asked.DebitAccount, asked.CreditAccount)
                ? result.BalanceSeen
                : null,
            DebitAfter = result.DebitAfter is { } debit && MayRead(debit.Address) ? debit : null,
            CreditAfter = result.CreditAfter is { } credit && MayRead(credit.Address) ? credit : null,
        };
    }

    /// <summary>The outcome of a transaction without what the caller may not read.</summary>
    /// <exception cref="LedgerException">Its id stands for something else, that somebody else has asked
    /// for.</exception>
    public async ValueTask<TransactionResult> CutAsync(TransactionResult result, Transaction asked)
    {
        var first = asked.Legs.Select(static leg => leg.Transfer?.DebitAccount ?? leg.Opening!.Address)
            .FirstOrDefault(static account => !account.IsNone);
        return ReadsAll || !IsOther(result.Status)
            || (await FindTransactionAsync(first, asked.Id) is { } other
                && string.Equals(other.Principal, caller.Principal, StringComparison.Ordinal))
            ? Cut(result, asked.Legs)
            : throw Denied();
    }

    /// <summary>An outcome without what the caller may not read.</summary>
    /// <param name="result">What the ledger says.</param>
    /// <param name="legs">The legs that it is about; none where the ledger has made them itself.</param>
    public TransactionResult Cut(TransactionResult result, ImmutableArray<TransactionLeg> legs)
    {
        if (ReadsAll)
        {
            return result;
        }

        var failed = result.FailedLeg >= 0 && result.FailedLeg < legs.Length ? legs[result.FailedLeg].Transfer : null;
        return result with
        {
            BalanceSeen = failed is not null
                && cut.MaySeeBalance(result.Status, failed.DebitAccount, failed.CreditAccount)
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
        catch (LedgerException e) when (e.Reason is LedgerErrorReason.TransferNotRemembered
            or LedgerErrorReason.NotFound)
        {
            return null;
        }
    }

    // Where it is not named it is that of the accounts.
    private async ValueTask<Asset> AssetOfAsync(Transfer transfer)
    {
        if (!transfer.Asset.IsNone || transfer.DebitAccount.IsNone)
        {
            return transfer.Asset;
        }

        var query = new AccountQuery(transfer.DebitAccount) { AllowInDoubt = true };
        return await inner.GetAccountAsync(query, Timeout, cancellationToken) is { } view ? view.Spec.Asset : default;
    }

    private static Amount Least(Amount one, Amount other) => one < other ? one : other;

    private static bool IsOther(TransferStatus status) => status is TransferStatus.ExistsWithDifferentFlags
        or TransferStatus.ExistsWithDifferentDebitAccountId or TransferStatus.ExistsWithDifferentCreditAccountId
        or TransferStatus.ExistsWithDifferentAmount or TransferStatus.ExistsWithDifferentPendingId
        or TransferStatus.ExistsWithDifferentTimeout or TransferStatus.ExistsWithDifferentCode
        or TransferStatus.ExistsWithDifferentLedger or TransferStatus.ExistsWithDifferentReference
        or TransferStatus.ExistsWithDifferentMetadata or TransferStatus.ExistsWithDifferentTransfers
        or TransferStatus.ExistsWithDifferentReverses or TransferStatus.ExistsWithDifferentEffectiveTime;
}
