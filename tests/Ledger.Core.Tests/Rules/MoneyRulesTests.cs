using System.Numerics;
using FsCheck.Xunit;
using static Ledger.Core.Tests.OneAccount;

namespace Ledger.Core.Tests;

/// <summary>
/// Goal: limits, overflows, balancing amounts and counters are exact for any amounts. Method: the same in integers
/// without a limit, with amounts near the edges, against the rules and nothing else.
/// </summary>
public sealed class MoneyRulesTests
{
    private static readonly BigInteger Max = UInt128.MaxValue;

    [Property(MaxTest = 20_000)]
    public void A_transfer_or_a_hold_is_refused_as_the_sums_say(int seed)
    {
        var random = new Random(seed);
        var one = Some(random, random.Next(2) == 0 ? TransferFlags.None : TransferFlags.Pending);

        one.Decide().Status.ShouldBe(Expected(one), $"seed {seed}");
    }

    [Property(MaxTest = 20_000)]
    public void A_balancing_transfer_moves_what_there_is_and_no_more(int seed)
    {
        var random = new Random(seed);
        var flags = (TransferFlags.BalancingDebit | TransferFlags.BalancingCredit) & (TransferFlags)(random.Next(1,
            4) << 4);
        var one = Some(random, flags);
        var amount = (BigInteger)one.Transfer.Amount.Value;
        var bound = AmountBound.None;
        if (flags.HasFlag(TransferFlags.BalancingDebit) && Available(one.Debit, isDebit: true) is var debits
            && debits < amount)
        {
            (amount, bound) = (debits, AmountBound.Debit);
        }

        if (flags.HasFlag(TransferFlags.BalancingCredit) && Available(one.Credit, isDebit: false) is var credits
            && credits < amount)
        {
            (amount, bound) = (credits, AmountBound.Credit);
        }

        var decision = one.Decide();

        ((BigInteger)decision.Leg.Amount.Value).ShouldBe(amount, $"seed {seed}");
        decision.Leg.Bound.ShouldBe(bound, $"seed {seed}");

        // Who is asked about the resolved leg says yes as long as nothing has moved; where what bound it has, it waits.
        if (decision.Status == TransferStatus.None)
        {
            var again = one.Verify(decision.Leg);
            (again.Status, again.InDoubt, again.Leg)
                .ShouldBe((TransferStatus.None, false, decision.Leg), $"seed {seed}");
        }

        if (bound != AmountBound.None && amount > 0 && amount < Max)
        {
            foreach (var other in new[] { (UInt128)amount - 1, (UInt128)amount + 1 })
            {
                one.Verify(decision.Leg with { Amount = new Amount(other) }).InDoubt.ShouldBeTrue($"seed {seed}");
            }
        }
    }

