using static Ledger.Core.Tests.OneAccount;
using static Ledger.Core.Tests.RuleCase;
using static Ledger.Core.Tests.RuleFault;

namespace Ledger.Core.Tests;

/// <summary>
/// Goal: each reason that the rules of one leg know is given when it applies, and of several the one of the highest
/// precedence. Method: ladders of faults, in the order of precedence, each alone and each two together, against the
/// rules and nothing else.
/// </summary>
public sealed class TransferRulesTests
{
    private static readonly Asset Eur = Asset.Parse("EUR/2");
    private static readonly Amount Half = new((UInt128.MaxValue / 2) + 1);

    // What every leg may be refused for before anything is asked about money.
    private static readonly RuleFault[] Ids =
    [
        Known(TransferStatus.ExistsWithDifferentFlags), Known(TransferStatus.ExistsWithDifferentAmount),
        Known(TransferStatus.Exists), Known(TransferStatus.IdAlreadyFailed),
    ];

    private static readonly RuleFault[] Accounts =
    [
        new(TransferStatus.DebitAccountNotFound, "debit", Sides.Debit, static one =>
            one.OnDebit(static debit => debit with { Spec = null })),
        new(TransferStatus.CreditAccountNotFound, "credit", Sides.Credit, static one =>
            one.OnCredit(static credit => credit with { Spec = null })),
        new(TransferStatus.AccountsMustHaveTheSameLedger, "credit", Sides.Each,
            static one => one.OnCredit(static credit => credit with { Spec = credit.Spec! with { Asset = Eur } })),
        new(TransferStatus.TransferMustHaveTheSameLedgerAsAccounts, "asset", Sides.Each,
            static one => one.OnTransfer(static transfer => transfer with { Asset = Eur })),
    ];

    private static readonly RuleFault[] Openness =
    [
        new(TransferStatus.DebitAccountAlreadyClosed, "debit closed", Sides.Debit,
            static one => one.OnDebit(static debit => debit with { Closed = true })),
        new(TransferStatus.CreditAccountAlreadyClosed, "credit closed", Sides.Credit,
            static one => one.OnCredit(static credit => credit with { ClosedByHold = true })),
        new(TransferStatus.DebitAccountFrozen, "debit frozen", Sides.Debit,
            static one => one.OnDebit(static debit =>
                debit with { Freeze = new AccountFreeze(true, false, "", null) })),
        new(TransferStatus.CreditAccountFrozen, "credit frozen", Sides.Credit,
            static one => one.OnCredit(static credit =>
                credit with { Freeze = new AccountFreeze(false, true, "", new LedgerTime(Now.UnixMicroseconds + 1)) })),
    ];

    private static readonly RuleFault[] Money =
    [
        new(TransferStatus.OverflowsDebitsPosted, "debits", Sides.Debit,
            static one => one.OnDebit(static debit =>
                debit with { Balances = new Balances(default, Amount.MaxValue, default, default, default, default) })),
        new(TransferStatus.OverflowsCreditsPosted, "credits", Sides.Credit,
            static one => one.OnCredit(static credit =>
                credit with { Balances = new Balances(default, default, default, Amount.MaxValue, default, default) })),
        new(TransferStatus.OverflowsDebits, "debits", Sides.Debit,
            static one => one.OnDebit(static debit =>
                debit with { Balances = new Balances(Half, Half - Amount.Of(1), default, default, default, default) })),
        new(TransferStatus.OverflowsCredits, "credits", Sides.Credit,
            static one => one.OnCredit(static credit => credit with { Balances = new Balances(default, default, Half,
                Half - Amount.Of(1), default, default) })),
        new(TransferStatus.ExceedsCredits, "debit limit", Sides.Debit,
            static one => one.OnDebit(static debit =>
                debit with { Spec = debit.Spec! with { DebitsMustNotExceedCredits = Amount.Of(9) } })),
        new(TransferStatus.ExceedsDebits, "credit limit", Sides.Credit,
            static one => one.OnCredit(static credit =>
                credit with { Spec = credit.Spec! with { CreditsMustNotExceedDebits = Amount.Of(9) } })),
    ];

