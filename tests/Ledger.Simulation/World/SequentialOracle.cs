using System.Collections.Immutable;
using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>
/// Asks one thing after the other, each when the one before is answered and everything is at rest, and compares each
/// answer with that of the simplest ledger there is: books in a dictionary, changed leg by leg. Faults go on meanwhile.
/// </summary>
internal sealed class SequentialOracle(SimulatedCluster world)
{
    private readonly Dictionary<AccountAddress, ReferenceAccount> books = [];
    private readonly Dictionary<(AccountAddress, TransferId), List<Known>> known = [];
    private bool isStopped;
    private int at;
    private long threwBefore;

    private sealed record Known(
        Transaction Asked, TransferStatus Status, int Leg, ImmutableArray<UInt128> Amounts, bool IsFinal,
        Transaction Full);

    private long Threw => world.Injected.GetValueOrDefault("decision threw");

    public void Stop() => isStopped = true;

    public void Next(int index)
    {
        at = index;
        if (index >= world.Wishes.Count)
        {
            world.EndSequence();
            return;
        }

        var wish = world.Wishes[index];
        threwBefore = Threw;
        world.Send(wish);
        world.At(world.Now + 100_000, () => Wait(wish));
    }

    private void Wait(PendingRequest wish)
    {
        if (!wish.IsDone || !world.IsQuiet())
        {
            if (world.Now - wish.FirstSent > 3_000_000_000)
            {
                throw new ViolationException("liveness: a command does not come to rest: " + world.WhatIsOpen());
            }

            world.ActivateUnfinished();
            world.At(world.Now + 300_000, () => Wait(wish));
            return;
        }

        if (!isStopped)
        {
            Judge(wish);
        }

        Next(at + 1);
    }

    private ReferenceAccount BookOf(AccountAddress account)
    {
        if (!books.TryGetValue(account, out var book))
        {
            books.Add(account, book = new ReferenceAccount
            {
                Address = account,
                HoldsMax = world.Options.HoldsMax,
                HoldsPerCounterpartyMax = world.Options.HoldsPerCounterpartyMax,
            });
        }

        return book;
    }

    private void Judge(PendingRequest wish)
    {
        // Between two commands holds expire: the reference is told so by the clock.
        switch (wish.Command.Call)
        {
            case OpenAccountRequest open:
                var book = BookOf(open.Spec.Address);
                var result = ((OpenAccountResponse)wish.Answer!).Result;
                var status = book.Exists ? Compare(book.OpenedWith!, open.Spec) : AccountStatus.Created;
                Check(
                    result.Status == status
                    || (status == AccountStatus.Created && result.Status == AccountStatus.Exists),
                    $"{open.Spec.Address}: opening is answered {result.Status}, not {status}");
                if (!book.Exists)
                {
                    book.Open(open.Spec);
                }

                break;
            case ChangeAccountRequest change:
                JudgeChange(
                    BookOf(wish.Command.To), change.Change, ((ChangeAccountResponse)wish.Answer!).Result.Status);
                break;
            case ExtendHoldRequest extend:
                JudgeExtension(wish, extend);
                break;
            case PostTransferRequest post:
                var answer = ((PostTransferResponse)wish.Answer!).Result;
                JudgeTransaction(
                    wish, Transaction.Of(post.Transfer.Id, post.Transfer), answer.Status, -1, answer.CreateTime,
                    [answer.Amount.Value]);
                break;
            case PostTransactionRequest { IsDryRun: false } post:
                var whole = ((PostTransactionResponse)wish.Answer!).Result;
                JudgeTransaction(
                    wish, post.Transaction, whole.FailedLeg >= 0 && whole.Status == TransferStatus.LinkedEventFailed
                        ? (TransferStatus)(int)whole.Legs[whole.FailedLeg].Opening : whole.Status,
                    whole.FailedLeg, whole.CreateTime, [.. whole.Legs.Select(static leg => leg.Amount.Value)]);
                break;
            case GetAccountRequest when wish.Answer is GetAccountResponse { View.Doubt: not null }:
                // It says that it may not be what it should be.
                break;
            case GetAccountRequest:
                Check(((GetAccountResponse)wish.Answer!).View is { } view
                        ? view.Balances == BookOf(wish.Command.To).Balances
                            && view.IsClosed == BookOf(wish.Command.To).Closed
                        : !BookOf(wish.Command.To).Exists,
                    $"a read of {wish.Command.To} is answered {Tracer.Text(wish.Answer)}; the reference has "
                        + $"{Tracer.Text(BookOf(wish.Command.To).Balances)}");
                break;
            case GetTransferRequest get:
                JudgeTransferRead(wish, get);
                break;
            default:
                break;
        }

        ExpireAll();
    }