    [Property(MaxTest = 5000)]
    public void Legs_that_follow_each_other_leave_the_counters_and_the_reserve_that_they_add_up_to(int seed)
    {
        var random = new Random(seed);
        var copy = new AccountWorkingCopy(RuleCase.Report(A));
        var holds = new List<(TransferId Id, bool IsDebit, TransferFlags Closing, BigInteger Left)>();
        BigInteger debitsPending = 0, debitsPosted = 0, creditsPending = 0, creditsPosted = 0;
        BigInteger debits = 0, credits = 0, debitPeak = 0, creditPeak = 0;
        var closed = false;
        for (var i = 1; i <= random.Next(1, 20); i++)
        {
            var isDebit = random.Next(2) == 0;
            var amount = (BigInteger)random.Next(1, 1000);
            BigInteger posted = 0, held = 0, released = 0;
            var transfer = new Transfer(Id(i), isDebit ? A : B, isDebit ? B : A, new Amount((UInt128)amount), 1);
            ResolvedLeg leg;
            switch (random.Next(3))
            {
                case 0:
                    posted = amount;
                    leg = new ResolvedLeg(i, transfer, null) { Amount = transfer.Amount };
                    break;
                case 1 when holds.Count > 0:
                    var at = random.Next(holds.Count);
                    var hold = holds[at];
                    (isDebit, amount) = (hold.IsDebit, BigInteger.Min(amount, hold.Left));
                    var isVoid = random.Next(2) == 0;
                    var keeps = random.Next(2) == 0;
                    released = keeps && amount < hold.Left ? amount : hold.Left;
                    posted = isVoid ? 0 : amount;
                    transfer = transfer with
                    {
                        DebitAccount = isDebit ? A : B, CreditAccount = isDebit ? B : A, HoldId = hold.Id,
                        Flags = (isVoid ? TransferFlags.VoidPending : TransferFlags.PostPending) | (keeps
                            ? TransferFlags.KeepRest : TransferFlags.None),
                    };
                    leg = new ResolvedLeg(i, transfer, null)
                    {
                        Amount = new Amount((UInt128)amount), HoldRemaining = new Amount((UInt128)hold.Left),
                    };
                    holds[at] = hold with { Left = hold.Left - released };
                    var state = hold.Left > released ? HoldState.Live : isVoid ? HoldState.Voided : HoldState.Posted;
                    leg.HoldAfter.ShouldBe(state, $"seed {seed}");
                    if (state == HoldState.Voided && hold.Closing != TransferFlags.None)
                    {
                        closed = false;
                    }

                    if (holds[at].Left.IsZero)
                    {
                        holds.RemoveAt(at);
                    }

                    break;
                default:
                    held = amount;
                    var closing = closed || random.Next(4) != 0 ? TransferFlags.None
                        : isDebit ? TransferFlags.ClosingDebit : TransferFlags.ClosingCredit;
                    leg = new ResolvedLeg(i, transfer with { Flags = TransferFlags.Pending | closing }, null)
                    {
                        Amount = transfer.Amount, Deadline = LedgerTime.MaxValue,
                    };
                    holds.Add((transfer.Id, isDebit, closing, amount));
                    closed |= closing != TransferFlags.None;
                    break;
            }

            copy.Apply(leg);
            if (isDebit)
            {
                (debitsPending, debitsPosted) = (debitsPending - released + held, debitsPosted + posted);
                (debits, credits) = (debits - released + held + posted, credits - posted);
            }
            else
            {
                (creditsPending, creditsPosted) = (creditsPending - released + held, creditsPosted + posted);
                (credits, debits) = (credits - released + held + posted, debits - posted);
            }

            (debitPeak, creditPeak) = (BigInteger.Max(debitPeak, debits), BigInteger.Max(creditPeak, credits));
            BigInteger[] found =
            [
                copy.Balances.DebitsPending.Value, copy.Balances.DebitsPosted.Value, copy.Balances.CreditsPending.Value,
                copy.Balances.CreditsPosted.Value, copy.DebitReserve.Value, copy.CreditReserve.Value,
            ];
            found.ShouldBe([debitsPending, debitsPosted, creditsPending, creditsPosted, debitPeak, creditPeak],
                $"seed {seed}");
            copy.Closed.ShouldBe(closed, $"seed {seed}");
            foreach (var (id, _, _, left) in holds)
            {
                copy.TryFindChanged(id, out var kept, out var state).ShouldBeTrue();
                (kept!.Remaining.Value, state).ShouldBe(((UInt128)left, HoldState.Live), $"seed {seed}");
            }
        }
    }