    private static readonly RuleFault[] OfHolds =
    [
        new(TransferStatus.OverflowsDebitsPending, "debits", Sides.Debit,
            static one => one.OnDebit(static debit =>
                debit with { Balances = new Balances(Amount.MaxValue, default, default, default, default, default) })),
        new(TransferStatus.OverflowsCreditsPending, "credits", Sides.Credit,
            static one => one.OnCredit(static credit =>
                credit with { Balances = new Balances(default, default, Amount.MaxValue, default, default, default) })),
        .. Money[..4],
        new(TransferStatus.OverflowsTimeout, "timeout", Sides.Each,
            static one => one.OnTransfer(static transfer => transfer with { Timeout = TimeSpan.MaxValue })),
        .. Money[4..],
        new(TransferStatus.ExceedsHoldsWithCounterparty, "holds of debit", Sides.Debit,
            static one => one.OnDebitContext(static context =>
                context with { HoldProblem = TransferStatus.ExceedsHoldsWithCounterparty })),
        new(TransferStatus.ExceedsHoldsOfAccount, "holds of credit", Sides.Credit,
            static one => one.OnCreditContext(static context =>
                context with { HoldProblem = TransferStatus.ExceedsHoldsOfAccount })),
    ];

    private static readonly RuleFault[] Resolutions =
    [
        new(TransferStatus.PendingTransferNotFound, "hold", Sides.Each, static one => one.WithHold(static _ =>
            new LegContext(0) { HoldProblem = TransferStatus.PendingTransferNotFound })),
        new(TransferStatus.PendingTransferNotPending, "hold", Sides.Each, static one => one.WithHold(static _ =>
            new LegContext(0) { HoldProblem = TransferStatus.PendingTransferNotPending })),
        new(TransferStatus.PendingTransferHasDifferentDebitAccountId, "debit account", Sides.Each,
            static one => one.OnTransfer(static transfer => transfer with { DebitAccount = C })),
        new(TransferStatus.PendingTransferHasDifferentCreditAccountId, "credit account", Sides.Each,
            static one => one.OnTransfer(static transfer => transfer with { CreditAccount = C })),
        new(TransferStatus.PendingTransferHasDifferentLedger, "asset", Sides.Each,
            static one => one.OnTransfer(static transfer => transfer with { Asset = Eur })),
        new(TransferStatus.PendingTransferHasDifferentCode, "code", Sides.Each,
            static one => one.OnTransfer(static transfer => transfer with { Code = 2 })),
        new(TransferStatus.ExceedsPendingTransferAmount, "amount", Sides.Each,
            static one => one.OnTransfer(static transfer => transfer with { Amount = Amount.Of(11) })),
    ];

    private static readonly RuleFault[] Ends =
    [
        Ended(TransferStatus.PendingTransferAlreadyPosted), Ended(TransferStatus.PendingTransferAlreadyVoided),
        Ended(TransferStatus.PendingTransferExpired),
        new(TransferStatus.PendingTransferExpired, "hold", Sides.Debit, static one => one.WithHold(static hold =>
            hold with { Deadline = Now })),
    ];

    private static readonly RuleFault[] Reversals =
    [
        Irreversible(TransferStatus.ReversedTransferNotFound), Irreversible(TransferStatus.ReversedTransferNotPosted),
        Irreversible(TransferStatus.ReversedTransferHasDifferentAccounts),
        new(TransferStatus.ExceedsReversedTransferAmount, "reversible", Sides.Debit,
            static one => one.OnDebitContext(static context => context with { Reversible = Amount.Of(9) })),
    ];

    private static readonly string[] Names = ["transfer", "hold", "post", "void", "reversal"];

    public static TheoryData<string> Ladders => [.. Names];