    private static AccountStatus Compare(AccountSpec known, AccountSpec asked) =>
        known == asked ? AccountStatus.Exists
        : known with { Code = asked.Code } == asked ? AccountStatus.ExistsWithDifferentCode
        : AccountStatus.ExistsWithDifferentFlags;

    private void JudgeChange(ReferenceAccount book, AccountChange change, AccountStatus status)
    {
        var expected = AccountStatus.Changed;
        if (!book.Exists)
        {
            expected = AccountStatus.NotFound;
        }
        else if (change is SetAccountLimits limits)
        {
            var copy = book.Copy();
            copy.Change(change);
            expected = !copy.KeepsItsLimits ? AccountStatus.LimitIsExceeded
                : (book.DebitAllowance, book.CreditAllowance)
                    == (limits.DebitsMustNotExceedCredits?.Value, limits.CreditsMustNotExceedDebits?.Value)
                    ? AccountStatus.Unchanged : AccountStatus.Changed;
        }
        else
        {
            var isSo = change switch
            {
                FreezeAccount freeze => book.Freeze == freeze.Freeze,
                UnfreezeAccount => book.Freeze is null,
                CloseAccount => book.ClosedByChange,
                _ => !book.Closed,
            };
            expected = isSo ? AccountStatus.Unchanged : AccountStatus.Changed;
        }

        // The answer to the first try may have been lost: then it is so already.
        Check(status == expected || (expected == AccountStatus.Changed && status == AccountStatus.Unchanged),
            $"{book.Address}: {change} is answered {status}, not {expected}");
        if (expected == AccountStatus.Changed)
        {
            book.Change(change);
        }
    }

    private void JudgeExtension(PendingRequest wish, ExtendHoldRequest extend)
    {
        var book = BookOf(wish.Command.To);
        var answer = (ExtendHoldResponse)wish.Answer!;
        if (!book.Holds.TryGetValue(extend.HoldId, out var hold))
        {
            var expected = book.Ended.TryGetValue(extend.HoldId, out var end)
                ? end switch
                {
                    HoldState.Posted => TransferStatus.PendingTransferAlreadyPosted,
                    HoldState.Voided => TransferStatus.PendingTransferAlreadyVoided,
                    _ => TransferStatus.PendingTransferExpired,
                }
                : book.Done.TryGetValue(extend.HoldId, out var done) && done.Leg.Transfer!.Id == extend.HoldId
                    ? TransferStatus.PendingTransferNotPending : TransferStatus.PendingTransferNotFound;

            // A deadline in the past, or one that passed before the answer came, ends it.
            Check(answer.Status == expected, $"extending {extend.HoldId} is answered {answer.Status}, not {expected}");
            return;
        }

        Check(answer.Status is TransferStatus.Created or TransferStatus.Exists or TransferStatus.PendingTransferExpired,
            $"extending {extend.HoldId} is answered {answer.Status}");
        book.Extend(extend.HoldId, extend.HoldDeadline);
        var other = BookOf(hold.Transfer.CreditAccount);
        if (other.Holds.ContainsKey(extend.HoldId))
        {
            other.Extend(extend.HoldId, extend.HoldDeadline);
        }
    }

    private void JudgeTransferRead(PendingRequest wish, GetTransferRequest get)
    {
        var book = BookOf(wish.Command.To);
        var record = ((GetTransferResponse)wish.Answer!).Record;
        if (!book.Done.TryGetValue(get.Id, out var done) || done.Leg.Transfer!.Id != get.Id)
        {
            Check(
                record is null || record.Status != TransferStatus.Created,
                $"{wish.Command.To} shows {get.Id}, which never was");
            return;
        }

        Check(
            record is { Status: TransferStatus.Created },
            $"{wish.Command.To} does not show {get.Id}, but {record?.Status}");
        Check(
            record!.Amount == done.Leg.Amount,
            $"{wish.Command.To} shows {get.Id} with {record.Amount}, not {done.Leg.Amount}");
        var state = !done.Leg.IsHold
            ? HoldState.None
            : book.Ended.TryGetValue(get.Id, out var end) ? end : HoldState.Live;
        Check(record.Hold == state, $"{wish.Command.To} shows {get.Id} as {record.Hold}, not {state}");
        Check(state != HoldState.Live || record.HoldRemaining.Value == book.Holds[get.Id].Remaining,
            $"{wish.Command.To} shows {get.Id} with {record.HoldRemaining} left");
    }

