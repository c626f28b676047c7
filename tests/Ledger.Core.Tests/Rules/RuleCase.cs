namespace Ledger.Core.Tests;

/// <summary>All that the rules of one leg look at: the transfer, and both accounts as they show themselves.</summary>
/// <param name="Transfer">The transfer.</param>
/// <param name="Debit">The debit account.</param>
/// <param name="Credit">The credit account.</param>
internal sealed record RuleCase(Transfer Transfer, AccountReport Debit, AccountReport Credit)
{
    public static readonly LedgerTime Now = new(1_000_000_000);
    public static readonly TransferId HoldId = OneAccount.Id(7);

    /// <summary>What the debit account knows of the ids of the leg.</summary>
    public LegContext DebitContext { get; init; } = new(0);

    /// <summary>What the credit account knows of the ids of the leg.</summary>
    public LegContext CreditContext { get; init; } = new(0);

    /// <summary>A transfer of 10 between two open accounts without limits, with these flags.</summary>
    public static RuleCase Of(TransferFlags flags) => new(
        new Transfer(OneAccount.Id(1), OneAccount.A, OneAccount.B, Amount.Of(10), 1) { Flags = flags },
        Report(OneAccount.A), Report(OneAccount.B));

    /// <summary>A hold of 10.</summary>
    public static RuleCase Hold()
    {
        var one = Of(TransferFlags.Pending);
        return one with { Transfer = one.Transfer with { Timeout = TimeSpan.FromHours(1) } };
    }

    /// <summary>A post or a void of all that is left of a hold of 10.</summary>
    public static RuleCase Resolution(TransferFlags flags)
    {
        var hold = new Transfer(HoldId, OneAccount.A, OneAccount.B, Amount.Of(10), 1) { Flags = TransferFlags.Pending };
        var context = new LegContext(0)
        {
            Pending = hold, Remaining = Amount.Of(10), Deadline = new LedgerTime(Now.UnixMicroseconds + 1),
        };
        var one = Of(flags);
        return one with
        {
            Transfer = one.Transfer with { HoldId = HoldId, Code = 0 },
            Debit = one.Debit with { Balances = one.Debit.Balances with { DebitsPending = Amount.Of(10) } },
            Credit = one.Credit with { Balances = one.Credit.Balances with { CreditsPending = Amount.Of(10) } },
            DebitContext = context,
            CreditContext = context,
        };
    }

    /// <summary>A reversal of 10 of a transfer that has 10 left.</summary>
    public static RuleCase Reversal()
    {
        var one = Of(TransferFlags.None);
        return one with
        {
            Transfer = one.Transfer with { Reverses = OneAccount.Id(9) },
            DebitContext = new LegContext(0) { Reversible = Amount.Of(10) },
        };
    }

    /// <summary>An open account without limits and without money.</summary>
    public static AccountReport Report(AccountAddress address) =>
        new(address, new AccountSpec(address, OneAccount.Usd, 1), false, null, default, default, false, []);

    /// <summary>The same with another transfer.</summary>
    public RuleCase OnTransfer(Func<Transfer, Transfer> change) => this with { Transfer = change(Transfer) };

    /// <summary>The same with another debit account.</summary>
    public RuleCase OnDebit(Func<AccountReport, AccountReport> change) => this with { Debit = change(Debit) };

    /// <summary>The same with another credit account.</summary>
    public RuleCase OnCredit(Func<AccountReport, AccountReport> change) => this with { Credit = change(Credit) };

    /// <summary>The same with other knowledge at the debit account.</summary>
    public RuleCase OnDebitContext(Func<LegContext, LegContext> change) =>
        this with { DebitContext = change(DebitContext) };

    /// <summary>The same with other knowledge at the credit account.</summary>
    public RuleCase OnCreditContext(Func<LegContext, LegContext> change) =>
        this with { CreditContext = change(CreditContext) };

    /// <summary>The same with other knowledge of the hold, at both accounts.</summary>
    public RuleCase WithHold(Func<LegContext, LegContext> change) =>
        this with { DebitContext = change(DebitContext), CreditContext = change(CreditContext) };

    /// <summary>Decides it as the coordinator does, who knows both accounts.</summary>
    public LegDecision Decide() => Decide(DebitCopy(), CreditCopy(), default);

    /// <summary>Decides it as the debit account does, which is told the asset of the other one.</summary>
    public LegDecision DecideAtDebit() => Decide(DebitCopy(), null, Credit.Spec?.Asset ?? default);

    /// <summary>Decides it as the credit account does, which is told the asset of the other one.</summary>
    public LegDecision DecideAtCredit() => Decide(null, CreditCopy(), Debit.Spec?.Asset ?? default);

    /// <summary>Asks whether a leg that is resolved can still be as it is.</summary>
    public LegDecision Verify(ResolvedLeg leg) =>
        TransferRules.Decide(leg, DebitCopy(), CreditCopy(), default, Now, isFixed: true);

    /// <summary>The debit account, to be worked on.</summary>
    public AccountWorkingCopy DebitCopy() => new(Debit with { Facts = [DebitContext] });

    /// <summary>The credit account, to be worked on.</summary>
    public AccountWorkingCopy CreditCopy() => new(Credit with { Facts = [CreditContext] });

    private LegDecision Decide(AccountWorkingCopy? debit, AccountWorkingCopy? credit, Asset other) =>
        TransferRules.Decide(new ResolvedLeg(0, Transfer, null), debit, credit, other, Now, isFixed: false);
}
