namespace Ledger.Core;

/// <summary>A working copy of one account while the legs of a transaction are gone through in order: each sees what
/// those before it did (R13). It also measures the worst that the legs, decided or not, can do to the limits.</summary>
internal sealed class AccountWorkingCopy
{
    private static readonly Func<int, LegContext> NoContexts = static _ => LegContext.Nothing;

    private Func<int, LegContext> contextOf = NoContexts;
    private AccountFreeze? freeze;
    private InDoubtLoad load;
    private Dictionary<TransferId, (Hold Hold, HoldState State)>? changedHolds;
    private bool closedByChange;
    private bool closedByHold;
    private AccountState? holder;
    private int holdsMax;
    private int holdsWithMax;
    private int holdsMore;
    private Dictionary<AccountAddress, int>? holdsMoreWith;
    private PeakRise debits;
    private PeakRise credits;

    // Where the favour of old doubt is summed up when it is needed.
    private AccountState? source;
    private LedgerTime oldUpTo;
    private LedgerTime? dueBy;
    private (Amount Debit, Amount Credit)? favour;

    // One for all accounts of a thread: it serves one decision, and that ends before another begins.
    [ThreadStatic]
    private static AccountWorkingCopy? ofThread;

    /// <summary>The working copy of this thread, for <see cref="Take"/>.</summary>
    public static AccountWorkingCopy OfThread => ofThread ??= new AccountWorkingCopy();

    /// <summary>Makes a working copy for <see cref="Take"/>.</summary>
    public AccountWorkingCopy()
    {
    }

    public AccountWorkingCopy(AccountState state, Func<int, LegContext>? factOf) =>
        Take(state, factOf, default, dueBy: null, limits: null);

    /// <summary>Starts anew with an account as it is: one working copy serves many decisions.</summary>
    /// <param name="state">The account.</param>
    /// <param name="contexts">What it knows of the legs.</param>
    /// <param name="oldUpTo">What was prepared then, or earlier, is old doubt.</param>
    /// <param name="dueBy">Holds that are due by then may have ended already; null where there are none.</param>
    /// <param name="limits">How many holds it may have; null where that does not matter.</param>
    public AccountWorkingCopy Take(
        AccountState state, Func<int, LegContext>? contexts, LedgerTime oldUpTo, LedgerTime? dueBy,
        AccountMachineOptions? limits)
    {
        holder = limits is null ? null : state;
        holdsMax = limits?.HoldsMax ?? 0;
        holdsWithMax = limits?.HoldsPerCounterpartyMax ?? 0;
        holdsMore = 0;
        holdsMoreWith = null;
        source = state;
        this.oldUpTo = oldUpTo;
        this.dueBy = dueBy;
        favour = null;
        Address = state.Address;
        Spec = state.Spec;
        OpenedWith = state.OpenedWith;
        closedByChange = state.ClosedByChange;
        closedByHold = state.ClosedByHold;
        freeze = state.Freeze;
        Balances = state.Balances;
        load = state.Load;
        IsInDoubt = state.IsOpeningOrClosingInDoubt;
        contextOf = contexts ?? NoContexts;
        changedHolds = null;
        debits = credits = default;
        return this;
    }

    public AccountWorkingCopy(AccountReport report)
    {
        Address = report.Account;
        Spec = report.Spec;
        OpenedWith = report.OpenedWith;
        closedByChange = report.Closed;
        closedByHold = report.ClosedByHold;
        freeze = report.Freeze;
        Balances = report.Balances;
        load = report.Load;
        IsInDoubt = report.InDoubt;
        favour = (report.DebitFavour, report.CreditFavour);
        var contexts = report.Facts.ToDictionary(static context => context.Index);
        contextOf = index => contexts.TryGetValue(index, out var context) ? context : new LegContext(index);
    }

    public AccountAddress Address { get; private set; }

    public AccountSpec? Spec { get; private set; }

    public AccountSpec? OpenedWith { get; private set; }

    public bool Closed => closedByChange || closedByHold;

    public Balances Balances { get; private set; }

    /// <summary>Whether the account's opening or closing is in doubt.</summary>
    public bool IsInDoubt { get; private set; }