    // ---------------------------------------------------------------- transactions

    private void JudgeTransaction(
        PendingRequest wish, Transaction asked, TransferStatus status, int failedLeg, LedgerTime time,
        ImmutableArray<UInt128> amounts)
    {
        var coordinator = wish.Command.To;
        var list = known.TryGetValue((coordinator, asked.Id), out var found)
            ? found
            : known[(coordinator, asked.Id)] = [];
        var isAlone = asked.Legs is [{ Transfer: { } alone }] && alone.Id == asked.Id;
        var used = list.FirstOrDefault(static one => one.IsFinal);
        var isFree = used is null && !BookOf(coordinator).Failed.Contains(asked.Id)
            && !BookOf(coordinator).Done.ContainsKey(asked.Id);
        foreach (var one in list)
        {
            // What an id was used for outranks an earlier refusal that did not use it up.
            if (IsSame(one, asked) && (one.IsFinal || isFree))
            {
                if (one.Status == TransferStatus.Created)
                {
                    Check(status == TransferStatus.Exists && amounts.SequenceEqual(one.Amounts),
                        $"{asked.Id} again is answered {status} [{string.Join(' ', amounts)}], not exists "
                            + $"[{string.Join(' ', one.Amounts)}]");
                }
                else
                {
                    Check(status == one.Status && (isAlone || failedLeg == one.Leg),
                        $"{asked.Id} again is answered {status} at {failedLeg}, not {one.Status} at {one.Leg}");
                }

                return;
            }
        }

        if (used is { } final)
        {
            var expected = final.Status != TransferStatus.Created ? TransferStatus.IdAlreadyFailed
                : isAlone
                    && IndexOf(final.Full, asked.Id) is >= 0
                    and var at ? Difference(final.Full.Legs[at].Transfer!, asked.Legs[0].Transfer!, final.Amounts[at])
                : TransferStatus.ExistsWithDifferentTransfers;
            if (expected == TransferStatus.Exists)
            {
                // The transfer of a transaction that opened its accounts, asked for by itself.
                return;
            }

            Check(status == expected, $"{asked.Id} with other content is answered {status}, not {expected}");
            return;
        }

        // A hold that is posted by the transaction that makes it, with next to no time: it may be too late.
        if (asked.Legs.Any(
            one =>
                one.Transfer is { ResolvesHold: true } resolution && asked.Legs.Any(other => other.Transfer is { } hold
            && hold.Id == resolution.HoldId && hold.Timeout > TimeSpan.Zero
            && hold.Timeout < TimeSpan.FromMinutes(10))))
        {
            isStopped = true;
            return;
        }

        if (status == TransferStatus.DecisionFailed || (time != default && Threw > threwBefore
            && status is not (TransferStatus.Created or TransferStatus.Exists)))
        {
            // The world made it so: one account could not say what it had against it, so another one's reason may stand
            // first. It is a refusal like others: nothing was done, and the same is answered the same way.
            list.Add(
                new Known(asked, status, isAlone ? -1 : failedLeg, amounts, !isAlone || Rules.UsesUp(status), asked));
            NoteFailed(coordinator, asked, status, failedLeg);
            return;
        }

        var (reason, leg, moved, full) = Try(asked, new LedgerTime(wish.FirstSent));
        if (reason == TransferStatus.None)
        {
            Check(
                status is TransferStatus.Created or TransferStatus.Exists,
                $"{asked.Id} is answered {status} at {failedLeg}, not created");
            Check(
                amounts.SequenceEqual(moved),
                $"{asked.Id} is answered [{string.Join(' ', amounts)}], not [{string.Join(' ', moved)}]");
            list.Add(new Known(asked, TransferStatus.Created, -1, moved, true, full));
        }
        else
        {
            // A post alone is refused by its debit account's freeze without asking the other account.
            Check(
                isAlone && status == TransferStatus.DebitAccountFrozen
                && reason == TransferStatus.CreditAccountAlreadyClosed
                && asked.Legs[0].Transfer!.ResolvesHold || status == reason && (isAlone || leg == failedLeg)
                || isAlone && reason == TransferStatus.IdAlreadyFailed
                && IsFoundFirst(asked.Legs[0].Transfer!, status, wish),
                $"{asked.Id} is answered {status} at {failedLeg}, not {reason} at {leg}");

            // One leg of a transaction, by itself: with its own amount.
            Check(
                reason != TransferStatus.Exists || !isAlone
                || amounts[0] == BookOf(coordinator).Done[asked.Id].Leg.Amount.Value,
                $"{asked.Id}, a leg, is answered [{string.Join(' ', amounts)}]");

            // What follows from an id is not a decision of its own.
            if (time != default)
            {
                list.Add(new Known(asked, status, leg, moved, !isAlone || Rules.UsesUp(status), asked));
                NoteFailed(coordinator, asked, status, leg);
            }
        }
    }

