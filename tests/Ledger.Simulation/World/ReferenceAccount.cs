using System.Numerics;
using Ledger.Core;

namespace Ledger.Simulation;

/// <summary>A hold, as the reference keeps it.</summary>
internal sealed record ReferenceHold(Transfer Transfer, UInt128 Amount, UInt128 Remaining, LedgerTime Deadline);

/// <summary>A transfer that had an effect on an account.</summary>
/// <param name="Leg">The transfer, with its amount.</param>
/// <param name="Of">The transaction.</param>
/// <param name="Time">When it was committed.</param>
internal sealed record ReferenceEntry(ResolvedLeg Leg, TransferId Of, LedgerTime Time);

/// <summary>What a transaction in doubt keeps back.</summary>
internal sealed record ReferenceInDoubt(TransactionBranch Part, BigInteger Debits, BigInteger Credits, int Since);

/// <summary>
/// One account of the reference ledger: four counters, limits, holds. It is told what happens and knows nothing of
/// journals, messages or time but what it is told; and it shares no code with the account that it judges.
/// </summary>
internal sealed class ReferenceAccount
{
    public required AccountAddress Address { get; init; }

    public int HoldsMax { get; init; } = int.MaxValue;

    public int HoldsPerCounterpartyMax { get; init; } = int.MaxValue;

    public bool Exists { get; private set; }

    public AccountSpec? OpenedWith { get; private set; }

    public Asset Asset { get; private set; }

    public UInt128? DebitAllowance { get; private set; }

    public UInt128? CreditAllowance { get; private set; }

    public bool Closed => ClosedByChange || ClosedByHold;

    public bool ClosedByChange { get; private set; }

    public bool ClosedByHold { get; private set; }

    public AccountFreeze? Freeze { get; private set; }

    public BigInteger DebitsPending { get; private set; }

    public BigInteger DebitsPosted { get; private set; }

    public BigInteger CreditsPending { get; private set; }

    public BigInteger CreditsPosted { get; private set; }

    public BigInteger DebitsReserved { get; private set; }

    public BigInteger CreditsReserved { get; private set; }

    public ulong Entries { get; private set; }

    public Dictionary<TransferId, ReferenceHold> Holds { get; private init; } = [];

    public Dictionary<TransferId, HoldState> Ended { get; private init; } = [];

    /// <summary>What each transfer did here; by its id, and by that of its transaction.</summary>
    public Dictionary<TransferId, ReferenceEntry> Done { get; private init; } = [];

    public Dictionary<TransferId, BigInteger> Reversed { get; private init; } = [];

    public Dictionary<TransferId, ReferenceInDoubt> Doubts { get; private init; } = [];

    /// <summary>The ids of legs that failed in a transaction of which this account was the coordinator.</summary>
    public HashSet<TransferId> Failed { get; private init; } = [];

    public Balances Balances => new(
        new((UInt128)DebitsPending), new((UInt128)DebitsPosted), new((UInt128)CreditsPending),
        new((UInt128)CreditsPosted),
        new((UInt128)DebitsReserved), new((UInt128)CreditsReserved));

    public BigInteger DebitRoom =>
        CreditsPosted + (BigInteger)(DebitAllowance ?? 0) - DebitsPosted - DebitsPending - DebitsReserved;

    public BigInteger CreditRoom =>
        DebitsPosted + (BigInteger)(CreditAllowance ?? 0) - CreditsPosted - CreditsPending - CreditsReserved;

    /// <summary>Whether there are no more holds than there may be.</summary>
    public bool KeepsItsHolds => Holds.Count <= HoldsMax
        && Holds.Values.GroupBy(hold => OtherOf(hold.Transfer)).All(group => group.Count() <= HoldsPerCounterpartyMax);

    public AccountAddress OtherOf(Transfer transfer) =>
        transfer.DebitAccount == Address ? transfer.CreditAccount : transfer.DebitAccount;

    public bool KeepsItsLimits =>
        (DebitAllowance is null || DebitRoom >= 0) && (CreditAllowance is null || CreditRoom >= 0);