    [Theory]
    [MemberData(nameof(Ladders))]
    public void Each_reason_is_given_when_it_alone_applies(string ladder)
    {
        var (start, faults) = LadderOf(ladder);
        start.Decide().Status.ShouldBe(TransferStatus.None);
        start.Decide().InDoubt.ShouldBeFalse();
        foreach (var fault in faults)
        {
            var decision = fault.Make(start).Decide();
            (decision.Status, decision.InDoubt).ShouldBe((fault.Status, false), $"{ladder}, {fault.Place}");
        }
    }

    [Theory]
    [MemberData(nameof(Ladders))]
    public void Of_two_reasons_the_one_of_higher_precedence_is_given(string ladder)
    {
        var (start, faults) = LadderOf(ladder);
        var pairs = 0;
        for (var high = 0; high < faults.Length; high++)
        {
            for (var low = high + 1; low < faults.Length; low++)
            {
                if (faults[high].Place == faults[low].Place || faults[high].Status == faults[low].Status)
                {
                    continue;
                }

                pairs++;
                TransferStatusPrecedence.RankOf(faults[high].Status)
                    .ShouldBeLessThan(TransferStatusPrecedence.RankOf(faults[low].Status),
                        "the ladder is in the order of precedence");
                faults[high].Make(faults[low].Make(start)).Decide().Status
                    .ShouldBe(faults[high].Status,
                        $"{ladder}: {faults[high].Place} and {faults[low].Place} ({faults[low].Status})");
            }
        }

        pairs.ShouldBeGreaterThan(faults.Length);
    }

    [Theory]
    [MemberData(nameof(Ladders))]
    public void An_account_refuses_what_it_sees_by_itself_and_nothing_else(string ladder)
    {
        var (start, faults) = LadderOf(ladder);
        foreach (var fault in faults)
        {
            var one = fault.Make(start);
            one.DecideAtDebit().Status.ShouldBe(
                fault.Seen is Sides.Debit or Sides.Each ? fault.Status : TransferStatus.None,
                    $"{ladder}, debit: {fault.Place}");
            one.DecideAtCredit().Status.ShouldBe(
                fault.Seen is Sides.Credit or Sides.Each ? fault.Status : TransferStatus.None,
                    $"{ladder}, credit: {fault.Place}");
        }
    }

    [Fact]
    public void The_ladders_hold_every_reason_of_the_rules()
    {
        // What is judged before, without any account: the shape; and after, by the ledger as a whole.
        var elsewhere = Enum.GetValues<TransferStatus>().Where(static one =>
            one is < TransferStatus.DebitAccountNotFound or TransferStatus.ClosingTransferMustBePending
                or TransferStatus.ReasonMissing or TransferStatus.IdFromTheFuture or TransferStatus.Created
                or TransferStatus.DecisionFailed or TransferStatus.AbortedByOperator
            || one.ToString().StartsWith("ExistsWithDifferent", StringComparison.Ordinal));
        var here = Names.SelectMany(static name => LadderOf(name).Faults).Select(static fault => fault.Status);
        Enum.GetValues<TransferStatus>().Except(here).Except(elsewhere).ShouldBeEmpty();
    }

    [Fact]
    public void Void_and_expiry_are_never_refused_for_what_the_accounts_are()
    {
        foreach (var flags in new[] { TransferFlags.VoidPending, TransferFlags.VoidPending | TransferFlags.Expiry })
        {
            foreach (var fault in Openness.Concat(Money))
            {
                var one = fault.Make(Resolution(flags));
                one.Decide().Status.ShouldBe(TransferStatus.None, $"{flags}, {fault.Place}");
            }
        }
    }

    [Fact]
    public void An_expiry_is_not_late_and_a_void_must_take_all()
    {
        var due = Ends[^1].Make(Resolution(TransferFlags.VoidPending | TransferFlags.Expiry));
        due.Decide().Status.ShouldBe(TransferStatus.None);
        var less = Resolution(TransferFlags.VoidPending);
        (less with { Transfer = less.Transfer with { Amount = Amount.Of(9) } }).Decide().Status
            .ShouldBe(TransferStatus.PendingTransferHasDifferentAmount);
        var all = less with { Transfer = less.Transfer with { Amount = Amount.Zero } };
        all.Decide().Leg.Amount.ShouldBe(Amount.Of(10));
    }