    // That an id is used up on the credit side alone is found out last, by who is asked to commit it.
    private bool IsFoundFirst(Transfer transfer, TransferStatus status, PendingRequest wish)
    {
        var (debit, credit) = (BookOf(transfer.DebitAccount), BookOf(transfer.CreditAccount));
        var (amount, now) = (Rules.AmountOf(transfer, debit, credit), new LedgerTime(wish.FirstSent));
        return !debit.Failed.Contains(transfer.Id)
            && ((status == TransferStatus.AccountsMustHaveTheSameLedger && debit.Exists && credit.Exists
                && debit.Asset != credit.Asset)
                || Rules.Highest(Rules.Against(transfer, amount, debit, true, now)) == status
                || Rules.Highest(Rules.Against(transfer, amount, credit, false, now)) == status);
    }

    // The leg that failed has used up its id, too, where its coordinator is one of its accounts.
    private void NoteFailed(AccountAddress coordinator, Transaction asked, TransferStatus status, int leg)
    {
        if (asked.Legs.Length > 1 || Rules.UsesUp(status))
        {
            BookOf(coordinator).Failed.Add(asked.Id);
        }

        if (leg >= 0 && asked.Legs[leg].Transfer is { } transfer && Rules.UsesUp(status)
            && (transfer.DebitAccount == coordinator || transfer.CreditAccount == coordinator))
        {
            BookOf(coordinator).Failed.Add(transfer.Id);
        }
    }

    private static int IndexOf(Transaction transaction, TransferId id)
    {
        for (var i = 0; i < transaction.Legs.Length; i++)
        {
            if (transaction.Legs[i].Transfer?.Id == id)
            {
                return i;
            }
        }

        return -1;
    }

    private static bool IsSame(Known one, Transaction asked)
    {
        if (one.Asked.Legs.SequenceEqual(asked.Legs))
        {
            return true;
        }

        if (one.Full.Legs.Length != asked.Legs.Length || one.Status != TransferStatus.Created)
        {
            return false;
        }

        for (var i = 0; i < asked.Legs.Length; i++)
        {
            if (one.Full.Legs[i].Transfer is { } known && asked.Legs[i].Transfer is { } transfer
                ? known.Id != transfer.Id || Difference(known, transfer, one.Amounts[i]) != TransferStatus.Exists
                : one.Full.Legs[i] != asked.Legs[i])
            {
                return false;
            }
        }

        return true;
    }