    public bool IsOpeningOrClosingInDoubt
    {
        get
        {
            foreach (var (_, doubt) in Doubts)
            {
                foreach (var leg in doubt.Part.Legs)
                {
                    if (leg.Concerns(Address)
                        && ((leg.Opening is not null && !Exists) || (leg.Opening is null && Closes(leg.Transfer!))
                        || (leg.Opening is null
                            && leg.Transfer!.ReleasesHold
                            && Holds.TryGetValue(leg.Transfer.HoldId, out var hold) && Closes(hold.Transfer))))
                    {
                        return true;
                    }
                }
            }

            return false;
        }
    }

    public ReferenceAccount Copy() => new()
    {
        Address = Address,
        HoldsMax = HoldsMax,
        HoldsPerCounterpartyMax = HoldsPerCounterpartyMax,
        Exists = Exists,
        OpenedWith = OpenedWith,
        Asset = Asset,
        DebitAllowance = DebitAllowance,
        CreditAllowance = CreditAllowance,
        ClosedByChange = ClosedByChange,
        ClosedByHold = ClosedByHold,
        Freeze = Freeze,
        DebitsPending = DebitsPending,
        DebitsPosted = DebitsPosted,
        CreditsPending = CreditsPending,
        CreditsPosted = CreditsPosted,
        DebitsReserved = DebitsReserved,
        CreditsReserved = CreditsReserved,
        Entries = Entries,
        Holds = new(Holds),
        Ended = new(Ended),
        Done = new(Done),
        Reversed = new(Reversed),
        Doubts = new(Doubts),
        Failed = new(Failed),
    };

    // ---------------------------------------------------------------- what happens

    public void Open(AccountSpec spec)
    {
        Rules.Check(!Exists, "an account is opened once");
        Exists = true;
        OpenedWith = spec;
        Asset = spec.Asset;
        DebitAllowance = spec.DebitsMustNotExceedCredits?.Value;
        CreditAllowance = spec.CreditsMustNotExceedDebits?.Value;
        ClosedByChange = spec.IsClosed;
    }

    public void Change(AccountChange change)
    {
        switch (change)
        {
            case FreezeAccount freeze:
                Freeze = freeze.Freeze;
                break;
            case UnfreezeAccount:
                Freeze = null;
                break;
            case CloseAccount:
                ClosedByChange = true;
                break;
            case ReopenAccount:
                ClosedByChange = ClosedByHold = false;
                break;
            case SetAccountLimits limits:
                DebitAllowance = limits.DebitsMustNotExceedCredits?.Value;
                CreditAllowance = limits.CreditsMustNotExceedDebits?.Value;
                break;
            default:
                throw new ViolationException($"unknown change {change}");
        }
    }

    public void Extend(TransferId id, LedgerTime deadline)
    {
        Rules.Check(Holds.ContainsKey(id), $"I7: {Address}: a hold that is not live is extended");
        Holds[id] = Holds[id] with { Deadline = deadline };
    }

    /// <summary>Reserves the worst that the legs can come to.</summary>
    public void Reserve(TransactionBranch part, int now)
    {
        // The room that is left after each leg, when all before it are done; the least of them is what must be kept
        // back.
        var copy = Copy();
        BigInteger debits = 0;
        BigInteger credits = 0;
        foreach (var leg in part.Legs)
        {
            if (leg.Concerns(Address))
            {
                copy.Do(part, leg, default);
                debits = BigInteger.Max(debits, Used(this, copy, isDebit: true));
                credits = BigInteger.Max(credits, Used(this, copy, isDebit: false));
            }
        }

        Doubts.Add(part.Key, new ReferenceInDoubt(part, debits, credits, now));
        DebitsReserved += debits;
        CreditsReserved += credits;

        static BigInteger Used(ReferenceAccount before, ReferenceAccount after, bool isDebit) => isDebit
            ? after.DebitsPosted + after.DebitsPending - after.CreditsPosted
                - (before.DebitsPosted + before.DebitsPending - before.CreditsPosted)
            : after.CreditsPosted + after.CreditsPending - after.DebitsPosted
                - (before.CreditsPosted + before.CreditsPending - before.DebitsPosted);
    }