    [Fact]
    public void A_post_takes_what_it_names_or_all_and_inherits_from_its_hold()
    {
        var post = Resolution(TransferFlags.PostPending);
        var named = (post with { Transfer = post.Transfer with { Amount = Amount.Of(3), DebitAccount = default,
            CreditAccount = default } }).Decide();
        (named.Status, named.Leg.Amount, named.Leg.HoldRemaining)
            .ShouldBe((TransferStatus.None, Amount.Of(3), Amount.Of(10)));
        (named.Leg.Released, named.Leg.HoldAfter).ShouldBe((Amount.Of(10), HoldState.Posted));
        (named.Leg.Transfer!.DebitAccount, named.Leg.Transfer.CreditAccount, named.Leg.Transfer.Code)
            .ShouldBe((A, B, 1u));

        var whole = (post with { Transfer = post.Transfer with { Amount = Amount.MaxValue } }).Decide();
        (whole.Status, whole.Leg.Amount).ShouldBe((TransferStatus.None, Amount.Of(10)));

        var keeping = (post with
        {
            Transfer = post.Transfer with { Amount = Amount.Of(3),
                Flags = TransferFlags.PostPending | TransferFlags.KeepRest },
        }).Decide();
        (keeping.Leg.Released, keeping.Leg.HoldAfter).ShouldBe((Amount.Of(3), HoldState.Live));
    }

    [Fact]
    public void What_only_one_of_two_accounts_knows_of_a_hold_waits()
    {
        var post = Resolution(TransferFlags.PostPending);
        var apart = post with { CreditContext = post.CreditContext with { Remaining = Amount.Of(9) } };
        apart.Decide().InDoubt.ShouldBeTrue();
        var ended = post.OnCreditContext(static context =>
            context with { HoldProblem = TransferStatus.PendingTransferAlreadyVoided });
        ended.Decide().InDoubt.ShouldBeTrue();

        // Of an account that knows nothing of it, nothing is learnt.
        var unknown = post with { CreditContext = new LegContext(
            0) { HoldProblem = TransferStatus.PendingTransferNotFound } };
        unknown.DecideAtDebit().Status.ShouldBe(TransferStatus.None);
        (post with { DebitContext = unknown.CreditContext }).DecideAtCredit().Status.ShouldBe(TransferStatus.None);
    }

    [Theory]
    [MemberData(nameof(Ladders))]
    public void Doubt_outranks_all_but_what_is_known_of_the_id(string ladder)
    {
        var (start, faults) = LadderOf(ladder);
        Func<RuleCase, RuleCase>[] doubts =
        [
            static one => one.OnDebitContext(static context => context with { InDoubt = true }),
            static one => one.OnCreditContext(static context => context with { InDoubt = true }),
            static one => one.OnDebit(static debit => debit with { InDoubt = true }),
            static one => one.OnCredit(static credit => credit with { InDoubt = true }),
        ];
        foreach (var doubt in doubts)
        {
            foreach (var fault in faults)
            {
                var decision = doubt(fault.Make(start)).Decide();
                var isKnown = Ids.Any(id => id.Status == fault.Status);
                (decision.Status, decision.InDoubt)
                    .ShouldBe((isKnown ? fault.Status : TransferStatus.None, !isKnown), $"{ladder}, {fault.Place}");
            }
        }
    }