    // As the documentation of create_transfers has it, for what the scripts vary.
    private static TransferStatus Difference(Transfer known, Transfer asked, UInt128 moved)
    {
        var inherits = asked.ResolvesHold;
        return known.Flags != asked.Flags ? TransferStatus.ExistsWithDifferentFlags
            : known.HoldId != asked.HoldId ? TransferStatus.ExistsWithDifferentPendingId
            : known.Timeout != asked.Timeout ? TransferStatus.ExistsWithDifferentTimeout
            : known.Reverses != asked.Reverses ? TransferStatus.ExistsWithDifferentReverses
            : known.DebitAccount != asked.DebitAccount
                && !(inherits && asked.DebitAccount.IsNone) ? TransferStatus.ExistsWithDifferentDebitAccountId
            : known.CreditAccount != asked.CreditAccount
                && !(inherits && asked.CreditAccount.IsNone) ? TransferStatus.ExistsWithDifferentCreditAccountId
            : !IsSameAmount() ? TransferStatus.ExistsWithDifferentAmount
            : known.Reference != asked.Reference
                && !(inherits && asked.Reference.Length == 0) ? TransferStatus.ExistsWithDifferentReference
            : known.EffectiveTime != asked.EffectiveTime ? TransferStatus.ExistsWithDifferentEffectiveTime
            : known.Asset != asked.Asset && !(inherits && asked.Asset.IsNone) ? TransferStatus.ExistsWithDifferentLedger
            : known.Code != asked.Code && !(inherits && asked.Code == 0) ? TransferStatus.ExistsWithDifferentCode
            : TransferStatus.Exists;

        bool IsSameAmount() =>
            asked.Kind == TransferKind.PostHold
            && asked.Amount == Amount.MaxValue ? known.Amount == Amount.MaxValue
            : asked.ReleasesHold ? asked.Amount.IsZero
                || asked.Amount.Value == moved
            : !asked.Reverses.IsNil && asked.Amount == Amount.MaxValue ? known.Amount == Amount.MaxValue
            : asked.IsBalancing ? asked.Amount.Value >= moved
            : asked.Amount.Value == moved;
    }

    private (TransferStatus Reason, int Leg, ImmutableArray<UInt128> Amounts, Transaction Full) Try(
        Transaction asked, LedgerTime now)
    {
        var copies = new Dictionary<AccountAddress, ReferenceAccount>();
        ReferenceAccount Copy(AccountAddress account)
        {
            if (!copies.TryGetValue(account, out var copy))
            {
                copies.Add(account, copy = BookOf(account).Copy());
            }

            return copy;
        }

        var amounts = ImmutableArray.CreateBuilder<UInt128>();
        var full = ImmutableArray.CreateBuilder<TransactionLeg>();
        var failed = ImmutableArray.CreateRange(Enumerable.Repeat(UInt128.Zero, asked.Legs.Length));
        for (var i = 0; i < asked.Legs.Length; i++)
        {
            var leg = asked.Legs[i];
            if (leg.Opening is { } opening)
            {
                var book = Copy(opening.Address);
                if (book.Exists && !leg.IfMissing)
                {
                    return ((TransferStatus)(int)Compare(book.OpenedWith!, opening), i, failed, asked);
                }

                if (!book.Exists)
                {
                    book.Open(opening);
                }

                amounts.Add(0);
                full.Add(leg);
                continue;
            }

            var transfer = leg.Transfer!;
            if (transfer.ResolvesHold && transfer.DebitAccount.IsNone)
            {
                // It leaves all to its hold.
                var hold = books.Values.Select(book => book.Done.GetValueOrDefault(transfer.HoldId))
                    .FirstOrDefault(done => done?.Leg.Transfer!.Id == transfer.HoldId)?.Leg.Transfer;
                if (hold is null)
                {
                    return (TransferStatus.PendingTransferNotFound, i, failed, asked);
                }

                transfer = transfer with
                {
                    DebitAccount = hold.DebitAccount, CreditAccount = hold.CreditAccount, Asset = hold.Asset,
                    Code = transfer.Code == 0 ? hold.Code : transfer.Code,
                    Reference = transfer.Reference.Length == 0 ? hold.Reference : transfer.Reference,
                };
            }

            var (debit, credit) = (Copy(transfer.DebitAccount), Copy(transfer.CreditAccount));
            var amount = Rules.AmountOf(transfer, debit, credit);
            var reasons = Against(transfer, amount, debit, credit, now);
            if (reasons.Count > 0)
            {
                return (Rules.Highest(reasons), i, failed, asked);
            }

            // The time of a hold is its account's to say; the reference takes it from the journal.
            var deadline = LedgerTime.MaxValue;
            if (transfer.Kind == TransferKind.Hold && transfer.Timeout > TimeSpan.Zero)
            {
                deadline = world.PlaceOf(transfer.DebitAccount).Book.Holds.TryGetValue(transfer.Id, out var live)
                    ? live.Deadline : now.Add(transfer.Timeout);
            }

            var done = new ResolvedLeg(i, transfer, null)
            {
                Amount = new Amount(amount), Deadline = deadline,
                HoldRemaining = new Amount(debit.Holds.GetValueOrDefault(transfer.HoldId)?.Remaining ?? 0),
            };
            var part =
                new TransactionBranch { Id = asked.Id, Coordinator = default, LegCount = 1, Asked = 0, Legs = [done] };
            debit.Do(part, done, now);
            credit.Do(part, done, now);
            amounts.Add(amount);
            full.Add(TransactionLeg.Of(transfer));
        }

        foreach (var (account, copy) in copies)
        {
            books[account] = copy;
        }

        return (TransferStatus.None, -1, amounts.ToImmutable(), new Transaction(asked.Id, full.ToImmutable()));
    }