    public ReferenceInDoubt Settle(TransferId key)
    {
        Rules.Check(Doubts.Remove(key, out var doubt), $"R1: {Address}: {key} is decided and was not prepared");
        DebitsReserved -= doubt!.Debits;
        CreditsReserved -= doubt.Credits;
        return doubt;
    }

    public void Do(TransactionBranch part, LedgerTime time)
    {
        foreach (var leg in part.Legs)
        {
            if (leg.Concerns(Address))
            {
                Do(part, leg, time);
            }
        }
    }

    public void Do(TransactionBranch part, ResolvedLeg leg, LedgerTime time)
    {
        if (leg.Opening is { } opening)
        {
            if (!Exists)
            {
                Open(opening);
            }

            return;
        }

        var transfer = leg.Transfer!;
        Rules.Check(
            Done.TryAdd(transfer.Id, new ReferenceEntry(leg, part.Id, time)),
            $"I4: {transfer.Id} has two effects on {Address}");
        var isDebit = transfer.DebitAccount == Address;
        var amount = (BigInteger)leg.Amount.Value;
        if (transfer.ResolvesHold)
        {
            Rules.Check(
                Holds.TryGetValue(transfer.HoldId, out var hold),
                $"I7: {Address}: {transfer.HoldId} is resolved and is not live");
            var rest = transfer.KeepRest
                ? hold!.Remaining - leg.Amount.Value
                : 0;
            Pending(isDebit, -(BigInteger)(hold!.Remaining - rest));
            if (rest > 0)
            {
                Holds[transfer.HoldId] = hold with { Remaining = rest };
            }
            else
            {
                Holds.Remove(transfer.HoldId);
                var isVoid = transfer.ReleasesHold;
                Ended.Add(transfer.HoldId, !isVoid ? HoldState.Posted
                    : transfer.Kind == TransferKind.ExpireHold
                    ? HoldState.Expired
                    : HoldState.Voided);
                if (isVoid && Closes(hold.Transfer))
                {
                    ClosedByHold = false;
                }
            }

            if (transfer.ReleasesHold)
            {
                return;
            }
        }

        if (transfer.Kind == TransferKind.Hold)
        {
            Pending(isDebit, amount);
            Holds.Add(transfer.Id, new ReferenceHold(transfer, leg.Amount.Value, leg.Amount.Value, leg.Deadline));
            ClosedByHold |= Closes(transfer);
            return;
        }

        Entries++;
        if (isDebit)
        {
            DebitsPosted += amount;
        }
        else
        {
            CreditsPosted += amount;
        }

        if (!transfer.Reverses.IsNil)
        {
            Reversed[transfer.Reverses] = Reversed.GetValueOrDefault(transfer.Reverses) + amount;
        }
    }

    public bool Closes(Transfer transfer) => (transfer.Flags
        & (transfer.DebitAccount == Address ? TransferFlags.ClosingDebit : TransferFlags.ClosingCredit))
            != TransferFlags.None;

    private void Pending(bool isDebit, BigInteger amount)
    {
        if (isDebit)
        {
            DebitsPending += amount;
        }
        else
        {
            CreditsPending += amount;
        }
    }
}