    [Fact]
    public void What_doubt_could_bring_is_not_denied()
    {
        var start = Of(TransferFlags.None);
        foreach (var (limit, favour, expected, inDoubt) in new[]
        {
            (9, 0, TransferStatus.ExceedsCredits, false), (9, 1, TransferStatus.None, true),
                (8, 1, TransferStatus.ExceedsCredits, false),
            (10, 0, TransferStatus.None, false), (10, 1, TransferStatus.None, false),
        })
        {
            var debit = start with
            {
                Debit = start.Debit with
                {
                    Spec = start.Debit.Spec! with { DebitsMustNotExceedCredits = Amount.Of((ulong)limit) },
                    DebitFavour = Amount.Of((ulong)favour),
                },
            };
            var decision = debit.Decide();
            (decision.Status, decision.InDoubt, decision.IsForMoney)
                .ShouldBe((expected, inDoubt, inDoubt), $"debits: {limit}, {favour}");

            var credit = start with
            {
                Credit = start.Credit with
                {
                    Spec = start.Credit.Spec! with { CreditsMustNotExceedDebits = Amount.Of((ulong)limit) },
                    CreditFavour = Amount.Of((ulong)favour),
                },
            };
            decision = credit.Decide();
            (decision.Status, decision.InDoubt, decision.IsForMoney).ShouldBe(
                (expected == TransferStatus.ExceedsCredits ? TransferStatus.ExceedsDebits : expected, inDoubt, inDoubt),
                $"credits: {limit}, {favour}");
        }
    }

    [Fact]
    public void Reserves_and_doubt_count_against_a_limit_and_pending_money_of_the_other_side_does_not()
    {
        var start = Of(TransferFlags.None);
        AccountReport Limited(Balances balances) => start.Debit with
        {
            Spec = start.Debit.Spec! with { DebitsMustNotExceedCredits = Amount.Zero }, Balances = balances,
        };

        // 20 have come: 10 may go beside 10 that are posted, held or in doubt; not beside 11; and what is only promised
        // has not come.
        var come = new Balances(default, default, default, Amount.Of(20), default, default);
        foreach (var used in new Func<ulong, Balances>[]
        {
            amount => come with { DebitsPosted = Amount.Of(amount) }, amount =>
                come with { DebitsPending = Amount.Of(amount) },
            amount => come with { DebitsInDoubt = Amount.Of(amount) },
        })
        {
            (start with { Debit = Limited(used(10)) }).Decide().Status.ShouldBe(TransferStatus.None);
            (start with { Debit = Limited(used(11)) }).Decide().Status.ShouldBe(TransferStatus.ExceedsCredits);
        }

        (start with { Debit = Limited(new Balances(default, default, Amount.Of(20), default, default, Amount.Of(20))) })
            .Decide().Status.ShouldBe(TransferStatus.ExceedsCredits);
    }

    [Fact]
    public void A_freeze_ends_at_its_time_and_has_a_side()
    {
        var start = Of(TransferFlags.None);
        foreach (var (freeze, expected) in new[]
        {
            (new AccountFreeze(true, false, "", Now), TransferStatus.None),
            (new AccountFreeze(true, false, "", new LedgerTime(Now.UnixMicroseconds + 1)),
                TransferStatus.DebitAccountFrozen),
            (new AccountFreeze(false, true, "", null), TransferStatus.None),
        })
        {
            (start with { Debit = start.Debit with { Freeze = freeze } }).Decide().Status.ShouldBe(expected);
        }
    }

    [Fact]
    public void A_hold_has_a_deadline_or_none()
    {
        var hold = Hold();
        hold.Decide().Leg.Deadline.ShouldBe(Now.Add(TimeSpan.FromHours(1)));
        (hold with { Transfer = hold.Transfer with { Timeout = TimeSpan.Zero } }).Decide().Leg.Deadline
            .ShouldBe(LedgerTime.MaxValue);
        var longest = TimeSpan.FromMicroseconds(LedgerLimits.HoldDeadlineMax.UnixMicroseconds - Now.UnixMicroseconds);
        (hold with { Transfer = hold.Transfer with { Timeout = longest } }).Decide().Leg.Deadline
            .ShouldBe(LedgerLimits.HoldDeadlineMax);
        (hold with { Transfer = hold.Transfer with { Timeout = longest + TimeSpan.FromMicroseconds(1) } }).Decide(
            ).Status
            .ShouldBe(TransferStatus.OverflowsTimeout);
    }