    /// <summary>What must be kept back for the limit on debits while the legs are in doubt.</summary>
    public Amount DebitReserve => debits.Peak;

    /// <summary>What must be kept back for the limit on credits while the legs are in doubt.</summary>
    public Amount CreditReserve => credits.Peak;

    public LegContext ContextOf(int index) => contextOf(index);

    public bool RefusesDebits(LedgerTime now) => freeze is { Debits: true } && freeze.HoldsAt(now);

    public bool RefusesCredits(LedgerTime now) => freeze is { Credits: true } && freeze.HoldsAt(now);

    /// <summary>The hold as the legs before have left it: found, and live or ended; null when they did not touch
    /// it.</summary>
    public bool TryFindChanged(TransferId id, out Hold? hold, out HoldState state)
    {
        if (changedHolds is not null && changedHolds.TryGetValue(id, out var changed))
        {
            (hold, state) = changed;
            return true;
        }

        (hold, state) = (null, HoldState.None);
        return false;
    }

    /// <summary>What a balancing debit may take at most.</summary>
    public Amount AvailableDebits => AccountDecider.Headroom(
        Balances.CreditsPosted, Spec?.DebitsMustNotExceedCredits ?? Amount.Zero, Balances.DebitsPosted,
        Balances.DebitsPending,
        Balances.DebitsInDoubt);

    /// <summary>What a balancing credit may bring at most.</summary>
    public Amount AvailableCredits => AccountDecider.Headroom(
        Balances.DebitsPosted, Spec?.CreditsMustNotExceedDebits ?? Amount.Zero, Balances.CreditsPosted,
        Balances.CreditsPending,
        Balances.CreditsInDoubt);

    public bool DebitsOverflow(Amount amount, bool pending, out TransferStatus status) => Overflow(
        amount, pending, Balances.DebitsPending, Balances.DebitsPosted, load.DebitsAtMost,
        (TransferStatus.OverflowsDebitsPending, TransferStatus.OverflowsDebitsPosted, TransferStatus.OverflowsDebits),
        out status);

    public bool CreditsOverflow(Amount amount, bool pending, out TransferStatus status) => Overflow(
        amount, pending, Balances.CreditsPending, Balances.CreditsPosted, load.CreditsAtMost,
        (TransferStatus.OverflowsCreditsPending, TransferStatus.OverflowsCreditsPosted,
            TransferStatus.OverflowsCredits),
        out status);

    public Fit DebitsFit(Amount amount)
    {
        if (Spec!.DebitsMustNotExceedCredits is not { } allowance || FitsIn(allowance))
        {
            return Fit.Yes;
        }

        var more = Favour.Debit;
        return more.IsZero
            ? Fit.No
            : !allowance.TryAdd(more, out var generous) || FitsIn(generous) ? Fit.InDoubt : Fit.No;

        bool FitsIn(Amount room) => AccountDecider.Within(
            Balances.DebitsPosted, Balances.DebitsPending, Balances.DebitsInDoubt, amount, Balances.CreditsPosted,
            room);
    }

    public Fit CreditsFit(Amount amount)
    {
        if (Spec!.CreditsMustNotExceedDebits is not { } allowance || FitsIn(allowance))
        {
            return Fit.Yes;
        }

        var more = Favour.Credit;
        return more.IsZero
            ? Fit.No
            : !allowance.TryAdd(more, out var generous) || FitsIn(generous) ? Fit.InDoubt : Fit.No;

        bool FitsIn(Amount room) => AccountDecider.Within(
            Balances.CreditsPosted, Balances.CreditsPending, Balances.CreditsInDoubt, amount, Balances.DebitsPosted,
            room);
    }

    // A transaction that is in doubt since before this incarnation may have been answered already, and one that is in
    // doubt for long may stay so: what it could bring must not be denied for ever.
    private (Amount Debit, Amount Credit) Favour => favour ??= source!.FavourOf(oldUpTo, dueBy);