/// <summary>The rules of money, told as the set of all reasons that speak against a leg: simple, and slow.</summary>
internal static class Rules
{
    private static readonly TransferStatus[] Precedence =
    [
        TransferStatus.ExistsWithDifferentTransfers, TransferStatus.ExistsWithDifferentFlags,
        TransferStatus.ExistsWithDifferentPendingId, TransferStatus.ExistsWithDifferentTimeout,
        TransferStatus.ExistsWithDifferentReverses, TransferStatus.ExistsWithDifferentDebitAccountId,
        TransferStatus.ExistsWithDifferentCreditAccountId, TransferStatus.ExistsWithDifferentAmount,
        TransferStatus.ExistsWithDifferentReference, TransferStatus.ExistsWithDifferentMetadata,
        TransferStatus.ExistsWithDifferentEffectiveTime,
        TransferStatus.ExistsWithDifferentLedger, TransferStatus.ExistsWithDifferentCode, TransferStatus.Exists,
        TransferStatus.IdAlreadyFailed, TransferStatus.DebitAccountNotFound, TransferStatus.CreditAccountNotFound,
        TransferStatus.AccountsMustHaveTheSameLedger, TransferStatus.TransferMustHaveTheSameLedgerAsAccounts,
        TransferStatus.PendingTransferNotFound, TransferStatus.PendingTransferNotPending,
        TransferStatus.PendingTransferHasDifferentDebitAccountId,
        TransferStatus.PendingTransferHasDifferentCreditAccountId,
        TransferStatus.PendingTransferHasDifferentLedger, TransferStatus.PendingTransferHasDifferentCode,
        TransferStatus.ExceedsPendingTransferAmount, TransferStatus.PendingTransferHasDifferentAmount,
        TransferStatus.PendingTransferAlreadyPosted, TransferStatus.PendingTransferAlreadyVoided,
        TransferStatus.PendingTransferExpired, TransferStatus.ReversedTransferNotFound,
        TransferStatus.ReversedTransferNotPosted, TransferStatus.ReversedTransferHasDifferentAccounts,
        TransferStatus.ExceedsReversedTransferAmount, TransferStatus.DebitAccountAlreadyClosed,
        TransferStatus.CreditAccountAlreadyClosed, TransferStatus.DebitAccountFrozen,
        TransferStatus.CreditAccountFrozen,
        TransferStatus.OverflowsDebitsPending, TransferStatus.OverflowsCreditsPending,
        TransferStatus.OverflowsDebitsPosted,
        TransferStatus.OverflowsCreditsPosted, TransferStatus.OverflowsDebits, TransferStatus.OverflowsCredits,
        TransferStatus.OverflowsTimeout, TransferStatus.ExceedsCredits, TransferStatus.ExceedsDebits,
        TransferStatus.ExceedsHoldsWithCounterparty, TransferStatus.ExceedsHoldsOfAccount,
        TransferStatus.DecisionFailed,
        TransferStatus.AbortedByOperator,
    ];

    /// <summary>Whether a rejection for this reason uses the id of the transfer up: it could be gone the next
    /// moment.</summary>
    public static bool UsesUp(TransferStatus reason) => reason is
        TransferStatus.DebitAccountNotFound or TransferStatus.CreditAccountNotFound
        or TransferStatus.PendingTransferNotFound
        or TransferStatus.ExceedsCredits or TransferStatus.ExceedsDebits or TransferStatus.DebitAccountAlreadyClosed
        or TransferStatus.CreditAccountAlreadyClosed or TransferStatus.DebitAccountFrozen
        or TransferStatus.CreditAccountFrozen
        or TransferStatus.ExceedsHoldsWithCounterparty or TransferStatus.ExceedsHoldsOfAccount
        or TransferStatus.DecisionFailed
        or TransferStatus.AbortedByOperator;

    public static void Check(bool holds, string what)
    {
        if (!holds)
        {
            throw new ViolationException(what);
        }
    }

    public static TransferStatus Highest(IReadOnlyCollection<TransferStatus> reasons)
    {
        foreach (var reason in Precedence)
        {
            if (reasons.Contains(reason))
            {
                return reason;
            }
        }

        Check(reasons.Count == 0, $"no precedence is known of {string.Join(", ", reasons)}");
        return TransferStatus.None;
    }

    /// <summary>The amount that a leg comes to, both accounts being known.</summary>
    public static UInt128 AmountOf(Transfer transfer, ReferenceAccount debit, ReferenceAccount credit)
    {
        var amount = transfer.Amount.Value;
        if (transfer.ResolvesHold)
        {
            return debit.Holds.TryGetValue(transfer.HoldId, out var hold)
                && (amount == UInt128.MaxValue || transfer.ReleasesHold)
                    ? hold.Remaining
                    : amount;
        }

        if (transfer.BalancingDebit)
        {
            amount = Least(amount, debit.DebitRoom);
        }

        if (!transfer.Reverses.IsNil && amount == UInt128.MaxValue)
        {
            // All that is left of the original.
            return debit.Done.TryGetValue(transfer.Reverses, out var original)
                ? (UInt128)((BigInteger)original.Leg.Amount.Value
                    - debit.Reversed.GetValueOrDefault(transfer.Reverses))
                : 0;
        }

        return transfer.BalancingCredit
            ? Least(amount, credit.CreditRoom)
            : amount;
    }