    [Fact]
    public void A_reversal_of_all_takes_what_is_left()
    {
        var start = Reversal();
        var all = start with { Transfer = start.Transfer with { Amount = Amount.MaxValue } };
        var decision = all.Decide();
        (decision.Status, decision.Leg.Amount).ShouldBe((TransferStatus.None, Amount.Of(10)));
        var none = all with { DebitContext = all.DebitContext with { Reversible = Amount.Zero } };
        none.Decide().Status.ShouldBe(TransferStatus.ExceedsReversedTransferAmount);

        // Resolved, and less is left since.
        all.Verify(decision.Leg).Status.ShouldBe(TransferStatus.None);
        (all with { DebitContext = all.DebitContext with { Reversible = Amount.Of(9) } }).Verify(decision.Leg).InDoubt
            .ShouldBeTrue();
        none.Verify(decision.Leg).InDoubt.ShouldBeTrue();
        (start with { DebitContext = start.DebitContext with { Reversible = Amount.Of(9) } }).Verify(
            start.Decide().Leg).Status
            .ShouldBe(TransferStatus.ExceedsReversedTransferAmount);
    }

    [Fact]
    public void An_opening_is_compared_with_the_one_before()
    {
        var spec = new AccountSpec(A, Usd, 1);
        var leg = new ResolvedLeg(0, null, spec);
        LegDecision Open(AccountReport? known, ResolvedLeg asked) =>
            TransferRules.Decide(asked, known is null ? null : new AccountWorkingCopy(known), null, default, Now,
                isFixed: false);

        var missing = Report(A) with { Spec = null, OpenedWith = null };
        Open(null, leg).Status.ShouldBe(TransferStatus.None);
        Open(missing, leg).Status.ShouldBe(TransferStatus.None);
        Open(missing with { InDoubt = true }, leg).InDoubt.ShouldBeTrue();
        ((int)Open(Report(A), leg).Status).ShouldBe((int)AccountStatus.Exists);
        Open(Report(A), leg with { IfMissing = true }).Status.ShouldBe(TransferStatus.None);
        ((int)Open(Report(A), leg with { Opening = spec with { Code = 2 } }).Status)
            .ShouldBe((int)AccountStatus.ExistsWithDifferentCode);
    }

    private static (RuleCase Start, RuleFault[] Faults) LadderOf(string name) => name switch
    {
        "transfer" => (Of(TransferFlags.None), [.. Ids, .. Accounts, .. Openness, .. Money]),
        "hold" => (Hold(), [.. Ids, .. Accounts, .. Openness, .. OfHolds]),
        "post" => (Resolution(TransferFlags.PostPending), [.. Ids, .. Resolutions, .. Ends, .. Openness]),
        "void" => (Resolution(TransferFlags.VoidPending),
        [
            .. Ids, .. Resolutions,
            new(TransferStatus.PendingTransferHasDifferentAmount, "amount", Sides.Each,
                static one => one.OnTransfer(static transfer => transfer with { Amount = Amount.Of(9) })),
            .. Ends,
        ]),
        "reversal" => (Reversal(), [.. Ids, .. Accounts, .. Reversals, .. Openness, .. Money]),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, "unknown ladder"),
    };

    private static RuleFault Known(TransferStatus status) => new(
        status, $"id {status}", Sides.Each, one => one with
        {
            // The higher of two that both accounts know wins too.
            DebitContext = one.DebitContext with { Known = status },
            CreditContext = one.CreditContext.Known == TransferStatus.None
                ? one.CreditContext with { Known = status } : one.CreditContext,
        });

    private static RuleFault Ended(TransferStatus status) => new(
        status, "hold", Sides.Each, one => one.WithHold(hold => hold with { HoldProblem = status }));

    private static RuleFault Irreversible(TransferStatus status) => new(
        status, "reversed", Sides.Debit, one =>
            one.OnDebitContext(context => context with { ReversalProblem = status }));
}