    /// <summary>Whether the account has room for one more hold; of another account, what it has told.</summary>
    /// <param name="leg">The leg that makes the hold.</param>
    /// <param name="other">The other account of the hold.</param>
    public TransferStatus CheckHolds(ResolvedLeg leg, AccountAddress other) =>
        holder is null ? ContextOf(leg.Index).HoldProblem
        : holder.HoldsReservedWith(other) + (holdsMoreWith?.GetValueOrDefault(other) ?? 0) >= holdsWithMax
            ? TransferStatus.ExceedsHoldsWithCounterparty
        : holder.HoldsReserved + holdsMore >= holdsMax ? TransferStatus.ExceedsHoldsOfAccount
        : TransferStatus.None;

    /// <summary>Whether holds may have ended already, by old doubt or since their time is up.</summary>
    public bool MayHaveMoreHeadroom => dueBy is not null || source?.HasInheritedDoubt(oldUpTo) == true;

    /// <summary>Counts a hold that a leg makes or ends.</summary>
    /// <param name="hold">The transfer that makes the hold.</param>
    /// <param name="more">1 or -1.</param>
    public void CountHold(Transfer hold, int more)
    {
        var other = hold.DebitAccount == Address ? hold.CreditAccount : hold.DebitAccount;
        holdsMore += more;
        holdsMoreWith ??= [];
        holdsMoreWith[other] = holdsMoreWith.GetValueOrDefault(other) + more;
    }

    /// <summary>Does what a leg does to this account.</summary>
    public void Apply(ResolvedLeg leg)
    {
        if (leg.Opening is { } opening)
        {
            if (Spec is null)
            {
                Spec = OpenedWith = opening;
                closedByChange = opening.IsClosed;
            }

            return;
        }

        var transfer = leg.Transfer!;
        var isDebit = transfer.DebitAccount == Address;
        var pending = leg.IsHold;
        var posted = leg.IsPosting ? leg.Amount : Amount.Zero;
        var held = pending ? leg.Amount : Amount.Zero;
        var released = transfer.ResolvesHold ? leg.Released : Amount.Zero;
        var before = Balances;
        if (isDebit)
        {
            Balances = before with
            {
                DebitsPending = before.DebitsPending - released + held,
                DebitsPosted = before.DebitsPosted + posted,
            };
            debits.Take(released);
            debits.Add(held + posted);
            credits.Take(posted);
        }
        else
        {
            Balances = before with
            {
                CreditsPending = before.CreditsPending - released + held,
                CreditsPosted = before.CreditsPosted + posted,
            };
            credits.Take(released);
            credits.Add(held + posted);
            debits.Take(posted);
        }

        if (pending)
        {
            CountHold(transfer, 1);
            closedByHold |= transfer.Closes(isDebit);
            (changedHolds ??= [])[transfer.Id] =
                (new Hold(transfer with { Amount = leg.Amount }, leg.Amount, leg.Deadline, 0, default, default),
                    HoldState.Live);
        }
        else if (transfer.ResolvesHold)
        {
            var (hold, deadline) = TryFindChanged(transfer.HoldId, out var changed, out _)
                ? (changed!.Transfer, changed.Deadline)
                : (ContextOf(leg.Index).Pending, ContextOf(leg.Index).Deadline);
            if (hold is null)
            {
                return;
            }

            if (leg.HoldAfter != HoldState.Live)
            {
                CountHold(hold, -1);
            }

            if (leg.HoldAfter is HoldState.Voided or HoldState.Expired && hold.Closes(isDebit))
            {
                closedByHold = false;
            }

            (changedHolds ??= [])[transfer.HoldId] =
                (new Hold(hold, leg.HoldRemaining - leg.Released, deadline, 0, default, default), leg.HoldAfter);
        }
    }

    // What is in doubt may be posted or held: it counts wherever it could end.
    private static bool Overflow(
        Amount amount, bool pending, Amount held, Amount posted, Amount doubt,
        (TransferStatus Pending, TransferStatus Posted, TransferStatus Both) names, out TransferStatus status)
    {
        status = TransferStatus.None;
        if (pending && !(held.TryAdd(doubt, out var one) && one.TryAdd(amount, out _)))
        {
            status = names.Pending;
        }
        else if (!(posted.TryAdd(doubt, out var two) && two.TryAdd(amount, out var sum)))
        {
            status = names.Posted;
        }
        else if (!sum.TryAdd(held, out _))
        {
            status = names.Both;
        }

        return status != TransferStatus.None;
    }
}