    private static UInt128 Least(UInt128 amount, BigInteger room) =>
        room <= 0 ? 0 : amount < room ? amount : (UInt128)room;

    /// <summary>All that one account has against a transfer.</summary>
    public static List<TransferStatus> Against(
        Transfer transfer, UInt128 amount, ReferenceAccount book, bool isDebit, LedgerTime now)
    {
        var reasons = new List<TransferStatus>();
        if (!book.Exists)
        {
            reasons.Add(transfer.ResolvesHold ? TransferStatus.PendingTransferNotFound
                : isDebit ? TransferStatus.DebitAccountNotFound : TransferStatus.CreditAccountNotFound);
            return reasons;
        }

        if (!transfer.Asset.IsNone && transfer.Asset != book.Asset && !transfer.ResolvesHold)
        {
            reasons.Add(TransferStatus.TransferMustHaveTheSameLedgerAsAccounts);
        }

        var isVoid = transfer.ReleasesHold;
        if (transfer.ResolvesHold)
        {
            AgainstResolution(transfer, amount, book, isDebit, now, reasons);
        }

        if (!transfer.Reverses.IsNil && isDebit)
        {
            AgainstReversal(transfer, amount, book, reasons);
        }

        if (!isVoid)
        {
            if (book.Closed)
            {
                reasons.Add(
                    isDebit ? TransferStatus.DebitAccountAlreadyClosed : TransferStatus.CreditAccountAlreadyClosed);
            }

            if (book.Freeze is { } freeze && freeze.HoldsAt(now) && (isDebit ? freeze.Debits : freeze.Credits))
            {
                reasons.Add(isDebit ? TransferStatus.DebitAccountFrozen : TransferStatus.CreditAccountFrozen);
            }
        }

        if (!transfer.ResolvesHold)
        {
            AgainstOverflow(transfer, amount, book, isDebit, reasons);
            if (transfer.Kind == TransferKind.Hold)
            {
                AgainstHold(transfer, book, reasons);
            }

            if (isDebit && book.DebitAllowance is not null && book.DebitRoom < amount)
            {
                reasons.Add(TransferStatus.ExceedsCredits);
            }

            if (!isDebit && book.CreditAllowance is not null && book.CreditRoom < amount)
            {
                reasons.Add(TransferStatus.ExceedsDebits);
            }
        }

        return reasons;
    }

    private static void AgainstHold(Transfer transfer, ReferenceAccount book, List<TransferStatus> reasons)
    {
        var other = book.OtherOf(transfer);
        if (book.Holds.Values.Count(hold => book.OtherOf(hold.Transfer) == other) >= book.HoldsPerCounterpartyMax)
        {
            reasons.Add(TransferStatus.ExceedsHoldsWithCounterparty);
        }

        if (book.Holds.Count >= book.HoldsMax)
        {
            reasons.Add(TransferStatus.ExceedsHoldsOfAccount);
        }
    }

    // No counter passes 2^128-1, nor do those of a side together.
    private static void AgainstOverflow(
        Transfer transfer, UInt128 amount, ReferenceAccount book, bool isDebit, List<TransferStatus> reasons)
    {
        BigInteger max = UInt128.MaxValue;
        var held = isDebit ? book.DebitsPending : book.CreditsPending;
        var posted = isDebit ? book.DebitsPosted : book.CreditsPosted;
        if (transfer.Kind == TransferKind.Hold && held + amount > max)
        {
            reasons.Add(isDebit ? TransferStatus.OverflowsDebitsPending : TransferStatus.OverflowsCreditsPending);
        }

        if (posted + amount > max)
        {
            reasons.Add(isDebit ? TransferStatus.OverflowsDebitsPosted : TransferStatus.OverflowsCreditsPosted);
        }

        if (held + posted + amount > max)
        {
            reasons.Add(isDebit ? TransferStatus.OverflowsDebits : TransferStatus.OverflowsCredits);
        }
    }