    private static TransferStatus Expected(RuleCase one)
    {
        var amount = (BigInteger)one.Transfer.Amount.Value;
        var pending = one.Transfer.Kind == TransferKind.Hold;
        var (debit, credit) = (one.Debit.Balances, one.Credit.Balances);
        TransferStatus[] overflows =
        [
            Overflow(debit.DebitsPending, debit.DebitsPosted, one.Debit.Load.Debits,
                TransferStatus.OverflowsDebitsPending, TransferStatus.OverflowsDebitsPosted,
                    TransferStatus.OverflowsDebits),
            Overflow(credit.CreditsPending, credit.CreditsPosted, one.Credit.Load.Credits,
                TransferStatus.OverflowsCreditsPending, TransferStatus.OverflowsCreditsPosted,
                    TransferStatus.OverflowsCredits),
        ];
        if (overflows.Where(static one =>
            one != TransferStatus.None).OrderBy(TransferStatusPrecedence.RankOf).FirstOrDefault() is var first
            && first != TransferStatus.None)
        {
            return first;
        }

        return one.Debit.Spec!.DebitsMustNotExceedCredits is { } debits
            && Sum(debit.DebitsPosted, debit.DebitsPending, debit.DebitsInDoubt) + amount > Sum(debit.CreditsPosted,
                debits)
                ? TransferStatus.ExceedsCredits
            : one.Credit.Spec!.CreditsMustNotExceedDebits is { } credits
            && Sum(credit.CreditsPosted, credit.CreditsPending,
                credit.CreditsInDoubt) + amount > Sum(credit.DebitsPosted, credits)
                ? TransferStatus.ExceedsDebits
            : TransferStatus.None;

        TransferStatus Overflow(Amount held, Amount posted, Amount doubt, TransferStatus onHeld,
            TransferStatus onPosted, TransferStatus onBoth) =>
            pending && Sum(held, doubt) + amount > Max ? onHeld
            : Sum(posted, doubt) + amount > Max ? onPosted
            : Sum(posted, doubt, held) + amount > Max ? onBoth
            : TransferStatus.None;
    }

    private static BigInteger Available(AccountReport account, bool isDebit)
    {
        var balances = account.Balances;
        return BigInteger.Clamp(
            isDebit
                ? Sum(balances.CreditsPosted, account.Spec!.DebitsMustNotExceedCredits ?? Amount.Zero)
                    - Sum(balances.DebitsPosted, balances.DebitsPending, balances.DebitsInDoubt)
                : Sum(balances.DebitsPosted, account.Spec!.CreditsMustNotExceedDebits ?? Amount.Zero)
                    - Sum(balances.CreditsPosted, balances.CreditsPending, balances.CreditsInDoubt),
            0, Max);
    }

    private static BigInteger Sum(params Amount[] amounts) =>
        amounts.Aggregate(BigInteger.Zero, static (sum, one) => sum + one.Value);

    private static RuleCase Some(Random random, TransferFlags flags)
    {
        var one = RuleCase.Of(flags);
        return one with
        {
            Transfer = one.Transfer with { Amount = AnyAmount(random) },
            Debit = Some(random, one.Debit),
            Credit = Some(random, one.Credit),
        };
    }

    // An account as there can be one: its own counters together are at most the largest amount, with what is in doubt,
    // of which the reserve is a part.
    private static AccountReport Some(Random random, AccountReport account)
    {
        var (debits, credits) = (Parts(random), Parts(random));
        return account with
        {
            Spec = account.Spec! with
            {
                DebitsMustNotExceedCredits = random.Next(2) == 0 ? null : AnyAmount(random),
                CreditsMustNotExceedDebits = random.Next(2) == 0 ? null : AnyAmount(random),
            },
            Balances = new Balances(
                new Amount(debits[0]), new Amount(debits[1]), new Amount(credits[0]), new Amount(credits[1]),
                new Amount(debits[2] / (uint)random.Next(1, 4)), new Amount(credits[2] / (uint)random.Next(1, 4))),
            Load = new InDoubtLoad(new Amount(debits[2]), new Amount(credits[2])),
        };
    }

    private static UInt128[] Parts(Random random)
    {
        var left = UInt128.MaxValue;
        var parts = new UInt128[3];
        foreach (var at in Enumerable.Range(0, 3).OrderBy(_ => random.Next()))
        {
            parts[at] = UInt128.Min(left, AnyAmount(random).Value);
            left -= parts[at];
        }

        return parts;
    }

    private static Amount AnyAmount(Random random)
    {
        var near = (UInt128)(uint)random.Next(4);
        return new Amount(random.Next(8) switch
        {
            0 or 1 => near,
            2 => UInt128.MaxValue - near,
            3 => (UInt128.MaxValue / 2) + near,
            4 => (UInt128.MaxValue / 2) - near,
            5 => UInt128.MaxValue / (uint)random.Next(3, 9),
            6 => (uint)random.Next(2000),
            _ => new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64()) >> random.Next(127),
        });
    }
}