    private static List<TransferStatus> Against(
        Transfer transfer, UInt128 amount, ReferenceAccount debit, ReferenceAccount credit, LedgerTime now)
    {
        foreach (var book in (ReadOnlySpan<ReferenceAccount>)[debit, credit])
        {
            if (book.Done.TryGetValue(transfer.Id, out var done))
            {
                return
                [
                    done.Leg.Transfer!.Id == transfer.Id
                        ? Difference(done.Leg.Transfer, transfer, done.Leg.Amount.Value)
                        : TransferStatus.ExistsWithDifferentTransfers,
                ];
            }
        }

        if (debit.Failed.Contains(transfer.Id) || credit.Failed.Contains(transfer.Id))
        {
            return [TransferStatus.IdAlreadyFailed];
        }

        if (transfer.ResolvesHold)
        {
            // Where the hold is debited, it is known.
            var reasons = Rules.Against(transfer, amount, debit, true, now);
            if (!reasons.Contains(TransferStatus.PendingTransferNotFound))
            {
                reasons.AddRange(Rules.Against(transfer, amount, credit, false, now)
                    .Where(
                        static one =>
                            one is TransferStatus.CreditAccountAlreadyClosed or TransferStatus.CreditAccountFrozen));
            }

            return reasons;
        }

        List<TransferStatus> all = [
            .. Rules.Against(transfer, amount, debit, true, now),
            .. Rules.Against(transfer, amount, credit, false, now)];
        if (debit.Exists && credit.Exists && debit.Asset != credit.Asset)
        {
            all.Add(TransferStatus.AccountsMustHaveTheSameLedger);
        }

        return all;
    }

    // What is due has expired before the next command is sent.
    private void ExpireAll()
    {
        foreach (var (_, debit) in books.ToArray())
        {
            foreach (var hold in debit.Holds.Values.Where(hold => hold.Transfer.DebitAccount == debit.Address
                && hold.Deadline.UnixMicroseconds <= world.Now).OrderBy(static hold => hold.Deadline).ToArray())
            {
                var expiry = new ResolvedLeg(0, hold.Transfer with
                {
                    Id = new TransferId(hold.Transfer.Id.Value ^ (UInt128.MaxValue << 90)), HoldId = hold.Transfer.Id,
                    Flags = TransferFlags.VoidPending | TransferFlags.Expiry,
                }, null)
                {
                    Amount = new Amount(hold.Remaining), HoldRemaining = new Amount(hold.Remaining),
                };
                var part =
                    new TransactionBranch
                    {
                        Id = expiry.Transfer!.Id, Coordinator = default, LegCount = 1, Asked = 0, Legs = [expiry]
                    };
                debit.Do(part, expiry, hold.Deadline);
                BookOf(hold.Transfer.CreditAccount).Do(part, expiry, hold.Deadline);
            }
        }
    }

    private static void Check(bool holds, string what)
    {
        if (!holds)
        {
            throw new ViolationException("reference: " + what);
        }
    }
}

internal sealed partial class SimulatedCluster
{
    public IReadOnlyList<PendingRequest> Wishes => wishes;

    public void ActivateUnfinished()
    {
        foreach (var place in order)
        {
            // One that a late row of its forerunner has overtaken finds out when it goes to sleep, if not before.
            if (place.Newest is { IsReady: true } one && one.Runtime.DurableSequenceNr < place.Rows.Count)
            {
                one.GoToSleep();
            }

            if (place.Newest is null && (place.Book.Doubts.Count > 0 || place.Book.Holds.Values.Any(
                hold => hold.Transfer.DebitAccount == place.Address && hold.Deadline.UnixMicroseconds <= now)))
            {
                Deliver(place, new Activate());
            }
        }
    }
}