    private static void AgainstResolution(
        Transfer transfer, UInt128 amount, ReferenceAccount book, bool isDebit, LedgerTime now,
        List<TransferStatus> reasons)
    {
        Transfer pending;
        UInt128 left;
        if (book.Holds.TryGetValue(transfer.HoldId, out var hold))
        {
            pending = hold.Transfer;
            left = hold.Remaining;
            if (isDebit && transfer.Kind != TransferKind.ExpireHold && now >= hold.Deadline)
            {
                reasons.Add(TransferStatus.PendingTransferExpired);
            }
        }
        else if (book.Done.TryGetValue(transfer.HoldId, out var done) && done.Leg.Transfer!.Id == transfer.HoldId)
        {
            pending = done.Leg.Transfer;
            left = done.Leg.Amount.Value;
            if (!book.Ended.TryGetValue(transfer.HoldId, out var end))
            {
                reasons.Add(TransferStatus.PendingTransferNotPending);
                return;
            }

            reasons.Add(end == HoldState.Posted ? TransferStatus.PendingTransferAlreadyPosted
                : end == HoldState.Voided
                ? TransferStatus.PendingTransferAlreadyVoided
                : TransferStatus.PendingTransferExpired);
        }
        else
        {
            reasons.Add(TransferStatus.PendingTransferNotFound);
            return;
        }

        if (!transfer.DebitAccount.IsNone && transfer.DebitAccount != pending.DebitAccount)
        {
            reasons.Add(TransferStatus.PendingTransferHasDifferentDebitAccountId);
        }

        if (!transfer.CreditAccount.IsNone && transfer.CreditAccount != pending.CreditAccount)
        {
            reasons.Add(TransferStatus.PendingTransferHasDifferentCreditAccountId);
        }

        if (!transfer.Asset.IsNone && transfer.Asset != book.Asset)
        {
            reasons.Add(TransferStatus.PendingTransferHasDifferentLedger);
        }

        if (transfer.Code != 0 && transfer.Code != pending.Code)
        {
            reasons.Add(TransferStatus.PendingTransferHasDifferentCode);
        }

        var isVoid = transfer.ReleasesHold;
        var asked = transfer.Amount.Value;
        if (asked > left && (isVoid || asked != UInt128.MaxValue))
        {
            reasons.Add(TransferStatus.ExceedsPendingTransferAmount);
        }

        if (isVoid && asked != 0 && asked < left)
        {
            reasons.Add(TransferStatus.PendingTransferHasDifferentAmount);
        }

        _ = amount;
    }

    private static void AgainstReversal(
        Transfer transfer, UInt128 amount, ReferenceAccount book, List<TransferStatus> reasons)
    {
        if (!book.Done.TryGetValue(transfer.Reverses, out var original)
            || original.Leg.Transfer!.Id != transfer.Reverses)
        {
            reasons.Add(TransferStatus.ReversedTransferNotFound);
        }
        else if (original.Leg.Transfer.Kind is not (TransferKind.Direct or TransferKind.PostHold))
        {
            reasons.Add(TransferStatus.ReversedTransferNotPosted);
        }
        else if (original.Leg.Transfer.DebitAccount != transfer.CreditAccount
            || original.Leg.Transfer.CreditAccount != transfer.DebitAccount)
        {
            reasons.Add(TransferStatus.ReversedTransferHasDifferentAccounts);
        }
        else if ((BigInteger)original.Leg.Amount.Value - book.Reversed.GetValueOrDefault(transfer.Reverses) is var left
            && ((BigInteger)(transfer.Amount.Value == UInt128.MaxValue ? amount : transfer.Amount.Value) > left
                || (transfer.Amount.Value == UInt128.MaxValue && left == 0)))
        {
            reasons.Add(TransferStatus.ExceedsReversedTransferAmount);
        }
    }
}

/// <summary>An invariant was broken.</summary>
internal sealed class ViolationException(string message) : Exception(message);
